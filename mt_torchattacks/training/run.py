"""Training a model from its recipe."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.utils.data import Subset

from mt_torchattacks import checks
from mt_torchattacks.attacks.create import create
from mt_torchattacks.data.memory import held_out, loaded
from mt_torchattacks.models.branched import branched
from mt_torchattacks.models.checkpoint import (
    checkpoint_path,
    is_checkpoint,
    load_checkpoint,
    load_record,
    save_checkpoint,
)
from mt_torchattacks.models.zoo import zoo
from mt_torchattacks.tasks import Tasks, standard_metrics, standard_tasks
from mt_torchattacks.training.baseline import MeanPrediction
from mt_torchattacks.training.fit import fit
from mt_torchattacks.training.keep import Keep
from mt_torchattacks.training.measure import measure
from mt_torchattacks.training.processes import make_fabric
from mt_torchattacks.training.recipe import Recipe
from mt_torchattacks.training.scheme import Scheme
from mt_torchattacks.training.trainer import STATE

_BASELINE_SAMPLES = 4000
"""At most so many training samples, evenly spread, are looked at for the mean prediction."""


def train(
    recipe: Recipe,
    output: Path,
    *,
    root: Path | None = None,
    fabric: Any = None,
    workers: int = 0,
    resume: bool = False,
    tensorboard: bool = False,
    progress: bool = True,
) -> dict[str, Any]:
    """Train a model, save it, and measure what was saved on held-out samples beside the mean prediction.

    Args:
        recipe: what to do.
        output: the folder for ``model.safetensors`` (half precision), ``model.json`` and ``log.csv``, and until it is
            done the training's state.
        root: the folder of a data set on disk.
        fabric: devices, processes and precision, see :func:`~mt_torchattacks.training.make_fabric`.
        workers: processes that load the data; 0 for none.
        resume: go on where an interrupted call stopped; from the start if it left nothing. What is done is not
            done again.
        tensorboard: write events for TensorBoard, too.
        progress: show a progress bar.

    Returns:
        The record that is in ``model.json``: the recipe, the model's clean ``metrics`` and the ``baseline``'s.

    Raises:
        ImportError: a package that the recipe or the training needs is not installed.
        ValueError: an unfinished training is in the folder and ``resume`` is not set, or see
            :func:`~mt_torchattacks.training.fit`.
    """
    unfinished = (output / STATE).exists()
    checks.require(resume or not unfinished, "output", "resume, as the folder has an unfinished training", output)
    if resume and not unfinished and (output / "model.json").exists():
        return load_record(output / "model")
    fabric = make_fabric() if fabric is None else fabric
    given, unseen = recipe.samples(root)
    names, classes, data = recipe.data["tasks"], given.num_classes, loaded(given)
    tasks = standard_tasks(names, class_weights=given.class_weights() if recipe.class_weights else None)
    torch.manual_seed(recipe.fit["seed"])
    heads = recipe.heads(classes)
    model = branched(recipe.backbone, recipe.layout, heads, **recipe.options)
    if recipe.start:
        model.load_state_dict(start_model(recipe.start).state_dict())
    data, adversarial = adversarial_training(recipe, model, tasks, data)
    start = time.perf_counter()
    fit(
        model, tasks, data, **recipe.fit, **adversarial, augment=recipe.augmentation(), fabric=fabric, workers=workers,
        folder=output, resume=resume, tensorboard=tensorboard, progress=progress,
    )  # fmt: skip
    seconds = round(time.perf_counter() - start)
    held_out = loaded(unseen)
    counts = {"train": len(data), "test": len(held_out)}
    record = vars(recipe) | {"heads": heads, "samples": counts, "training_seconds": seconds}
    _save(fabric, model, record, output)
    few = Subset(data, range(0, len(data), -(-len(data) // _BASELINE_SAMPLES)))
    measured = {
        "metrics": load_checkpoint(output / "model").to(fabric.device),
        "baseline": MeanPrediction(few, classes, workers=workers),
    }
    for key, network in measured.items():
        metrics = standard_metrics(names, classes)
        record[key] = measure(network, tasks, held_out, metrics, fabric=fabric, workers=workers)
    _save(fabric, model, record, output)
    (output / STATE).unlink(missing_ok=True)
    return record


def adversarial_training(recipe: Recipe, model: nn.Module, tasks: Tasks, data: Any) -> tuple[Any, dict[str, Any]]:
    """What is trained on, and the arguments ``attack``, ``ratio`` and ``scheme`` of a training.

    Where the best epoch is to be kept, the last training images are held out to measure it, under Auto-PGD with the
    attack's rule and radius.

    Raises:
        ValueError: an argument of the recipe's attack does not fit.
    """
    own = dict(recipe.attack)
    if not own:
        return data, {}
    ratio, mix, count = own.pop("ratio", 1.0), own.pop("keep", None), own.pop("held_out", 256)
    how: dict[str, Any] = {name: own.pop(name) for name in ("ramp", "statistics", "replays") if name in own}
    if mix is not None:
        data, rest = held_out(data, count)
        same = {name: own[name] for name in ("balance", "eps") if name in own}
        how["keep"] = Keep(rest, create("apgd", model, tasks, steps=10, **same), mix)
    return data, {"attack": create(model=model, tasks=tasks, **own), "ratio": ratio, "scheme": Scheme(**how)}


def start_model(name: str) -> nn.Module:
    """The model of the zoo, or the checkpoint, that a training starts with.

    Raises:
        ValueError: neither.
    """
    return load_checkpoint(checkpoint_path(name)) if is_checkpoint(name) else zoo(name)


def _save(fabric: Any, model: Any, record: dict[str, Any], output: Path) -> None:
    if fabric.is_global_zero:
        save_checkpoint(model, record, output / "model", torch.float16)
    fabric.barrier()
