"""``mt-attack train``."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from mt_torchattacks.training import Recipe, recipe_names, train


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    command = commands.add_parser("train", help="train a model of the zoo and measure it")
    command.add_argument("recipe", help=f"one of {', '.join(recipe_names())}")
    command.add_argument("--output", type=Path, help="folder for what it writes (default: results/train/RECIPE)")
    command.add_argument("--epochs", type=int, help="train for this long instead of what the recipe says")
    command.add_argument("--rooms", type=int, help="train on this many rooms instead of what the recipe says")
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> None:
    recipe = Recipe.named(options.recipe).shortened(epochs=options.epochs, rooms=options.rooms)
    output = options.output or Path("results/train", *options.recipe.split("/"))
    record = train(recipe, output)
    print(f"{recipe.name}: {record['training_seconds']} s; on {recipe.test['length']} held-out rooms:")
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
