"""Depth: how far away each pixel is, along the optical axis or from the camera."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor

from mt_torchattacks.tasks import losses
from mt_torchattacks.tasks.kinds.base import Kind, Size, share

if TYPE_CHECKING:
    from mt_torchattacks.metrics import TaskMetrics

METRES = (0.1, 60.0)
"""Where the median depth of photographs lies."""


class Depth(Kind):
    """A depth for each pixel, ``(1, H, W)`` in metres; numbers that are not > 0 are holes.

    It is trained with the absolute error. Its error is the absolute error relative to the true depth.

    Example:
        >>> kind = Depth()
        >>> kind.loss(), kind.error(), list(kind.metrics().directions)[:3]
        (L1(valid=positive), RelativeError(valid=positive), ['abs', 'rel', 'delta_1.25'])
    """

    names = ("depth",)
    positive = True
    unit = "m"
    power = -1.0  # an image enlarged by s shows its scene s times closer
    shares = ("delta_*",)
    columns: ClassVar = {f"delta_{ratio}": ratio for ratio in ("1.25", "1.25^2", "1.25^3")}

    def loss(self, *, class_weights: Tensor | None = None, resize: str | None = None) -> losses.Loss:
        return losses.L1(valid=losses.positive, resize=resize)

    def error(self, *, resize: str | None = None) -> losses.Loss:
        return losses.RelativeError(valid=losses.positive, resize=resize)

    def metrics(self, num_classes: int = 0, *, resize: str | None = None, **options: Any) -> TaskMetrics:
        from mt_torchattacks.metrics import DepthMetrics

        return DepthMetrics(resize=resize)

    def example(self, count: int, size: Size, num_classes: int, generator: torch.Generator | None = None) -> Tensor:
        return 1 + 4 * super().example(count, size, num_classes, generator)

    def described(self, values: Tensor) -> str:
        valid = values[values > 0]
        spread = f"from {valid.min():.4g} to {valid.max():.4g}, median {valid.median():.4g}; " if len(valid) else ""
        return f"{spread}{share(values > 0)} of the pixels have one"

    def doubts(self, values: Tensor, usual: tuple[float, float] | None = None) -> list[str]:
        valid = values[values > 0]
        if not len(valid):
            return ["no pixel has one"]
        low, high = METRES if usual is None else usual
        fits = low <= float(valid.median()) <= high
        return [] if fits else [f"the median is outside {low:g} to {high:g}: in another unit, such as millimetres?"]


class EuclideanDepth(Depth):
    """The distance from the camera, as :class:`Depth`, but measured by the mean of its loss.

    Example:
        >>> EuclideanDepth().metrics()
        TaskError()
    """

    names = ("depth_euclidean",)

    def metrics(self, num_classes: int = 0, *, resize: str | None = None, **options: Any) -> TaskMetrics:
        return Kind.metrics(self, num_classes, resize=resize, **options)
