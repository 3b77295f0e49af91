"""How the site is built: ``python -m sphinx -W docs docs/_build/html``."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

import generate  # noqa: E402 (in this folder)

import mt_torchattacks  # noqa: E402

project = "mt-torchattacks"
author = copyright = "the mt-torchattacks authors"
version = release = mt_torchattacks.__version__
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx.ext.githubpages",
]
exclude_patterns = ["_build", "_generated/README.md"]
html_theme = "furo"
html_title = f"mt-torchattacks {version}"
html_theme_options = {"navigation_with_keys": True}
html_show_sourcelink = False
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 4
autodoc_typehints = "none"  # the signatures have them
autodoc_member_order = "bysource"
autodoc_inherit_docstrings = False
napoleon_use_ivar = True
suppress_warnings = ["autodoc.mocked_object", "ref.ref", "misc.highlighting_failure"]

_OUTSIDE = re.compile(r"\[([^\]]+)\]\(\.\./([\w./-]+?)(#[\w-]+)?\)")
"""Links to what is beside this folder; three of these files have a page here."""

_PAGES = {"README.md": "_generated/readme.md", "CONTRIBUTING.md": "_generated/contributing.md"}


def within(app: Any, name: str, source: list[str]) -> None:
    """Point links out of this folder to the pages that stand for the files, or leave their text alone."""

    def replaced(match: re.Match[str]) -> str:
        text, file, place = match[1], match[2], match[3] or ""
        return f"[{text}]({_PAGES[file]}{place})" if file in _PAGES else text

    if not name.startswith("_generated/"):
        source[0] = _OUTSIDE.sub(replaced, source[0])


def setup(app: Any) -> None:
    generate.write_all(HERE / "_generated")
    app.connect("source-read", within)
