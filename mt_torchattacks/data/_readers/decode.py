"""From the numbers in a file to a task's target."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from mt_torchattacks import checks
from mt_torchattacks.data._readers import files

IGNORE = 255
"""The label of a pixel that does not count."""

Array: TypeAlias = "np.ndarray[Any, Any]"


def floats(values: Array) -> Tensor:
    """As float32."""
    return torch.from_numpy(values.astype(np.float32))


def channels_first(values: Array, path: Path) -> Array:
    """``(H, W)`` or ``(H, W, C)`` as ``(C, H, W)``."""
    checks.require(values.ndim in (2, 3), str(path), "shape (H, W) or (H, W, C)", f"shape {values.shape}")
    return values[None] if values.ndim == 2 else np.ascontiguousarray(np.moveaxis(values, -1, 0))


def read_rgb(path: Path) -> Tensor:
    """A PNG or JPEG as RGB in [0, 1], ``(3, H, W)``; a grey one has three equal channels."""
    pixels, mode = files.read_image(path)
    highest = {"1": 1, "L": 255, "RGB": 255}.get(mode, 65535)
    return (floats(channels_first(pixels, path)) / highest).expand(3, -1, -1).clone()


def unit_image(values: Tensor, path: Path) -> Tensor:
    """Check that an image of floating-point numbers is RGB in [0, 1]."""
    checks.require(values.shape[0] == 3, str(path), "an image of shape (H, W, 3)", f"{values.shape[0]} channels")
    low, high = (float(v) for v in values.aminmax())
    checks.require(low > -1e-3 and high < 1 + 1e-3, str(path), "an image in [0, 1]", f"from {low:g} to {high:g}")
    return values.clamp(0, 1)


def directions(values: Tensor, path: Path) -> Tensor:
    """Unit vectors ``(3, H, W)``; zeros where the length is far from 1, which is how files mark invalid pixels.

    An 8-bit normal's length is within 1 % of 1. White and black pixels decode to length 1.7 and grey ones to 0.
    """
    checks.require(values.shape[0] == 3, str(path), "normals of shape (H, W, 3)", f"{values.shape[0]} channels")
    length = values.norm(dim=0, keepdim=True)
    valid = (length - 1).abs() < 0.5  # False for NaN
    return torch.where(valid, values / torch.where(valid, length, 1.0), 0.0)


def read_directions(path: Path) -> Tensor:
    """Unit vectors from a PNG with ``(n + 1) / 2 * 255`` in its red, green and blue channels."""
    pixels, _ = files.read_image(path)
    return directions(floats(channels_first(pixels, path)) / 127.5 - 1, path)


def metres(values: Array, path: Path) -> Tensor:
    """Depth ``(1, H, W)``; 0 where a file has NaN, an infinity or a number below 0. Whole numbers are another unit."""
    checks.require(values.shape[0] == 1, str(path), "one depth a pixel", f"{values.shape[0]} channels")
    checks.require(values.dtype.kind == "f", str(path), "depth in floating point", f"dtype {values.dtype}")
    depth = floats(values)
    return torch.where(depth.isfinite() & (depth > 0), depth, 0.0)


def classes(labels: Array, table: Tensor, path: Path, *, first: int = 0) -> Tensor:
    """Classes ``(H, W)`` int64 from a file's labels.

    Args:
        labels: ``(H, W)`` whole numbers, of any dtype.
        table: ``(V,)`` int64, the class of each label from ``first`` on; below 0 for one that a file should not have.
        path: the file, for the message.
        first: the label that the table starts with.

    Raises:
        ValueError: not of shape ``(H, W)``, or a label is not in the table.
    """
    checks.require(labels.ndim == 2, str(path), "labels of shape (H, W)", f"shape {labels.shape}")
    known = np.arange(len(table))[table.numpy() >= 0] + first
    wrong = labels[~np.isin(labels, known)]
    if wrong.size > 0:
        checks.fail(str(path), f"labels among {_ranges(known)}", f"{wrong[0]:g} and {wrong.size - 1} more such pixels")
    return table[torch.from_numpy(labels.astype(np.int64)) - first]


def _ranges(numbers: Array) -> str:
    """Ascending whole numbers as ``0-39, 255``."""
    breaks = np.flatnonzero(np.diff(numbers) > 1)
    pairs = zip(numbers[np.append(0, breaks + 1)], numbers[np.append(breaks, -1)], strict=True)
    return ", ".join(f"{low}-{high}" if low < high else f"{low}" for low, high in pairs)
