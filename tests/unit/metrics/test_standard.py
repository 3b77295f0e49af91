"""The standard metrics by task name."""

from __future__ import annotations

import pytest
import torch

from mt_torchattacks.metrics import DepthMetrics, NormalMetrics, SegmentationMetrics, TaskError
from mt_torchattacks.tasks import standard_metrics


def test_each_task_has_its_own() -> None:
    found = standard_metrics(["depth", "segmentation", "edge_texture", "normal", "depth_euclidean"], num_classes=17)
    kinds = [DepthMetrics, SegmentationMetrics, TaskError, NormalMetrics, TaskError]
    assert [type(metrics) for metrics in found.values()] == kinds
    assert list(found) == ["depth", "segmentation", "edge_texture", "normal", "depth_euclidean"]
    assert found["segmentation"].num_classes == 17


def test_another_task_is_measured_by_its_loss() -> None:
    """Euclidean depth counts where it is > 0, an edge everywhere."""
    found = standard_metrics(["depth_euclidean", "edge_texture"])
    for metrics, expected in zip(found.values(), (1.0, 2.0), strict=True):
        metrics.update(torch.tensor([[[[3.0, 3.0]]]]), torch.tensor([[[[2.0, 0.0]]]]))
        assert float(metrics.compute()["error"]) == expected


def test_options_reach_every_task() -> None:
    names = ["segmentation", "normal", "depth", "reshading"]
    found = standard_metrics(names, num_classes=2, miou="true_positive", resize="nearest")
    channels = {"segmentation": 2, "normal": 3, "depth": 1, "reshading": 1}
    for name, metrics in found.items():
        shape = (1, 4, 4) if name == "segmentation" else (1, channels[name], 4, 4)
        target = torch.ones(shape, dtype=torch.int64 if name == "segmentation" else torch.float32)
        metrics.update(torch.rand(1, channels[name], 2, 2), target)
    assert found["segmentation"].miou == "true_positive"


def test_bad_arguments() -> None:
    with pytest.raises(TypeError, match="num_classes: expected the number of classes of the task 'segmentation'"):
        standard_metrics(["segmentation"])
    with pytest.raises(ValueError, match="names: expected one of 'autoencoder', .*'segmentation', found 'depht'"):
        standard_metrics(["depht"])
    with pytest.raises(ValueError, match="miou: expected one of 'occurring', 'true_positive', found 'all'"):
        standard_metrics(["segmentation"], 3, miou="all")  # type: ignore[arg-type]
