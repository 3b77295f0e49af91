"""What the metrics of every task share: one state that adds up."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor
from torchmetrics import Metric

from mt_torchattacks import checks
from mt_torchattacks.dense import check_mode, resized


def labels_and_predictions(
    output: Tensor, target: Tensor, num_classes: int, ignore_index: int
) -> tuple[Tensor, Tensor]:
    """The labels that count and the classes predicted for them, both ``(M,)`` int64.

    Args:
        output: class scores ``(N, K, ...)``; that there are K of them is for the caller to check.
        target: class indices ``(N, ...)``.
        num_classes: K.
        ignore_index: label that does not count.

    Raises:
        TypeError: the target is not of an integer dtype.
        ValueError: a label is out of range, or a score is NaN or infinite.
    """
    checks.require(not target.is_floating_point(), "target", "an integer dtype", checks.describe(target), TypeError)
    checks.finite(output, "output")
    counted = target != ignore_index
    labels, predicted = target[counted].long(), output.argmax(dim=1)[counted]
    wrong = set(labels[(labels < 0) | (labels >= num_classes)].tolist())
    checks.require(not wrong, "target", f"labels in [0, {num_classes}) or {ignore_index}", f"also {sorted(wrong)}")
    return labels, predicted


class TaskMetrics(Metric, ABC):
    """Base of the accumulators: ``update(output, target)`` a batch at a time, then ``compute() -> dict[str, Tensor]``.

    The state is one tensor that adds up over batches and, as in any ``torchmetrics.Metric``, over processes.
    """

    full_state_update = False
    directions: ClassVar[dict[str, bool]]
    """The metrics' names, each with whether higher is better."""
    total: Tensor

    def __init__(self, empty: Tensor) -> None:
        super().__init__()
        self.add_state("total", default=empty, dist_reduce_fx="sum")

    @abstractmethod
    def statistics(self, output: Tensor, target: Tensor) -> Tensor:
        """What a batch adds to the state."""

    @abstractmethod
    def scores(self, total: Tensor) -> dict[str, Tensor]:
        """The metrics that follow from the state."""

    def update(self, output: Tensor, target: Tensor) -> None:
        """Add a batch: the model's output and the target of this task."""
        self.total += self.statistics(output.detach(), target)

    def compute(self) -> dict[str, Tensor]:
        """The metrics of all that was added."""
        return self.scores(self.total)


class DenseMetrics(TaskMetrics):
    """Base of the metrics of pixels, whose outputs may have another size than the targets.

    Args:
        empty: the state without a pixel.
        resize: how an output of another height and width is brought to the target's: ``"bilinear"``, ``"nearest"`` or
            ``"bicubic"``, as for the losses; None: such an output is an error.
    """

    def __init__(self, empty: Tensor, resize: str | None) -> None:
        check_mode(resize)
        super().__init__(empty)
        self.resize = resize

    def update(self, output: Tensor, target: Tensor) -> None:
        super().update(resized(output, target, self.resize), target)
