"""Every recipe runs, reduced: its claims are about tables and columns that its study makes, and the published ones."""

from __future__ import annotations

from pathlib import Path

import pandas
import pytest

from mt_torchattacks.cli import main
from mt_torchattacks.recipes import StudyRecipe, recipe_files

ROOMS = [name for name in recipe_files() if name.startswith("rooms/")]


@pytest.mark.parametrize("name", ROOMS)
def test_a_recipe_runs_and_judges_its_claims(name: str, tmp_path: Path) -> None:
    recipe = StudyRecipe.load(recipe_files()[name])
    assert main(["run", name, "--reduced", "--quiet", "--output", str(tmp_path)]) == 0
    claims = pandas.read_csv(tmp_path / "claims.csv", keep_default_na=False)
    assert claims["claim"].tolist() == [claim.says for claim in recipe.claims]
    assert set(claims["verdict, measured"]) <= {"holds", "does not hold", "undecided"}
    unpublished = [claim.table not in recipe.published for claim in recipe.claims]
    assert [verdict == "not published" for verdict in claims["verdict, published"]] == unpublished
    assert all((tmp_path / f"{table}_published.csv").exists() for table in recipe.published)
    assert recipe.about


def test_a_pattern_runs_several_into_folders_of_their_names(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "rooms/w*-gradient", "--reduced", "--output", str(tmp_path)]) == 0
    assert "DGBA harms more than WGD." in capsys.readouterr().out
    assert (tmp_path / "claims.csv").exists()
    assert main(["run", "rooms/w*e*d-*", "--reduced", "--quiet", "--output", str(tmp_path / "two")]) == 0
    assert sorted(path.name for path in (tmp_path / "two" / "rooms").iterdir()) == [
        "weighted-gradient",
        "weighted-total",
    ]


def test_an_unknown_recipe_is_named_with_its_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "rooms/whitebox"]) == 2
    assert "(did you mean 'rooms/white-box'?)" in capsys.readouterr().err


def test_all_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "recipes"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == list(recipe_files())
