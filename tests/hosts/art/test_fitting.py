"""The estimator's own training."""

from __future__ import annotations

import pytest
import torch
from art.data_generators import NumpyDataGenerator, PyTorchDataGenerator
from torch.utils.data import DataLoader

from tests import toys
from tests.hosts.art import cases


def test_fit_lowers_every_loss_and_restores_the_modes() -> None:
    model, (x, y) = toys.Toy(), cases.arrays(8)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.5)
    estimator = cases.estimator(model, optimizer=optimizer, preprocessing=(cases.MEAN, cases.STD))
    before = estimator.compute_losses(x, y)
    estimator.fit(x, y, batch_size=3, nb_epochs=5, scheduler=scheduler)
    after = estimator.compute_losses(x, y)
    assert all(after[name].mean() < before[name].mean() for name in before)
    assert not any(module.training for module in model.modules())
    assert scheduler.get_last_lr() == [0.01 / 2**5]
    weights = {key: value.clone() for key, value in model.state_dict().items()}
    estimator.fit(x[:3], {name: value[:3] for name, value in y.items()}, batch_size=2, nb_epochs=1, drop_last=True)
    assert any(not torch.equal(value, weights[key]) for key, value in model.state_dict().items())


@pytest.mark.parametrize("kind", ["numpy", "torch"])
def test_fit_generator(kind: str) -> None:
    model, (images, targets), (x, y) = toys.Toy(), toys.batch(8), cases.arrays(8)
    estimator = cases.estimator(model, optimizer=torch.optim.Adam(model.parameters(), lr=0.01))
    samples = [(image, {name: target[i] for name, target in targets.items()}) for i, image in enumerate(images)]
    generator = (
        NumpyDataGenerator(x, estimator.labels(x, y), batch_size=4)
        if kind == "numpy"
        else PyTorchDataGenerator(DataLoader(samples, batch_size=4), size=8, batch_size=4)
    )
    before = estimator.compute_loss(x, y, reduction="mean")
    estimator.fit_generator(generator, nb_epochs=4)
    assert estimator.compute_loss(x, y, reduction="mean") < before
    with pytest.raises(ValueError, match=r"generator: expected an instance of art\.data_generators\.DataGenerator"):
        estimator.fit_generator(samples)


def test_clone_for_refitting() -> None:
    model, (x, y) = toys.Toy(seed=5), cases.arrays()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.03, momentum=0.5)
    estimator = cases.estimator(model, optimizer=optimizer, balance="total", preprocessing=(cases.MEAN, cases.STD))
    before = cases.state(model)
    clone = estimator.clone_for_refitting()
    assert clone.model is not model
    assert not torch.equal(clone.model.trunk.weight, model.trunk.weight)
    assert type(clone.optimizer) is torch.optim.SGD
    assert clone.optimizer.param_groups[0]["momentum"] == 0.5
    clone.fit(x, y, nb_epochs=1)
    clone.set_params(balance="dgba", preprocessing=None)
    assert (estimator.balance, len(estimator.preprocessing_operations)) == ("total", 1)
    assert cases.same_state(cases.state(model), before)
