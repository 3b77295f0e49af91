"""Branched (tree-structured) multi-task models, described by a backbone and a layout."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mt_torchattacks import checks
from mt_torchattacks.models.backbones import BACKBONES, Backbone
from mt_torchattacks.models.backbones.layers import cut_unread_pixels
from mt_torchattacks.models.layouts import Layout
from mt_torchattacks.models.layouts.partitions import Group


def branched(
    backbone: str,
    layout: str | Layout | Sequence[Collection[Collection[int]]],
    heads: Mapping[str, int],
    **options: Any,
) -> BranchedModel:
    """Build a branched model with fresh weights.

    Args:
        backbone: a name of :data:`BACKBONES`.
        layout: which tasks share which block: ``"all_shared"``, ``"independent"``, or anything that
            :meth:`Layout.parse` reads; task i of the layout is the i-th of ``heads``.
        heads: the output channels of each task, e.g. ``{"segmentation": 40, "normal": 3, "depth": 1}``.
        options: the backbone's options.

    Raises:
        ValueError: an unknown backbone, a layout whose blocks or tasks are not the backbone's or the heads' in number.

    Example:
        >>> model = branched("tiny_resnet", "all_shared", heads={"normal": 3, "depth": 1})
        >>> {task: tuple(output.shape) for task, output in model(torch.rand(1, 3, 64, 64)).items()}
        {'normal': (1, 3, 64, 64), 'depth': (1, 1, 64, 64)}
    """
    checks.one_of(backbone, "backbone", BACKBONES)
    parts = BACKBONES[backbone](**options)
    if layout in ("all_shared", "independent"):
        layout = getattr(Layout, layout)(len(heads), len(parts.blocks))
    return BranchedModel(parts, Layout.parse(layout), heads)


class BranchedModel(nn.Module):
    """A tree of backbone blocks with a head per task; see :func:`branched`.

    Images are RGB in [0, 1], of shape ``(N, 3, H, W)``: the model normalizes them itself. It returns a dict with one
    output of shape ``(N, channels, H, W)`` per task.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, backbone: Backbone, layout: Layout, heads: Mapping[str, int]) -> None:
        super().__init__()
        expected = (len(backbone.blocks), len(heads))
        checks.require(
            (layout.num_blocks, layout.num_tasks) == expected,
            "layout",
            f"{expected[0]} blocks (as the backbone) and {expected[1]} tasks (as the heads)",
            f"{layout.num_blocks} blocks and {layout.num_tasks} tasks",
        )
        self.layout = layout
        self.tasks = tuple(heads)
        self.blocks = nn.ModuleList(
            nn.ModuleDict({_key(group): build() for group in partition})
            for build, partition in zip(backbone.blocks, layout.blocks, strict=True)
        )
        self.heads = nn.ModuleDict({task: backbone.head(channels) for task, channels in heads.items()})
        self.register_buffer("mean", torch.tensor(backbone.mean).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(backbone.std).view(3, 1, 1), persistent=False)
        self.to(memory_format=torch.channels_last)  # a training step is a fifth faster on a CPU
        cut_unread_pixels(self)

    def forward(self, images: Tensor, tasks: Collection[str] | None = None) -> dict[str, Tensor]:
        """The outputs of ``tasks`` (all by default); only the blocks and heads that they need are run.

        Args:
            images: ``(N, 3, H, W)`` in [0, 1].
            tasks: names of tasks.

        Returns:
            For each of the tasks ``(N, channels, H, W)``.

        Raises:
            ValueError: a task that the model does not have.
        """
        wanted = self._indices(self.tasks if tasks is None else tasks)
        paths: dict[Group, list[Tensor]] = {self.layout.tasks: [(images - self.mean) / self.std]}
        for b, partition in enumerate(self.layout.blocks):
            needed = [group for group in partition if wanted & set(group)]
            before = {group: paths[self.layout.parent(b, group)] for group in needed}
            paths = {group: [*path, self._block(b, group)(path[-1])] for group, path in before.items()}
        outputs = {}
        for group, path in paths.items():
            for task in sorted(wanted & set(group)):
                outputs[task] = F.interpolate(
                    self.heads[self.tasks[task]](path[1:]), images.shape[2:], mode="bilinear", align_corners=False
                )
        return {self.tasks[task]: outputs[task] for task in sorted(outputs)}

    def backbone_parameters(self, *, as_published: bool = False) -> int:
        """The number of the backbone's parameters, without the heads.

        Args:
            as_published: count one affine vector per batch normalization instead of its weight and its bias. So the
                parameter counts of 'Attacking All Tasks at Once' are reproduced, see
                :func:`~mt_torchattacks.models.published_layouts`.
        """
        left_out = sum(_bias_size(module) for module in self.blocks.modules()) if as_published else 0
        return sum(parameter.numel() for parameter in self.blocks.parameters()) - left_out

    def _indices(self, tasks: Collection[str]) -> set[int]:
        for task in tasks:
            checks.one_of(task, "tasks", self.tasks)
        return {self.tasks.index(task) for task in tasks}

    def _block(self, block: int, group: Group) -> nn.Module:
        blocks = self.blocks[block]
        assert isinstance(blocks, nn.ModuleDict)
        return blocks[_key(group)]


def _bias_size(module: nn.Module) -> int:
    """The size of a batch normalization's bias; 0 for any other module."""
    return module.num_features if isinstance(module, nn.BatchNorm2d) else 0


def _key(group: Group) -> str:
    """A group's name in the state dict: ``0-1-2``."""
    return "-".join(map(str, group))
