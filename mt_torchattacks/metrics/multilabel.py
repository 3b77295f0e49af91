"""Metrics of labels that an image may have several of: accuracy and F1, mean over the labels."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from mt_torchattacks import checks
from mt_torchattacks.metrics.base import TaskMetrics


def multilabel_statistics(output: Tensor, target: Tensor, num_labels: int) -> Tensor:
    """For each label its true positives, false positives, false negatives and true negatives.

    Args:
        output: scores ``(N, L)``; one > 0 says that the sample has the label.
        target: ``(N, L)`` floating-point, 1 where the sample has the label, 0 where not, NaN where nobody knows.
        num_labels: L.

    Returns:
        int64 counts ``(4, L)``.

    Raises:
        ValueError: the shapes do not fit, a known target is neither 0 nor 1, or a score is NaN or infinite.

    Example:
        >>> multilabel_statistics(torch.tensor([[2.0, -1.0]]), torch.tensor([[0.0, 0.0]]), num_labels=2).T
        tensor([[0, 1, 0, 0],
                [0, 0, 0, 1]])
    """
    fits = output.ndim == 2 and output.shape[1] == num_labels
    checks.require(fits, "output", f"shape (N, {num_labels})", checks.describe(output))
    checks.require(target.shape == output.shape, "target", f"shape {tuple(output.shape)}", checks.describe(target))
    checks.finite(output, "output")
    has, lacks, said = target == 1, target == 0, output > 0
    known = bool((has | lacks | target.isnan()).all())
    checks.require(known, "target", "1, 0 or NaN for each label", "other numbers")
    return torch.stack([has & said, lacks & said, has & ~said, lacks & ~said]).sum(dim=1)


def multilabel_scores(statistics: Tensor) -> dict[str, Tensor]:
    """Accuracy and F1 of each label, their means over the labels, in [0, 1].

    Accuracy is the share of samples for which the label is right; labels of which nothing is known are left out. F1 is
    the harmonic mean of precision and recall; labels that no sample has or is said to have are left out.

    Example:
        >>> counts = torch.tensor([[1, 0], [1, 0], [0, 0], [2, 4]])
        >>> {name: round(float(score), 4) for name, score in multilabel_scores(counts).items()}
        {'accuracy': 0.875, 'f1': 0.6667}
    """
    hits, false, missed, rejected = statistics.double()
    accuracy = (hits + rejected) / statistics.sum(dim=0)
    f1 = 2 * hits / (2 * hits + false + missed)
    return {"accuracy": accuracy.nanmean(), "f1": f1.nanmean()}


class MultilabelMetrics(TaskMetrics):
    """Accuracy and F1 of each label over the whole set, their means over the labels.

    Args:
        num_labels: L; outputs are scores ``(N, L)``, targets ``(N, L)`` with 1, 0, or NaN where nobody knows.

    Raises:
        TypeError, ValueError: ``num_labels`` is not a number > 0.

    Example:
        >>> metrics = MultilabelMetrics(2)
        >>> metrics.update(torch.tensor([[1.0, 1.0], [1.0, -1.0]]), torch.tensor([[1.0, 1.0], [0.0, 0.0]]))
        >>> {name: round(float(value), 4) for name, value in metrics.compute().items()}
        {'accuracy': 0.75, 'f1': 0.8333}
    """

    directions: ClassVar = {"accuracy": True, "f1": True}

    def __init__(self, num_labels: int) -> None:
        checks.positive(num_labels, "num_labels")
        super().__init__(torch.zeros(4, num_labels, dtype=torch.int64))
        self.num_labels = num_labels

    def statistics(self, output: Tensor, target: Tensor) -> Tensor:
        return multilabel_statistics(output, target, self.num_labels)

    def scores(self, total: Tensor) -> dict[str, Tensor]:
        return multilabel_scores(total)
