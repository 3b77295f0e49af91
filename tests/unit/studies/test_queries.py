"""Curves of harm against queries: what each point is, what stands beside it, the figure and the command."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from torch import Tensor

import mt_torchattacks as mta
from mt_torchattacks.cli import main
from mt_torchattacks.evaluation import NamedData, NamedModel, measure
from mt_torchattacks.studies.queries import NOISE, WHITE_BOX, QueryCurve, _references, query_curve, query_figure
from tests import toys

AT = [1, 7, 40]


def loader() -> list[tuple[Tensor, dict[str, Tensor]]]:
    return [toys.batch(3, seed=1), toys.batch(2, seed=2)]


def attack(name: str = "Square", **arguments: Any) -> Any:
    return getattr(mta, name)(toys.Toy(), toys.tasks(), **{"n_queries": 40} | arguments)


def curve_of(attack: Any, at: list[int], steps: int = 1) -> QueryCurve:
    """The curve of an attack on its own model."""
    data = NamedData("toys", loader(), attack.tasks, {})
    clean = measure(attack.model, data.tasks, data.batches)
    return query_curve(NamedModel("toy", attack.model), data, clean, attack, at, steps, progress=False)


@pytest.fixture(scope="module")
def curve() -> QueryCurve:
    return curve_of(attack(), AT, steps=5)


def test_a_point_is_what_the_same_run_has_found_by_then(curve: QueryCurve) -> None:
    """Without its schedule stretched, a run of 7 queries is the beginning of one of 40."""
    square = attack(resc_schedule=False)
    found = curve_of(square, AT)
    for count in AT:
        short = attack(resc_schedule=False, n_queries=count)
        expected = []
        for images, targets in loader():
            bound = short.bind(images, targets)
            bound(images)
            expected.append(bound(short(images, targets)).detach())
        torch.testing.assert_close(found.scores[f"Square/{count}"], torch.cat(expected))
    last = mta.evaluate(square.model, square.tasks, loader(), {"end": square}, progress=False)
    assert found.evaluation.attacked["Square/40"].losses == pytest.approx(last.attacked["end"].losses)


def test_the_harm_grows_and_is_between_noise_and_white_box(curve: QueryCurve) -> None:
    by_query = [curve.scores[f"Square/{count}"] for count in AT]
    assert all(bool((later >= former).all()) for former, later in itertools.pairwise(by_query))
    assert curve.above_noise("Square/40") == 100
    assert bool((curve.scores[WHITE_BOX] > by_query[-1]).all())
    assert curve.evaluation.clean.samples == 5


def test_above_noise_counts_samples_above_both_kinds(curve: QueryCurve) -> None:
    kinds = dict(zip(NOISE, (torch.tensor([0.0, 1.0, 2.0, 0.0]), torch.tensor([1.0, 0.0, 0.0, 0.0])), strict=True))
    made = QueryCurve("a", {}, curve.evaluation, kinds | {"a/1": torch.tensor([0.5, 1.5, 3.0, 0.0])})
    assert made.above_noise("a/1") == 50


def test_the_frame_has_points_and_references(curve: QueryCurve) -> None:
    frame = curve.to_frame()
    assert frame["attack"].tolist() == ["Square"] * 3 + [*NOISE, WHITE_BOX]
    assert frame["queries"].tolist() == [*AT, 0, 0, 0]
    assert set(frame.columns) == {"attack", "queries", *toys.NAMES, "total", "score", "above_noise"}
    relative = curve.evaluation.relative["Square/40"]
    assert frame["total"][2] == relative.total
    assert frame["score"][2] == pytest.approx(float(curve.scores["Square/40"].mean()))


@pytest.mark.parametrize(("norm", "size"), [("Linf", 8 / 255), ("L2", 0.5)])
def test_noise_is_as_large_as_the_attack_may_be(norm: str, size: float) -> None:
    images = torch.full((2, 3, 16, 16), 0.5)
    references = _references(attack(norm=norm, eps=size), steps=1)
    uniform, signs = (references[kind](images, {}) - images for kind in NOISE)
    order = float("inf") if norm == "Linf" else 2
    assert float(uniform.flatten(1).norm(order, dim=1).max()) == pytest.approx(size, rel=0.02)
    torch.testing.assert_close(signs.flatten(1).norm(order, dim=1), torch.full((2,), size))
    assert signs.abs().unique().numel() <= 2  # one size, up to rounding
    assert not torch.equal(references[NOISE[1]](images, {}) - images, signs)  # another batch, other noise


def test_points_before_spsas_first_step_are_the_clean_images() -> None:
    spsa = attack("SPSA")
    found = curve_of(spsa, [20, 21])
    assert found.scores["SPSA/20"].tolist() == [0.0] * 5
    assert bool((found.scores["SPSA/21"] > 0).all())


@pytest.mark.parametrize("at", [[], [0, 5], [10, 41]])
def test_points_that_the_attack_does_not_reach(at: list[int]) -> None:
    square = attack()
    with pytest.raises(ValueError, match="at: expected numbers of queries from 1 to the attack's 40"):
        curve_of(square, at)


def test_only_images_in_0_1() -> None:
    square = attack(bounds=(0, 255), eps=8)
    with pytest.raises(ValueError, match="attack: expected one on images in "):
        curve_of(square, AT)


def test_the_figure_draws_points_and_levels(curve: QueryCurve) -> None:
    frame = curve.to_frame()
    figure = query_figure(pd.concat([frame, frame.assign(attack="Other")]), "A title")
    assert [axes.get_title() for axes in figure.axes] == ["mean of tasks", *toys.NAMES]
    line = figure.axes[0].get_lines()[0]
    assert line.get_xdata().tolist() == AT
    assert line.get_ydata().tolist() == frame["total"][:3].tolist()
    assert [text.get_text() for text in figure.legends[0].get_texts()][:2] == ["Square", "Other"]
    with pytest.raises(ValueError, match="table: expected at least one point"):
        query_figure(frame[3:])


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--attack", "square", "--attack", "spsa", "--norm", "L2", "--rms", "--eps", "4"]
    words += ["--queries", "25", "--images", "2", "--output", str(tmp_path)]
    assert main(["queries", *words]) == 0
    cells = {path: path.stat().st_mtime_ns for path in (tmp_path / "cells").iterdir()}
    assert main(["queries", *words]) == 0  # nothing is computed again
    assert len(cells) == 1 + 2  # the clean images, and each attack
    assert cells == {path: path.stat().st_mtime_ns for path in (tmp_path / "cells").iterdir()}
    table = pd.read_csv(tmp_path / "queries.csv")
    assert table["attack"].tolist() == ["Square"] * 4 + [*NOISE, WHITE_BOX] + ["SPSA"] * 4
    assert table["queries"].tolist() == [1, 3, 10, 25, 0, 0, 0, 1, 3, 10, 25]
    assert (tmp_path / "queries.png").stat().st_size > 10_000
    assert "rooms3/all-shared, dgba, L2, rms = 4/255, 2 images" in capsys.readouterr().out
