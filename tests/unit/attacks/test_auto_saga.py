"""Auto-SAGA's cost, what it returns, what it refuses, models with randomness, and lists of models."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import mt_torchattacks as mta
from mt_torchattacks.geometry.ball import Ball
from tests import toys

STEPS = 4


class Passes:
    """Counts the forward and backward passes through a module by hooks."""

    def __init__(self, module: nn.Module) -> None:
        self.forward = self.backward = 0
        module.register_forward_hook(self._count_forward)
        module.register_full_backward_hook(self._count_backward)

    def _count_forward(self, *_: Any) -> None:
        self.forward += 1

    def _count_backward(self, *_: Any) -> None:
        self.backward += 1


@pytest.mark.parametrize(("balance", "count"), [("dgba", 4), ("baseline", 4), ("single:depth", 1)])
@pytest.mark.parametrize("eot_iter", [1, 3])
def test_a_step_costs_one_backward_pass_for_each_task_and_one_more(balance: str, count: int, eot_iter: int) -> None:
    model, (images, targets) = toys.Toy(), toys.batch(2)
    passes = Passes(model.trunk)
    mta.AutoSAGA(model, toys.tasks(), balance, steps=STEPS, eot_iter=eot_iter)(images, targets)
    assert passes.backward == STEPS * (count + 1) * eot_iter
    assert passes.forward == 2 * STEPS * eot_iter + 1 + eot_iter  # and the clean losses and the last iterate's score


def test_it_returns_each_samples_iterate_with_the_best_score() -> None:
    model, (images, targets) = toys.Toy().double(), toys.batch(6)
    images = images.double()
    attack = mta.AutoSAGA(model, toys.tasks(), eps=8 / 255, alpha=8 / 255, steps=8)  # long steps: some go too far
    bound = attack.bind(images, targets)
    found = [(x, score) for x, score, _ in attack.iterates(bound, Ball(images, 8 / 255, float("inf"), (0.0, 1.0)))]
    adversarial = attack(images, targets)
    assert bool((bound(adversarial) >= torch.stack([score for _, score in found]).amax(dim=0) - 1e-12).all())
    assert not torch.equal(adversarial, found[-1][0])


def test_baseline_is_total() -> None:
    images, targets = toys.batch(2)
    baseline, total = (mta.AutoSAGA(toys.Toy(), toys.tasks(), name, steps=3) for name in ("baseline", "total"))
    assert torch.equal(baseline(images, targets), total(images, targets))


@pytest.mark.parametrize("scale", [1e-6, 1e4])
def test_the_losses_units_do_not_matter(scale: float) -> None:
    """With the published, absolute factors they would: the weights would stay 1, or be thrown about."""
    model, (images, targets) = toys.Toy().double(), toys.batch(2)
    images = images.double()
    scaled = mta.Tasks({n: lambda o, t, loss=task.loss: scale * loss(o, t) for n, task in toys.tasks().items()})
    first, second = (mta.AutoSAGA(model, tasks, "total", steps=5)(images, targets) for tasks in (toys.tasks(), scaled))
    assert ((first - second).abs() > 1e-9).double().mean() < 1e-3


def test_a_sample_without_a_gradient_at_first_is_attacked_when_it_has_one() -> None:
    images, targets = toys.batch(2)

    class Late(toys.Toy):
        """The second image's outputs have no gradient in the first two passes with one."""

        passes = 0

        def forward(self, x: Tensor) -> dict[str, Tensor]:
            self.passes += x.requires_grad
            alive = torch.tensor([1.0, 1.0 if self.passes > 2 else 0.0]).reshape(2, 1, 1, 1)
            return super().forward(x * alive + 0.3 * (1 - alive))

    adversarial = mta.AutoSAGA(Late(), toys.tasks(), steps=3)(images, targets)
    assert bool(torch.isfinite(adversarial).all())
    assert (adversarial != images).flatten(1).float().mean(dim=1).min() > 0.5


class Noisy(nn.Module):
    """A defence by randomness: noise on every image before the model sees it."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return self.model(x + torch.randn_like(x))


def first_step(model: nn.Module, images: Tensor, targets: dict[str, Tensor], eot_iter: int) -> Tensor:
    """The signs of the first step."""
    attack = mta.AutoSAGA(model, toys.tasks(), steps=1, learning_rate=0.0, eot_iter=eot_iter)
    *_, last = attack.iterates(attack.bind(images, targets), Ball(images, 8 / 255, float("inf"), (0.0, 1.0)))
    return (last.x - images).sign()


def test_expectation_over_transformations_averages_the_gradients() -> None:
    model, (images, targets) = toys.Toy(), toys.batch(2)
    noisy = Noisy(model)
    torch.manual_seed(0)
    many, one, some = (first_step(noisy, images, targets, count) for count in (60, 1, 15))
    assert (some == many).double().mean() > (one == many).double().mean() + 0.03
    assert torch.equal(first_step(model, images, targets, 1), first_step(model, images, targets, 2))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"balance": "sign_total"}, "balance: expected a rule with a weight for every task's loss .* 'sign_total'"),
        ({"balance": "normalized"}, "balance: expected a rule with a weight for every task's loss"),
        ({"learning_rate": -1.0}, "learning_rate: expected a number >= 0, found -1.0"),
        ({"decay": -0.5}, "decay: expected a number >= 0"),
        ({"fitting_factor": 0.0}, "fitting_factor: expected a number > 0"),
        ({"eot_iter": 0}, "eot_iter: expected a number > 0"),
        ({"attention": {"deptt": torch.ones_like}}, "attention: expected only the keys .* found also 'deptt'"),
        ({"attention": {"depth": torch.ones_like}, "bounds": (0, 255)}, r"bounds: expected \(0, 1\)"),
    ],
)
def test_arguments_that_cannot_be_meant(arguments: dict[str, Any], message: str) -> None:
    scaled = {"eps": 8.0, "alpha": 2.0} if "bounds" in arguments else {}
    with pytest.raises(ValueError, match=message):
        mta.AutoSAGA(toys.Toy(), toys.tasks(), **scaled, **arguments)


def test_a_budget_and_a_map_of_the_wrong_shape_are_refused() -> None:
    kept = {**toys.tasks(), "depth": mta.Task(mta.losses.L1(), role="preserve", budget=0.1)}
    with pytest.raises(ValueError, match="tasks: expected no task preserved within a budget, .* found 'depth'"):
        mta.AutoSAGA(toys.Toy(), mta.Tasks(kept))
    attack = mta.AutoSAGA(toys.Toy(), toys.tasks(), attention={"depth": torch.ones_like})
    with pytest.raises(ValueError, match=r"attention\['depth'\]: expected shape \(2, 1, 16, 16\), found .* \(2, 3, "):
        attack(*toys.batch(2))


def test_maps_see_what_the_model_sees() -> None:
    seen = []

    def watch(x: Tensor) -> Tensor:
        seen.append(x)
        return torch.ones_like(x[:, :1])

    images, targets = toys.batch(2)
    attack = mta.AutoSAGA(toys.Toy(), toys.tasks(), steps=1, attention={"depth": watch})
    attack.set_normalization_used([0.5] * 3, [0.25] * 3)
    attack((images - 0.5) / 0.25, targets)
    torch.testing.assert_close(seen[0], (images - 0.5) / 0.25)


def classifiers() -> mta.Ensemble:
    torch.manual_seed(0)
    return mta.Ensemble([nn.Sequential(nn.Flatten(), nn.Linear(48, 8), nn.Tanh(), nn.Linear(8, 3)) for _ in range(3)])


def test_a_list_of_models_is_one_model_with_a_task_for_each() -> None:
    ensemble, images, labels = classifiers(), torch.rand(8, 3, 4, 4), torch.randint(0, 3, (8,))
    tasks = mta.Tasks(ensemble.each(mta.losses.CrossEntropy()))
    assert tasks.active == ("model0", "model1", "model2")
    targets = ensemble.each(labels)
    adversarial = mta.AutoSAGA(ensemble, tasks, "baseline", steps=10)(images, targets)
    for name, model in ensemble.models.items():
        assert torch.equal(ensemble(images)[name], model(images))
        rise = nn.functional.cross_entropy(model(adversarial), labels) - nn.functional.cross_entropy(
            model(images), labels
        )
        assert rise > 0.01


def test_an_ensemble_says_what_does_not_fit() -> None:
    with pytest.raises(ValueError, match="models: expected at least one model, found none"):
        mta.Ensemble([])
    with pytest.raises(TypeError, match=r"models\['a'\]: expected a torch.nn.Module, found function"):
        mta.Ensemble({"a": lambda x: x})  # type: ignore[dict-item]
    with pytest.raises(TypeError, match="output of model 'model0': expected one tensor, found dict"):
        mta.Ensemble([toys.Toy()])(torch.rand(1, 3, 16, 16))
