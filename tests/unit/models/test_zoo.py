from __future__ import annotations

from pathlib import Path

import pytest
import torch

from mt_torchattacks.data import Rooms
from mt_torchattacks.models import load_checkpoint, save_checkpoint, zoo, zoo_names, zoo_record
from mt_torchattacks.tasks import standard_metrics, standard_tasks
from mt_torchattacks.training import Recipe, measure, recipe_names


def test_every_model_has_its_recipe_and_families_are_whole() -> None:
    families = {name.split("/")[0] for name in zoo_names()}
    assert families >= {"rooms3", "rooms3-resnet34"}
    assert [name for name in sorted(recipe_names()) if name.split("/")[0] in families] == zoo_names()


@pytest.mark.parametrize("name", zoo_names())
def test_records_are_the_recipes(name: str) -> None:
    record, recipe = zoo_record(name), Recipe.named(name)
    assert Recipe(**{field: record[field] for field in vars(recipe) if field in record}) == recipe


@pytest.mark.parametrize("name", zoo_names())
def test_models_reach_the_metrics_in_their_records(name: str) -> None:
    """On a few held-out rooms, hence with room for chance: within a quarter of the way to the mean prediction."""
    record = zoo_record(name)
    names, classes = record["data"]["tasks"], record["data"]["classes"]
    rooms = Rooms(**record["data"], **record["test"] | {"length": 48})
    found = measure(zoo(name), standard_tasks(names), rooms, standard_metrics(names, classes))
    for task, metric in (("segmentation", "pixel_acc"), ("normal", "mean"), ("depth", "abs")):
        recorded, baseline = record["metrics"][task][metric], record["baseline"][task][metric]
        assert abs(found[task][metric] - recorded) < 0.25 * abs(recorded - baseline)


@pytest.mark.parametrize("name", zoo_names())
def test_models_learned_something(name: str) -> None:
    record = zoo_record(name)
    metrics, baseline = record["metrics"], record["baseline"]
    assert metrics["segmentation"]["miou"] > 3 * baseline["segmentation"]["miou"]
    assert metrics["normal"]["mean"] < 2 / 3 * baseline["normal"]["mean"]
    assert metrics["depth"]["abs"] < 2 / 3 * baseline["depth"]["abs"]


def test_models_are_ready_to_use() -> None:
    model = zoo("rooms3/all-shared")
    assert not any(module.training for module in model.modules())
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}


def test_a_damaged_checkpoint_is_named(tmp_path: Path) -> None:
    name = "rooms3/all-shared"
    save_checkpoint(zoo(name), zoo_record(name), tmp_path / "model", torch.float16)
    for suffix in (".safetensors", ".json"):
        path = tmp_path / f"model{suffix}"
        whole = path.read_bytes()
        path.write_bytes(whole[:-20])
        with pytest.raises(ValueError, match=rf"model\{suffix}: expected a whole file, found a damaged one"):
            load_checkpoint(tmp_path / "model")
        path.write_bytes(whole)
    assert load_checkpoint(tmp_path / "model").tasks == zoo(name).tasks


def test_unknown_names() -> None:
    for function in (zoo, zoo_record):
        with pytest.raises(ValueError, match="name: expected one of .*'rooms3/all-shared', .* found 'rooms3/none'"):
            function("rooms3/none")
