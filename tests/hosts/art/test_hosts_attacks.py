"""ART around the estimator: every attack that admits it, and its metrics."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from art import metrics
from art.attacks import evasion
from art.attacks.attack import Attack, EvasionAttack
from art.attacks.evasion.laser_attack.laser_attack import LaserBeamAttack

from tests import toys
from tests.hosts.art import cases

PAGE = Path(__file__).parents[3] / "docs" / "using-art.md"


def subclasses(kind: type) -> Iterator[type]:
    for child in kind.__subclasses__():
        yield child
        yield from subclasses(child)


def admitting() -> list[str]:
    """The names of ART's evasion attacks whose stated requirements the estimator meets."""
    for module in pkgutil.walk_packages(evasion.__path__, "art.attacks.evasion."):
        if "brendel" not in module.name:  # needs numba
            importlib.import_module(module.name)
    found = {kind for kind in subclasses(EvasionAttack) if kind.__module__.startswith("art.")}
    stated = {kind: kind._estimator_requirements for kind in found if kind._estimator_requirements is not None}
    estimator = cases.estimator()
    return sorted(kind.__name__ for kind, needs in stated.items() if Attack.is_estimator_valid(estimator, needs))


def no_class(predictions: Any, labels: Any) -> np.ndarray:
    return np.zeros(len(predictions), dtype=bool)


def works(estimator: Any, x: np.ndarray, y: np.ndarray) -> dict[str, Callable[[], np.ndarray]]:
    """How each attack that works is used."""
    loss: dict[str, Any] = {
        "adv_criterion": no_class,
        "loss": lambda images, labels: -estimator.compute_loss(images, labels),
    }
    quick = cases.QUICK
    features = {"delta": cases.EPS, "verbose": False, "batch_size": 2}
    return {
        "FastGradientMethod": lambda: evasion.FastGradientMethod(estimator, eps=cases.EPS).generate(x, y),
        "ProjectedGradientDescent": lambda: evasion.ProjectedGradientDescent(estimator, **quick).generate(x, y),
        "ProjectedGradientDescentNumpy": lambda: evasion.ProjectedGradientDescentNumpy(estimator, **quick).generate(
            x, y
        ),
        "BasicIterativeMethod": lambda: evasion.BasicIterativeMethod(estimator, **quick).generate(x, y),
        "MomentumIterativeMethod": lambda: evasion.MomentumIterativeMethod(estimator, **quick).generate(x, y),
        "SquareAttack": lambda: evasion.SquareAttack(
            estimator, eps=cases.EPS, max_iter=5, verbose=False, **loss
        ).generate(x, y),
        "FeatureAdversariesPyTorch": lambda: evasion.FeatureAdversariesPyTorch(
            estimator, layer="trunk", max_iter=3, step_size=0.01, **features
        ).generate(x[:2], x[2:]),
        # Its gradient is numerical, a prediction for each pixel: tiny images.
        "FeatureAdversariesNumpy": lambda: evasion.FeatureAdversariesNumpy(
            cases.estimator(toys.Toy(size=4), input_shape=(3, 4, 4)), delta=cases.EPS, layer=0, batch_size=1
        ).generate(x[:1, :, :4, :4], x[2:3, :, :4, :4], maxiter=1),
    }


def last_channels(x: np.ndarray) -> tuple[Any, np.ndarray]:
    turned = np.ascontiguousarray(x.transpose(0, 2, 3, 1))
    return cases.estimator(channels_first=False, input_shape=(16, 16, 3)), turned


def laser_beam(estimator: Any, x: np.ndarray, y: np.ndarray) -> Any:
    estimator, x = last_channels(x)
    return LaserBeamAttack(estimator, 1, max_laser_beam=(580.0, 3.14, 32.0, 32)).generate(x)


def snal(estimator: Any, x: np.ndarray, y: np.ndarray) -> Any:
    def boxes(detector: Any, images: Any) -> Any:
        return [prediction["boxes"] for prediction in detector.predict(images)]

    return evasion.SNAL(estimator, [torch.zeros(3, 8, 8)], boxes, 0.1, 1, 2).generate(x)


def patch(estimator: Any, x: np.ndarray, y: np.ndarray) -> Any:
    attack = evasion.AdversarialPatchPyTorch(estimator, patch_shape=(3, 8, 8), max_iter=1, verbose=False)
    return attack.generate(x, list(y))


def tensorflow(estimator: Any, x: np.ndarray, y: np.ndarray) -> Any:
    return evasion.FeatureAdversariesTensorFlowV2(estimator, delta=0.1, layer=0, step_size=0.1).generate(x[:2], x[2:])


# Attack: how it is used, and what it then stumbles over.
FAILS: dict[str, tuple[Callable[[Any, np.ndarray, np.ndarray], Any], str]] = {
    "AdversarialPatchPyTorch": (patch, "boxes"),
    "FeatureAdversariesTensorFlowV2": (tensorflow, "tensorflow|Tensor"),
    "LaserAttack": (
        lambda e, x, y: evasion.LaserAttack(last_channels(x)[0], 1, None, None).generate(last_channels(x)[1]),
        "argmax",
    ),
    "LaserBeamAttack": (laser_beam, "argmax"),
    "OverloadPyTorch": (lambda e, x, y: evasion.OverloadPyTorch(e, 0.1, 1, 1, 1, 1).generate(x), "model"),
    "SNAL": (snal, "boxes"),
    "SpatialTransformation": (
        lambda e, x, y: evasion.SpatialTransformation(e, verbose=False).generate(x),
        "nb_classes: expected an estimator of one classifier",
    ),
}


def test_every_attack_that_admits_the_estimator_is_tried_and_documented() -> None:
    estimator, (x, y) = cases.estimator(), cases.arrays()
    known = {*works(estimator, x, estimator.labels(x, y)), *FAILS}
    assert {name for name in admitting() if name != "ProjectedGradientDescentCommon"} == known
    named = set(re.findall(r"`(\w+)`", PAGE.read_text("utf-8")))
    assert known <= named


@pytest.mark.parametrize("name", sorted(works(None, np.zeros(1), np.zeros(1))))
def test_attacks_of_art_that_work(name: str) -> None:
    (x, y), estimator = cases.arrays(), cases.estimator()
    given = x.copy()
    adversarial = works(estimator, x, estimator.labels(x, y))[name]()
    clean = given[: len(adversarial), :, : adversarial.shape[2], : adversarial.shape[3]]
    np.testing.assert_array_equal(x, given)
    assert abs(adversarial - clean).max() <= cases.EPS + 1e-6
    assert not np.array_equal(adversarial, clean)
    if not name.startswith("Feature"):
        assert (estimator.compute_loss(adversarial, y) > estimator.compute_loss(x, y)).all()


@pytest.mark.parametrize("name", sorted(FAILS))
def test_attacks_of_art_that_do_not(name: str) -> None:
    (x, y), estimator = cases.arrays(), cases.estimator()
    call, reason = FAILS[name]
    with pytest.raises(Exception, match=reason):
        call(estimator, x, estimator.labels(x, y))


def test_limits_of_arts_loops_on_anything_but_classifiers() -> None:
    """What the page says of them, so that a version of ART that differs is noticed."""
    (x, y), estimator = cases.arrays(), cases.estimator()
    labels = estimator.labels(x, y)
    with pytest.raises(ValueError, match="Random initialisation is only supported for classification"):
        evasion.ProjectedGradientDescent(estimator, num_random_init=1, **cases.QUICK).generate(x, labels)
    with pytest.raises(ValueError, match="could not be broadcast"):  # the momentum has the size of all images
        evasion.MomentumIterativeMethod(estimator, batch_size=3, **cases.QUICK).generate(x, labels)
    masked = evasion.FastGradientMethod(estimator, eps=cases.EPS).generate(x, labels, mask=np.zeros_like(x))
    assert not np.array_equal(masked, x)
    with pytest.raises(TypeError):
        evasion.AutoProjectedGradientDescent(estimator)


def test_metrics() -> None:
    (x, y), estimator = cases.arrays(), cases.estimator()
    gradient = estimator.loss_gradient(x, y).reshape(len(x), -1)
    expected = np.linalg.norm(gradient, axis=1).mean()
    np.testing.assert_allclose(metrics.loss_sensitivity(estimator, x, y), expected, rtol=1e-5)
    assert not metrics.loss_gradient_check(estimator, x, estimator.labels(x, y), verbose=False).any()
    with pytest.raises(ValueError, match="Minimal perturbation is only supported for classification"):
        metrics.empirical_robustness(estimator, x, "fgsm")
