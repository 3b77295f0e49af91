"""docs/models-that-work.md says what attacks do on each kind of model."""

from __future__ import annotations

import pytest

from tests.end_to_end.models_that_work import BEGIN, END, MODELS, PAGE, row

TABLE = PAGE.read_text("utf-8").split(BEGIN)[1].split(END)[0]
LINES = [line.strip("|").split("|") for line in TABLE.splitlines() if line.startswith("| ")]
SAID = {line[0].strip(): [cell.strip() for cell in line[1:]] for line in LINES}


# While it traces, torch.compile looks at what it warns of.
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")
@pytest.mark.parametrize("name", MODELS)
def test_the_page_says_what_is_found(name: str) -> None:
    assert SAID[name] == row(name), "python -m tests.end_to_end.models_that_work"


def test_the_page_has_all_kinds_and_no_other() -> None:
    assert list(SAID)[2:] == list(MODELS)
