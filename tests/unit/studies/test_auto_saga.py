"""The benchmarks, made small: what they count and print (times are not looked at)."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from benchmarks import auto_saga, metric_targets, sign_and_conflict

MODEL = "rooms3/all-shared"


def test_auto_saga_is_compared_at_equal_passes(capsys: pytest.CaptureFixture[str]) -> None:
    found = auto_saga.main(["--models", MODEL, "--rooms", "2", "--steps", "1"])[MODEL].relative
    assert list(found) == [
        *("BIM total|1|1", "AutoSAGA baseline|1|4", "APGD total|4|5"),
        *("BIM dgba|1|1", "AutoSAGA dgba|1|4", "APGD dgba|4|5"),
        "AutoSAGA dgba, published factors|1|4",
    ]
    best = found["APGD total|4|5"]
    assert f"| APGD total | 4 | 5 | {best.total:.1f} | {best.per_task['segmentation']:.1f} |" in capsys.readouterr().out


def test_rules_that_promise_to_lower_no_loss_do_so_along_their_direction(capsys: pytest.CaptureFixture[str]) -> None:
    found = sign_and_conflict.main(["--models", MODEL, "--rooms", "1", "--no-arp"])
    places = [f"{MODEL}, clean rooms", f"{MODEL}, after 10 steps of PGD, dgba"]
    assert list(found) == places
    assert {"total", "dgba", "upgrad", "mgda"} <= set(found[places[0]])
    assert all(0 <= share <= 1 for place in found.values() for shares in place.values() for share in shares[:4])
    assert all(place[rule].along == 1 for place in found.values() for rule in ("upgrad", "mgda", "dualproj"))
    assert f"| upgrad | 100.0 | {100 * found[places[0]]['upgrad'].along_sign:.1f} |" in capsys.readouterr().out


def test_metric_targets(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--models", MODEL, "--eps", "8", "--steps", "2", "--seeds", "2", "--scenes", "2", "--out", str(tmp_path)]
    arp = metric_targets.main(words)
    assert arp.shape == (1, 5, 2)
    written = (tmp_path / "metric_targets.md").read_text("utf-8")
    assert written in capsys.readouterr().out
    means = " | ".join(f"{value:.1f}" for value in arp[0].mean(dim=1))
    assert f"| {MODEL} | 8 | {means} |" in written
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "cells").iterdir()}
    assert torch.equal(metric_targets.main(words), arp)
    assert before == {path: path.stat().st_mtime_ns for path in (tmp_path / "cells").iterdir()}
    with pytest.raises(ValueError, match="--models: expected names or patterns"):
        metric_targets.main(["--models", "rooms9/*", "--out", str(tmp_path)])


def test_the_interval_of_a_known_difference() -> None:
    """Of 1, 2, 3 the mean is 2, the standard deviation 1, and t(0.975; 2) is 4.303."""
    assert metric_targets._interval(torch.tensor([[1.0, 2.0, 3.0]])) == pytest.approx(4.303 / 3**0.5)
