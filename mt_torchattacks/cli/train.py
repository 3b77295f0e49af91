"""``mt-attack train``."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from mt_torchattacks.training import Recipe, make_fabric, recipe_names, train
from mt_torchattacks.training.processes import PRECISIONS


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    command = commands.add_parser("train", help="train a branched model by its recipe and measure it")
    families = sorted({name.split("/")[0] for name in recipe_names()})
    command.add_argument("recipe", metavar="FAMILY/VARIANT", help=f"families: {', '.join(families)}")
    command.add_argument("--data", type=Path, help="the data set's folder; rooms need none")
    command.add_argument("--output", type=Path, help="folder for what it writes (default: results/train/RECIPE)")
    command.add_argument("--resume", action="store_true", help="go on where an interrupted training stopped")
    command.add_argument("--epochs", type=int, help="train for this long instead of what the recipe says")
    command.add_argument("--rooms", type=int, help="train on this many rooms instead of what the recipe says")
    command.add_argument("--weights", help="weighting of the tasks: equal, uncertainty, torchjd:UPGrad ...")
    command.add_argument("--precision", choices=PRECISIONS, default="32-true", help="default: 32-true")
    command.add_argument("--accelerator", choices=("cpu", "cuda"), help="default: a GPU where there is one")
    command.add_argument("--workers", type=int, default=0, help="processes that load the data (default: 0)")
    command.add_argument("--tensorboard", action="store_true", help="write events for TensorBoard")
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> None:
    recipe = Recipe.named(options.recipe).shortened(epochs=options.epochs, rooms=options.rooms)
    if options.weights is not None:
        recipe = replace(recipe, fit=recipe.fit | {"weights": options.weights})
    output = options.output or Path("results/train", *options.recipe.split("/"))
    fabric = make_fabric(options.precision, options.accelerator)
    record = train(
        recipe,
        output,
        root=options.data,
        fabric=fabric,
        workers=options.workers,
        resume=options.resume,
        tensorboard=options.tensorboard,
    )
    if fabric.is_global_zero:
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
