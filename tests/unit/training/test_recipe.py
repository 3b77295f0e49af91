from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from mt_torchattacks.models import Layout, load_checkpoint
from mt_torchattacks.training import Recipe, recipe_names, train


def test_recipes_of_the_zoo() -> None:
    assert recipe_names() == ["rooms3/all-shared", "rooms3/partly-shared", "rooms3/independent"]
    assert Layout.parse(Recipe.named("rooms3/all-shared").layout) == Layout.all_shared(3, 5)
    assert Layout.parse(Recipe.named("rooms3/independent").layout) == Layout.independent(3, 5)
    assert Layout.parse(Recipe.named("rooms3/partly-shared").layout).shared_blocks == 3


def test_unknown_recipe() -> None:
    with pytest.raises(ValueError, match="recipe: expected one of 'rooms3/all-shared', .* found 'rooms4/x'"):
        Recipe.named("rooms4/x")


def test_train_writes_what_it_measured(tmp_path: Path) -> None:
    recipe = Recipe.named("rooms3/all-shared").shortened(epochs=1, rooms=32)
    recipe.test["length"], recipe.data["size"] = 8, 16
    record = train(recipe, tmp_path, progress=False)
    assert json.loads((tmp_path / "model.json").read_text()) == record
    assert record["heads"] == {"segmentation": recipe.data["classes"], "normal": 3, "depth": 1}
    assert set(record["metrics"]) == set(record["baseline"]) == {"segmentation", "normal", "depth"}
    assert {path.name for path in tmp_path.iterdir()} == {"model.json", "model.safetensors", "log.csv"}
    stored = load_file(tmp_path / "model.safetensors")
    assert {value.dtype for value in stored.values()} == {torch.float16, torch.int64}
    model = load_checkpoint(tmp_path / "model")
    assert not model.training
    assert {value.dtype for value in model.parameters()} == {torch.float32}
    assert str(model.layout) == str(Layout.parse(recipe.layout))
