"""The comparison runs, its baselines are what they claim to be, and its counts are right."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

import mt_torchattacks as mta
from art_plugins.bench import run_bench
from art_plugins.bench.baselines import baseline
from art_plugins.bench.cases import faces
from art_plugins.bench.measure import Measured
from art_plugins.bench.run import compare
from tests import toys
from tests.hosts.art import cases


@pytest.mark.parametrize("rule", ["total", "single:normal", "single:classes"])
def test_the_hand_written_baseline_is_that_rule(rule: str) -> None:
    """ART's FGM and PGD on the summed loss of an array with all targets side by side: our 'total' and 'single'."""
    model, (images, targets) = toys.Toy(), toys.batch()
    names = toys.NAMES if rule == "total" else [rule.removeprefix("single:")]
    for host, ours, arguments in (
        ("FastGradientMethod", mta.FGSM, {}),
        ("ProjectedGradientDescent", mta.PGD, {"alpha": cases.EPS / 4, "steps": 3, "random_start": False}),
    ):
        theirs = {"eps": cases.EPS}
        theirs |= {"eps_step": cases.EPS / 4, "max_iter": 3, "verbose": False} if ours is mta.PGD else {}
        found = baseline(model, toys.tasks(), names, host, theirs, images[:1])(images, targets)
        expected = ours(model, toys.tasks(), rule, eps=cases.EPS, **arguments)(images, targets)
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)


def test_costs_are_counted() -> None:
    model, (images, targets) = toys.Toy(), toys.batch()

    def attack(images: Tensor, targets: object) -> Tensor:
        held = torch.ones(2**22)  # 16 MiB
        x = images.clone().requires_grad_()
        outputs = model(x)["depth"].sum() + held.sum() * 0
        torch.autograd.grad(outputs, x)
        model(images)
        return images

    measured = Measured(attack, model)
    measured(images, targets)
    measured(images, targets)
    assert (measured.forward, measured.backward) == (4, 2)
    assert np.isnan(measured.memory) or 15 < measured.memory < 64
    assert measured.seconds > 0


def test_the_tables(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("pandas")
    tables = run_bench(tmp_path, scenes=2, photographs=0, steps=2, batch_size=2, rounds=1)
    rows = list(csv.DictReader((tmp_path / "rooms.csv").read_text("utf-8").splitlines()))
    assert len(rows) == len(tables["rooms"]) == 3 * (4 + 5 + 1) + 1
    by_name = {(row["attack"], row["rule"]): row for row in rows}
    for rule in ("single:depth", "total"):
        ours, theirs = by_name["plugin PGD", rule], by_name["ART PGD", rule]
        assert abs(float(ours["total"]) - float(theirs["total"])) < 0.5
    assert float(by_name["plugin PGD", "dgba"]["backwards"]) == 2
    assert by_name["plugin PGD", "dgba"]["total"] == by_name["ART's PGD on the estimator", "dgba"]["total"]
    assert "Seconds of the plugin / of mt_torchattacks, dgba: FGM" in capsys.readouterr().out
    assert (tmp_path / "rooms.md").read_text().startswith("| attack")


def test_faces() -> None:
    pytest.importorskip("facenet_pytorch")
    case = faces(2, batch_size=2)
    assert case is not None
    table = compare(case, steps=1, eps=cases.EPS, rounds=1).set_index(["attack", "rule"])
    # Boxes are the model's own predictions: without noise to start from there is no gradient.
    assert table["box"]["ART FGM", "single:box"] == 0
    assert table["box"]["plugin FGM", "single:box"] > 0.1


def test_without_the_example_faces_are_left_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("art_plugins.bench.cases._EXAMPLE", Path("nowhere"))
    assert faces(2, batch_size=2) is None
    assert "the face detector is left out" in capsys.readouterr().out
