"""What losses and metrics share: which elements are valid, outputs of another size, and how far boxes overlap."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from mt_torchattacks import checks

MODES = ("bilinear", "nearest", "bicubic")


def check_mode(resize: str | None) -> None:
    """Check the argument ``resize``: an interpolation mode or None.

    Raises:
        ValueError: neither.
    """
    if resize is not None:
        checks.one_of(resize, "resize", MODES)


def resized(output: Tensor, target: Tensor, resize: str | None) -> Tensor:
    """A dense output at the target's height and width.

    Args:
        output: ``(N, C, h, w)`` is resized; an output of another number of dimensions has no size to fit.
        target: ``(N, H, W)`` or ``(N, C, H, W)``.
        resize: ``"bilinear"``, ``"nearest"`` or ``"bicubic"``; None: another size is an error.

    Returns:
        ``(N, C, H, W)``, in float32 where it was resized from a half type.

    Raises:
        ValueError: the sizes differ and ``resize`` is None.

    Example:
        >>> resized(torch.tensor([[[[1.0, 3.0]]]]), torch.zeros(1, 1, 4), "bilinear")
        tensor([[[[1.0000, 1.5000, 2.5000, 3.0000]]]])
    """
    size = target.shape[-2:]
    if output.ndim != 4 or target.ndim < 3 or output.shape[-2:] == size:
        return output
    if resize is None:
        checks.fail(
            "target",
            f"the output's height and width {tuple(output.shape[-2:])}",
            f"{tuple(size)}; to resize the output to the target, say so: resize='bilinear'",
        )
    output = output.float() if output.dtype in (torch.float16, torch.bfloat16) else output
    return F.interpolate(output, size=size, mode=resize, align_corners=None if resize == "nearest" else False)


def positive(target: Tensor) -> Tensor:
    """Mask of the elements > 0: the usual validity of a depth map, whose holes are 0."""
    return target > 0


def nonzero(target: Tensor) -> Tensor:
    """Mask ``(N, 1, ...)`` of the vectors along dimension 1 that are not all zero: the usual validity of normals."""
    return target.abs().sum(dim=1, keepdim=True) > 0


def finite(target: Tensor) -> Tensor:
    """Mask of the elements that are neither NaN nor infinite."""
    return torch.isfinite(target)


def has_area(boxes: Tensor) -> Tensor:
    """Mask ``(..., 1)`` of the boxes ``(..., 4)`` that have an area; a target without one stands for no box."""
    return (boxes[..., 2:] > boxes[..., :2]).all(dim=-1, keepdim=True)


def intersection_over_union(output: Tensor, target: Tensor) -> Tensor:
    """Area that two boxes share over the area that they cover, pair by pair, differentiable.

    Args:
        output: left, top, right and bottom edge ``(..., 4)``; a box whose edges are exchanged has no area.
        target: of the same shape, with an area.

    Returns:
        ``(...)`` in [0, 1].

    Example:
        >>> intersection_over_union(torch.tensor([0.0, 0.0, 2.0, 2.0]), torch.tensor([1.0, 0.0, 3.0, 2.0]))
        tensor(0.3333)
    """
    first, last = torch.maximum(output[..., :2], target[..., :2]), torch.minimum(output[..., 2:], target[..., 2:])
    shared = (last - first).clamp_min(0).prod(dim=-1)
    areas = [(boxes[..., 2:] - boxes[..., :2]).clamp_min(0).prod(dim=-1) for boxes in (output, target)]
    return shared / (areas[0] + areas[1] - shared)
