"""Every backbone at a width at which a forward pass takes milliseconds, and models of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from mt_torchattacks.models import Backbone, BranchedModel, Layout, branched

HEADS = {"segmentation": 5, "normal": 3, "depth": 1}
RESNET = {"width": 4, "decoder_widths": (6, 5, 4, 4, 3)}
SMALL: dict[str, dict[str, Any]] = {
    "tiny_resnet": {"widths": (4, 6, 8, 10, 12), "head_width": 4},
    "deeplab_resnet34": {"width": 4, "head_width": 4},
    "mobilenet_v2": {"width": 0.1, "head_width": 4},
    "taskonomy_resnet18": RESNET,
    "taskonomy_resnet50": RESNET,
    "taskonomy_resnet152": RESNET,
    "taskonomy_wide_resnet50": RESNET,
    "taskonomy_xception": {"widths": (4, 4, 6, 8, 10), "features": 8, "decoder_widths": (6, 5, 4, 3)},
}
PARTLY = "[[[0, 1, 2]], [[0, 1, 2]], [[0, 1, 2]], [[0], [1, 2]], [[0], [1], [2]]]"


def build(layout: str | Layout, heads: Mapping[str, int] | None = None, backbone: str = "tiny_resnet") -> BranchedModel:
    """A small model in evaluation mode, whose batch normalizations hold the statistics of a random batch.

    With the statistics that a fresh model has, or random ones, most narrow networks give the same for all images.
    """
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = branched(backbone, layout, HEADS if heads is None else heads, **SMALL[backbone])
        norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
        for norm in norms:
            norm.momentum = 1
        with torch.no_grad():
            model.train()(torch.rand(4, 3, 64, 64))
        for norm in norms:
            norm.momentum = 0.1
    return model.eval()


def single_task(parts: Backbone, model: BranchedModel, task: str, channels: int) -> BranchedModel:
    """A model of one task alone, with the weights on that task's path through a branched model."""
    state, index = {}, str(model.tasks.index(task))
    for key, value in model.state_dict().items():
        part, second, rest = key.split(".", 2)
        if part == "heads" and second == task:
            state[key] = value
        elif part == "blocks" and index in rest.split(".")[0].split("-"):
            state[f"blocks.{second}.0.{rest.split('.', 1)[1]}"] = value
    single = BranchedModel(parts, Layout.all_shared(1, len(parts.blocks)), {task: channels})
    single.load_state_dict(state)
    return single.eval()


def unallocated(backbone: str, layout: str | Layout, heads: Mapping[str, int], **options: Any) -> BranchedModel:
    """A model at full width whose parameters take no memory."""
    with torch.device("meta"):
        return branched(backbone, layout, heads, **options)
