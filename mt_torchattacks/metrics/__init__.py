"""Metrics of tasks, and how much an attack worsens them."""

from typing import TYPE_CHECKING

from mt_torchattacks.lazy import lazily

if TYPE_CHECKING:
    from mt_torchattacks.metrics import functional
    from mt_torchattacks.metrics.base import TaskMetrics
    from mt_torchattacks.metrics.boxes import BoxMetrics
    from mt_torchattacks.metrics.classification import ClassificationMetrics
    from mt_torchattacks.metrics.depth import DepthMetrics
    from mt_torchattacks.metrics.error import TaskError
    from mt_torchattacks.metrics.multilabel import MultilabelMetrics
    from mt_torchattacks.metrics.normal import NormalMetrics
    from mt_torchattacks.metrics.relative import (
        AverageRelativePerformance,
        average_relative_performance,
        transferability,
    )
    from mt_torchattacks.metrics.segmentation import SegmentationMetrics
    from mt_torchattacks.metrics.statistics import (
        Correlation,
        Paired,
        bootstrap_interval,
        half_interval,
        holm,
        mean_rank_correlation,
        paired_test,
        pearson_correlation,
        rank_correlation,
        student_quantile,
    )
    from mt_torchattacks.metrics.vulnerability import (
        adversarial_vulnerability,
        correlated_tasks_factor,
        dual_lengths,
        marginal_vulnerability_bound,
        relative_task_vulnerability,
    )
else:
    lazily(__name__)

__all__ = [
    "AverageRelativePerformance",
    "BoxMetrics",
    "ClassificationMetrics",
    "Correlation",
    "DepthMetrics",
    "MultilabelMetrics",
    "NormalMetrics",
    "Paired",
    "SegmentationMetrics",
    "TaskError",
    "TaskMetrics",
    "adversarial_vulnerability",
    "average_relative_performance",
    "bootstrap_interval",
    "correlated_tasks_factor",
    "dual_lengths",
    "functional",
    "half_interval",
    "holm",
    "marginal_vulnerability_bound",
    "mean_rank_correlation",
    "paired_test",
    "pearson_correlation",
    "rank_correlation",
    "relative_task_vulnerability",
    "student_quantile",
    "transferability",
]
