"""``mt-attack layouts``."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path

import torch

from mt_torchattacks import checks
from mt_torchattacks.models import Layout, branched, published_layouts


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    layouts = commands.add_parser("layouts", help="list layouts of branched models, or show or draw one")
    actions = layouts.add_subparsers(dest="action", required=True)
    listed = actions.add_parser("list", help="the published layouts, or all for some numbers of tasks and blocks")
    _add_numbers(listed, required=False)
    listed.add_argument("--counts", action="store_true", help="the published ones' parameters as counted here, too")
    listed.set_defaults(run=_list)
    random = actions.add_parser("random", help="layouts drawn at random, all equally likely")
    _add_numbers(random, required=True)
    random.add_argument("--count", type=int, default=1, help="how many (default: 1)")
    random.add_argument("--seed", type=int, default=0, help="of the random numbers (default: 0)")
    random.set_defaults(run=_random)
    show = _add_one(actions, "show", "one layout as a tree of text")
    show.set_defaults(run=_show)
    draw = _add_one(actions, "draw", "one layout as a picture")
    draw.add_argument("--output", type=Path, default=Path("layout.png"), help="PNG, PDF or SVG (default: layout.png)")
    draw.set_defaults(run=_draw)


def _add_numbers(parser: argparse.ArgumentParser, *, required: bool) -> None:
    parser.add_argument("--tasks", type=int, required=required, help="number of tasks")
    parser.add_argument("--blocks", type=int, required=required, help="number of blocks")


def _add_one(
    actions: argparse._SubParsersAction[argparse.ArgumentParser], name: str, text: str
) -> argparse.ArgumentParser:
    parser = actions.add_parser(name, help=text)
    parser.add_argument("layout", help="a published name (nyuv2/41) or a layout ('[[[0, 1]], [[0], [1]]]')")
    parser.add_argument("--tasks", help="names of the tasks, separated by commas")
    return parser


def _list(options: argparse.Namespace) -> None:
    if options.tasks is None and options.blocks is None:
        for name, published in published_layouts().items():
            counts = f"{_counts(published.layout)}  " if options.counts else ""
            print(f"{name:20} {published.parameters:7.2f} M  {counts}{_described(published.layout)}")
        return
    _check_numbers(options)
    _print(Layout.enumerate(options.tasks, options.blocks))


def _random(options: argparse.Namespace) -> None:
    _check_numbers(options)
    generator = torch.Generator().manual_seed(options.seed)
    _print(Layout.random(options.tasks, options.blocks, generator) for _ in range(options.count))


def _show(options: argparse.Namespace) -> None:
    layout = _layout(options.layout)
    print(layout.tree(_names(options.tasks, layout)))


def _draw(options: argparse.Namespace) -> None:
    from mt_torchattacks.report.layouts import layout_figure
    from mt_torchattacks.report.style import save_figure

    layout = _layout(options.layout)
    published = published_layouts().get(options.layout)
    title = f"{options.layout}: {published.parameters} M parameters" if published else ""
    save_figure(layout_figure(layout, _names(options.tasks, layout), title), options.output)
    print(options.output)


def _layout(text: str) -> Layout:
    return Layout.named(text) if text in published_layouts() else Layout.parse(text)


def _names(text: str | None, layout: Layout) -> list[str]:
    return text.split(",") if text else [f"task {task}" for task in layout.tasks]


def _check_numbers(options: argparse.Namespace) -> None:
    for name in ("tasks", "blocks"):
        value = getattr(options, name)
        checks.require(value is not None and value > 0, f"--{name}", "a number > 0", value)


def _print(layouts: Iterable[Layout]) -> None:
    for layout in layouts:
        print(_described(layout))


def _counts(layout: Layout) -> str:
    """The parameters of the papers' backbone, counted as published and in full, without allocating them."""
    with torch.device("meta"):
        model = branched("deeplab_resnet34", layout, {f"task {task}": 1 for task in layout.tasks}, head_width=1)
    as_published, in_full = model.backbone_parameters(as_published=True), model.backbone_parameters()
    return f"counted so {as_published / 1e6:7.3f} M, in full {in_full / 1e6:7.3f} M"


def _described(layout: Layout) -> str:
    return f"{layout.shared_blocks} of {layout.num_blocks} blocks shared  {layout}"
