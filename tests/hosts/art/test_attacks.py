"""What every attack of the plugin keeps to, and what is particular to one."""

from __future__ import annotations

import copy
import inspect
import pickle
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from art.attacks import evasion
from art.attacks.attack import EvasionAttack
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

import mt_torchattacks as mta
from art_plugins import AutoProjectedGradientDescent, ProjectedGradientDescent
from tests import toys
from tests.hosts.art import cases

ALL = sorted(cases.ATTACKS)


def scores(model: nn.Module, x: np.ndarray, adversarial: np.ndarray, balance: str = "dgba") -> np.ndarray:
    """The rule's score at adversarial images, for the toys' targets."""
    score = mta.Objective(model, toys.tasks(), balance).bind(torch.from_numpy(x), toys.batch(len(x))[1])
    with torch.no_grad():
        return score(torch.from_numpy(adversarial)).numpy()


@pytest.mark.parametrize("name", ALL)
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
    assert (scores(model.eval(), x, adversarial) > 0.01).all()


@pytest.mark.parametrize("name", ALL)
def test_again_in_parts_pickled_and_copied_it_gives_the_same(name: str) -> None:
    (x, y), estimator = cases.arrays(5), cases.estimator()
    attack = cases.attack(name, estimator, batch_size=2)
    first = attack.generate(x, y)
    np.testing.assert_array_equal(attack.generate(x, y), first)
    np.testing.assert_array_equal(attack.generate(x=x, y=estimator.labels(x, y)), first)
    np.testing.assert_allclose(cases.attack(name, estimator, batch_size=5).generate(x, y), first, rtol=0, atol=1e-6)
    for twin in (pickle.loads(pickle.dumps(attack)), copy.deepcopy(attack)):
        np.testing.assert_array_equal(twin.generate(x, y), first)


@pytest.mark.parametrize("name", ALL)
def test_predictions_stand_in_for_labels(name: str) -> None:
    (x, _), estimator = cases.arrays(), cases.estimator()
    attack = cases.attack(name, estimator)
    adversarial = attack.generate(x)
    np.testing.assert_array_equal(adversarial, attack.generate(x, estimator.predict(x)))
    losses = estimator.compute_losses(adversarial, estimator.predict(x))
    counted = np.array([(label["depth"] > 0).any() for label in estimator.predict(x)])
    assert (losses["normal"] > 1e-4).all()  # both are 0 at x
    assert (losses["depth"][counted] > 1e-3).all()


@pytest.mark.parametrize("name", ALL)
def test_targeted(name: str) -> None:
    (x, _), (_, goals), estimator = cases.arrays(), cases.arrays(4), cases.estimator()
    goals["depth"] = goals["depth"] + 1
    attack = cases.attack(name, estimator, targeted=True)
    before, after = (estimator.compute_losses(images, goals) for images in (x, attack.generate(x, goals)))
    assert all(after[task].mean() < before[task].mean() for task in before)
    with pytest.raises(ValueError, match="Target labels `y` need to be provided for a targeted attack"):
        attack.generate(x)


@pytest.mark.parametrize("name", ALL)
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


@pytest.mark.parametrize("name", ALL)
def test_the_attacks_own_balance_overrides_the_estimators(name: str) -> None:
    (x, y), estimator = cases.arrays(), cases.estimator(balance="total")
    attack = cases.attack(name, estimator, balance="single:depth")
    expected = cases.attack(name, cases.estimator(balance="single:depth")).generate(x, y)
    np.testing.assert_array_equal(attack.generate(x, y), expected)
    attack.set_params(balance=None)
    np.testing.assert_array_equal(attack.generate(x, y), cases.attack(name, estimator).generate(x, y))
    assert "balance=None" in repr(attack)
    assert estimator.balance == "total"


@pytest.mark.parametrize("name", ALL)
def test_arts_parameters(name: str) -> None:
    host, attack = getattr(evasion, name), cases.attack(name, cases.estimator())
    assert isinstance(attack, EvasionAttack)
    assert {*host.attack_params, "balance"} <= set(attack.attack_params)
    attack.set_params(eps=0.01, eps_step=0.002, targeted=True)
    assert (attack.eps, attack.eps_step, attack.targeted) == (0.01, 0.002, True)
    with pytest.raises(ValueError, match='"epsilon" cannot be set'):
        attack.set_params(epsilon=0.1)
    wrong: list[dict[str, Any]] = [
        {"norm": 0.5},
        {"eps": -1.0},
        {"eps_step": 0.0},
        {"batch_size": 0},
        {"targeted": "no"},
    ]
    wrong += [] if name == "FastGradientMethod" else [{"max_iter": -1}, {"verbose": "no"}]
    for arguments in wrong:
        with pytest.raises(ValueError):  # noqa: PT011 - ART's own messages
            cases.attack(name, cases.estimator(), **arguments)
        with pytest.raises(ValueError):  # noqa: PT011
            cases.attack(name, cases.estimator()).set_params(**arguments)


def test_the_parameters_are_arts_in_arts_order() -> None:
    for name, (kind, _) in cases.ATTACKS.items():
        theirs, ours = (inspect.signature(cls).parameters for cls in (getattr(evasion, name), kind))
        assert list(ours)[: len(theirs)] == list(theirs)
        assert list(ours)[-1] == "balance"
        assert all(ours[parameter].default == theirs[parameter].default for parameter in theirs)
        assert list(inspect.signature(kind.__init__).parameters) == ["self", *ours]
        documented = re.findall(r"^:param (\w+): \S", kind.__init__.__doc__ or "", re.MULTILINE)
        assert documented == list(ours)


@pytest.mark.parametrize("name", ALL)
def test_arguments_by_position_are_those_by_name(name: str) -> None:
    kind, estimator = cases.ATTACKS[name][0], cases.estimator()
    names = list(inspect.signature(kind).parameters)[1:]
    given = {"norm": 2, "eps": 0.5, "eps_step": 0.2, "targeted": True, "batch_size": 7, "balance": "total"}
    plain = kind(estimator)
    values = {name: given.get(name, getattr(plain, name) or False) for name in names if name != "loss_type"}
    attack = kind(estimator, *({**values, "loss_type": None}[name] for name in names))
    assert {name: getattr(attack, name) or False for name in values} == values
    with pytest.raises(TypeError, match="estimator"):
        kind()
    with pytest.raises(TypeError, match="epsilon"):
        kind(estimator, epsilon=0.1)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("channel", [0, 2])
def test_mask(name: str, channel: int) -> None:
    (x, y), estimator = cases.arrays(5), cases.estimator()
    mask = np.zeros((3, 1, 16), dtype=np.float32)
    mask[channel, :, 4:9] = 1
    adversarial = cases.attack(name, estimator, batch_size=2).generate(x, y, mask=mask)
    allowed = np.broadcast_to(mask > 0, x.shape)
    np.testing.assert_array_equal(adversarial[~allowed], x[~allowed])
    assert (adversarial[allowed] != x[allowed]).mean() > 0.9


@pytest.mark.parametrize("name", ["FastGradientMethod", "ProjectedGradientDescent", "AutoProjectedGradientDescent"])
@pytest.mark.parametrize(("norm", "eps"), [(np.inf, cases.EPS), (2, 0.5), (1, 5.0)])
def test_random_starts(name: str, norm: float, eps: float) -> None:
    model, (x, y) = toys.Toy(), cases.arrays(5)
    which = "nb_random_init" if name.startswith("Auto") else "num_random_init"

    def run(starts: int) -> np.ndarray:
        np.random.seed(1)  # noqa: NPY002 - what ART's users seed
        attack = cases.attack(name, cases.estimator(model), norm=norm, eps=eps, eps_step=eps / 2, **{which: starts})
        return attack.generate(x, y)

    one, many = run(1), run(4)
    np.testing.assert_array_equal(run(4), many)
    if not (norm == 1 and name.startswith("Auto")):  # whose last candidate may be the best from every start
        assert not np.array_equal(one, many)
    assert (scores(model, x, many) >= scores(model, x, one)).all()
    assert (np.linalg.norm((many - x).reshape(5, -1), ord=norm, axis=1) <= eps * (1 + 1e-5)).all()


def test_random_starts_fill_the_ball() -> None:
    from mt_torchattacks.geometry.ball import Ball

    generator = torch.Generator().manual_seed(0)
    images = torch.zeros(20000, 1, 1, 2)
    for norm, area in ((np.inf, 4.0), (2, np.pi), (1, 2.0)):
        points = Ball(images, 1.0, norm).random_point(generator).flatten(1)
        half = (torch.linalg.vector_norm(points, ord=norm, dim=1) <= 0.5).float().mean()
        assert abs(float(half) - 0.25) < 0.01  # a ball of half the radius has a quarter of the area
        corner = ((points > 0).all(dim=1) & (points.sum(dim=1) < 0.5)).float().mean()
        assert abs(float(corner) - 0.125 / area) < 0.005


def test_apgd_returns_the_best_iterate() -> None:
    model, (x, y) = toys.Toy(), cases.arrays(12)
    estimator = cases.estimator(model)
    shared = {"eps": cases.EPS, "max_iter": 10, "verbose": False}
    pgd = ProjectedGradientDescent(estimator, eps_step=cases.EPS / 4, **shared).generate(x, y)
    apgd = AutoProjectedGradientDescent(estimator, eps_step=2 * cases.EPS, nb_random_init=0, **shared).generate(x, y)
    assert (scores(model, x, apgd) >= 0).all()
    assert (scores(model, x, apgd) >= scores(model, x, pgd) - 1e-5).mean() > 0.95


class Counting(nn.Module):
    """Counts how often a model is called."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model, self.calls = model, 0

    def forward(self, x: Tensor) -> Any:
        self.calls += 1
        return self.model(x)


@pytest.mark.parametrize(
    ("name", "host", "steps"),
    [
        ("ProjectedGradientDescent", "PGD", 3),
        ("AutoProjectedGradientDescent", "APGD", 3),
        ("FastGradientMethod", "FGSM", 1),
    ],
)
def test_it_asks_the_model_as_often_as_torchattacks(name: str, host: str, steps: int) -> None:
    (x, y), ours, theirs = cases.arrays(), Counting(toys.Toy()), Counting(toys.Toy())
    cases.attack(name, cases.estimator(ours)).generate(x, y)
    getattr(mta, host)(theirs, toys.tasks(), **({} if host == "FGSM" else {"steps": steps}))(*toys.batch())
    # torchattacks' loops start at a random point, so the clean losses take one more pass.
    assert ours.calls == theirs.calls - (host != "FGSM")


class Crossings(TorchFunctionMode):
    """Counts the calls that bring a tensor to the host, or to a device."""

    def __init__(self) -> None:
        super().__init__()
        self.found: Counter[str] = Counter()

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        crossing = {"cpu", "cuda", "numpy", "tolist", "item", "__bool__", "__float__", "__int__", "__array__", "tensor"}
        name = getattr(func, "__name__", "")
        of_images = bool(args) and getattr(args[0], "shape", ()) == (4, 3, 16, 16)
        self.found[name + (" of images" if of_images else "")] += name in crossing
        return func(*args, **(kwargs or {}))


class Scalars(TorchDispatchMode):
    """Counts the values that the host waits for."""

    found = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.found += func is torch.ops.aten._local_scalar_dense.default
        return func(*args, **(kwargs or {}))


@contextmanager
def counted() -> Iterator[tuple[Crossings, Scalars]]:
    with Crossings() as crossings, Scalars() as scalars:
        yield crossings, scalars


@pytest.mark.parametrize("name", [name for name in ALL if name != "FastGradientMethod"])
def test_the_loop_stays_on_the_device(name: str) -> None:
    x, y = cases.arrays()
    estimator = cases.estimator(tasks=toys.tasks().with_roles(normal="ignore"))  # its targets have the images' shape
    counts = []
    for steps in (2, 20):
        attack = cases.attack(name, estimator, max_iter=steps)
        with counted() as (crossings, scalars):
            attack.generate(x, y)
        counts.append((+crossings.found, scalars.found))
        of_images = {call: n for call, n in counts[-1][0].items() if "images" in call}
        assert of_images == {"tensor of images": 1, "cpu of images": 1, "numpy of images": 1}
    assert counts[0] == counts[1]  # whatever the number of steps


def test_torchattacks_is_not_needed() -> None:
    source = (
        "import sys; sys.modules['torchattacks'] = None\n"
        "from tests.hosts.art import cases\n"
        "x, y = cases.arrays()\n"
        "for name in cases.ATTACKS:\n"
        "    cases.attack(name, cases.estimator()).generate(x, y)\n"
    )
    subprocess.run([sys.executable, "-c", source], check=True, cwd=Path(__file__).parents[3], capture_output=True)
