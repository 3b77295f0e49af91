from __future__ import annotations

import csv
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import mt_torchattacks as mta
from mt_torchattacks.training import InMemory, fit

TASKS = mta.Tasks(depth=mta.losses.L1(valid=mta.losses.positive), normal=mta.losses.CosineDistance())


class TwoHeads(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU())
        self.depth, self.normal = nn.Conv2d(8, 1, 1), nn.Conv2d(8, 3, 1)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        features = self.trunk(images)
        return {"depth": self.depth(features), "normal": self.normal(features)}


def samples(n: int = 20) -> list[tuple[Tensor, dict[str, Tensor]]]:
    """Depth is twice the red channel plus one; normals point at the image's colour."""
    images = torch.rand(n, 3, 6, 6, generator=torch.Generator().manual_seed(0))
    return [(x, {"depth": 2 * x[:1] + 1, "normal": nn.functional.normalize(x - 0.5, dim=0)}) for x in images]


def train(seed: int = 0, **options) -> tuple[list[dict[str, float]], dict[str, Tensor]]:
    torch.manual_seed(0)
    model = TwoHeads()
    rows = fit(model, TASKS, samples(), batch_size=8, seed=seed, progress=False, **{"epochs": 3} | options)
    assert not model.training
    return rows, model.state_dict()


def test_the_seed_decides_the_result() -> None:
    (rows, weights), (again, same), (_, other) = train(), train(), train(seed=1)
    assert rows == again
    assert all(torch.equal(weights[name], same[name]) for name in weights)
    assert not torch.equal(weights["depth.weight"], other["depth.weight"])


def test_losses_fall_and_are_logged(tmp_path: Path) -> None:
    log = tmp_path / "new" / "log.csv"
    rows, _ = train(epochs=60, lr=0.03, mirror=False, log=log)
    assert rows[-1]["depth"] < 0.2 * rows[0]["depth"]
    assert rows[-1]["normal"] < 0.2 * rows[0]["normal"]
    with log.open(newline="") as file:
        assert [{k: float(v) for k, v in row.items()} for row in csv.DictReader(file)] == rows


def test_a_task_of_weight_zero_does_not_train_its_head() -> None:
    _, once = train(weights={"normal": 0.0}, weight_decay=0.0)
    torch.manual_seed(0)
    fresh = TwoHeads().state_dict()
    assert torch.equal(once["normal.weight"], fresh["normal.weight"])
    assert not torch.equal(once["depth.weight"], fresh["depth.weight"])


def test_first_logged_losses_are_means_of_per_sample_losses() -> None:
    """With one step per epoch, the first row is the untrained model's."""
    torch.manual_seed(0)
    model = TwoHeads().train()
    images, targets = InMemory(samples()).take(torch.arange(20))
    with torch.no_grad():
        expected = {task: loss.mean().item() for task, loss in TASKS.losses(model(images), targets).items()}
    torch.manual_seed(0)
    rows = fit(TwoHeads(), TASKS, samples(), epochs=1, batch_size=20, mirror=False, progress=False)
    assert {task: rows[0][task] for task in TASKS} == pytest.approx(expected, rel=1e-5)


def test_errors() -> None:
    with pytest.raises(ValueError, match="epochs: expected a number > 0, found 0"):
        train(epochs=0)
    with pytest.raises(ValueError, match="dataset: expected at least one batch of 32, found 20 samples"):
        fit(TwoHeads(), TASKS, samples(), epochs=1, batch_size=32)
    with pytest.raises(ValueError, match="weights: expected only the keys 'depth', 'normal', found also 'edges'"):
        train(weights={"edges": 1.0})
