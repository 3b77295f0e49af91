from __future__ import annotations

import importlib
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from mt_torchattacks.data import Rooms
from mt_torchattacks.models import load_checkpoint, save_checkpoint, zoo, zoo_names, zoo_record
from mt_torchattacks.tasks import standard_metrics, standard_tasks
from mt_torchattacks.training import Recipe, measure, recipe_names


def test_every_model_has_its_recipe_and_families_are_whole() -> None:
    plain = [name for name in zoo_names() if not zoo_record(name).get("attack")]
    families = {name.split("/")[0] for name in plain}
    assert families == {"rooms3", "rooms3-resnet34"}
    assert [name for name in sorted(recipe_names()) if name.split("/")[0] in families] == plain


@pytest.mark.parametrize("name", zoo_names())
def test_records_are_the_recipes(name: str) -> None:
    record = zoo_record(name)
    recipe = Recipe.named(record["name"])
    if record.get("attack"):
        fit = recipe.fit | {"epochs": 8, "seed": int(name[-1])}
        recipe = replace(recipe, fit=fit, attack=record["attack"], start=record["name"])
        rule = record["attack"]["balance"].replace(":", "-")
        assert name == f"rooms3-robust/{'pgd' if record['attack']['steps'] == 5 else 'fgsm'}-{rule}-{name[-1]}"
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


def test_without_the_package_of_models_the_message_says_where_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    module = importlib.import_module("mt_torchattacks.models.zoo")
    monkeypatch.setattr(module, "WEIGHT_FOLDERS", module.WEIGHT_FOLDERS[:1])
    assert zoo_names() == ["rooms3/all-shared"]
    with pytest.raises(
        ValueError, match="there are more in the package mt-torchattacks-zoo, found 'rooms3/independent'"
    ):
        zoo("rooms3/independent")
