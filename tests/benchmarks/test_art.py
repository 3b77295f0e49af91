"""The comparison runs, its baselines are what they claim to be, and its counts are right."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

import mt_torchattacks as mta
from benchmarks.art.__main__ import main
from benchmarks.art.baselines import baseline
from benchmarks.art.cases import faces
from benchmarks.art.measure import Measured
from benchmarks.art.run import compare, run
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
    tables = run(tmp_path, images=2, photographs=0, steps=2, batch_size=2, rounds=1)
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
    monkeypatch.setattr("benchmarks.art.cases._EXAMPLE", Path("nowhere"))
    assert faces(2, batch_size=2) is None
    assert "the face detector is left out" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--photographs", "-1"], "photographs: expected a number of faces, or 0 for none, found -1."),
        (["--images", "-3"], "images: expected a number > 0, found -3."),
        (["--images", "0"], "images: expected a number > 0, found 0."),
    ],
)
def test_what_does_not_fit_ends_in_one_line(
    words: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--output", str(tmp_path / "art"), *words]) == 2
    assert capsys.readouterr() == ("", f"benchmarks.art: {message}\n")
    assert not (tmp_path / "art").exists()


def test_a_folder_that_cannot_be_written_is_found_before_anything_is_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert main(["--output", str(tmp_path / "file" / "art"), "--images", "1", "--photographs", "0"]) == 2
    printed = capsys.readouterr()
    assert printed.out == "" and printed.err.startswith("benchmarks.art: ")
