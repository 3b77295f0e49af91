"""Augmentation of images together with their targets."""

from __future__ import annotations

import torch
from torch import Tensor

from mt_torchattacks.training.memory import Batch


def random_mirror(images: Tensor, targets: dict[str, Tensor], generator: torch.Generator | None = None) -> Batch:
    """Mirror each sample left to right with probability 1/2; mirrored normals (task ``normal``) flip their x component.

    Args:
        images: ``(N, 3, H, W)``.
        targets: dense targets, each ``(N, ..., H, W)``.
        generator: the source of randomness.

    Returns:
        new images and targets of the same shapes.
    """
    mirrored = torch.rand(len(images), generator=generator) < 0.5
    results = {name: _mirror(target, mirrored) for name, target in targets.items()}
    if "normal" in results:
        results["normal"][mirrored, 0] *= -1
    return _mirror(images, mirrored), results


def _mirror(values: Tensor, mirrored: Tensor) -> Tensor:
    result = values.clone()
    result[mirrored] = values[mirrored].flip(-1)
    return result
