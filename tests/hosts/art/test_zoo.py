"""The plugin on a trained model: equality with torchattacks' loop, and what APGD reaches."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from art.attacks import evasion
from torch import Tensor, nn

import mt_torchattacks as mta
from art_plugins import AutoProjectedGradientDescent, ProjectedGradientDescent, PyTorchMultiTaskEstimator
from mt_torchattacks.tasks import standard_tasks
from tests.hosts.art import cases


@pytest.fixture(name="model", scope="module")
def _model() -> nn.Module:
    return mta.models.zoo("rooms3/all-shared")


def case(
    model: nn.Module, balance: str, n: int, size: int
) -> tuple[PyTorchMultiTaskEstimator, np.ndarray, dict[str, np.ndarray]]:
    """An estimator, and held-out rooms as arrays."""
    images, targets = mta.data.Rooms(length=n, size=size, seed=1).render(range(n))
    shape = (3, size, size)
    estimator = PyTorchMultiTaskEstimator(
        model, standard_tasks(), shape, balance, clip_values=(0.0, 1.0), device_type="cpu"
    )
    return estimator, images.numpy(), {name: target.numpy() for name, target in targets.items()}


def tensors(arrays: dict[str, np.ndarray]) -> dict[str, Tensor]:
    return {name: torch.from_numpy(array) for name, array in arrays.items()}


@pytest.mark.parametrize("balance", ["dgba", "total", "single:depth"])
def test_pgd_is_torchattacks(model: nn.Module, balance: str) -> None:
    estimator, x, y = case(model, balance, n=2, size=64)
    eps, step = cases.EPS, cases.EPS / 4
    attack = mta.PGD(model, standard_tasks(), balance, eps=eps, alpha=step, steps=10, random_start=False)
    expected = attack(torch.from_numpy(x), tensors(y)).numpy()
    settings = {"eps": eps, "eps_step": step, "max_iter": 10, "verbose": False}
    ours = ProjectedGradientDescent(estimator, **settings).generate(x, y)
    np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-6)
    host = evasion.ProjectedGradientDescent(estimator, **settings).generate(x, estimator.labels(x, y))
    np.testing.assert_allclose(host, expected, rtol=0, atol=1e-6)


def test_apgd_is_never_below_its_start_and_seldom_below_pgd(model: nn.Module) -> None:
    estimator, x, y = case(model, "dgba", n=20, size=32)
    settings = {"eps": cases.EPS, "max_iter": 20, "verbose": False}
    pgd = ProjectedGradientDescent(estimator, eps_step=cases.EPS / 4, **settings).generate(x, y)
    np.random.seed(0)  # noqa: NPY002 - what ART's users seed
    apgd = AutoProjectedGradientDescent(estimator, eps_step=cases.EPS, nb_random_init=3, **settings).generate(x, y)
    score = mta.Objective(model, standard_tasks(), "dgba").bind(torch.from_numpy(x), tensors(y))
    with torch.no_grad():
        found, last = score(torch.from_numpy(apgd)), score(torch.from_numpy(pgd))
    assert bool((found >= 0).all())  # the score at the clean image
    assert float((found >= last).float().mean()) > 0.95
