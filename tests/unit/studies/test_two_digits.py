"""The study of two digits: its shares by hand, the intervals, the effect of the logarithm, and the command."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import torch

import mt_torchattacks as mta
from mt_torchattacks.cli import main
from mt_torchattacks.models.two_digits import TwoHeads, scaled, trained
from mt_torchattacks.studies.two_digits import (
    PLAIN,
    QUESTIONS,
    Digits,
    TwoDigitsOptions,
    TwoDigitsStudy,
    attack_of,
    correct_heads,
    frame,
    rules,
    shares,
)

SMALL = ["two-digits", "--seeds", "2", "--images", "12", "--steps", "2", "--scales", "1", "25"]
SMALL += ["--balance", "total", "dgba", "--train-images", "200", "--epochs", "2"]


@pytest.fixture(name="net", scope="module")
def _net() -> TwoHeads:
    return trained(images=2000, epochs=8)


def test_shares_by_hand() -> None:
    right = torch.tensor([[True, True], [True, True], [True, False], [False, False]])
    assert shares(right) == {"left": 75.0, "right": 50.0, "mean": 62.5, "both": 50.0, "one": 75.0}


def test_heads_that_are_correct_follow_the_targets() -> None:
    images = mta.data.TwoDigits(6).images
    model = TwoHeads()
    predicted = {task: scores.argmax(dim=1) for task, scores in model(images).items()}
    predicted["right"][:2] += 1
    found = correct_heads(model, images, predicted)
    assert found.tolist() == [[True, False]] * 2 + [[True, True]] * 4


def test_means_and_intervals_are_over_the_seeds() -> None:
    values = torch.zeros(1, 3, len(QUESTIONS))
    values[0, :, 0] = torch.tensor([1.0, 2.0, 3.0])
    row = frame(["dgba"], values, "+").iloc[0]
    assert row["left head"] == f"+2.0 ± {4.303 / 3**0.5:.1f}"
    assert row["both correct"] == "+0.0 ± 0.0"


def test_notes_name_the_best_rule_and_those_that_cannot_be_told_from_it() -> None:
    """Over three seeds dgba is 10 below total each time; relative is lower once and higher twice."""
    questions = len(QUESTIONS)
    by_rule = [[50.0] * 3, [40.0] * 3, [30.0] * 3, [20.0, 35.0, 40.0]]
    values = torch.tensor(by_rule)[None, :, :, None].expand(1, 4, 3, questions)
    result = Digits(values, torch.zeros(1, 3, 2), ["clean", "total", "dgba", "relative"], [1.0], "")
    notes = TwoDigitsStudy().notes(result)
    assert "exactly 0 on 0.0 % (left) and 0.0 % (right)" in notes[0]
    assert len(notes) == 4
    assert notes[1].endswith("dgba (30.0 % mean of the heads; not told from it: relative)")


def test_notes_say_what_the_logarithm_does() -> None:
    """Here dgba is 10, 11 and 12 below itself without logarithms: -11, with an interval of 4.303 / sqrt(3)."""
    by_rule = torch.tensor([[50.0] * 3, [30.0] * 3, [40.0, 41.0, 42.0]])
    values = by_rule[None, :, :, None].expand(1, 3, 3, len(QUESTIONS))
    notes = TwoDigitsStudy().notes(Digits(values, torch.zeros(1, 3, 2), ["clean", "dgba", PLAIN], [5.0], ""))
    assert notes[-1].startswith("  the logarithm changes dgba by -11.0 ± 2.5 (left head), ")


def test_rules_are_those_asked_for() -> None:
    found = rules(TwoDigitsOptions(balance=["dgba", "single", "dgba"]))
    assert found == ["dgba", "single:left", "single:right", PLAIN]
    assert PLAIN not in rules(TwoDigitsOptions(plain=False))


def test_a_confident_head_is_attacked_through_the_logarithm_and_not_without(net: TwoHeads) -> None:
    """The left head's scores times 25: nearly all of its losses are exactly 0, and without a logarithm it is spared."""
    model, data = scaled(net, left=25.0), mta.data.TwoDigits(100)
    images, targets = data.render(range(100))
    clean = data.tasks.losses(model(images), targets)["left"]
    zero = clean == 0
    assert int(zero.sum()) > 30
    options = TwoDigitsOptions()
    left = {
        name: correct_heads(model, attack_of(name, model, data.tasks, options)(images, targets), targets)[zero, 0]
        for name in ("dgba", PLAIN)
    }
    assert float(left["dgba"].double().mean()) < 0.5 * float(left[PLAIN].double().mean())


def test_images_whose_losses_are_all_zero_stay_as_they_are_without_logarithms(net: TwoHeads) -> None:
    model, data = scaled(net, left=1e4, right=1e4), mta.data.TwoDigits(30)
    images, targets = data.render(range(30))
    losses = torch.stack(list(data.tasks.losses(model(images), targets).values()), dim=1)
    nothing = (losses == 0).all(dim=1)
    assert 0 < int(nothing.sum()) < 30
    found = attack_of(PLAIN, model, data.tasks, TwoDigitsOptions(steps=2))(images, targets)
    same = (found == images).flatten(1).all(dim=1)
    assert torch.equal(same, nothing)


def test_errors_of_classes_are_attacked(net: TwoHeads) -> None:
    data = mta.data.TwoDigits(20)
    images, targets = data.render(range(20))
    attack = mta.PGD(net, mta.evaluation.with_errors(data.tasks), eps=32 / 255, alpha=8 / 255, steps=5)
    assert correct_heads(net, attack(images, targets), targets).sum() < correct_heads(net, images, targets).sum()


@pytest.mark.parametrize("attack", ["pgd", "apgd"])
def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str], attack: str) -> None:
    words = [*SMALL, "--attack", attack, "--output", str(tmp_path)]
    assert main(words) == 0
    printed = capsys.readouterr().out
    table = pd.read_csv(tmp_path / "shares_25.csv")
    assert table["rule"].tolist() == ["clean", "total", "dgba", PLAIN]
    paired = pd.read_csv(tmp_path / "differences_1.csv").set_index("rule")
    assert set(paired.loc["total"]) == {"+0.0 ± 0.0"}
    assert (tmp_path / "two_digits.png").stat().st_size > 1000
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "cells").iterdir()}
    assert len(before) == 2 * 2 * 4
    assert main(words) == 0
    assert capsys.readouterr().out == printed
    assert before == {path: path.stat().st_mtime_ns for path in (tmp_path / "cells").iterdir()}


@pytest.mark.parametrize(
    ("words", "message"),
    [(["--seeds", "1"], "seeds: expected a number >= 2"), (["--scales", "0"], "scales: expected numbers > 0")],
)
def test_options_that_do_not_fit(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    assert main(["two-digits", *words, "--output", str(tmp_path)]) == 2
    assert message in capsys.readouterr().err
