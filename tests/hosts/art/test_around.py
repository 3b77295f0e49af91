"""ART around the estimator: every attack that admits it, metrics, security curves, TensorBoard."""

from __future__ import annotations

import importlib
import pkgutil
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from art import metrics
from art.attacks import evasion
from art.attacks.attack import Attack, EvasionAttack
from art.attacks.evasion.laser_attack.laser_attack import LaserBeamAttack
from art.evaluations.security_curve.security_curve import SecurityCurve
from art.summary_writer import SummaryWriter

import mt_torchattacks as mta
from art_plugins import FastGradientMethod, MultiTaskSecurityCurve, ProjectedGradientDescent
from tests import toys
from tests.hosts.art import cases

PAGE = Path(__file__).parents[3] / "docs" / "using-art.md"
QUICK = {"eps": cases.EPS, "eps_step": cases.EPS / 2, "max_iter": 2, "verbose": False}


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
    features = {"delta": cases.EPS, "verbose": False, "batch_size": 2}
    return {
        "FastGradientMethod": lambda: evasion.FastGradientMethod(estimator, eps=cases.EPS).generate(x, y),
        "ProjectedGradientDescent": lambda: evasion.ProjectedGradientDescent(estimator, **QUICK).generate(x, y),
        "ProjectedGradientDescentNumpy": lambda: evasion.ProjectedGradientDescentNumpy(estimator, **QUICK).generate(
            x, y
        ),
        "BasicIterativeMethod": lambda: evasion.BasicIterativeMethod(estimator, **QUICK).generate(x, y),
        "MomentumIterativeMethod": lambda: evasion.MomentumIterativeMethod(estimator, **QUICK).generate(x, y),
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
        evasion.ProjectedGradientDescent(estimator, num_random_init=1, **QUICK).generate(x, labels)
    with pytest.raises(ValueError, match="could not be broadcast"):  # the momentum has the size of all images
        evasion.MomentumIterativeMethod(estimator, batch_size=3, **QUICK).generate(x, labels)
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


def test_security_curve_by_task() -> None:
    (x, y), estimator = cases.arrays(), cases.estimator()
    counts = {"segmentation": mta.metrics.SegmentationMetrics(toys.CLASSES)}
    curve = MultiTaskSecurityCurve(eps=[0.0, 0.01, 0.03])
    budgets, curves, clean = curve.evaluate(estimator, x, y, metrics=counts, eps_step=0.005, max_iter=4)
    assert budgets == [0.0, 0.01, 0.03]
    assert sorted(curves["segmentation"]) == ["miou", "pixel_acc"]
    for name in ("classes", "normal", "depth"):
        expected = float(estimator.compute_losses(x, y)[name].mean())
        np.testing.assert_allclose(clean[name]["error"], expected, rtol=1e-5)
        np.testing.assert_allclose(curves[name]["error"][0], expected, rtol=1e-5)
        assert curves[name]["error"][0] < curves[name]["error"][1] < curves[name]["error"][2]
    assert MultiTaskSecurityCurve(eps=2).evaluate(estimator, x, y, attack=FastGradientMethod)[0] == [0.5, 1.0]
    with pytest.raises(ValueError, match="eps: expected a list of budgets"):
        MultiTaskSecurityCurve(eps=2).evaluate(cases.estimator(clip_values=None), x, y)
    with pytest.raises(IndexError):  # ART's own is for one classifier's accuracy
        SecurityCurve(eps=[0.1]).evaluate(estimator, x, estimator.labels(x, y))


def test_a_security_curve_can_be_drawn() -> None:
    pyplot = pytest.importorskip("matplotlib.pyplot")
    pyplot.switch_backend("agg")
    (x, y), curve = cases.arrays(), MultiTaskSecurityCurve(eps=[0.01, 0.02])
    curve.evaluate(cases.estimator(), x, y, attack=FastGradientMethod)
    figure = curve.plot()
    assert [axes.get_title() for axes in figure.axes] == list(toys.NAMES)
    pyplot.close(figure)


class Recorder(SummaryWriter):
    """Keeps what an attack reports."""

    def __init__(self) -> None:
        self.reports: list[dict[str, Any]] = []
        self.resets = 0

    def update(self, batch_id: int, global_step: int, **report: Any) -> None:
        losses = report["estimator"].compute_losses(x=report["x"], y=report["y"])
        self.reports.append({"batch": batch_id, "step": global_step, "losses": losses, **report})

    def reset(self) -> None:
        self.resets += 1


@pytest.mark.parametrize("name", sorted(cases.ATTACKS))
def test_summary_writer_sees_every_tasks_loss_at_every_step(name: str) -> None:
    (x, y), estimator, writer = cases.arrays(5), cases.estimator(), Recorder()
    adversarial = cases.attack(name, estimator, batch_size=3, summary_writer=writer).generate(x, y)
    steps = {"FastGradientMethod": 1, "AutoProjectedGradientDescent": 4}.get(name, 3)
    assert [(r["batch"], r["step"]) for r in writer.reports] == [(b, s) for b in (0, 1) for s in range(steps)]
    first, clean = writer.reports[0], estimator.compute_losses(x, y)
    assert sorted(first["losses"]) == sorted(toys.NAMES)
    for task, losses in clean.items():
        np.testing.assert_allclose(first["losses"][task], losses[:3], rtol=1e-4)
    np.testing.assert_allclose(first["grad"], estimator.loss_gradient(x, y)[:3], rtol=1e-3, atol=1e-8)
    assert writer.resets == 1
    np.testing.assert_array_equal(adversarial, cases.attack(name, estimator, batch_size=3).generate(x, y))


class Tags:
    """Stands in for tensorboardX's writer, which takes minutes: the tags that were written."""

    written: set[str] = set()  # noqa: RUF012 - shared by all that ART makes

    def __init__(self, **arguments: Any) -> None:
        pass

    def add_scalars(self, tag: str, values: dict[str, float], global_step: int) -> None:
        self.written.add(f"{tag} at {global_step} for {len(values)} images")

    def flush(self) -> None:
        pass


@pytest.mark.parametrize("host", [evasion.ProjectedGradientDescent, ProjectedGradientDescent])
def test_tensorboard(host: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("tensorboardX")
    module.SummaryWriter = Tags  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "tensorboardX", module)
    monkeypatch.setattr(Tags, "written", set())
    (x, y), estimator = cases.arrays(), cases.estimator()
    host(estimator, summary_writer="runs", **QUICK).generate(x, estimator.labels(x, y))
    expected = {f"loss/{task}/batch-0 at {step} for 4 images" for task in toys.NAMES for step in (0, 1)}
    assert {tag for tag in Tags.written if tag.startswith("loss")} == expected


def test_the_loop_of_art_reports_to_the_same_writer() -> None:
    (x, y), estimator, writer = cases.arrays(), cases.estimator(), Recorder()
    evasion.ProjectedGradientDescent(estimator, summary_writer=writer, **QUICK).generate(x, estimator.labels(x, y))
    assert [sorted(report["losses"]) for report in writer.reports] == [sorted(toys.NAMES)] * 2
    assert isinstance(writer.reports[0]["losses"]["depth"], np.ndarray)
    assert torch.is_tensor(torch.from_numpy(writer.reports[0]["grad"]))
