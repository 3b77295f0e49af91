"""Models and data by name: of the zoo, by pattern, and made by functions of one's own."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from mt_torchattacks.evaluation import NamedModel, load_data, load_models
from mt_torchattacks.models import zoo, zoo_names
from mt_torchattacks.models.checkpoint import save_checkpoint
from mt_torchattacks.models.zoo import zoo_record
from tests.toy_data import two_images

OWN = """
import torch
import mt_torchattacks as mta


def model():
    return torch.nn.Conv2d(3, 1, 1)


def data():
    return mta.data.Rooms(length=3, size=16, seed=1, tasks=("depth",))


number = 3
"""


@pytest.fixture(name="file", scope="module")
def _file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("own") / "own.py"
    path.write_text(OWN)
    return path


def test_names_and_patterns_each_once() -> None:
    known = {name: NamedModel(name, torch.nn.Identity()) for name in zoo_names()}
    found = load_models(["rooms3/independent", "rooms3/*", "rooms3/all-shared,rooms3/independent"], "cpu", known=known)
    assert [model.name for model in found] == ["rooms3/independent", "rooms3/all-shared", "rooms3/partly-shared"]


def test_a_function_in_a_file_and_one_of_a_module(file: Path) -> None:
    own, toy = load_models([f"{file}:model", "tests.toy_data:toy"], "cpu")
    assert isinstance(own.model, torch.nn.Conv2d)
    assert not own.model.training
    data = load_data(f"{file}:data", own.name, images=2, batch_size=1)
    assert ([len(images) for images, _ in data.batches], list(data.tasks)) == ([1, 1], ["depth"])
    named = load_data("tests.toy_data:two_images", toy.name, images=1)
    assert named.key == two_images().first(1).key


@pytest.mark.parametrize(
    ("name", "kind", "message"),
    [
        ("{file}:nothing", ValueError, "has no attribute 'nothing'"),
        ("{file}:number", TypeError, "model: expected a function, found"),
        ("nowhere.py:model", ValueError, "no Python file nowhere.py"),
        ("{file}:data", TypeError, "expected a torch.nn.Module, found"),
        ("rooms3/nothing", ValueError, "model: expected one of 'rooms3"),
    ],
)
def test_what_is_no_model(file: Path, name: str, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        load_models([name.format(file=file)], "cpu")


def test_data_for_a_model_of_which_nothing_is_known(file: Path) -> None:
    with pytest.raises(ValueError, match=r"data: expected package.module:function for .*found 'rooms'"):
        load_data("rooms", f"{file}:model")


def test_patterns_of_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Folders that were trained into are models by their names; what is no checkpoint is left out."""
    name = "rooms3/all-shared"
    for folder in ("b", "a"):
        save_checkpoint(zoo(name), zoo_record(name), tmp_path / "train" / folder / "model", torch.float16)
    (tmp_path / "train" / "unfinished").mkdir()
    save_checkpoint(zoo(name), zoo_record(name), tmp_path / "run[1]" / "model", torch.float16)
    monkeypatch.chdir(tmp_path)
    assert [model.name for model in load_models(["train/*"])] == ["train/a", "train/b"]
    assert load_models(["train/a"])[0].weights == load_models(["train/a/model.safetensors"])[0].weights
    assert [model.name for model in load_models(["run[1]"])] == ["run[1]"]  # a folder of that name, no pattern
    with pytest.raises(ValueError, match=r"model: expected one of .*, found none that match .trian"):
        load_models(["trian/*"])
