"""Branched models: what each task sees, what is run for the tasks that are asked for, what is counted."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from itertools import combinations, pairwise

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from mt_torchattacks.models import Backbone, BranchedModel, Layout, branched, published_layouts
from tests.unit.models.small import HEADS, PARTLY, build, single_task

WIDTHS = (3, 2, 3, 5, 7, 11)
"""Channels of a backbone of five 3x3 convolutions; no two of its blocks cost the same."""


class LastOnly(nn.Module):
    """A head: a 1x1 convolution of the last block's features."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(WIDTHS[-1], channels, 1)

    def forward(self, features: list[Tensor]) -> Tensor:
        return self.conv(features[-1])


def five_convolutions() -> Backbone:
    return Backbone(blocks=[partial(nn.Conv2d, *pair, 3, padding=1) for pair in pairwise(WIDTHS)], head=LastOnly)


def subsets(tasks: Iterable[str]) -> list[tuple[str, ...]]:
    names = tuple(tasks)
    return [subset for size in range(len(names) + 1) for subset in combinations(names, size)]


@pytest.mark.parametrize("name", published_layouts())
def test_flops_of_every_published_layout_and_set_of_tasks(name: str) -> None:
    """Those of the blocks and heads on the tasks' paths: for a convolution 2 k k C_in C_out a pixel."""
    layout = Layout.named(name)
    heads = {f"task{t}": t + 1 for t in layout.tasks}
    model = BranchedModel(five_convolutions(), layout, heads)
    for tasks in subsets(heads):
        wanted = {list(heads).index(task) for task in tasks}
        expected = sum(2 * WIDTHS[-1] * heads[task] for task in tasks)
        for b, partition in enumerate(layout.blocks):
            expected += 2 * 9 * WIDTHS[b] * WIDTHS[b + 1] * sum(bool(wanted & set(group)) for group in partition)
        with FlopCounterMode(display=False) as counter:
            model(torch.rand(1, 3, 2, 4), tasks)
        assert counter.get_total_flops() == 2 * 4 * expected, tasks


@pytest.mark.parametrize("name", published_layouts())
def test_every_published_layouts_tasks_see_the_single_task_models_on_their_paths(name: str) -> None:
    layout = Layout.named(name)
    heads = {f"task{t}": t + 1 for t in layout.tasks}
    model, images = BranchedModel(five_convolutions(), layout, heads), torch.rand(2, 3, 5, 7)
    outputs = model(images)
    for task, channels in heads.items():
        single = single_task(five_convolutions(), model, task, channels)
        assert torch.equal(single(images)[task], outputs[task])
        assert outputs[task].shape == (2, channels, 5, 7)
        assert not torch.allclose(outputs[task][0], outputs[task][1])


@pytest.mark.parametrize("tasks", subsets(HEADS))
@pytest.mark.parametrize("layout", [Layout.all_shared(3, 5), Layout.parse(PARTLY), Layout.independent(3, 5)])
def test_only_what_the_tasks_need_is_run(layout: Layout, tasks: tuple[str, ...]) -> None:
    model = build(layout)
    ran = set()
    for b, groups in enumerate(model.blocks):
        for key, block in groups.items():
            block.register_forward_hook(lambda *_, name=(b, key): ran.add(name))
    for name, head in model.heads.items():
        head.register_forward_hook(lambda *_, name=name: ran.add(name))
    outputs = model(torch.rand(1, 3, 32, 32), tasks=tasks)
    wanted = {list(HEADS).index(task) for task in tasks}
    needed = {(b, "-".join(map(str, group))) for b, p in enumerate(layout.blocks) for group in p if wanted & set(group)}
    assert ran == needed | set(tasks)
    assert list(outputs) == [task for task in HEADS if task in tasks]


def test_backbone_parameters() -> None:
    shared, partly, independent = (
        build(layout).backbone_parameters() for layout in (Layout.all_shared(3, 5), PARTLY, Layout.independent(3, 5))
    )
    # Without bias: 5x5 stem, four residual blocks of two 3x3 convolutions and a projection where the shape changes;
    # two affine vectors for each convolution.
    blocks = [3 * 4 * 25 + 2 * 4]
    for inputs, outputs in ((4, 6), (6, 8), (8, 10), (10, 12)):
        blocks.append(9 * inputs * outputs + 9 * outputs**2 + inputs * outputs + 3 * 2 * outputs)
    assert shared == sum(blocks)
    assert partly == sum(blocks[:3]) + 2 * blocks[3] + 3 * blocks[4]
    assert independent == 3 * shared


def test_layouts_by_name() -> None:
    assert build("all_shared").layout == Layout.all_shared(3, 5)
    assert build("independent").layout == Layout.independent(3, 5)


def test_errors() -> None:
    with pytest.raises(ValueError, match="backbone: expected one of .*'tiny_resnet', found 'vgg'"):
        branched("vgg", PARTLY, HEADS)
    with pytest.raises(ValueError, match="layout: expected 5 blocks .* and 3 tasks .*, found 4 blocks and 3 tasks"):
        branched("tiny_resnet", Layout.all_shared(3, 4), HEADS)
    with pytest.raises(ValueError, match="layout: expected 5 blocks .* and 3 tasks .*, found 5 blocks and 2 tasks"):
        branched("tiny_resnet", Layout.all_shared(2, 5), HEADS)
    with pytest.raises(ValueError, match="layout: expected nested lists .* found 'none_shared'"):
        branched("tiny_resnet", "none_shared", HEADS)
    with pytest.raises(ValueError, match="tasks: expected one of 'segmentation', 'normal', 'depth', found 'edges'"):
        build(PARTLY)(torch.rand(1, 3, 32, 32), ["edges"])
