"""``mt-attack train``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import mt_torchattacks as mta
from mt_torchattacks.cli.command import Command


@dataclass
class TrainOptions:
    """How to train.

    Args:
        recipe: a recipe's name, FAMILY/VARIANT, as rooms3/all-shared; for an unknown one the message lists all
        data: the data set's folder; rooms need none
        output: folder for what it writes; results/train/RECIPE by default
        resume: go on where an interrupted training stopped
        epochs: train for this long instead of what the recipe says
        rooms: train on this many rooms instead of what the recipe says
        weights: weighting of the tasks: equal, uncertainty, torchjd:UPGrad ...
        precision: of the numbers; 16-mixed needs a GPU
        device: auto (a GPU if there is one), cpu or cuda
        workers: processes that load the data
        tensorboard: write events for TensorBoard
        quiet: print nothing but errors, and show no progress
    """

    recipe: str
    data: Path | None = None
    output: Path | None = None
    resume: bool = False
    epochs: int | None = None
    rooms: int | None = None
    weights: str | None = None
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = "32-true"
    device: Literal["auto", "cpu", "cuda"] = "auto"
    workers: int = 0
    tensorboard: bool = False
    quiet: bool = False


def train(options: TrainOptions) -> None:
    """Train a branched model by its recipe and measure it."""
    training = mta.training
    for name in ("epochs", "rooms"):
        value = getattr(options, name)
        mta.checks.require(value is None or value >= 1, f"--{name}", "a number >= 1", value)
    mta.checks.require(options.workers >= 0, "--workers", "a number >= 0", options.workers)
    recipe = training.Recipe.named(options.recipe).shortened(epochs=options.epochs, rooms=options.rooms)
    if options.weights is not None:
        recipe = replace(recipe, fit=recipe.fit | {"weights": options.weights})
    output = options.output or Path("results/train", *options.recipe.split("/"))
    device = None if options.device == "auto" else mta.evaluation.usable_device(options.device).type
    fabric = training.make_fabric(options.precision, device)
    record = training.train(
        recipe,
        output,
        root=options.data,
        fabric=fabric,
        workers=options.workers,
        resume=options.resume,
        tensorboard=options.tensorboard,
        progress=not options.quiet,
    )
    if fabric.is_global_zero and not options.quiet:
        print(f"{recipe.name}: {record['training_seconds']} s; on {record['samples']['test']} held-out images:")
        print(_table({"model": record["metrics"], "mean prediction": record["baseline"]}))
        print(f"written to {output}")


def _table(columns: Mapping[str, Mapping[str, Mapping[str, float]]]) -> str:
    """Metrics by column, task and name as aligned text."""
    rows = [f"{'':26}" + "".join(f"{name:>17}" for name in columns)]
    first = next(iter(columns.values()))
    for task, metrics in first.items():
        for metric in metrics:
            values = "".join(f"{column[task][metric]:17.3f}" for column in columns.values())
            rows.append(f"{task:13}{metric:13}{values}")
    return "\n".join(rows)


COMMANDS = (
    Command("train", "train a branched model by its recipe and measure it", "rooms3/all-shared --epochs 2",
            TrainOptions, train),
)  # fmt: skip
