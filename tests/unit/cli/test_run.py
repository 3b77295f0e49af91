"""``mt-attack run``: a study with the options of a file, and the record of a run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import mt_torchattacks as mta
from mt_torchattacks.cli import main

RECIPE = """\
study: evaluate
about: the toy
options:
  model: [tests.toy_data:toy]
  data: tests.toy_data:two_images
  images: 2
  attack: [fgsm]
  eps: [4/255, 8]
  seed: 3
"""


@pytest.fixture(name="folder", scope="module")
def _folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    (folder / "recipe.yaml").write_text(RECIPE)
    assert main(["run", str(folder / "recipe.yaml"), "--output", str(folder / "out"), "--quiet"]) == 0
    return folder / "out"


def test_the_options_are_those_of_the_file(folder: Path) -> None:
    evaluation = mta.evaluation.Evaluation.load(folder / "evaluation.json")
    assert list(evaluation.attacked) == ["fgsm/dgba/4", "fgsm/dgba/8"]
    assert evaluation.clean.samples == 2


def test_the_record_says_how_to_repeat_it(folder: Path) -> None:
    record = json.loads((folder / "run.json").read_text())
    model = mta.evaluation.load_models(["tests.toy_data:toy"], "cpu")[0]
    data = mta.evaluation.load_data("tests.toy_data:two_images", model.name, images=2)
    assert (record["command"], record["device"], record["seeds"]) == ("evaluate", str(model.device), [3])
    assert record["options"]["eps"] == [4 / 255, 8 / 255]
    assert record["versions"]["mt-torchattacks"] == mta.__version__
    assert {"python", "torch"} <= set(record["versions"])
    assert record["digests"] == {
        "models": {model.name: model.weights},
        "data": {f"tests.toy_data:two_images for {model.name}": data.key["digest"]},
    }
    assert record["seconds"] > 0


def test_quiet_prints_nothing(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    words = ["evaluate", "--model", "tests.toy_data:toy", "--data", "tests.toy_data:two_images", "--images", "2"]
    assert main([*words, "--attack", "fgsm", "--quiet", "--output", str(folder)]) == 0
    assert capfd.readouterr() == ("", "")


def test_a_line_for_each_cell_where_there_is_no_terminal(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    words = ["evaluate", "--model", "tests.toy_data:toy", "--data", "tests.toy_data:two_images", "--images", "2"]
    assert main([*words, "--attack", "fgsm", "--balance", "dgba", "total", "--output", str(tmp_path)]) == 0
    lines = capfd.readouterr().err.splitlines()
    assert [line.split("]")[0] for line in lines] == ["[1/2", "[2/2"]
    assert "tests.toy_data:toy fgsm dgba" in lines[0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("study: nothing", "study in .*: expected one of 'audit', .* found 'nothing'"),
        ("options: {}", "expected the keys 'study'"),
        ("study: evaluate\nmore: 1", "expected only the keys"),
        ("study: [", "expected YAML"),
        ("study: evaluate\noptions: {stepz: 1}", "stepz"),
        ("study: evaluate\noptions: {steps: few}", "--steps: expected a whole number, found few"),
        ("study: evaluate\noptions: {eps: [much]}", "--eps: a radius is written"),
        ("study: evaluate\noptions: {attack: []}", "attack: expected at least one attack, found none"),
    ],
)
def test_what_is_wrong_with_a_file(text: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import re

    (tmp_path / "recipe.yaml").write_text(text)
    assert main(["run", str(tmp_path / "recipe.yaml"), "--output", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert re.search(message, error)
    assert error.count("\n") == 1
