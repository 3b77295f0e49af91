from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from mt_torchattacks.metrics import DepthMetrics
from mt_torchattacks.tasks import Tasks, losses, standard_metrics, standard_tasks
from mt_torchattacks.training import InMemory, MeanPrediction, measure


def sample(label: Tensor, normal: Tensor, depth: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    return torch.zeros(3, 2, 2), {"segmentation": label, "normal": normal.view(3, 1, 1).expand(3, 2, 2), "depth": depth}


X, Z, NONE = torch.tensor([1.0, 0, 0]), torch.tensor([0, 0, -1.0]), torch.zeros(3)
SAMPLES = [
    sample(torch.tensor([[0, 1], [1, 255]]), X, torch.tensor([[[1.0, 2.0], [3.0, 0.0]]])),
    sample(torch.tensor([[1, 255], [255, 2]]), Z, torch.tensor([[[4.0, 0.0], [0.0, 0.0]]])),
    sample(torch.tensor([[255, 255], [255, 255]]), NONE, torch.tensor([[[0.0, 5.0], [0.0, 0.0]]])),
]


class Depth(torch.nn.Module):
    """Predicts the image's first channel."""

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        return {"depth": images[:, :1]}


TASKS = Tasks(depth=losses.L1(valid=losses.positive))
DEPTHS = [(torch.full((3, 2, 2), 0.1 * i), {"depth": torch.full((1, 2, 2), 1.0)}) for i in range(1, 8)]


def test_mean_prediction_ignores_what_is_invalid() -> None:
    constants = MeanPrediction(InMemory(SAMPLES), 3).constants
    assert constants["segmentation"].tolist() == [0, 1, 0]
    torch.testing.assert_close(constants["normal"], torch.tensor([1.0, 0.0, -1.0]) / math.sqrt(2))
    assert constants["depth"].tolist() == [3.0]


def test_measures_of_the_mean_prediction_by_hand() -> None:
    model = MeanPrediction(InMemory(SAMPLES), 3)
    found = measure(model, standard_tasks(), SAMPLES, standard_metrics(list(standard_tasks()), 3), batch_size=2)
    # 5 labelled pixels, 3 of them of class 1; 12 pixels at 45 degrees, 4 of them invalid; depth errors 2 1 0 | 1 | 2.
    assert found["segmentation"]["pixel_acc"] == pytest.approx(3 / 5)
    assert found["segmentation"]["miou"] == pytest.approx((0 + 3 / 5 + 0) / 3)
    assert found["normal"]["mean"] == pytest.approx(45, abs=1e-3)
    assert found["normal"]["within_30"] == 0
    assert found["depth"]["abs"] == pytest.approx(6 / 5)
    assert found["depth"]["delta_1.25"] == pytest.approx(1 / 5)
    # The loss is the mean of the per-sample losses: (1 + 1 + 2) / 3, not the mean over pixels; the last sample has no
    # normal and does not count as one without error.
    assert found["depth"]["loss"] == pytest.approx(4 / 3)
    assert found["normal"]["loss"] == pytest.approx(1 - math.sqrt(0.5), abs=1e-5)


def test_in_memory_is_what_the_data_set_gives() -> None:
    data = InMemory(SAMPLES)
    image, targets = data[1]
    assert torch.equal(image, SAMPLES[1][0])
    assert all(torch.equal(targets[name], SAMPLES[1][1][name]) for name in targets)
    assert [batch.tolist() for batch in data.batches(2)] == [[0, 1], [2]]
    assert data.take(torch.tensor([2, 0]))[1]["depth"][0, 0, 0, 1] == 5
    assert InMemory(data).images is data.images


def test_mean_prediction_of_other_tasks() -> None:
    """Each channel's mean over all pixels; euclidean depth, as depth, where there is one."""
    curvature = torch.tensor([[[1.0, 3.0]], [[0.0, -1.0]]])
    samples = [
        (torch.zeros(3, 1, 2), {"principal_curvature": curvature, "depth_euclidean": torch.tensor([[[2.0, 0.0]]])}),
        (torch.zeros(3, 1, 2), {"principal_curvature": -curvature, "depth_euclidean": torch.tensor([[[5.0, 8.0]]])}),
        (torch.zeros(3, 1, 2), {"principal_curvature": curvature, "depth_euclidean": torch.tensor([[[0.0, 0.0]]])}),
    ]
    model = MeanPrediction(samples, 3)
    assert model.constants["principal_curvature"].tolist() == pytest.approx([2 / 3, -1 / 6])
    assert model.constants["depth_euclidean"].tolist() == [5.0]
    outputs = model(torch.zeros(4, 3, 2, 5))
    assert {task: tuple(value.shape) for task, value in outputs.items()} == {
        "principal_curvature": (4, 2, 2, 5),
        "depth_euclidean": (4, 1, 2, 5),
    }


def test_measuring_leaves_the_modes_and_the_random_numbers() -> None:
    model = torch.nn.Sequential(torch.nn.Dropout(), Depth())
    before = torch.get_rng_state()
    found = measure(model, TASKS, DEPTHS, {"depth": DepthMetrics()}, batch_size=2)["depth"]
    assert found == pytest.approx(
        measure(model.eval(), TASKS, DEPTHS, {"depth": DepthMetrics()}, batch_size=3)["depth"]
    )
    model.train()
    measure(model, TASKS, DEPTHS, {"depth": DepthMetrics()})
    assert all(module.training for module in model.modules())
    assert torch.equal(torch.get_rng_state(), before)
