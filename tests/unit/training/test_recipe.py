from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from mt_torchattacks.data import DATASETS, JointAugmentation, RandomMirror, Rooms
from mt_torchattacks.models import BACKBONES, Layout, load_checkpoint, published_layouts, zoo
from mt_torchattacks.training import Recipe, recipe_names, train
from mt_torchattacks.training.optimization import make_optimizer, make_schedule
from mt_torchattacks.training.trainer import STATE
from mt_torchattacks.training.weighting import resolve_weighting
from tests.data_factories import FACTORIES, npy


def tiny(name: str = "rooms3/all-shared") -> Recipe:
    recipe = Recipe.named(name).shortened(epochs=1, rooms=32)
    recipe.test["length"], recipe.data["size"] = 8, 16
    return recipe


def test_recipes_of_the_zoo() -> None:
    assert Layout.parse(Recipe.named("rooms3/all-shared").layout) == Layout.all_shared(3, 5)
    assert Layout.parse(Recipe.named("rooms3/independent").layout) == Layout.independent(3, 5)
    assert Layout.parse(Recipe.named("rooms3/partly-shared").layout).shared_blocks == 3
    for shared in range(6):
        assert Layout.parse(Recipe.named(f"rooms3-resnet34/{shared}-shared").layout).shared_blocks == shared
    assert Recipe.named("rooms5-mobilenet/1043").layout == str(Layout.named("tiny_taskonomy/1043"))


def test_every_published_layout_has_its_recipe() -> None:
    for name, published in published_layouts().items():
        assert Layout.parse(Recipe.named(name).layout) == published.layout


@pytest.mark.parametrize("name", recipe_names())
def test_every_recipe_fits_its_parts(name: str) -> None:
    recipe = Recipe.named(name)
    assert recipe.backbone in BACKBONES
    assert recipe.dataset in DATASETS
    assert set(recipe.data["tasks"]) <= set(DATASETS[recipe.dataset].TASKS)
    assert Layout.parse(recipe.layout).num_tasks == len(recipe.data["tasks"]) == len(recipe.heads(13))
    assert isinstance(recipe.augmentation(), RandomMirror if recipe.dataset == "rooms" else JointAugmentation)
    parameter = torch.nn.Parameter(torch.zeros(1))
    options = {key: recipe.fit[key] for key in ("lr", "weight_decay")}
    optimizer = make_optimizer(recipe.fit.get("optimizer", "adamw"), [parameter], **options)
    make_schedule(recipe.fit.get("schedule", "one_cycle"), optimizer, 1000)
    resolve_weighting(recipe.fit["weights"], recipe.data["tasks"])


def test_the_papers_settings() -> None:
    """As in the launch scripts of TreeMTL: 20 000 and 50 000 steps, halved every 4 000, times 0.3 every 10 000."""
    for name, steps, size, first, every, last in (
        ("nyuv2/41", 20_000, 16, 1e-3, 4_000, 1e-3 / 2**4),
        ("tiny_taskonomy/AS", 50_000, 8, 1e-4, 10_000, 1e-4 * 0.3**4),
    ):
        fit = Recipe.named(name).fit
        assert (fit["epochs"] * fit["steps_per_epoch"], fit["batch_size"], fit["schedule"]["every"]) == (
            steps,
            size,
            every,
        )
        optimizer = make_optimizer(fit["optimizer"], [torch.zeros(1)], fit["lr"], fit["weight_decay"])
        assert isinstance(optimizer, torch.optim.Adam) and tuple(optimizer.defaults["betas"]) == (0.5, 0.999)
        schedule = make_schedule(fit["schedule"] | {"every": 1}, optimizer, steps)
        rates = []
        for _ in range(steps // every):
            rates.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            schedule.step()
        assert (rates[0], rates[-1]) == (first, pytest.approx(last))


def test_errors(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="recipe: expected one of .*'rooms3/all-shared', .* found 'rooms4/x'"):
        Recipe.named("rooms4/x")
    with pytest.raises(ValueError, match="data: expected the folder of nyuv2, found none"):
        Recipe.named("nyuv2/41").samples(None)
    with pytest.raises(ValueError, match="rooms: expected none, the data are nyuv2, found 3"):
        Recipe.named("nyuv2/41").shortened(rooms=3)
    (tmp_path / STATE).touch()
    with pytest.raises(ValueError, match="output: expected resume, as the folder has an unfinished training"):
        train(tiny(), tmp_path)


ROOMS = {n.split("/")[0]: n for n in reversed(recipe_names()) if Recipe.named(n).dataset == "rooms"}
"""The first recipe of each family that needs no data."""


@pytest.mark.parametrize("name", ROOMS.values(), ids=ROOMS)
def test_every_family_on_rooms_trains(name: str, tmp_path: Path) -> None:
    record = train(tiny(name), tmp_path, progress=False)
    assert list(record["metrics"]) == Recipe.named(name).data["tasks"]
    assert all(math.isfinite(value) for values in record["metrics"].values() for value in values.values())
    assert load_checkpoint(tmp_path / "model")(torch.rand(1, 3, 16, 16)).keys() == record["metrics"].keys()


def test_train_writes_what_it_measured(tmp_path: Path) -> None:
    recipe = tiny()
    record = train(recipe, tmp_path, progress=False)
    assert json.loads((tmp_path / "model.json").read_text()) == record
    assert record["heads"] == {"segmentation": recipe.data["classes"], "normal": 3, "depth": 1}
    assert record["samples"] == {"train": 32, "test": 8}
    assert set(record["metrics"]) == set(record["baseline"]) == {"segmentation", "normal", "depth"}
    assert {path.name for path in tmp_path.iterdir()} == {"model.json", "model.safetensors", "log.csv"}
    stored = load_file(tmp_path / "model.safetensors")
    assert {value.dtype for value in stored.values()} == {torch.float16, torch.int64}
    model = load_checkpoint(tmp_path / "model")
    assert not model.training
    assert {value.dtype for value in model.parameters()} == {torch.float32}
    assert str(model.layout) == str(Layout.parse(recipe.layout))


def test_adversarial_training_from_a_trained_model(tmp_path: Path) -> None:
    """The record says what was done; no step is taken from other weights than those that were asked for."""
    attack = {"name": "FriendlyPGD", "balance": "total", "eps": 0.02, "steps": 2, "tau": 0, "ratio": 0.5}
    recipe = replace(tiny(), attack=attack, start="rooms3/all-shared")
    still = replace(recipe, fit=recipe.fit | {"lr": 1e-12, "weight_decay": 0.0})
    record = train(still, tmp_path / "still", progress=False)
    assert (record["attack"], record["start"]) == (attack, "rooms3/all-shared")
    weights = load_checkpoint(tmp_path / "still" / "model").named_parameters()
    start = dict(zoo("rooms3/all-shared").named_parameters())
    assert all(torch.allclose(value, start[name], atol=1e-3) for name, value in weights)
    again = replace(recipe, start=str(tmp_path / "still" / "model"))
    clean = train(replace(again, attack={}), tmp_path / "clean", progress=False)
    assert train(again, tmp_path / "attacked", progress=False)["metrics"] != clean["metrics"]


def test_what_is_done_is_not_done_again(tmp_path: Path) -> None:
    record = train(tiny(), tmp_path, progress=False)
    written = (tmp_path / "model.safetensors").stat().st_mtime_ns
    assert train(tiny(), tmp_path, resume=True, progress=False) == record
    assert (tmp_path / "model.safetensors").stat().st_mtime_ns == written


CLASSES = {
    "nyuv2/mat": 40,
    "nyuv2/treemtl": 40,
    "nyuv2/libmtl": 13,
    "tiny_taskonomy/index": 17,
    "tiny_taskonomy/folders": 17,
    "cityscapes": 19,
    "cityscapes/mtan": 7,
}
"""For each form on disk, the classes that its recipe's model learns."""


def test_every_form_is_trained_on() -> None:
    assert CLASSES.keys() == FACTORIES.keys()
    assert {form.split("/")[0] for form in FACTORIES} | {"rooms"} == {Recipe.named(n).dataset for n in recipe_names()}


@pytest.mark.parametrize("form", FACTORIES)
def test_data_sets_on_disk(form: str, tmp_path: Path) -> None:
    """The recipe as it is, but for a narrow model, small crops and one step."""
    root = tmp_path / "data"
    root.mkdir()
    items = Rooms(4, (18, 24)).render(range(4))
    FACTORIES[form](root, [(items[0][i], {task: target[i] for task, target in items[1].items()}) for i in range(4)])
    if form == "tiny_taskonomy/folders":
        npy(root / "semseg_prior_factor.npy", np.ones(17))
    recipe = Recipe.named(f"{form.split('/')[0]}/AS").shortened(epochs=1)
    recipe.options.update(width=4, head_width=4)
    recipe.augment["size"], recipe.test["size"], recipe.test["split"] = 16, 16, "train"
    recipe.fit.update(steps_per_epoch=1, batch_size=4)
    record = train(recipe, tmp_path / "out", root=root, progress=False)
    assert list(record["metrics"]) == list(record["baseline"]) == recipe.data["tasks"]
    assert record["heads"]["segmentation"] == CLASSES[form]
    assert all(math.isfinite(value) for values in record["metrics"].values() for value in values.values())


def test_class_weights_are_the_data_sets_own(tmp_path: Path) -> None:
    """Without the file with them, training on Tiny-Taskonomy says so."""
    FACTORIES["tiny_taskonomy/folders"](tmp_path, [Rooms(1, (18, 24))[0]])
    recipe = Recipe.named("tiny_taskonomy/AS")
    recipe.test["split"] = "train"
    with pytest.raises(FileNotFoundError, match="semseg_prior_factor.npy"):
        train(recipe, tmp_path / "out", root=tmp_path, progress=False)
