"""Surface normals: the direction that each pixel's surface faces."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from mt_torchattacks.tasks import losses
from mt_torchattacks.tasks.kinds.base import Kind, Size, share
from mt_torchattacks.tasks.kinds.drawing import Drawing

if TYPE_CHECKING:
    from mt_torchattacks.metrics import NormalMetrics


class Normal(Kind):
    """A direction for each pixel, ``(3, H, W)``, in camera coordinates x right, y down, z forward; zeros are holes.

    It is trained with one minus the cosine. Its error is the angle in degrees.

    Example:
        >>> kind = Normal()
        >>> kind.loss(), kind.error(), kind.mirrored(torch.tensor([0.6, 0.0, -0.8]).view(3, 1, 1), width=1).flatten()
        (CosineDistance(valid=nonzero), Angle(valid=nonzero), tensor([-0.6000,  0.0000, -0.8000]))
    """

    names = ("normal",)
    shares = ("within_*",)
    columns: ClassVar = {f"within_{degrees}": degrees for degrees in ("11.25", "22.5", "30")}

    def channels(self, num_classes: int) -> int:
        return 3

    def loss(self, *, class_weights: Tensor | None = None, resize: str | None = None) -> losses.Loss:
        return losses.CosineDistance(valid=losses.nonzero, resize=resize)

    def error(self, *, resize: str | None = None) -> losses.Loss:
        return losses.Angle(valid=losses.nonzero, resize=resize)

    def metrics(self, num_classes: int = 0, *, resize: str | None = None, **options: Any) -> NormalMetrics:
        from mt_torchattacks.metrics import NormalMetrics

        return NormalMetrics(resize=resize)

    def example(self, count: int, size: Size, num_classes: int, generator: torch.Generator | None = None) -> Tensor:
        towards = super().example(count, size, num_classes, generator) - torch.tensor([0.5, 0.5, 1.5]).view(3, 1, 1)
        return F.normalize(towards, dim=1)

    def constant(self, sums: Tensor, num_classes: int) -> Tensor:
        """The mean direction; holes are zero vectors and do not change it."""
        return F.normalize(sums[:-1], dim=0).float()

    def mirrored(self, target: Tensor, width: int) -> Tensor:
        """As of any map, and the sign of the x component changes."""
        result = super().mirrored(target, width)
        result[0] *= -1
        return result

    def described(self, values: Tensor) -> str:
        return f"{share(values.any(dim=0))} of the pixels have one"

    def doubts(self, values: Tensor, usual: tuple[float, float] | None = None) -> list[str]:
        """Of the directions that a camera can see all face it."""
        valid = values[:, values.any(dim=0)]
        if valid.shape[1] < values.shape[1] / 2:
            return ["most pixels have none: unit vectors, or in a PNG (n + 1) / 2 * 255, are expected"]
        away = float((valid[2] > 0).float().mean())
        if 0.1 < away < 0.9:
            shown = f"the third component is positive in {away:.0%} of the pixels"
            return [f"{shown}: are the channels in the order x, y, z?"]
        return []

    def drawn(self, target: Tensor, outputs: Sequence[Tensor], size: Size | None = None) -> list[Drawing]:
        """Right is red, up is green, towards the camera is blue, as most figures have it; black where invalid."""
        return [Drawing(_colours(sample)) for sample in (target, *outputs)]


def _colours(vectors: Tensor) -> Tensor:
    unit = F.normalize(vectors.float(), dim=0) * torch.tensor([1.0, -1.0, -1.0]).reshape(3, 1, 1)
    return torch.where((vectors != 0).any(dim=0, keepdim=True), (unit + 1) / 2, 0).permute(1, 2, 0)
