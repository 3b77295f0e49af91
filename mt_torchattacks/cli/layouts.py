"""``mt-attack layouts list | random | show | draw``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mt_torchattacks as mta
from mt_torchattacks.cli.command import Command
from mt_torchattacks.cli.printing import PrintOptions, show
from mt_torchattacks.lazy import LazyModule
from mt_torchattacks.names import at_commas

if TYPE_CHECKING:
    import torch

    from mt_torchattacks.models import Layout
else:
    torch = LazyModule("torch")

_MOST = 64  # tasks or blocks that layouts are drawn for; their number grows faster than any power


@dataclass
class ListOptions(PrintOptions):
    """Which layouts.

    Args:
        tasks: number of tasks; the published layouts by default
        blocks: number of blocks
        counts: the published ones' parameters as counted here, too
    """

    tasks: int | None = None
    blocks: int | None = None
    counts: bool = False


@dataclass
class RandomOptions(PrintOptions):
    """Which layouts.

    Args:
        tasks: number of tasks
        blocks: number of blocks
        count: how many layouts
        seed: of the random numbers
    """

    tasks: int = 3
    blocks: int = 5
    count: int = 1
    seed: int = 0


@dataclass
class OneLayout:
    """Which layout.

    Args:
        layout: a published name (nyuv2/41) or a layout ('[[[0, 1]], [[0], [1]]]')
        tasks: names of the tasks
    """

    layout: str
    tasks: list[str] | None = None


@dataclass
class ShowOptions(PrintOptions, OneLayout):
    """Which layout, and how it is printed."""


@dataclass
class DrawOptions(ShowOptions):
    """Which layout, and where the picture goes.

    Args:
        output: PNG, PDF or SVG
    """

    output: Path = Path("layout.png")


def list_layouts(options: ListOptions) -> None:
    """The published layouts, or all for some numbers of tasks and blocks."""
    if options.tasks is None and options.blocks is None:
        known = mta.models.published_layouts()
        show(options, _published(options.counts), lambda: [_values(one.layout, name) for name, one in known.items()])
        return
    _check_numbers(options.tasks, options.blocks)
    _show(options, mta.models.Layout.enumerate(options.tasks or 0, options.blocks or 0))


def random_layouts(options: RandomOptions) -> None:
    """Layouts drawn at random, all equally likely."""
    _check_numbers(options.tasks, options.blocks)
    mta.checks.require(options.count >= 1, "--count", "a number >= 1", options.count)
    generator = torch.Generator().manual_seed(options.seed)
    _show(options, (mta.models.Layout.random(options.tasks, options.blocks, generator) for _ in range(options.count)))


def show_layout(options: ShowOptions) -> None:
    """One layout as a tree of text."""
    layout = _layout(options.layout)
    tree = layout.tree(_names(options.tasks, layout))
    show(options, [tree], lambda: _values(layout, options.layout))


def draw(options: DrawOptions) -> None:
    """One layout as a picture."""
    layout = _layout(options.layout)
    published = mta.models.published_layouts().get(options.layout)
    title = f"{options.layout}: {published.parameters} M parameters" if published else ""
    mta.report.save_figure(mta.report.layout_figure(layout, _names(options.tasks, layout), title), options.output)
    show(options, [str(options.output)], lambda: _values(layout, options.layout) | {"output": str(options.output)})


def _layout(text: str) -> Layout:
    layout = mta.models.Layout
    return layout.named(text) if text in mta.models.published_layouts() else layout.parse(text)


def _names(given: list[str] | None, layout: Layout) -> list[str]:
    return at_commas(given) if given else [f"task {task}" for task in layout.tasks]


def _check_numbers(tasks: int | None, blocks: int | None) -> None:
    for name, value in (("tasks", tasks), ("blocks", blocks)):
        fits = value is not None and 1 <= value <= _MOST
        mta.checks.require(fits, f"--{name}", f"a number from 1 to {_MOST}", value)


def _published(counts: bool) -> Iterator[str]:
    for name, published in mta.models.published_layouts().items():
        counted = f"{_counts(published.layout)}  " if counts else ""
        yield f"{name:20} {published.parameters:7.2f} M  {counted}{_described(published.layout)}"


def _show(options: PrintOptions, layouts: Iterable[Layout]) -> None:
    show(options, map(_described, layouts), lambda: list(map(_values, layouts)))


def _values(layout: Layout, name: str = "") -> dict[str, Any]:
    """A layout as JSON can hold it, with its published name and parameters, in millions, where it has such."""
    known = mta.models.published_layouts().get(name)
    published = {} if known is None else {"name": name, "parameters": known.parameters}
    sizes = {"blocks": layout.num_blocks, "shared_blocks": layout.shared_blocks}
    return published | sizes | {"layout": str(layout)}


def _counts(layout: Layout) -> str:
    """The parameters of the papers' backbone, counted as published and in full, without allocating them."""
    with torch.device("meta"):
        heads = {f"task {task}": 1 for task in layout.tasks}
        model = mta.models.branched("deeplab_resnet34", layout, heads, head_width=1)
    as_published, in_full = model.backbone_parameters(as_published=True), model.backbone_parameters()
    return f"counted so {as_published / 1e6:7.3f} M, in full {in_full / 1e6:7.3f} M"


def _described(layout: Layout) -> str:
    return f"{layout.shared_blocks} of {layout.num_blocks} blocks shared  {layout}"


COMMANDS = (
    Command("layouts list", "the published layouts of branched models, or all of some size", "--tasks 3 --blocks 2",
            ListOptions, list_layouts),
    Command("layouts random", "layouts drawn at random, all equally likely", "--tasks 3 --blocks 5 --count 4",
            RandomOptions, random_layouts),
    Command("layouts show", "one layout as a tree of text", "nyuv2/41 --tasks seg normal depth", ShowOptions,
            show_layout),
    Command("layouts draw", "one layout as a picture", "nyuv2/41 --output layout.png", DrawOptions, draw),
)  # fmt: skip
