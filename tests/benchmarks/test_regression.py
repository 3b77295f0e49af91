"""The attacks on depth and on normals beside those of papers, which the benchmark writes by hand."""

from __future__ import annotations

import pytest
import torch

import mt_torchattacks as mta
from benchmarks import regression

RIVALS = {"normal": ("PGD", "CosPGD", "APGD", "PAdam"), "depth": ("PGD", "APGD", "PAdam")}


@pytest.mark.parametrize("task", list(regression.METRICS))
@pytest.mark.parametrize(("model", "eps"), [("rooms3/all-shared", 4), ("rooms3-robust/pgd-dgba-0", 8)])
def test_at_least_the_harm_of_the_best_rival(model: str, eps: int, task: str) -> None:
    row = regression.compared(model, task, eps / 255, images=6, steps=12)
    best = max(float(row[name]) for name in RIVALS[task])
    assert float(row["clean"]) < best <= float(row["our both"])
    assert float(row["our both"]) >= max(float(row["our apgd"]), float(row["our padam"])) - 1e-9


def test_its_losses_are_the_training_losses() -> None:
    """Of the data sets' tasks, written another way: the mean over the pixels that have a target."""
    generator = torch.Generator().manual_seed(0)
    tasks = mta.standard_tasks(["normal", "depth"])
    targets = {"normal": torch.randn(2, 3, 6, 6, generator=generator), "depth": torch.ones(2, 1, 6, 6)}
    for target in targets.values():
        target[..., 0] = 0  # holes
    for task, target in targets.items():
        output = torch.randn(target.shape, generator=generator)
        by_pixel = regression.LOSSES[task](output, target)
        assert (by_pixel[..., 0] == 0).all()
        torch.testing.assert_close(by_pixel.flatten(1).sum(1) / 30, tasks[task].loss(output, target))
