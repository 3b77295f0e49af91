"""Semantic segmentation: a class for each pixel, 255 where there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mt_torchattacks.tasks.kinds.labels import Labels

if TYPE_CHECKING:
    from mt_torchattacks.metrics import SegmentationMetrics
    from mt_torchattacks.metrics.segmentation import Miou


class Segmentation(Labels):
    """A class for each pixel: targets ``(H, W)`` int64, outputs ``(K, H, W)`` scores.

    It is trained with the cross-entropy of the pixels whose label is not 255. Its error is the expected share of wrong
    ones.

    Example:
        >>> kind = Segmentation()
        >>> kind.loss(), kind.error(), kind.channels(num_classes=40), kind.metrics(40).directions
        (CrossEntropy(ignore_index=255, label_smoothing=0.0, probabilities=False),
         ExpectedError(ignore_index=255, label_smoothing=0.0, probabilities=False),
         40, {'miou': True, 'pixel_acc': True})
    """

    names = ("segmentation",)
    ignored = padding = 255
    element = "pixel"
    short = "seg"
    shares = ("miou", "pixel_acc")

    def metrics(
        self, num_classes: int = 0, *, resize: str | None = None, miou: Miou = "occurring", **options: Any
    ) -> SegmentationMetrics:
        """The metrics; ``miou`` as in :class:`~mt_torchattacks.metrics.SegmentationMetrics`."""
        from mt_torchattacks.metrics import SegmentationMetrics

        return SegmentationMetrics(num_classes, self.ignored, miou=miou, resize=resize)
