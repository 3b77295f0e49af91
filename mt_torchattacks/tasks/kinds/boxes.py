"""Boxes: where something is in the image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from mt_torchattacks.dense import has_area, intersection_over_union
from mt_torchattacks.tasks import losses
from mt_torchattacks.tasks.kinds.base import Kind, Size, Window, share
from mt_torchattacks.tasks.kinds.drawing import Drawing, class_colours
from mt_torchattacks.tasks.losses.base import masked

if TYPE_CHECKING:
    from mt_torchattacks.metrics import BoxMetrics


class Misplacement(losses.L1):
    """One minus the intersection over union, mean over a sample's boxes that are there.

    Where two boxes do not touch it is 1 and has no gradient.

    Example:
        >>> Misplacement()(torch.tensor([[0.0, 0.0, 2.0, 2.0]]), torch.tensor([[0.0, 0.0, 2.0, 4.0]]))
        tensor([0.5000])
    """

    def elements(self, output: Tensor, target: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
        there = has_area(target)
        placed = torch.where(there, target, torch.tensor([0.0, 0.0, 1.0, 1.0]).to(target))  # nothing is divided by 0
        return masked(1 - intersection_over_union(output, placed.to(output.dtype)).unsqueeze(-1), there)


class Boxes(Kind):
    """A box, or M in a given order: left, top, right and bottom edge in pixels, ``(4,)`` or ``(M, 4)``.

    A target whose edges enclose no area (zeros, for example) is not there. It is trained with the absolute error of the
    edges. Its error is one minus the intersection over union.

    Example:
        >>> kind = Boxes()
        >>> kind.loss(), kind.metrics().directions, kind.mirrored(torch.tensor([1.0, 0.0, 3.0, 5.0]), width=10)
        (L1(valid=has_area), {'iou': True, 'l1': False}, tensor([7., 0., 9., 5.]))
    """

    names = ("boxes",)
    dense = False
    unit = "px"
    shares = ("iou",)

    def channels(self, num_classes: int) -> int:
        return 4

    def loss(self, *, class_weights: Tensor | None = None, resize: str | None = None) -> losses.Loss:
        return losses.L1(valid=has_area)

    def error(self, *, resize: str | None = None) -> losses.Loss:
        return Misplacement(valid=has_area)

    def metrics(self, num_classes: int = 0, *, resize: str | None = None, **options: Any) -> BoxMetrics:
        from mt_torchattacks.metrics import BoxMetrics

        return BoxMetrics()

    def example(self, count: int, size: Size, num_classes: int, generator: torch.Generator | None = None) -> Tensor:
        corners = torch.rand(count, 2, 2, generator=generator) * torch.tensor([size[1] / 2, size[0] / 2])
        return torch.cat([corners[:, 0], corners.sum(dim=1) + 1], dim=-1)

    def summed(self, target: Tensor, num_classes: int) -> Tensor:
        """For each box the sums of its edges and, last, how often it is there."""
        there = has_area(target)
        return torch.cat([torch.where(there, target, 0).double(), there.double()], dim=-1).sum(dim=0)

    def constant(self, sums: Tensor, num_classes: int) -> Tensor:
        """The mean box."""
        return (sums[..., :4] / sums[..., 4:]).float()

    def resized(self, target: Tensor, old: Size, new: Size) -> Tensor:
        down, right = (n / o for n, o in zip(new, old, strict=True))
        return target * target.new_tensor([right, down, right, down])

    def mirrored(self, target: Tensor, width: int) -> Tensor:
        left, top, right, bottom = target.unbind(-1)
        return torch.where(has_area(target), torch.stack([width - right, top, width - left, bottom], dim=-1), target)

    def cropped(self, target: Tensor, window: Window) -> Tensor:
        """The parts of the boxes that the window shows, as seen from its corner; zeros where it shows none."""
        left, _, top, _ = window.margins
        corner = target.new_tensor([left - window.columns.start, top - window.rows.start] * 2)
        sides = [window.columns.stop - window.columns.start, window.rows.stop - window.rows.start]
        moved = torch.minimum((target + corner).clamp_min(0), target.new_tensor(sides * 2))
        return torch.where(has_area(target) & has_area(moved), moved, 0)

    def flattened(self, target: Tensor) -> Tensor:
        return target.reshape(-1, 4).T

    def described(self, values: Tensor) -> str:
        there = has_area(values.T).squeeze(-1)
        if not there.any():
            return "none of the boxes is there"
        width, height = (values[2:, there] - values[:2, there]).median(dim=1).values
        return f"{share(there)} of the boxes are there, of a median {width:.4g} x {height:.4g} {self.unit}"

    def doubts(self, values: Tensor, usual: tuple[float, float] | None = None) -> list[str]:
        there = has_area(values.T).squeeze(-1)
        if bool((values[:, ~there] != 0).any()):
            return ["a right or bottom edge is not beyond the left or top one: are they left, top, right, bottom?"]
        if not there.any():
            return ["there is no box"]
        return ["all edges are in [0, 1]: pixels are expected, no shares of the image"] if values.max() <= 1 else []

    def drawn(self, target: Tensor, outputs: Sequence[Tensor], size: Size | None = None) -> list[Drawing]:
        """The outlines of the boxes on black, in an image's size or as far as the target's boxes reach."""
        far = target[..., 2:].reshape(-1, 2).amax(dim=0).ceil().long() + 1
        height, width = (int(far[1]), int(far[0])) if size is None else size
        return [Drawing(_outlines(sample.reshape(-1, 4), height, width)) for sample in (target, *outputs)]


def _outlines(boxes: Tensor, height: int, width: int) -> Tensor:
    numbers = torch.full((height, width), -1)
    rows, columns = torch.arange(height)[:, None], torch.arange(width)
    for number, box in enumerate(boxes):
        left, top, right, bottom = (edge.round() for edge in box)
        inside = (columns >= left) & (columns <= right) & (rows >= top) & (rows <= bottom)
        edge = (columns == left) | (columns == right) | (rows == top) | (rows == bottom)
        numbers[inside & edge & bool(has_area(box))] = number
    return class_colours(numbers, ignored=-1)
