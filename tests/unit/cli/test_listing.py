"""``mt-attack list``: all names there are, as lines or as JSON."""

from __future__ import annotations

import json

import pytest

import mt_torchattacks as mta
from mt_torchattacks.cli import main
from mt_torchattacks.studies import all_studies


@pytest.mark.parametrize(
    ("what", "names"),
    [
        ("studies", set(all_studies())),
        ("attacks", set(mta.attacks.ATTACKS)),
        ("models", set(mta.models.zoo_names())),
        ("rules", {"dgba", "relative", "total", "single", "weighted"}),
        ("data", {"rooms", "nyuv2", "tiny_taskonomy", "cityscapes"}),
    ],
)
def test_every_name_is_there(what: str, names: set[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", what]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert names <= {line.split()[0] for line in lines}
    assert main(["list", what, "--json"]) == 0
    assert [line.split()[0] for line in lines] == list(json.loads(capsys.readouterr().out))


def test_there_is_no_other_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "tasks"]) == 2
    assert capsys.readouterr().err.startswith("mt-attack list: what: expected one of 'models', 'attacks', 'rules'")
