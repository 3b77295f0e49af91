"""Cosine distance of vectors: surface normals, embeddings."""

from __future__ import annotations

from torch import Tensor

from mt_torchattacks import checks
from mt_torchattacks.tasks.losses.base import masked
from mt_torchattacks.tasks.losses.pointwise import Pointwise


class CosineDistance(Pointwise):
    """One minus the cosine of the angle between output and target vectors, mean over the sample's valid vectors.

    The vectors lie along dimension 1 and need not have unit length; the distance is in [0, 2].

    Args:
        valid, resize: see :class:`~mt_torchattacks.tasks.losses.base.Loss`; for normals ``valid=losses.nonzero``.

    Shape:
        output and target ``(N, C)`` or ``(N, C, H, W)``; returns ``(N,)``.

    Example:
        >>> import torch
        >>> CosineDistance()(torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 2.0]]))
        tensor([1.])
    """

    def elements(self, output: Tensor, target: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
        target = target.to(output.dtype)
        # Ten times faster on a CPU than F.cosine_similarity over the channels; lengths as there, at least 1e-8.
        squares = output.square().sum(dim=1) * target.square().sum(dim=1)
        distance = 1 - (output * target).sum(dim=1) * squares.clamp_min(1e-16).rsqrt()
        if mask is None:
            return distance, None
        whole = mask.ndim == target.ndim and mask.shape[1] == 1
        checks.require(whole, "valid", "one truth value a vector, shape (N, 1, ...)", checks.describe(mask))
        return masked(distance, mask.squeeze(1))
