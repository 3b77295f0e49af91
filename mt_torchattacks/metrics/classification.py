"""Metrics of classification: accuracy over all images and within each class."""

from __future__ import annotations

import torch
from torch import Tensor

from mt_torchattacks import checks
from mt_torchattacks.metrics.base import TaskMetrics, labels_and_predictions


def classification_statistics(output: Tensor, target: Tensor, num_classes: int, ignore_index: int = -100) -> Tensor:
    """For each class the samples that have it and are predicted to have it, and those that have it.

    Args:
        output: class scores ``(N, K)``; the highest is the prediction, the first one where several are equal.
        target: class indices ``(N,)``, int64, in [0, K) or ``ignore_index``.
        num_classes: K.
        ignore_index: label of the samples that do not count.

    Returns:
        int64 counts ``(2, K)``.

    Raises:
        TypeError: the target is not of an integer dtype.
        ValueError: the shapes do not fit, a label is out of range, or a score is NaN or infinite.

    Example:
        >>> scores = torch.tensor([[2.0, 1.0], [0.0, 3.0], [5.0, 0.0]])  # predicts 0, 1, 0
        >>> classification_statistics(scores, torch.tensor([0, 0, -100]), num_classes=2)
        tensor([[1, 0],
                [2, 0]])
    """
    fits = output.ndim == 2 and output.shape[1] == num_classes
    checks.require(fits, "output", f"shape (N, {num_classes})", checks.describe(output))
    checks.require(target.shape == output.shape[:1], "target", f"shape ({len(output)},)", checks.describe(target))
    labels, predicted = labels_and_predictions(output, target, num_classes, ignore_index)
    hits = torch.bincount(labels[labels == predicted], minlength=num_classes)
    return torch.stack([hits, torch.bincount(labels, minlength=num_classes)])


def classification_scores(statistics: Tensor, *, per_class: bool = False) -> dict[str, Tensor]:
    """Accuracy, and on request that of the samples of each class, in [0, 1]; NaN where there is no sample.

    Example:
        >>> scores = classification_scores(torch.tensor([[1, 3], [2, 3]]), per_class=True)
        >>> {name: float(score) for name, score in scores.items()}
        {'accuracy': 0.8, 'class_0': 0.5, 'class_1': 1.0}
    """
    hits, counts = statistics.double()
    scores = {"accuracy": hits.sum() / counts.sum()}
    return scores | ({f"class_{k}": share for k, share in enumerate(hits / counts)} if per_class else {})


class ClassificationMetrics(TaskMetrics):
    """Accuracy over the images of the whole set, and on request over those of each class.

    Args:
        num_classes: K; outputs are scores ``(N, K)``, targets class indices ``(N,)``.
        ignore_index: label of the images that do not count.
        per_class: give ``class_0`` to ``class_(K-1)``, too: the share of each class's images that are classified
            right (its recall). That of a class that no image has is NaN, which
            :func:`~mt_torchattacks.evaluate` refuses.

    Raises:
        TypeError, ValueError: ``num_classes`` is not a number > 0.

    Example:
        >>> metrics = ClassificationMetrics(2, per_class=True)
        >>> metrics.update(torch.tensor([[3.0, 0.0], [0.0, 1.0], [0.0, 1.0]]), torch.tensor([0, 0, 1]))
        >>> {name: round(float(value), 4) for name, value in metrics.compute().items()}
        {'accuracy': 0.6667, 'class_0': 0.5, 'class_1': 1.0}
    """

    def __init__(self, num_classes: int, ignore_index: int = -100, *, per_class: bool = False) -> None:
        checks.positive(num_classes, "num_classes")
        super().__init__(torch.zeros(2, num_classes, dtype=torch.int64))
        self.num_classes = num_classes
        self.ignore_index = ignore_index
        self.per_class = per_class
        names = ["accuracy"] + [f"class_{k}" for k in range(num_classes if per_class else 0)]
        self.directions = dict.fromkeys(names, True)  # type: ignore[misc]  # they depend on the arguments

    def statistics(self, output: Tensor, target: Tensor) -> Tensor:
        return classification_statistics(output, target, self.num_classes, self.ignore_index)

    def scores(self, total: Tensor) -> dict[str, Tensor]:
        return classification_scores(total, per_class=self.per_class)
