"""The pages that are made from the library: all of it is on them, and what is committed of them is current."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

import mt_torchattacks as mta
from mt_torchattacks.studies import all_studies

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_readme_of_the_models_is_current(generate: ModuleType) -> None:
    assert (ROOT / "zoo" / "README.md").read_text("utf-8") == generate.zoo_readme(), "run python docs/generate.py"


def test_everything_has_its_section(generate: ModuleType) -> None:
    for text, names in (
        (generate.attacks(), mta.attacks.ATTACKS),
        (generate.rules(), mta.balancing.rule_names()),
        (generate.studies(), all_studies()),
        (generate.zoo(), mta.models.zoo_names()),
    ):
        missing = [name for name in names if f"## {name}\n" not in text and f"| `{name}` |" not in text]
        assert missing == []


def test_sections_say_something_and_have_no_rests_of_markup(generate: ModuleType) -> None:
    for text in (generate.attacks(), generate.rules(), generate.losses(), generate.studies()):
        assert ":class:" not in text
        assert "``" not in re.sub("```", "", text)
        for section in text.split("\n## ")[1:]:
            body = section.partition("\n")[2].strip()
            assert len(body.split("\n")[0]) > 20, section


def test_every_page_is_in_a_table_of_contents() -> None:
    index = (ROOT / "docs" / "index.md").read_text("utf-8")
    listed = set(re.findall(r"^([\w/-]+)$", index, re.MULTILINE))
    assert {page.stem for page in (ROOT / "docs").glob("*.md")} - {"index"} <= listed


def test_every_public_name_is_in_the_reference(generate: ModuleType) -> None:
    pages = "".join(generate.api(module, set()) for module in generate.MODULES)
    for name in mta.__all__:
        value = getattr(mta, name)
        if isinstance(value, type) and value.__module__.startswith("mt_torchattacks"):
            assert f"mt_torchattacks.{name}\n" in pages, name
