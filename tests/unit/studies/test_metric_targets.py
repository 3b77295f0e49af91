"""Training losses against the errors that metrics count: what is compared, printed, and taken from the store."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import torch

import mt_torchattacks as mta
from mt_torchattacks.cli import main
from mt_torchattacks.studies.metric_targets import CANDIDATES, summary
from tests.printed import rows_of

MODEL = "rooms3/all-shared"


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["metric-targets", "--model", MODEL, "--eps", "8", "--steps", "2", "--seeds", "2", "--images", "2"]
    assert main([*words, "--output", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    written = pd.read_csv(tmp_path / "metric_targets.csv")
    assert list(written.columns) == ["model", "eps", *CANDIDATES]
    cells = mta.evaluation.Store(tmp_path / "cells").to_frame()
    assert (cells["attack"] == "apgd").sum() == 5 * 2
    of_dgba = cells[(cells["rule"] == "dgba") & cells["attack_loss"].isna()]["arp/total"]
    assert written["dgba"][0] == pytest.approx(of_dgba.mean(), abs=0.005)
    means = [f"{value:.1f}" for value in written.iloc[0, 2:]]
    assert rows_of(printed)[1][:2] == [MODEL, "8"]
    assert [float(word) for word in rows_of(printed)[1][2:]] == pytest.approx([float(mean) for mean in means], abs=0.11)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "cells").iterdir()}
    assert main([*words, "--output", str(tmp_path)]) == 0
    assert capsys.readouterr().out == printed
    assert before == {path: path.stat().st_mtime_ns for path in (tmp_path / "cells").iterdir()}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--model", "rooms9/*"], "model: expected one of 'rooms3-resnet34/0-shared'"),
        (["--seeds", "1"], "seeds: expected a number >= 2, for intervals, found 1"),
    ],
)
def test_errors(words: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["metric-targets", *words, "--output", str(tmp_path)]) == 2
    assert message in capsys.readouterr().err


def test_the_interval_of_a_known_difference() -> None:
    """Of 1, 2, 3 the mean is 2, the standard deviation 1, and t(0.975; 2) is 4.303."""
    assert mta.metrics.half_interval(torch.tensor([[1.0, 2.0, 3.0]])) == pytest.approx(4.303 / 3**0.5)


def test_the_summary_counts_what_is_above_the_baseline() -> None:
    """In the first cell the second candidate is 1, 2, 3 above dgba, in the second cell -1, 0, 1."""
    arp = torch.zeros(2, len(CANDIDATES), 3)
    arp[0, 1], arp[1, 1] = torch.tensor([1.0, 2.0, 3.0]), torch.tensor([-1.0, 0.0, 1.0])
    row = summary(arp).set_index("candidate").loc["relative"]
    assert row["difference to dgba"] == "+1.0 ± 2.5"
    assert (row["cells above dgba"], row["cells surely above"]) == ("1 of 2", "0")
