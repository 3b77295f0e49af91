"""Multi-label classification: an image has any number of labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from mt_torchattacks.tasks import losses
from mt_torchattacks.tasks.kinds.base import Kind, Size, share
from mt_torchattacks.tasks.kinds.drawing import Drawing

if TYPE_CHECKING:
    from mt_torchattacks.metrics import MultilabelMetrics


class WrongLabels(losses.BCEWithLogits):
    """One minus the probability of what is true of each label: the expected share of a sample's labels that are wrong.

    Example:
        >>> WrongLabels()(torch.tensor([[0.0, 100.0]]), torch.tensor([[1.0, 1.0]]))
        tensor([0.2500])
    """

    def error(self, output: Tensor, target: Tensor, mask: Tensor | None) -> Tensor:
        return -torch.expm1(-super().error(output, target, mask))


class Multilabel(Kind):
    """Labels of an image: targets ``(L,)`` with 1, 0, or NaN where nobody knows, outputs ``(L,)`` scores.

    It is trained with the mean binary cross-entropy of a sample's known labels. Its error is the expected share of
    wrong ones.

    Example:
        >>> kind = Multilabel()
        >>> kind.loss(), kind.error(), kind.metrics(5).directions
        (BCEWithLogits(valid=finite), WrongLabels(valid=finite), {'accuracy': True, 'f1': True})
    """

    names = ("multilabel",)
    classed = True
    dense = False
    shares = ("accuracy", "f1")

    def loss(self, *, class_weights: Tensor | None = None, resize: str | None = None) -> losses.Loss:
        """The loss; weights are those of each label where it is there, beside 1 where it is not."""
        return losses.BCEWithLogits(class_weights, valid=losses.finite)

    def error(self, *, resize: str | None = None) -> losses.Loss:
        return WrongLabels(valid=losses.finite)

    def metrics(self, num_classes: int = 0, *, resize: str | None = None, **options: Any) -> MultilabelMetrics:
        from mt_torchattacks.metrics import MultilabelMetrics

        return MultilabelMetrics(num_classes)

    def example(self, count: int, size: Size, num_classes: int, generator: torch.Generator | None = None) -> Tensor:
        return torch.randint(2, (count, num_classes), generator=generator).float()

    def summed(self, target: Tensor, num_classes: int) -> Tensor:
        """For each label the number of images that have it, and of those that do not."""
        return torch.stack([(target == 1).sum(dim=0), (target == 0).sum(dim=0)])

    def constant(self, sums: Tensor, num_classes: int) -> Tensor:
        """The scores that stand for how often each label is there; finite, with half an image more on both sides."""
        there, missing = sums.double().add(0.5).unbind()
        return (there / missing).log().float()

    def described(self, values: Tensor) -> str:
        known = values.isfinite()
        return f"{len(values)} labels, {share(known)} of them known, {share(values[known] > 0.5)} of these there"

    def doubts(self, values: Tensor, usual: tuple[float, float] | None = None) -> list[str]:
        if bool(((values != 0) & (values != 1) & ~values.isnan()).any()):
            return ["there are other numbers than 0, 1 and NaN: -1 for a label that is not there, or not known?"]
        return [] if bool((values == 1).any()) else ["no image has a label"]

    def drawn(self, target: Tensor, outputs: Sequence[Tensor], size: Size | None = None) -> list[Drawing]:
        """A line of the labels' probabilities."""
        return [Drawing(sample[None].float(), 0.0, 1.0) for sample in (target, *map(torch.sigmoid, outputs))]
