"""Any attack of the library as an ART attack: the same images, in ART's form."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest
import torch
from art.exceptions import EstimatorError
from torch import Tensor, nn

import mt_torchattacks as mta
from art_plugins import AdversarialTrainerMultiTask, FromTorchattacks, MultiTaskSecurityCurve
from tests import toys
from tests.hosts.art import cases

EPS = cases.EPS
NAMES: dict[str, dict[str, Any]] = {
    "AutoSAGA": {"eps": EPS, "alpha": EPS / 4, "steps": 3},
    "Square": {"eps": EPS, "n_queries": 20},
    "SPSA": {"eps": EPS, "n_queries": 20},
    "WorstCase": {"eps": EPS, "steps": 2, "n_queries": 10},
    "MIFGSM": {"eps": EPS, "steps": 3},
}


@pytest.mark.parametrize("name", NAMES)
def test_the_images_are_those_of_the_attack_itself(name: str) -> None:
    model, (x, y), (images, targets) = toys.Toy(), cases.arrays(5), toys.batch(5)
    model.train()
    model.norm.eval()
    before, given = cases.state(model), copy.deepcopy((x, y))
    attack = FromTorchattacks(cases.estimator(model), name, batch_size=3, **NAMES[name])
    found = attack.generate(x, y)
    assert cases.same_state(cases.state(model), before)
    np.testing.assert_array_equal(x, given[0])
    assert all(np.array_equal(y[task], given[1][task]) for task in y)
    plain = getattr(mta, name)(model, toys.tasks(), **NAMES[name])
    expected = [plain(images[p], {task: t[p] for task, t in targets.items()}) for p in (slice(3), slice(3, 5))]
    np.testing.assert_allclose(found, torch.cat(expected), rtol=0, atol=1e-6)
    for twin in (pickle.loads(pickle.dumps(attack)), copy.deepcopy(attack)):
        np.testing.assert_array_equal(twin.generate(x, y), found)


class Bytes(nn.Module):
    """The toy for images with channels last and values from 0 to 255 would be this one with channels first."""

    def __init__(self) -> None:
        super().__init__()
        self.toy = toys.Toy()

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return self.toy(x / 255 - torch.from_numpy(cases.MEAN).reshape(3, 1, 1))


def test_clip_values_preprocessing_and_layout_are_the_estimators() -> None:
    (x, y), (images, targets) = cases.arrays(3), toys.batch(3)
    estimator = cases.estimator(
        channels_first=False,
        input_shape=(16, 16, 3),
        clip_values=(0.0, 255.0),
        preprocessing=(255 * cases.MEAN, np.full(3, 255, np.float32)),
    )
    attack = FromTorchattacks(estimator, "APGD", eps=8.0, steps=3, balance="total")
    found = attack.generate(255 * x.transpose(0, 2, 3, 1), y).transpose(0, 3, 1, 2)
    plain = mta.APGD(Bytes(), toys.tasks(), "total", eps=8.0, steps=3, bounds=(0, 255))
    assert (np.abs(found - plain(255 * images, targets).numpy()) > 1e-2).mean() < 0.01
    assert 0 <= found.min() <= found.max() <= 255
    by_channel = cases.estimator(clip_values=(np.zeros((3, 1, 1)), np.float32([1, 2, 4]).reshape(3, 1, 1)))
    moved = FromTorchattacks(by_channel, "APGD", eps=[0.01, 0.02, 0.04], steps=2).generate(x, y) - x
    np.testing.assert_allclose(np.abs(moved).max(axis=(0, 2, 3)), [0.01, 0.02, 0.04], rtol=1e-4)


def test_targeted_and_predictions_for_labels() -> None:
    (x, _), (_, goals), estimator = cases.arrays(), cases.arrays(4), cases.estimator()
    goals["depth"] = goals["depth"] + 1
    attack = FromTorchattacks(estimator, "AutoSAGA", targeted=True, **NAMES["AutoSAGA"])
    before, after = (estimator.compute_losses(images, goals) for images in (x, attack.generate(x, goals)))
    assert all(after[task].mean() < before[task].mean() for task in before)
    with pytest.raises(ValueError, match="Target labels `y` need to be provided for a targeted attack"):
        attack.generate(x)
    attack.set_params(targeted=False)
    np.testing.assert_array_equal(attack.generate(x), attack.generate(x, estimator.predict(x)))


def test_arts_parameters() -> None:
    (x, y), estimator = cases.arrays(), cases.estimator(balance="total")
    attack = FromTorchattacks(estimator, "AutoSAGA", **NAMES["AutoSAGA"])
    expected = FromTorchattacks(estimator, "AutoSAGA", balance="dgba", **NAMES["AutoSAGA"] | {"steps": 1})
    attack.set_params(steps=1, balance="dgba")
    np.testing.assert_array_equal(attack.generate(x, y), expected.generate(x, y))
    assert "steps=1" in repr(attack)
    assert estimator.balance == "total"
    with pytest.raises(ValueError, match='"decay" cannot be set'):
        attack.set_params(decay=0.1)


def test_security_curve_and_trainer_take_it() -> None:
    model, (x, y) = toys.Toy(), cases.arrays(4)
    estimator = cases.estimator(model, optimizer=torch.optim.SGD(model.parameters(), lr=0.1))
    curve = MultiTaskSecurityCurve(eps=[0.01, 0.05])
    _, curves, clean = curve.evaluate(estimator, x, y, attack=FromTorchattacks, name="AutoSAGA", steps=3)
    assert clean["depth"]["error"] < curves["depth"]["error"][0] < curves["depth"]["error"][1]
    attack = FromTorchattacks(estimator, "AutoSAGA", **NAMES["AutoSAGA"])
    before = estimator.compute_loss(x, y, reduction="mean")
    AdversarialTrainerMultiTask(estimator, attack).fit(x, y, batch_size=2, nb_epochs=2)
    assert estimator.compute_loss(x, y, reduction="mean") < before


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"name": "CW"}, ValueError, "name: expected one of 'FGSM', .* found 'CW'"),
        ({"eps": -1.0}, ValueError, "eps: expected a number > 0"),
        ({"epsilon": 0.1}, TypeError, "found 'epsilon'"),
        ({"balance": "sign_total"}, ValueError, "balance: expected a rule with a weight for every task's loss"),
        ({"batch_size": 0}, ValueError, "batch_size: expected a number > 0"),
        ({"targeted": "no"}, ValueError, "targeted: expected a bool, found 'no'"),
    ],
)
def test_bad_arguments(arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        FromTorchattacks(cases.estimator(), **{"name": "AutoSAGA"} | arguments)


def test_what_cannot_be_meant() -> None:
    x, y = cases.arrays()
    with pytest.raises(ValueError, match="clip_values of the estimator: expected the smallest and the largest pixel"):
        FromTorchattacks(cases.estimator(clip_values=None), "AutoSAGA")
    with pytest.raises(ValueError, match="eps: expected a length in the unit of bounds"):
        FromTorchattacks(cases.estimator(clip_values=(0, 255)), "AutoSAGA")
    with pytest.raises(ValueError, match="mask: expected none"):
        FromTorchattacks(cases.estimator(), "AutoSAGA").generate(x, y, mask=np.ones_like(x))
    with pytest.raises(EstimatorError, match="requires an estimator derived from .*PyTorchMultiTaskEstimator"):
        FromTorchattacks(toys.Toy(), "AutoSAGA")
