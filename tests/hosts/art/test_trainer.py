"""Adversarial training, in the library and in ART's style."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from art.attacks import evasion
from art.data_generators import NumpyDataGenerator
from art.defences.trainer import AdversarialTrainer
from art.defences.trainer.trainer import Trainer
from torch import nn

import mt_torchattacks as mta
from art_plugins import AdversarialTrainerMultiTask, FastGradientMethod, ProjectedGradientDescent
from mt_torchattacks.training.adversarial import train_on_batches
from tests import toys
from tests.hosts.art import cases


def trainer(model: nn.Module, **arguments: Any) -> AdversarialTrainerMultiTask:
    estimator = cases.estimator(model, optimizer=torch.optim.SGD(model.parameters(), lr=0.1))
    return AdversarialTrainerMultiTask(estimator, cases.attack("ProjectedGradientDescent", estimator), **arguments)


def test_one_epoch_is_attack_then_step_written_out() -> None:
    """Against a plain loop: attack the present weights, then a step on the sum of the mean losses."""
    model, (images, targets), (x, y) = toys.Toy(), toys.batch(), cases.arrays()
    reference = copy.deepcopy(model)
    optimizer = torch.optim.SGD(reference.parameters(), lr=0.1)
    for _ in range(2):
        attack = mta.PGD(reference, toys.tasks(), eps=cases.EPS, alpha=cases.EPS / 2, steps=3, random_start=False)
        adversarial = attack(images, targets)
        reference.train()
        reference.dropout.eval()
        loss = sum(loss.mean() for loss in toys.tasks().losses(reference(adversarial), targets).values())
        reference.eval()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.dropout.p = 0.0
    trainer(model).fit(x, y, batch_size=4, nb_epochs=2)
    for name, value in model.state_dict().items():
        torch.testing.assert_close(value, reference.state_dict()[name], rtol=1e-4, atol=1e-6)


def test_it_makes_the_model_harder_to_attack_than_plain_training_does() -> None:
    (x, y), losses = cases.arrays(16), {}
    for adversarial in (False, True):
        model = toys.Toy()
        made = trainer(model)
        (made.fit if adversarial else made.classifier.fit)(x, y, batch_size=8, nb_epochs=15)
        attacked = cases.attack("ProjectedGradientDescent", made.classifier, balance="total", max_iter=5).generate(x, y)
        losses[adversarial] = made.get_classifier().compute_loss(attacked, y, reduction="mean")
    assert losses[True] < losses[False]


@pytest.mark.parametrize("ratio", [0.5, 1.0])
def test_ratio_is_the_share_of_attacked_images(ratio: float) -> None:
    model, (images, targets) = toys.Toy(), toys.batch(5)
    seen: list[torch.Tensor] = []
    model.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    rows = train_on_batches(
        model, toys.tasks(), lambda: [(images, targets)], optimizer, 1, attack=lambda x, y: x + 1, ratio=ratio
    )
    changed = (seen[0] != images).flatten(1).any(dim=1)
    assert int(changed.sum()) == (3 if ratio == 0.5 else 5)
    assert sorted(rows[0]) == sorted(toys.NAMES)


def test_generator() -> None:
    model, (x, y) = toys.Toy(), cases.arrays(8)
    made = trainer(model, ratio=0.5)
    generator = NumpyDataGenerator(x, made.classifier.labels(x, y), batch_size=4)
    before = made.classifier.compute_loss(x, y, reduction="mean")
    made.fit_generator(generator, nb_epochs=3)
    assert made.classifier.compute_loss(x, y, reduction="mean") < before
    assert not any(module.training for module in model.modules())


def test_arts_own_trainer_takes_the_estimator() -> None:
    model, (x, y) = toys.Toy(), cases.arrays(8)
    estimator = cases.estimator(model, optimizer=torch.optim.SGD(model.parameters(), lr=0.1))
    before = estimator.compute_loss(x, y, reduction="mean")
    for kind in (evasion.ProjectedGradientDescent, ProjectedGradientDescent):
        attack = kind(estimator, eps=cases.EPS, eps_step=cases.EPS / 2, max_iter=2, verbose=False)
        AdversarialTrainer(estimator, attack).fit(x, estimator.labels(x, y), batch_size=4, nb_epochs=1)
    assert estimator.compute_loss(x, y, reduction="mean") < before


def test_arguments() -> None:
    estimator = cases.estimator()
    attack = FastGradientMethod(estimator)
    assert isinstance(AdversarialTrainerMultiTask(estimator, attack), Trainer)
    with pytest.raises(TypeError, match="classifier: expected a PyTorchMultiTaskEstimator, found Toy"):
        AdversarialTrainerMultiTask(estimator.model, attack)
    with pytest.raises(TypeError, match="attack: expected an attack of art_plugins, found FastGradientMethod"):
        AdversarialTrainerMultiTask(estimator, evasion.FastGradientMethod(estimator))
    with pytest.raises(ValueError, match="attack: expected an untargeted attack"):
        AdversarialTrainerMultiTask(estimator, FastGradientMethod(estimator, targeted=True))
    with pytest.raises(ValueError, match="attack: expected an attack on the same estimator"):
        AdversarialTrainerMultiTask(cases.estimator(), attack)
    with pytest.raises(ValueError, match=r"ratio: expected a number in \(0, 1\], found 0"):
        AdversarialTrainerMultiTask(estimator, attack, ratio=0)
    with pytest.raises(ValueError, match="epoch: expected at least one batch"):
        train_on_batches(toys.Toy(), toys.tasks(), lambda: [], torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))]), 1)


def test_modes_are_restored_after_an_error() -> None:
    model, (x, y) = toys.Toy(), cases.arrays()
    y["depth"] = y["depth"][:, :, :8]
    with pytest.raises(ValueError, match="depth"):
        trainer(model).fit(x, y)
    assert not any(module.training for module in model.modules())
    assert np.isfinite(model.trunk.weight.detach().numpy()).all()
