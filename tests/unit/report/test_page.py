"""The page of a folder of results: what is in it, and that it needs nothing from elsewhere."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pandas
import pytest

from mt_torchattacks.cli import main
from mt_torchattacks.report import to_latex
from mt_torchattacks.report.page import parts_of, write_page

NASTY = "<script>alert(1)</script> & more"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("one", "two"):
        place = tmp_path / name
        place.mkdir()
        record = {
            "command": "white-box",
            "options": {"eps": [4 / 255], "model": [NASTY]},
            "seconds": 3.2,
            "versions": {},
        }
        (place / "run.json").write_text(json.dumps(record))
    pandas.DataFrame({"attack": ["pgd", "apgd"], "total": [3.25, None]}).to_csv(
        tmp_path / "one" / "arp.csv", index=False
    )
    claims = {"claim": [NASTY], "measured": ["1"], "verdict, measured": ["holds"], "published": [""],
              "verdict, published": ["not published"]}  # fmt: skip
    pandas.DataFrame(claims).to_csv(tmp_path / "one" / "claims.csv", index=False)
    (tmp_path / "two" / "gallery.json").write_text(json.dumps({"clean": [], "attacks": {"</script>": []}}))
    return tmp_path


def test_parts_are_the_folders_with_a_record(folder: Path) -> None:
    one, two = parts_of(folder)
    assert (one.name, two.name) == ("one", "two")
    assert list(one.tables) == ["claims", "arp"]
    assert one.gallery is None
    assert two.gallery == {"clean": [], "attacks": {"</script>": []}}


def test_the_page_holds_the_numbers_and_loads_nothing(folder: Path) -> None:
    write_page(parts_of(folder), folder / "page.html")
    text = (folder / "page.html").read_text("utf-8")
    assert 'data-sort="3.25"' in text
    assert "eps 4/255" in text
    assert not re.findall(r"""(?:src|href)=["']?(?!data:|\#|\{)[^"' >]+""", text)
    assert "url(" not in text
    assert "nan" not in text.lower().replace("nano", "")


def test_names_cannot_break_out_of_the_page(folder: Path) -> None:
    write_page(parts_of(folder), folder / "page.html", title=NASTY)
    text = (folder / "page.html").read_text("utf-8")
    assert NASTY not in text
    assert text.count("</script>") == 2  # the page's own


def test_the_command_writes_all_three_forms(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(folder), "--output", str(folder / "out")]) == 0
    assert [line.split(".")[-1] for line in capsys.readouterr().out.splitlines()] == ["html", "md", "tex"]
    assert "| apgd" in (folder / "out" / "report.md").read_text("utf-8")
    assert r"\midrule" in (folder / "out" / "report.tex").read_text("utf-8")


def test_a_folder_without_results_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(tmp_path)]) == 2
    assert "folder: expected results of a study, with run.json" in capsys.readouterr().err


def test_latex_marks_the_largest_and_escapes() -> None:
    table = pandas.DataFrame(
        {"rule_name": ["50 %"], "eps": [99.0], "total": [1.0], "dgba": [2.0], "gone": [float("nan")]}
    )
    *_, row, _, _ = to_latex(table, bold=True).splitlines()
    assert row == r"50 \% & 99.0 & 1.0 & \textbf{2.0} &  \\"
    assert r"rule\_name" in to_latex(table)
