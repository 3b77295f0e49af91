"""Rounding to a half type without leaving the ball: towards the clean image."""

from __future__ import annotations

import torch
from torch import Tensor

_HALF = (torch.float16, torch.bfloat16)


def rounded(exact: Tensor, clean: Tensor) -> Tensor:
    """Adversarial inputs in the clean ones' dtype; in a half type none is further from its clean value than it was.

    Rounding to the nearest would do for one value, but not for a radius: near 1 bfloat16 has steps of 1/256, so that
    8/255 becomes as much as 8.47/255.

    Args:
        exact: ``(N, ...)``.
        clean: of the same shape.

    Example:
        >>> clean = torch.tensor([0.75, 0.75], dtype=torch.bfloat16)
        >>> rounded(torch.tensor([0.756, 0.744]), clean).tolist()
        [0.75390625, 0.74609375]
    """
    found = exact.to(clean.dtype)
    if clean.dtype not in _HALF or exact.dtype in _HALF:
        return found
    wide, start = found.to(exact.dtype), clean.to(exact.dtype)
    up = ((wide > exact) & (exact >= start)).to(torch.int16)
    down = ((wide < exact) & (exact <= start)).to(torch.int16)
    return _from_rank(_rank(found) - up + down, clean.dtype)


def _rank(x: Tensor) -> Tensor:
    """The whole numbers ``int16`` in the order of a half type's values, one apart for neighbours; 0 for 0."""
    bits = x.contiguous().view(torch.int16)
    return torch.where(bits < 0, -(bits & 0x7FFF), bits)


def _from_rank(rank: Tensor, dtype: torch.dtype) -> Tensor:
    bits = torch.where(rank < 0, (-rank) | -0x8000, rank)
    return bits.to(torch.int16).view(dtype)
