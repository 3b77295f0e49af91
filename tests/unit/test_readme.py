"""README.md and docs/: every Python block runs, every relative link leads somewhere.

The blocks of a file run in order, in one namespace. A block that cannot run here starts with ``python not-run``.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from mt_torchattacks import Rule
from mt_torchattacks.attacks import HOSTED, OWN

ROOT = Path(__file__).parents[2]
PAGES = [path for path in sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]) if "_build" not in path.parts]
README = (ROOT / "README.md").read_text("utf-8")
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)|<img[^>]*\ssrc=\"([^\"]+)\"")


def blocks(text: str) -> list[str]:
    """The source of every Python block, with empty lines before it so that a traceback shows the page's line."""
    return ["\n" * text.count("\n", 0, match.start(1)) + match[1] for match in BLOCK.finditer(text)]


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page.read_text("utf-8"))], ids=name)
def test_examples_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {"__name__": "__main__"}
    for source in blocks(page.read_text("utf-8")):
        exec(compile(source, str(page), "exec"), namespace)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_relative_links_lead_somewhere(page: Path) -> None:
    targets = [match[1] or match[2] for match in LINK.finditer(page.read_text("utf-8"))]
    relative = [target for target in targets if "://" not in target and not target.startswith("mailto:")]
    made = [target for target in relative if target.startswith("_generated/")]  # by docs/generate.py
    listed = set(re.findall(r"^(_generated/\S+)$", (ROOT / "docs" / "index.md").read_text("utf-8"), re.MULTILINE))
    assert {target.removesuffix(".md") for target in made} <= listed
    assert not [target for target in relative if target not in made and not (page.parent / target).exists()]


def test_the_readme_has_an_example_and_fits_on_two_screens() -> None:
    assert blocks(README)
    assert len(README.splitlines()) <= 80


def test_a_page_names_every_attack_and_rule() -> None:
    page = (ROOT / "docs" / "attacks-and-rules.md").read_text("utf-8")
    named = set(re.findall(r"`\"?(\w+)(?::<task>)?\"?`", page))
    assert named >= set(HOSTED) | set(OWN)
    # Not the rules that examples in docstrings define: these are in no module.
    assert named >= {
        name for name, rule in Rule.registry.items() if rule in vars(sys.modules[rule.__module__]).values()
    }


def test_blocks_are_found_with_their_lines() -> None:
    text = "a\n```python\nx = 1\n```\nb\n```python not-run\ny = 2\n```\n```python\nassert x\n```\n"
    assert blocks(text) == ["\n\nx = 1\n", "\n\n\n\n\n\n\n\n\nassert x\n"]
