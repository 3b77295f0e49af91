"""The command line, ``mt-attack``."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from mt_torchattacks.data.check import READERS, check_data
from mt_torchattacks.models import Layout, published_layouts, zoo_names
from mt_torchattacks.training import Recipe, recipe_names, train


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``mt-attack``; bad input ends in a message and the exit code 2, without a traceback.

    Args:
        arguments: the command line's words; those of the process by default.
    """
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options) or 0)
    except (ValueError, TypeError, KeyError, ImportError, OSError) as error:
        print(f"mt-attack {options.command}: {error}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("mt-attack", description="Attacks on all tasks of a multi-task model at once.")
    commands = parser.add_subparsers(dest="command", required=True)
    _add_demo(commands)
    _add_train(commands)
    _add_layouts(commands)
    _add_bench(commands)
    _add_data(commands)
    return parser


def _add_demo(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    demo = commands.add_parser("demo", help="attack the zoo's models on held-out rooms: tables and figures")
    demo.add_argument("--output", type=Path, default=Path("results/demo"), help="folder for what it writes")
    demo.add_argument("--model", default="rooms3/all-shared", help=f"one of {', '.join(zoo_names())}")
    demo.add_argument("--scenes", type=int, default=32, help="number of rooms")
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


def _add_bench(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    bench = commands.add_parser("bench", help="compare with other libraries side by side")
    peers = bench.add_subparsers(dest="peer", required=True)
    art = peers.add_parser("art", help="ART's attacks, one per task or on a summed loss, and this library's")
    art.add_argument("--output", type=Path, default=Path("results/bench/art"), help="folder for what it writes")
    art.add_argument("--scenes", type=int, default=32, help="number of rooms")
    art.add_argument("--photographs", type=int, default=32, help="number of faces; 0 leaves the face detector out")
    art.set_defaults(run=_bench_art)


def _add_data(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    data = commands.add_parser("data", help="look at data sets on disk")
    actions = data.add_subparsers(dest="action", required=True)
    check = actions.add_parser("check", help="read a sample and say in words what is wrong")
    check.add_argument("name", help=f"one of {', '.join(READERS)}")
    check.add_argument("root", type=Path, help="the data set's folder")
    check.add_argument("--split", default="train", help="the split to look at (default: train)")
    check.set_defaults(run=_check_data)


def _demo(options: argparse.Namespace) -> None:
    from mt_torchattacks.report.demo import run_demo

    run_demo(options.output, model=options.model, scenes=options.scenes)


def _bench_art(options: argparse.Namespace) -> None:
    bench = importlib.import_module("art_plugins.bench")  # by name: the library itself does not know the plugins
    bench.run_bench(options.output, scenes=options.scenes, photographs=options.photographs)


def _check_data(options: argparse.Namespace) -> int:
    findings = check_data(options.name, options.root, split=options.split)
    print(findings)
    return 1 if findings.problems else 0


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
