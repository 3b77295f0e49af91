"""Tables: what is in which cell, and that CSV and Markdown say the same."""

from __future__ import annotations

import csv
from pathlib import Path

import pandas as pd
import pytest

from mt_torchattacks.evaluation import Evaluation
from mt_torchattacks.report import AttackName, arp_table, by_rule, save_table, to_markdown


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("apgd/dgba/8", ("apgd", "dgba", "8")),
        ("pgd/single:depth", ("pgd", "single:depth", "")),
        ("mine", ("mine", "", "")),
        ("a/b/c/d", ("a/b/c/d", "", "")),
    ],
)
def test_names_come_apart(name: str, parts: tuple[str, str, str]) -> None:
    assert AttackName.parse(name) == parts


def test_arp_table(evaluation: Evaluation) -> None:
    table = arp_table(evaluation)
    assert list(table.columns) == ["attack", "rule", "eps", "segmentation", "depth", "total"]
    row = table[(table.attack == "pgd") & (table.rule == "total") & (table.eps == "8")].iloc[0]
    assert row[["segmentation", "depth", "total"]].tolist() == pytest.approx([75, 175, 125])
    assert len(table) == len(evaluation.attacked)


def test_by_rule_has_the_rules_side_by_side(evaluation: Evaluation) -> None:
    wide = by_rule(arp_table(evaluation), "segmentation")
    assert list(wide.columns) == ["eps", "attack", "total", "sign_total", "dgba"]
    assert wide[["eps", "attack"]].to_numpy().tolist() == [["4", "pgd"], ["8", "pgd"], ["8", "apgd"]]
    assert wide.iloc[1, 2:].tolist() == pytest.approx([75, 100, 100])


def test_markdown_is_aligned_and_has_no_negative_zero() -> None:
    table = pd.DataFrame({"rule": ["total", "d"], "arp": [-0.04, 123.456]})
    assert to_markdown(table).split("\n") == [
        "| rule  |   arp |",
        "|:------|------:|",
        "| total |   0.0 |",
        "| d     | 123.5 |",
    ]


def test_undefined_numbers_are_left_empty() -> None:
    table = pd.DataFrame({"attack": ["clean", "nan"], "ARP": [float("nan"), 1.0]})
    assert to_markdown(table).split("\n")[2:] == ["| clean  |     |", "| nan    | 1.0 |"]


def test_saved_as_csv_and_markdown(evaluation: Evaluation, tmp_path: Path) -> None:
    table = arp_table(evaluation)
    save_table(table, tmp_path / "new" / "arp")
    with (tmp_path / "new" / "arp.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["total"]) for row in rows] == pytest.approx(table["total"].tolist(), abs=0.005)
    assert rows[0] | {"total": ""} == {
        "attack": "pgd", "rule": "total", "eps": "4", "segmentation": "50.00", "depth": "50.00", "total": "",
    }  # fmt: skip
    assert (tmp_path / "new" / "arp.md").read_text(encoding="utf-8") == to_markdown(table, 2) + "\n"


def test_a_name_with_a_dot_is_kept_whole(tmp_path: Path) -> None:
    for name in ("run.1", "run.2"):
        save_table(pd.DataFrame({"arp": [1.0]}), tmp_path / name)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run.1.csv", "run.1.md", "run.2.csv", "run.2.md"]
