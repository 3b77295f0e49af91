"""The notebook runs from top to bottom, and what it shows is what it did when it was saved."""

from __future__ import annotations

from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from tests.example_files import FOLDER

PATH = FOLDER / "first_attack.ipynb"


def outputs(notebook: Any) -> list[dict[str, str]]:
    """What the cells returned, by MIME type."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return [dict(output.data) for cell in cells for output in cell.outputs if output.output_type == "execute_result"]


def test_every_cell_returns_something_and_dgba_does_more_than_the_sum() -> None:
    notebook = nbformat.read(PATH, as_version=4)  # type: ignore[no-untyped-call]
    executed = NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(FOLDER)}}).execute()
    assert len(outputs(executed)) == len([cell for cell in executed.cells if cell.cell_type == "code"])
    _, perturbation, evaluation, picture = outputs(executed)
    assert float(perturbation["text/plain"]) == pytest.approx(8, abs=1e-3)
    rows = [line.split() for line in evaluation["text/plain"].splitlines()[2:]]
    total = {row[0]: float(row[-1]) for row in rows}
    assert total["total"] < total["dgba"]
    assert "image/png" in picture


def test_it_is_saved_with_its_outputs() -> None:
    saved = nbformat.read(PATH, as_version=4)  # type: ignore[no-untyped-call]
    assert [set(output) for output in outputs(saved)][-1] >= {"image/png"}
    assert all(cell.get("execution_count") for cell in saved.cells if cell.cell_type == "code")
