"""Metrics as pure functions.

Each task has two: ``*_statistics`` turns a batch into a tensor that adds up over batches (and processes), ``*_scores``
turns the sum into the metrics of the whole set. A metric is therefore that of all valid pixels (or labels, or boxes)
pooled, never a mean of batch means. Without a valid one a score is NaN.
"""

from __future__ import annotations

from mt_torchattacks.metrics.boxes import box_scores, box_statistics
from mt_torchattacks.metrics.classification import classification_scores, classification_statistics
from mt_torchattacks.metrics.depth import depth_scores, depth_statistics
from mt_torchattacks.metrics.multilabel import multilabel_scores, multilabel_statistics
from mt_torchattacks.metrics.normal import angles, normal_scores, normal_statistics
from mt_torchattacks.metrics.segmentation import segmentation_scores, segmentation_statistics

__all__ = [
    "angles",
    "box_scores",
    "box_statistics",
    "classification_scores",
    "classification_statistics",
    "depth_scores",
    "depth_statistics",
    "multilabel_scores",
    "multilabel_statistics",
    "normal_scores",
    "normal_statistics",
    "segmentation_scores",
    "segmentation_statistics",
]
