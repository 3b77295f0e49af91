"""What the kinds have in common whose target is one class: for each pixel, or for the whole image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from mt_torchattacks.tasks import losses
from mt_torchattacks.tasks.kinds.base import Kind, Size, share
from mt_torchattacks.tasks.kinds.drawing import Drawing, class_colours


class Labels(Kind):
    """Base of the kinds whose target is a class index and whose output is a score for each class."""

    classed = True

    ignored: ClassVar[int]
    """The label that does not count."""

    element: ClassVar[str]
    """What has a label, in words: ``"pixel"``."""

    def loss(self, *, class_weights: Tensor | None = None, resize: str | None = None) -> losses.Loss:
        return losses.CrossEntropy(ignore_index=self.ignored, weight=class_weights, resize=resize)

    def error(self, *, resize: str | None = None) -> losses.Loss:
        return losses.ExpectedError(ignore_index=self.ignored, resize=resize)

    def example(self, count: int, size: Size, num_classes: int, generator: torch.Generator | None = None) -> Tensor:
        return torch.randint(num_classes, (count, *(size if self.dense else ())), generator=generator)

    def summed(self, target: Tensor, num_classes: int) -> Tensor:
        """How often each class occurs."""
        return target[target != self.ignored].bincount(minlength=num_classes)

    def constant(self, sums: Tensor, num_classes: int) -> Tensor:
        """The class that occurs most."""
        return F.one_hot(sums.argmax(), num_classes).float()

    def described(self, values: Tensor) -> str:
        seen = set(values[values != self.ignored].tolist())
        return f"{len(seen)} classes seen, {share(values == self.ignored)} of the {self.element}s ignored"

    def doubts(self, values: Tensor, usual: tuple[float, float] | None = None) -> list[str]:
        return [f"no {self.element} has a class"] if bool((values == self.ignored).all()) else []

    def drawn(self, target: Tensor, outputs: Sequence[Tensor], size: Size | None = None) -> list[Drawing]:
        """The colour of each class, black where ignored; one pixel for an image's class."""
        found = [classes(sample) for sample in (target, *outputs)]
        return [Drawing(class_colours(labels if labels.ndim else labels.view(1, 1), self.ignored)) for labels in found]

    def classes_shown(self, sample: Tensor) -> set[int]:
        return set(classes(sample).flatten().tolist())


def classes(values: Tensor) -> Tensor:
    """The classes of a sample: the labels themselves, or those with the highest scores ``(K, ...)``."""
    return values.argmax(dim=0) if values.is_floating_point() else values
