"""Metrics as pure functions.

Each task has two: ``*_statistics`` turns a batch into a tensor that adds up over batches (and processes), ``*_scores``
turns the sum into the metrics of the whole set. A metric is therefore that of all valid pixels pooled, never a mean of
batch means. Without a valid pixel a score is NaN.
"""

from __future__ import annotations

from mt_torchattacks.metrics.depth import depth_scores, depth_statistics
from mt_torchattacks.metrics.normal import angles, normal_scores, normal_statistics
from mt_torchattacks.metrics.segmentation import segmentation_scores, segmentation_statistics

__all__ = [
    "angles",
    "depth_scores",
    "depth_statistics",
    "normal_scores",
    "normal_statistics",
    "segmentation_scores",
    "segmentation_statistics",
]
