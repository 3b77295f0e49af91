"""The same attack through ART's unmodified loop, the plugin's and torchattacks': the same images."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from art.attacks import evasion
from torch import Tensor, nn

import mt_torchattacks as mta
from art_plugins import (
    AutoProjectedGradientDescent,
    FastGradientMethod,
    MomentumIterativeMethod,
    ProjectedGradientDescent,
)
from tests import toys
from tests.hosts.art import cases

BALANCES = ["dgba", "total", "single:depth", "relative", "wgd", "sign_total", "normalized"]
SETTINGS = {"eps": cases.EPS, "eps_step": cases.EPS / 4, "max_iter": 10, "batch_size": 4, "verbose": False}


class Normalized(nn.Module):
    """A model that normalizes its images itself."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model
        self.mean, self.std = (torch.tensor(values).reshape(3, 1, 1) for values in (cases.MEAN, cases.STD))

    def forward(self, x: Tensor) -> Any:
        return self.model((x - self.mean) / self.std)


def expected(name: str, balance: str, model: nn.Module, **arguments: Any) -> np.ndarray:
    """What torchattacks' loop gives, for six images."""
    attack = getattr(mta, name)(model, toys.tasks(), balance=balance, eps=cases.EPS, **arguments)
    return attack(*toys.batch(6)).numpy()


@pytest.mark.parametrize("balance", BALANCES)
@pytest.mark.parametrize("preprocessing", [None, (cases.MEAN, cases.STD)], ids=["plain", "mean and std"])
def test_pgd_of_art_of_the_plugin_and_of_torchattacks(balance: str, preprocessing: Any) -> None:
    model, (x, y) = toys.Toy(), cases.arrays(6)
    estimator = cases.estimator(model, balance=balance, preprocessing=preprocessing)
    whole = model if preprocessing is None else Normalized(model)
    reference = expected("PGD", balance, whole, alpha=cases.EPS / 4, steps=10, random_start=False)
    host = evasion.ProjectedGradientDescent(estimator, **SETTINGS).generate(x, estimator.labels(x, y))
    np.testing.assert_allclose(host, reference, rtol=0, atol=1e-6)
    ours = ProjectedGradientDescent(estimator, **SETTINGS).generate(x, y)
    np.testing.assert_allclose(ours, reference, rtol=0, atol=1e-6)
    assert abs(reference - x).max() > 0.9 * cases.EPS


def test_preprocessing_and_torchattacks_normalization_agree() -> None:
    model, (x, y) = toys.Toy(), cases.arrays(6)
    attack = mta.PGD(model, toys.tasks(), eps=cases.EPS, alpha=cases.EPS / 4, steps=10, random_start=False)
    attack.set_normalization_used(cases.MEAN.tolist(), cases.STD.tolist())
    mean, std = cases.MEAN.reshape(3, 1, 1), cases.STD.reshape(3, 1, 1)
    normalized = attack(torch.from_numpy((x - mean) / std), toys.batch(6)[1]).numpy()
    ours = ProjectedGradientDescent(cases.estimator(model, preprocessing=(cases.MEAN, cases.STD)), **SETTINGS)
    np.testing.assert_allclose(ours.generate(x, y), normalized * std + mean, rtol=0, atol=1e-6)


@pytest.mark.parametrize("balance", ["dgba", "relative", "total"])
def test_without_labels_too(balance: str) -> None:
    """Predictions as targets: heads whose loss is 0 at the clean image, where the attack starts from noise."""
    model, (x, _) = toys.Toy(), cases.arrays(6)
    estimator = cases.estimator(model, tasks=toys.tasks().with_roles(classes="ignore"), balance=balance)
    host = evasion.ProjectedGradientDescent(estimator, **SETTINGS).generate(x)
    ours = ProjectedGradientDescent(estimator, **SETTINGS).generate(x)
    np.testing.assert_allclose(ours, host, rtol=0, atol=1e-6)
    with torch.no_grad():
        outputs = model(torch.from_numpy(x))
    goals = {
        **outputs,
        "segmentation": outputs["segmentation"].argmax(dim=1),
        "classes": outputs["classes"].argmax(dim=1),
    }
    attack = mta.PGD(model, estimator.tasks, balance, eps=cases.EPS, alpha=cases.EPS / 4, steps=10, random_start=False)
    reference = attack(torch.from_numpy(x), goals).numpy()
    np.testing.assert_allclose(ours, reference, rtol=0, atol=1e-6)


def test_fgm_and_mim() -> None:
    model, (x, y) = toys.Toy(), cases.arrays(6)
    estimator = cases.estimator(model)
    fgm = FastGradientMethod(estimator, eps=cases.EPS).generate(x, y)
    np.testing.assert_allclose(fgm, expected("FGSM", "dgba", model), rtol=0, atol=1e-6)
    mim = MomentumIterativeMethod(estimator, **SETTINGS).generate(x, y)
    np.testing.assert_allclose(mim, expected("MIFGSM", "dgba", model, alpha=cases.EPS / 4, steps=10), rtol=0, atol=1e-6)


def test_apgd_from_the_clean_image() -> None:
    model, (x, y) = toys.Toy(), cases.arrays(6)
    attack = AutoProjectedGradientDescent(
        cases.estimator(model), eps=cases.EPS, eps_step=2 * cases.EPS, max_iter=20, nb_random_init=0, verbose=False
    )
    reference = expected("APGD", "dgba", model, steps=20, random_start=False)
    np.testing.assert_allclose(attack.generate(x, y), reference, rtol=0, atol=1e-6)


@pytest.mark.parametrize("norm", [1, 1.5, 2, np.inf, "inf"])
@pytest.mark.parametrize("targeted", [False, True])
@pytest.mark.parametrize("name", ["FastGradientMethod", "ProjectedGradientDescent", "MomentumIterativeMethod"])
def test_every_norm_is_arts(name: str, targeted: bool, norm: Any) -> None:
    (x, y), estimator = cases.arrays(4), cases.estimator()
    size = EPS_OF[float(norm)]
    settings: dict[str, Any] = {"norm": norm, "eps": size, "eps_step": size / 2, "targeted": targeted}
    settings |= {} if name == "FastGradientMethod" else {"max_iter": 4, "verbose": False}
    host = getattr(evasion, name)(estimator, **settings).generate(x, estimator.labels(x, y))
    ours = cases.ATTACKS[name][0](estimator, **settings).generate(x, y)
    np.testing.assert_allclose(ours, host, rtol=0, atol=2e-6)
    assert not np.array_equal(host, x)


EPS_OF = {1.0: 3.0, 1.5: 1.0, 2.0: 0.5, np.inf: cases.EPS}


@pytest.mark.parametrize("shape", [(4, 1, 1, 1), (4, 3, 16, 16), (3, 1, 1), (16, 16)])
def test_eps_as_an_array_is_arts(shape: tuple[int, ...]) -> None:
    (x, y), estimator = cases.arrays(4), cases.estimator()
    eps = np.random.default_rng(0).uniform(0.01, 0.05, shape).astype(np.float32)
    settings: dict[str, Any] = {"eps": eps, "eps_step": eps / 2, "max_iter": 3, "batch_size": 3, "verbose": False}
    host = evasion.ProjectedGradientDescent(estimator, **settings).generate(x, estimator.labels(x, y))
    np.testing.assert_allclose(ProjectedGradientDescent(estimator, **settings).generate(x, y), host, rtol=0, atol=1e-6)


@pytest.mark.parametrize("shape", [(4, 1, 16, 16), (16, 16), (3, 16, 16)])
def test_mask_is_arts(shape: tuple[int, ...]) -> None:
    (x, y), estimator = cases.arrays(4), cases.estimator()
    mask = np.random.default_rng(0).uniform(size=shape) > 0.5
    settings = {**SETTINGS, "max_iter": 3}
    host = evasion.ProjectedGradientDescent(estimator, **settings).generate(x, estimator.labels(x, y), mask=mask)
    ours = ProjectedGradientDescent(estimator, **settings).generate(x, y, mask=mask)
    np.testing.assert_allclose(ours, host, rtol=0, atol=1e-6)
    assert np.array_equal(ours[np.broadcast_to(~mask, x.shape)], x[np.broadcast_to(~mask, x.shape)])


def test_random_eps_is_arts() -> None:
    (x, y), estimator = cases.arrays(4), cases.estimator()
    found = []
    for kind in (evasion.ProjectedGradientDescent, ProjectedGradientDescent):
        np.random.seed(3)  # noqa: NPY002 - what ART draws from
        found.append(
            kind(estimator, random_eps=True, **{**SETTINGS, "max_iter": 2}).generate(x, estimator.labels(x, y))
        )
    np.testing.assert_allclose(found[1], found[0], rtol=0, atol=1e-6)
