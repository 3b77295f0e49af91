"""The command line, ``mt-attack``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from mt_torchattacks.models import Layout, published_layouts
from mt_torchattacks.training import Recipe, recipe_names, train


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``mt-attack``; bad input ends in a message and the exit code 2, without a traceback.

    Args:
        arguments: the command line's words; those of the process by default.
    """
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except (ValueError, TypeError, KeyError, ImportError, OSError) as error:
        print(f"mt-attack {options.command}: {error}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("mt-attack", description="Attacks on all tasks of a multi-task model at once.")
    commands = parser.add_subparsers(dest="command", required=True)
    _add_demo(commands)
    _add_train(commands)
    _add_layouts(commands)
    return parser


def _add_demo(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    demo = commands.add_parser("demo", help="attack the zoo's models on held-out rooms: tables and figures")
    demo.add_argument("--output", type=Path, default=Path("results/demo"), help="folder for what it writes")
    demo.set_defaults(run=_demo)


def _add_train(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = commands.add_parser("train", help="train a model of the zoo and measure it")
    command.add_argument("recipe", help=f"one of {', '.join(recipe_names())}")
    command.add_argument("--output", type=Path, help="folder for what it writes (default: results/train/RECIPE)")
    command.add_argument("--epochs", type=int, help="train for this long instead of what the recipe says")
    command.add_argument("--rooms", type=int, help="train on this many rooms instead of what the recipe says")
    command.set_defaults(run=_train)


def _add_layouts(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    layouts = commands.add_parser("layouts", help="list the published layouts, or show one as a tree")
    actions = layouts.add_subparsers(dest="action", required=True)
    actions.add_parser("list", help="the published layouts").set_defaults(run=_list_layouts)
    show = actions.add_parser("show", help="one layout as a tree")
    show.add_argument("layout", help="a published name (nyuv2/41) or a layout ('[[[0, 1]], [[0], [1]]]')")
    show.add_argument("--tasks", help="names of the tasks, separated by commas")
    show.set_defaults(run=_show_layout)


def _demo(options: argparse.Namespace) -> None:
    from mt_torchattacks.report.demo import run_demo

    run_demo(options.output)


def _train(options: argparse.Namespace) -> None:
    recipe = Recipe.named(options.recipe).shortened(epochs=options.epochs, rooms=options.rooms)
    output = options.output or Path("results/train", *options.recipe.split("/"))
    record = train(recipe, output)
    print(f"{recipe.name}: {record['training_seconds']} s; on {recipe.test['length']} held-out rooms:")
    print(_table({"model": record["metrics"], "mean prediction": record["baseline"]}))
    print(f"written to {output}")


def _list_layouts(options: argparse.Namespace) -> None:
    for name, published in published_layouts().items():
        layout = published.layout
        shared = f"{layout.shared_blocks} of {layout.num_blocks} blocks shared"
        print(f"{name:20} {published.parameters:7.2f} M  {shared}  {layout}")


def _show_layout(options: argparse.Namespace) -> None:
    layout = published_layouts()[options.layout].layout if options.layout in published_layouts() else None
    layout = layout or Layout.parse(options.layout)
    names = options.tasks.split(",") if options.tasks else [f"task {task}" for task in layout.tasks]
    print(layout.tree(names))


def _table(columns: Mapping[str, Mapping[str, Mapping[str, float]]]) -> str:
    """Metrics by column, task and name as aligned text."""
    rows = [f"{'':26}" + "".join(f"{name:>17}" for name in columns)]
    first = next(iter(columns.values()))
    for task, metrics in first.items():
        for metric in metrics:
            values = "".join(f"{column[task][metric]:17.3f}" for column in columns.values())
            rows.append(f"{task:13}{metric:13}{values}")
    return "\n".join(rows)
