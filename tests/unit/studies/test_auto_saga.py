"""Auto-SAGA and what it is compared with."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from mt_torchattacks.cli import main
from tests.printed import rows_of

MODEL = "rooms3/all-shared"


def test_attacks_are_compared_at_equal_passes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["auto-saga", "--model", MODEL, "--images", "2", "--steps", "1", "--output", str(tmp_path)]
    assert main(words) == 0
    printed = rows_of(capsys.readouterr().out)
    assert printed[0] == ["attack", "steps", "backward", "passes", "ARP", "segmentation", "normal", "depth"]
    assert [row[:-4] for row in printed[1:]] == [
        *(["BIM", "total", "1", "1"], ["AutoSAGA", "baseline", "1", "4"], ["APGD", "total", "4", "5"]),
        *(["BIM", "dgba", "1", "1"], ["AutoSAGA", "dgba", "1", "4"], ["APGD", "dgba", "4", "5"]),
        ["AutoSAGA", "dgba,", "published", "factors", "1", "4"],
    ]
    best = pd.read_csv(tmp_path / "auto_saga_rooms3-all-shared.csv").set_index("attack").loc["APGD total"]
    row = next(row for row in printed if row[:2] == ["APGD", "total"])
    assert row[2:6] == ["4", "5", f"{best['ARP']:.1f}", f"{best['segmentation']:.1f}"]
