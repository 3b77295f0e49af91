"""The public names: what is listed is what there is, and the changelog says what is no longer as it was."""

from __future__ import annotations

import pytest

from tests.api import stub, surface

HOW = "run `python -m tests.api` and look at what changed"


@pytest.fixture(scope="module")
def names() -> dict[str, str]:
    return surface.surface()


def test_the_declarations_of_the_attacks_are_those_of_their_signatures() -> None:
    assert stub.FILE.read_text("utf-8") == stub.stub(), HOW


def test_the_list_of_public_names_is_current(names: dict[str, str]) -> None:
    listed = surface.read(surface.FILE)
    assert not surface.lost(listed, names), f"removed or changed: {HOW}, and say so in CHANGELOG.md"
    assert surface.FILE.read_text("utf-8") == surface.as_text(names), HOW


def test_the_changelog_names_what_is_removed_or_changed(names: dict[str, str]) -> None:
    gone = surface.lost(surface.read(surface.RELEASED), names)
    assert not surface.unsaid(gone, surface.CHANGELOG.read_text("utf-8"))


def test_what_the_design_promises_is_public(names: dict[str, str]) -> None:
    promised = "Tasks Objective PGD APGD AutoSAGA WorstCase create evaluate load multitask losses Weighted"
    known = {name.removeprefix("mt_torchattacks.").split(".")[0] for name in names}
    assert set(promised.split()) <= known | {"losses"}
    assert names["mt_torchattacks.create"] == "(name, model, tasks, balance='dgba', **arguments)"
    assert names["mt_torchattacks.tasks.Tasks"] == " = mt_torchattacks.Tasks"


def test_a_lost_name_is_found_and_must_be_in_the_unreleased_section() -> None:
    old = {"p.create": "(name)", "p.data.Rooms.only": "(self)", "p.kept": "(x)"}
    gone = surface.lost(old, {"p.create": "(name, model)", "p.kept": "(x)", "p.new": "()"})
    assert gone == ["p.create", "p.data.Rooms.only"]
    changelog = "# Changes\n\n## 0.2.0 (unreleased)\n\n- `create` takes a model\n\n## 0.1.0\n\n- `Rooms.only`\n"
    assert surface.unsaid(gone, changelog) == ["p.data.Rooms.only"]
    assert not surface.unsaid(gone, changelog.replace("a model", "a model; no `Rooms.only`"))
