"""The losses of one forward pass as rules see them, and what gradients are taken of.

A confident model's cross-entropy is too small for float32: below 1e-3 its gradient has lost digits, and from a margin
of 17 on it is exactly 0, although its logarithm and that one's gradient are ordinary numbers. There a loss is known by
its logarithm (:meth:`mt_torchattacks.tasks.losses.base.Loss.log`), in float64, and ``grad L = L grad log L``.

Scores are numbers of float32 in which such a loss would be lost beside another task's. They see the tangent
``1e-3 (1 + log(L / 1e-3))`` in its place, which goes on where the loss is 1e-3, rises as the loss does, and is -0.19
for a margin of 200.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

SMALL = 1e-3
"""A loss below it is taken from its logarithm, where it has one."""

_FAINT = 1e-20  # a gradient smaller than this may vanish in float32; its direction is what counts


class Losses(NamedTuple):
    """Signed losses ``(k * N, T)`` of one pass.

    Attributes:
        values: the losses, detached.
        handles: in the graph: each loss, or its logarithm where it is small.
        scored: what scores see, detached, in the losses' own dtype: the loss, or its tangent where it is small.
        slopes: how fast the loss changes with its handle: 1, or the loss where that is its logarithm; None if all
            are 1.
    """

    values: Tensor
    handles: Tensor
    scored: Tensor
    slopes: Tensor | None = None

    @classmethod
    def of(cls, signed: Tensor, logarithms: Sequence[Tensor | None], signs: Sequence[int]) -> Losses:
        """From the signed losses ``(k * N, T)`` and, for each task that has them, the losses' logarithms ``(k * N,)``.

        Example:
            >>> found = Losses.of(torch.tensor([[2.0, 0.0]]), [None, torch.tensor([-50.0])], [1, 1])
            >>> found.handles, [f"{value:.2g}" for value in found.slopes[0].tolist()]
            (tensor([[  2., -50.]]), ['1', '1.9e-22'])
        """
        if all(one is None for one in logarithms):
            return cls(signed.detach(), signed, signed.detach())
        nothing = torch.full_like(signed[:, 0], -torch.inf)
        logs = torch.stack([nothing if one is None else one.to(signed.dtype) for one in logarithms], dim=1)
        small = (signed.detach().abs() < SMALL) & torch.isfinite(logs)
        sign = torch.tensor(signs, device=signed.device)
        exact = sign * logs.detach().double().exp()
        tangent = sign * SMALL * (1 + logs.detach() - math.log(SMALL))
        return cls(
            torch.where(small, exact, signed.detach().double()),
            torch.where(small, logs, signed),
            torch.where(small, tangent, signed.detach()),
            torch.where(small, exact, 1.0),
        )

    def plain(self) -> Losses:
        """The same without logarithms, in the losses' own dtype, if none is small.

        What rules make of it is then bit for bit what they make of losses that have no logarithm.

        Example:
            >>> found = Losses.of(torch.tensor([[2.0, 0.5]]), [None, torch.tensor([-0.6931])], [1, 1])
            >>> found.values.dtype, found.plain().values.dtype, found.plain().slopes
            (torch.float64, torch.float32, None)
        """
        small = self.slopes is not None and bool((self.slopes != 1).any())
        return self if small else Losses(self.scored, self.handles, self.scored)

    def scaled(self, weights: Tensor | None = None) -> Tensor:
        """What each handle's gradient counts, ``(k * N, T)``: the rule's weight, 1 by default, times the slope.

        Where all of a sample's numbers are so small that their gradient would vanish, they are made larger together: a
        direction is kept, its length means nothing there.

        Example:
            >>> slopes = torch.tensor([[1e-60, 5e-61]], dtype=torch.float64)
            >>> Losses(slopes, torch.zeros(1, 2), torch.zeros(1, 2), slopes).scaled()
            tensor([[1.0000, 0.5000]])
        """
        if self.slopes is None:
            return torch.ones_like(self.handles) if weights is None else weights
        found = self.slopes if weights is None else self.slopes * weights
        largest = found.abs().amax(dim=1, keepdim=True)
        faint = (largest < _FAINT) & (largest > 0)
        return torch.where(faint, found / torch.where(faint, largest, 1), found).to(self.handles.dtype)
