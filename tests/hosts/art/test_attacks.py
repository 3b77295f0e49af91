"""What every attack of the plugin keeps to, and what is particular to one."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import mt_torchattacks as mta
from art_plugins import AutoProjectedGradientDescent, ProjectedGradientDescent
from tests import toys
from tests.hosts.art import cases
from tests.role_cases import BUDGET, rises, settled


@pytest.mark.parametrize("name", cases.ALL)
def test_result_is_in_the_ball_and_worse_and_nothing_is_changed(name: str) -> None:
    model, (x, y) = toys.Toy(), cases.arrays(5)
    model.train()
    model.norm.eval()
    model.depth.weight.grad = torch.ones_like(model.depth.weight)
    before, given = cases.state(model), copy.deepcopy((x, y))
    attack = cases.attack(name, cases.estimator(model), batch_size=2)
    with torch.no_grad():
        adversarial = attack.generate(x, y)
    assert cases.same_state(cases.state(model), before)
    np.testing.assert_array_equal(x, given[0])
    assert all(np.array_equal(y[task], given[1][task]) for task in y)
    assert adversarial.dtype == np.float32
    assert 0 <= adversarial.min() <= adversarial.max() <= 1
    assert abs(adversarial - x).max() <= cases.EPS + 1e-6
    assert (cases.scores(model.eval(), x, adversarial) > 0.01).all()


@pytest.mark.parametrize("name", cases.ALL)
def test_again_in_parts_pickled_and_copied_it_gives_the_same(name: str) -> None:
    (x, y), estimator = cases.arrays(5), cases.estimator()
    attack = cases.attack(name, estimator, batch_size=2)
    first = attack.generate(x, y)
    np.testing.assert_array_equal(attack.generate(x, y), first)
    np.testing.assert_array_equal(attack.generate(x=x, y=estimator.labels(x, y)), first)
    np.testing.assert_allclose(cases.attack(name, estimator, batch_size=5).generate(x, y), first, rtol=0, atol=1e-6)
    for twin in (pickle.loads(pickle.dumps(attack)), copy.deepcopy(attack)):
        np.testing.assert_array_equal(twin.generate(x, y), first)


@pytest.mark.parametrize("name", cases.ALL)
def test_predictions_stand_in_for_labels(name: str) -> None:
    (x, _), estimator = cases.arrays(), cases.estimator()
    attack = cases.attack(name, estimator)
    adversarial = attack.generate(x)
    np.testing.assert_array_equal(adversarial, attack.generate(x, estimator.predict(x)))
    losses = estimator.compute_losses(adversarial, estimator.predict(x))
    counted = np.array([(label["depth"] > 0).any() for label in estimator.predict(x)])
    assert (losses["normal"] > 1e-4).all()  # both are 0 at x
    assert (losses["depth"][counted] > 1e-3).all()


@pytest.mark.parametrize("name", cases.ALL)
def test_targeted(name: str) -> None:
    (x, _), (_, goals), estimator = cases.arrays(), cases.arrays(4), cases.estimator()
    goals["depth"] = goals["depth"] + 1
    attack = cases.attack(name, estimator, targeted=True)
    before, after = (estimator.compute_losses(images, goals) for images in (x, attack.generate(x, goals)))
    assert all(after[task].mean() < before[task].mean() for task in before)
    with pytest.raises(ValueError, match="Target labels `y` need to be provided for a targeted attack"):
        attack.generate(x)


@pytest.mark.parametrize("name", cases.ALL)
def test_roles_are_kept_in_a_targeted_attack(name: str) -> None:
    (x, y), tasks = cases.arrays(), toys.tasks().with_roles(depth="preserve")
    estimator = cases.estimator(tasks=tasks, balance="total")
    attack = cases.attack(name, estimator, targeted=True)
    mixed = mta.Objective(
        estimator.model, tasks.with_roles(classes="target", segmentation="target", normal="target"), "total"
    )
    score = mixed.bind(torch.from_numpy(x), toys.batch()[1])
    assert bool((score(torch.from_numpy(attack.generate(x, y))) > score(torch.from_numpy(x))).all())


def test_tasks_within_a_budget_are_kept_for_steps_of_the_attacks_own_norm() -> None:
    """Steps along a direction itself, not its sign, as those of the host with the same norm."""
    (images, targets), kept = toys.batch(), mta.Task(mta.losses.L1(), role="preserve", budget=0.05)
    images = 0.3 + 0.4 * images  # nothing is clipped
    tasks = mta.Tasks({**toys.tasks(), "depth": kept})
    attack = cases.attack(
        "ProjectedGradientDescent", cases.estimator(tasks=tasks), norm=2, eps=1.0, eps_step=0.3, max_iter=4
    )
    found = attack.generate(images.numpy(), {task: target.numpy() for task, target in targets.items()})
    host = mta.PGDL2(toys.Toy(), tasks, eps=1.0, alpha=0.3, steps=4, random_start=False)
    np.testing.assert_allclose(found, host(images, targets), rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", cases.ALL)
def test_the_attacks_own_balance_overrides_the_estimators(name: str) -> None:
    (x, y), estimator = cases.arrays(), cases.estimator(balance="total")
    attack = cases.attack(name, estimator, balance="single:depth")
    expected = cases.attack(name, cases.estimator(balance="single:depth")).generate(x, y)
    np.testing.assert_array_equal(attack.generate(x, y), expected)
    attack.set_params(balance=None)
    np.testing.assert_array_equal(attack.generate(x, y), cases.attack(name, estimator).generate(x, y))
    assert "balance=None" in repr(attack)
    assert estimator.balance == "total"


def test_apgd_returns_the_best_iterate() -> None:
    model, (x, y) = toys.Toy(), cases.arrays(12)
    estimator = cases.estimator(model)
    shared = {"eps": cases.EPS, "max_iter": 10, "verbose": False}
    pgd = ProjectedGradientDescent(estimator, eps_step=cases.EPS / 4, **shared).generate(x, y)
    apgd = AutoProjectedGradientDescent(estimator, eps_step=2 * cases.EPS, nb_random_init=0, **shared).generate(x, y)
    assert (cases.scores(model, x, apgd) >= 0).all()
    assert (cases.scores(model, x, apgd) >= cases.scores(model, x, pgd) - 1e-5).mean() > 0.95


def test_torchattacks_is_not_needed() -> None:
    source = (
        "import sys; sys.modules['torchattacks'] = None\n"
        "from tests.hosts.art import cases\n"
        "x, y = cases.arrays()\n"
        "for name in cases.ATTACKS:\n"
        "    cases.attack(name, cases.estimator()).generate(x, y)\n"
    )
    subprocess.run([sys.executable, "-c", source], check=True, cwd=Path(__file__).parents[3], capture_output=True)


@pytest.mark.parametrize("name", ["FastGradientMethod", "ProjectedGradientDescent", "AutoProjectedGradientDescent"])
@pytest.mark.parametrize("starts", [0, 1, 3])
def test_budgets_are_kept_from_random_starts_too(name: str, starts: int) -> None:
    model, images, targets, tasks = settled()
    estimator = cases.estimator(model, tasks=tasks)
    which = "nb_random_init" if name.startswith("Auto") else "num_random_init"
    attack = cases.attack(name, estimator, **{which: starts})
    given = {name: targets[name].numpy() for name in tasks}
    x = torch.tensor(attack.generate(images.numpy(), given))
    found = rises(model, tasks, images, x, targets)
    assert bool((found["twin"] <= BUDGET + 2e-5).all())


@pytest.mark.parametrize("name", ["ProjectedGradientDescent", "AutoProjectedGradientDescent"])
def test_random_starts_do_not_depend_on_the_batch(name: str) -> None:
    x, y = cases.arrays(5)
    which = "nb_random_init" if name.startswith("Auto") else "num_random_init"
    found = []
    for order in (slice(None), slice(None, None, -1)):
        for size in (1, 2, 5):
            np.random.seed(1)  # noqa: NPY002 - what ART's users seed
            attack = cases.attack(name, cases.estimator(), batch_size=size, **{which: 2})
            made = attack.generate(x[order].copy(), {task: target[order].copy() for task, target in y.items()})
            found.append(made[order])
    for other in found[1:]:
        assert (abs(other - found[0]) > 1e-6).mean() < 2e-3  # float32 signs of nearly zero gradients
