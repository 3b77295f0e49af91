"""Bad input ends in an error that names it, before anything is changed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from art.attacks import evasion
from art.estimators.classification import PyTorchClassifier
from art.exceptions import EstimatorError
from torch import nn

import mt_torchattacks as mta
from art_plugins import AutoProjectedGradientDescent, FastGradientMethod
from tests import toys
from tests.hosts.art import cases


@pytest.mark.parametrize("name", cases.ALL)
def test_a_classifier_given_to_our_attack(name: str) -> None:
    classifier = PyTorchClassifier(
        nn.Sequential(nn.Flatten(), nn.Linear(768, 4)), nn.CrossEntropyLoss(), (3, 16, 16), 4, device_type="cpu"
    )
    with pytest.raises(EstimatorError, match="requires an estimator derived from .*PyTorchMultiTaskEstimator"):
        cases.ATTACKS[name][0](classifier)


@pytest.mark.parametrize("name", ["DeepFool", "CarliniL2Method", "SaliencyMapMethod", "NewtonFool", "ElasticNet"])
def test_our_estimator_given_to_an_attack_that_needs_class_gradients(name: str) -> None:
    with pytest.raises(EstimatorError, match="ClassGradientsMixin"):
        getattr(evasion, name)(cases.estimator())


def entry_points(estimator: Any) -> dict[str, Any]:
    host = evasion.ProjectedGradientDescent(estimator, eps=0.1, eps_step=0.1, max_iter=1, verbose=False)
    return {
        "loss_gradient": estimator.loss_gradient,
        "compute_loss": estimator.compute_loss,
        "labels": estimator.labels,
        "fit": estimator.fit,
        "ART's PGD": lambda x, y: host.generate(x, estimator.labels(x, y)),
        **{name: cases.attack(name, estimator).generate for name in cases.ALL},
    }


@pytest.fixture(name="calls", params=["loss_gradient", "compute_loss", "labels", "fit", "ART's PGD", *cases.ALL])
def _calls(request: pytest.FixtureRequest) -> Any:
    model = toys.Toy()
    return entry_points(cases.estimator(model, optimizer=torch.optim.SGD(model.parameters(), lr=0.1)))[request.param]


def test_labels_of_the_wrong_length(calls: Any) -> None:
    x, y = cases.arrays()
    with pytest.raises(ValueError, match=r"y\['normal'\]: expected 4 entries, one for each image, found float32"):
        calls(x, {**y, "normal": y["normal"][:3]})
    as_list = [{name: value[i] for name, value in y.items()} for i in range(3)]
    with pytest.raises(ValueError, match="y: expected 4 labels, one for each image, found 3"):
        calls(x, as_list)


def test_a_missing_task(calls: Any) -> None:
    x, y = cases.arrays()
    del y["depth"]
    with pytest.raises(KeyError, match="y: expected the keys .* 'depth' missing among"):
        calls(x, y)
    as_list = [{name: value[i] for name, value in y.items()} for i in range(4)]
    with pytest.raises(KeyError, match=r"y\[0\]: expected the keys .* 'depth' missing among"):
        calls(x, as_list)


def test_labels_that_are_none(calls: Any) -> None:
    x, y = cases.arrays()
    with pytest.raises(ValueError, match="y: expected only the keys .* also 'boxes'"):
        calls(x, {**y, "boxes": y["depth"]})
    with pytest.raises(TypeError, match="y: expected a dict of arrays, or a list with a dict of arrays for each image"):
        calls(x, np.zeros((4, 10)))
    with pytest.raises(TypeError, match=r"y\[0\]: expected a mapping"):
        calls(x, [0, 1, 2, 3])


def test_labels_of_several_shapes(calls: Any) -> None:
    x, y = cases.arrays()
    as_list = [{name: value[i] for name, value in y.items()} for i in range(4)]
    as_list[2]["depth"] = as_list[2]["depth"][:, :8]
    with pytest.raises(ValueError, match=r"y\[...\]\['depth'\]: expected one shape for all images"):
        calls(x, as_list)


def test_clip_values_that_do_not_contain_x(calls: Any) -> None:
    x, y = cases.arrays()
    with pytest.raises(ValueError, match=r"x: expected values in \[0, 1\], found values in \[0.*, 25"):
        calls(x * 255, y)


def test_images_with_channels_last(calls: Any) -> None:
    x, y = cases.arrays()
    expected = r"x: expected shape \(N, 3, H, W\), since channels_first=True, found shape \(4, 16, 16, 3\)"
    with pytest.raises(ValueError, match=expected):
        calls(x.transpose(0, 2, 3, 1), y)
    with pytest.raises(ValueError, match="x: expected finite values"):
        calls(np.where(x > 0.99, np.nan, x), y)


def test_images_with_channels_first_for_channels_last() -> None:
    x, _ = cases.arrays()
    estimator = cases.estimator(channels_first=False, input_shape=(16, 16, 3))
    with pytest.raises(ValueError, match=r"x: expected shape \(N, H, W, 3\), since channels_first=False"):
        estimator.predict(x)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"model": lambda x: x}, TypeError, r"model: expected a torch\.nn\.Module, found function"),
        ({"tasks": {"depth": mta.losses.L1()}}, TypeError, r"tasks: expected mta\.Tasks"),
        ({"balance": "best"}, ValueError, "balance: expected one of .*'dgba'"),
        ({"balance": "single:flow"}, ValueError, "expected one of 'classes'"),
        ({"input_shape": (3, 0)}, ValueError, "input_shape: expected"),
        ({"clip_values": (1.0, 0.0)}, ValueError, "Invalid `clip_values`"),
    ],
)
def test_estimators_arguments(arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        cases.estimator(**arguments)


@pytest.mark.parametrize("name", cases.ALL)
def test_attacks_arguments(name: str) -> None:
    (x, y), estimator = cases.arrays(), cases.estimator()
    with pytest.raises(ValueError, match="balance: expected one of"):
        cases.attack(name, estimator, balance="best")
    attack = cases.attack(name, estimator)
    with pytest.raises(ValueError, match="expected one of 'classes'"):
        attack.set_params(balance="single:flow")
    with pytest.raises(ValueError, match=r"mask: expected an array that broadcasts to \(4, 3, 16, 16\), found"):
        cases.attack(name, estimator).generate(x, y, mask=np.ones((3, 5), dtype=bool))


def test_what_only_a_classifier_has_is_refused_with_the_reason() -> None:
    (x, y), estimator = cases.arrays(), cases.estimator()
    with pytest.raises(ValueError, match="minimal: expected False; there is no smallest perturbation"):
        FastGradientMethod(estimator, minimal=True)
    with pytest.raises(ValueError, match="Minimal perturbation is only supported for classification"):
        evasion.FastGradientMethod(estimator, minimal=True).generate(x, estimator.labels(x, y))
    with pytest.raises(ValueError, match="loss_type: expected None"):
        AutoProjectedGradientDescent(estimator, loss_type="difference_logits_ratio")
    with pytest.raises(AttributeError, match="nb_classes: expected an estimator of one classifier"):
        _ = estimator.nb_classes


def test_norms_with_an_eps_for_each_feature() -> None:
    (x, y), eps = cases.arrays(), np.full((3, 16, 16), 0.1)
    with pytest.raises(NotImplementedError, match="eps: expected one number a sample for a finite norm"):
        cases.attack("ProjectedGradientDescent", cases.estimator(), norm=2, eps=eps, eps_step=eps).generate(x, y)
    with pytest.raises(ValueError, match=r"eps: expected an array that broadcasts"):
        cases.attack("FastGradientMethod", cases.estimator(), eps=eps[:, :5], eps_step=eps[:, :5]).generate(x, y)
    with pytest.raises(NotImplementedError, match=r"norm: expected 1, 2 or infinity for a random start, found 3"):
        cases.attack("FastGradientMethod", cases.estimator(), norm=3, num_random_init=1).generate(x, y)


def test_no_optimizer() -> None:
    x, y = cases.arrays()
    with pytest.raises(ValueError, match="optimizer: expected an optimizer"):
        cases.estimator().fit(x, y)


def test_an_error_inside_an_attack_leaves_the_model_as_it_was() -> None:
    model, (x, y) = toys.Toy(), cases.arrays()
    model.train()
    before = cases.state(model)
    y["segmentation"][0] = 99
    with pytest.raises(ValueError, match="task 'segmentation': target: expected labels"):
        cases.attack("ProjectedGradientDescent", cases.estimator(model)).generate(x, y)
    assert cases.same_state(cases.state(model), before)
