"""``mt-attack train``: what it makes of its options, and what it prints."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import mt_torchattacks as mta
from mt_torchattacks.cli import main
from mt_torchattacks.training import Recipe


def test_train(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def train(recipe: Recipe, output: Path, **options: Any) -> dict[str, object]:
        seen.append((recipe, output, options))
        metrics = {"depth": {"abs": 0.25}}
        return {
            "training_seconds": 7, "samples": {"test": 9}, "metrics": metrics, "baseline": {"depth": {"abs": 1.5}},
        }  # fmt: skip

    monkeypatch.setattr(mta.training, "train", train)
    monkeypatch.chdir(tmp_path)
    assert main(["train", "rooms3/partly-shared", "--epochs", "2", "--rooms", "32", "--precision", "bf16-mixed"]) == 0
    assert main(["train", "nyuv2/41", "--output", "here", "--data", "nyu", "--resume", "--weights", "uncertainty"]) == 0
    (short, first, options), (whole, second, others) = seen
    assert (short.fit["epochs"], short.train["length"]) == (2, 32)
    assert options["fabric"].strategy.precision.precision == "bf16-mixed"
    assert (options["resume"], options["root"], options["workers"], options["tensorboard"]) == (False, None, 0, False)
    recipe = Recipe.named("nyuv2/41")
    assert whole == replace(recipe, fit=recipe.fit | {"weights": "uncertainty"})
    assert (others["resume"], others["root"]) == (True, Path("nyu"))
    assert (first, second) == (Path("results/train/rooms3/partly-shared"), Path("here"))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "rooms3/partly-shared: 7 s; on 9 held-out images:"
    assert lines[1].split() == ["model", "mean", "prediction"]
    assert lines[2].split() == ["depth", "abs", "0.250", "1.500"]


def test_the_attack_of_adversarial_training(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Recipe] = []

    def train(recipe: Recipe, *arguments: Any, **options: Any) -> dict[str, object]:
        seen.append(recipe)
        return {"training_seconds": 0, "samples": {"test": 0}, "metrics": {"depth": {}}, "baseline": {}}

    monkeypatch.setattr(mta.training, "train", train)
    words = ["--start", "rooms3/independent", "--eps", "8/255", "--balance", "total", "--quiet"]
    for attack in (["friendly-pgd", "--steps", "4", "--tau", "2"], ["pgd", "--steps", "1", "--ratio", "0.5"], ["apgd"]):
        assert main(["train", "rooms3/independent", *words, "--attack", *attack]) == 0
    assert main(["train", "rooms3/independent", "--quiet"]) == 0
    shared = {"balance": "total", "ratio": 1.0, "eps": 8 / 255}
    four = {"steps": 4, "alpha": 2 / 255, "tau": 2, "broken": 1.0}
    assert seen[0].attack == {"name": "FriendlyPGD", **shared, **four}
    assert seen[1].attack == {"name": "PGD", **shared, "ratio": 0.5, "steps": 1, "alpha": 10 / 255}
    assert seen[2].attack == {"name": "APGD", **shared, "steps": 5}
    assert [recipe.start for recipe in seen] == ["rooms3/independent"] * 3 + [""]
    assert seen[3].attack == {}


@pytest.mark.parametrize("words", [["--epochs", "0"], ["--workers", "-1"], ["--precision", "64"]])
def test_options_out_of_range(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "rooms3/independent", *words]) == 2
    assert capsys.readouterr().err.startswith(f"mt-attack train: {words[0]}: expected ")
