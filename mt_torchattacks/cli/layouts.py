"""``mt-attack layouts``."""

from __future__ import annotations

import argparse

from mt_torchattacks.models import Layout, published_layouts


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    layouts = commands.add_parser("layouts", help="list the published layouts, or show one as a tree")
    actions = layouts.add_subparsers(dest="action", required=True)
    actions.add_parser("list", help="the published layouts").set_defaults(run=_list)
    show = actions.add_parser("show", help="one layout as a tree")
    show.add_argument("layout", help="a published name (nyuv2/41) or a layout ('[[[0, 1]], [[0], [1]]]')")
    show.add_argument("--tasks", help="names of the tasks, separated by commas")
    show.set_defaults(run=_show)


def _list(options: argparse.Namespace) -> None:
    for name, published in published_layouts().items():
        layout = published.layout
        shared = f"{layout.shared_blocks} of {layout.num_blocks} blocks shared"
        print(f"{name:20} {published.parameters:7.2f} M  {shared}  {layout}")


def _show(options: argparse.Namespace) -> None:
    layout = published_layouts()[options.layout].layout if options.layout in published_layouts() else None
    layout = layout or Layout.parse(options.layout)
    names = options.tasks.split(",") if options.tasks else [f"task {task}" for task in layout.tasks]
    print(layout.tree(names))
