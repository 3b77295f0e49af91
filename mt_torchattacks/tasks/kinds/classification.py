"""Classification: one class for each image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mt_torchattacks.tasks.kinds.labels import Labels

if TYPE_CHECKING:
    from mt_torchattacks.metrics import ClassificationMetrics


class Classification(Labels):
    """One class for each image: targets ``(N,)`` int64, -100 where there is none, outputs ``(N, K)`` scores.

    It is trained with the cross-entropy. Its error is one minus the probability of the true class, the expected share
    of wrong images.

    Example:
        >>> kind = Classification()
        >>> kind.error(), kind.metrics(10).directions, kind.metrics(2, per_class=True).directions
        (ExpectedError(ignore_index=-100, label_smoothing=0.0, probabilities=False),
         {'accuracy': True}, {'accuracy': True, 'class_0': True, 'class_1': True})
    """

    names = ("classification",)
    dense = False
    ignored = -100
    element = "image"
    shares = ("accuracy", "class_*")

    def metrics(
        self, num_classes: int = 0, *, resize: str | None = None, per_class: bool = False, **options: Any
    ) -> ClassificationMetrics:
        """The metrics; ``per_class`` as in :class:`~mt_torchattacks.metrics.ClassificationMetrics`."""
        from mt_torchattacks.metrics import ClassificationMetrics

        return ClassificationMetrics(num_classes, self.ignored, per_class=per_class)
