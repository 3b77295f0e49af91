"""Metrics of semantic segmentation: mean intersection over union and pixel accuracy."""

from __future__ import annotations

import math
from typing import ClassVar, Literal, TypeAlias, get_args

import torch
from torch import Tensor

from mt_torchattacks import checks
from mt_torchattacks.metrics.base import DenseMetrics, labels_and_predictions

Miou: TypeAlias = Literal["occurring", "true_positive"]
"""The classes that mIoU is the mean over, see :func:`segmentation_scores`."""


def segmentation_statistics(output: Tensor, target: Tensor, num_classes: int, ignore_index: int = 255) -> Tensor:
    """Confusion matrix of the pixels whose label is not ``ignore_index``.

    Args:
        output: class scores ``(N, K, ...)``; the highest is the prediction, the first one where several are equal.
        target: class indices ``(N, ...)``, int64, in [0, K) or ``ignore_index``.
        num_classes: K.
        ignore_index: label of the pixels that do not count.

    Returns:
        int64 counts ``(K, K)``, the target's class by row, the predicted class by column.

    Raises:
        TypeError: the target is not of an integer dtype.
        ValueError: the shapes do not fit, a label is out of range, or a score is NaN or infinite.

    Example:
        >>> scores = torch.tensor([[[2.0, 0.0, 0.0], [1.0, 3.0, 1.0]]])  # predicts 0, 1, 1
        >>> segmentation_statistics(scores, torch.tensor([[0, 0, 255]]), num_classes=2)
        tensor([[1, 1],
                [0, 0]])
    """
    wanted = (len(output), *output.shape[2:])
    fits = output.ndim >= 2 and output.shape[1] == num_classes
    checks.require(fits, "output", f"shape (N, {num_classes}, ...)", checks.describe(output))
    checks.require(target.shape == wanted, "target", f"shape {wanted}", checks.describe(target))
    labels, predicted = labels_and_predictions(output, target, num_classes, ignore_index)
    return torch.bincount(labels * num_classes + predicted, minlength=num_classes**2).reshape(num_classes, num_classes)


def segmentation_scores(confusion: Tensor, miou: Miou = "occurring") -> dict[str, Tensor]:
    """Mean intersection over union and pixel accuracy, both in [0, 1], from a confusion matrix.

    Args:
        confusion: counts ``(K, K)``, see :func:`segmentation_statistics`.
        miou: the classes that mIoU is the mean over. ``"occurring"``, the standard definition: those that occur in
            the targets or in the predictions; a class that the model never gets right counts with 0.
            ``"true_positive"``: those with at least one correct pixel, as in the published code of 'Attacking All
            Tasks at Once', needed to compare with its numbers. It flatters a broken model: a class that is lost
            leaves the mean instead of lowering it. 0 if no pixel at all is correct.

    Returns:
        ``miou`` and ``pixel_acc``; both NaN if the matrix counts no pixel.

    Example:
        >>> scores = segmentation_scores(torch.tensor([[3, 1, 0], [0, 0, 0], [0, 0, 0]]))
        >>> scores["miou"], scores["pixel_acc"]  # IoU 3/4 and 0/1; class 2 does not occur
        (tensor(0.3750, dtype=torch.float64), tensor(0.7500, dtype=torch.float64))
        >>> segmentation_scores(torch.tensor([[3, 1, 0], [0, 0, 0], [0, 0, 0]]), miou="true_positive")["miou"]
        tensor(0.7500, dtype=torch.float64)
    """
    counts = confusion.double()
    hit = counts.diagonal()
    union = counts.sum(dim=0) + counts.sum(dim=1) - hit
    counted = (union if miou == "occurring" else hit) > 0
    # Classes without a correct pixel have the IoU 0: nothing to add, and in the variant nothing to divide by.
    mean = (hit / union.clamp_min(1)).sum() / counted.sum().clamp_min(1)
    return {"miou": torch.where(counts.sum() > 0, mean, math.nan), "pixel_acc": hit.sum() / counts.sum()}


class SegmentationMetrics(DenseMetrics):
    """mIoU and pixel accuracy of the whole set, from one confusion matrix.

    Args:
        num_classes: K; outputs are scores ``(N, K, ...)``, targets class indices ``(N, ...)``.
        ignore_index: label of the pixels that do not count.
        miou: the classes that mIoU is the mean over: ``"occurring"`` in targets or predictions, the standard, or
            ``"true_positive"``, those with a correct pixel, the variant of the papers' code (see
            :func:`~mt_torchattacks.metrics.functional.segmentation_scores`).
        resize: see :class:`~mt_torchattacks.metrics.base.DenseMetrics`.

    Raises:
        TypeError, ValueError: ``num_classes`` is not a number > 0; another ``miou`` or ``resize``.

    Example:
        >>> metrics = SegmentationMetrics(num_classes=2)
        >>> metrics.update(torch.tensor([[[3.0, 0.0], [0.0, 1.0]]]), torch.tensor([[0, 0]]))  # predicts 0, 1
        >>> {name: float(value) for name, value in metrics.compute().items()}
        {'miou': 0.25, 'pixel_acc': 0.5}
    """

    directions: ClassVar = {"miou": True, "pixel_acc": True}

    def __init__(
        self, num_classes: int, ignore_index: int = 255, *, miou: Miou = "occurring", resize: str | None = None
    ) -> None:
        checks.positive(num_classes, "num_classes")
        checks.one_of(miou, "miou", get_args(Miou))
        super().__init__(torch.zeros(num_classes, num_classes, dtype=torch.int64), resize)
        self.num_classes = num_classes
        self.miou = miou
        self.ignore_index = ignore_index

    def statistics(self, output: Tensor, target: Tensor) -> Tensor:
        return segmentation_statistics(output, target, self.num_classes, self.ignore_index)

    def scores(self, total: Tensor) -> dict[str, Tensor]:
        return segmentation_scores(total, self.miou)
