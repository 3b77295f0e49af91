"""examples/two_digits.py, made small: what its columns mean, and what the default rule does."""

from __future__ import annotations

import pytest

from examples import two_digits


def test_the_example(capsys: pytest.CaptureFixture[str]) -> None:
    table = two_digits.main(["--images", "60", "--steps", "5", "--epochs", "2"]).set_index("rule")
    assert "| dgba " in capsys.readouterr().out
    wrong = table["both wrong"] + table["at least one wrong"]
    assert (200 - table["left correct"] - table["right correct"]).tolist() == pytest.approx(wrong.tolist())
    assert table.loc["dgba", "both wrong"] > table.loc["clean", "both wrong"] + 30
    assert table.loc["single:left", "left correct"] < table.loc["single:right", "left correct"] - 30
