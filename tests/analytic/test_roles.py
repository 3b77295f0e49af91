"""Roles: preserved within a budget against the optima of linear programs, targeted and mixed against end results."""

from __future__ import annotations

import inspect
import math
from typing import Any

import numpy as np
import pytest
import torch
from scipy.optimize import linprog, minimize
from torch import Tensor

import mt_torchattacks as mta
from mt_torchattacks.attacks import HOSTED
from mt_torchattacks.geometry.ball import NORMS
from mt_torchattacks.objective.budgets import Budgets, combined, multipliers
from tests import toys
from tests.role_cases import BUDGET, EPS, Twins, rises, settled, twins


def value(output: Tensor, target: Tensor) -> Tensor:
    """The output itself as the loss: linear in the image."""
    return output + 0 * target


def conflict(tasks: int, samples: int = 4, pixels: int = 1200) -> tuple[Tensor, Tensor, Tensor]:
    """Random gradients that agree in part, and limits of which some bind and some do not."""
    a = torch.randn(samples, pixels, dtype=torch.double)
    g = torch.randn(samples, tasks, pixels, dtype=torch.double) + 0.6 * a.unsqueeze(1)
    return a, g, (torch.rand(samples, tasks, dtype=torch.double) - 0.4) * 0.5


@pytest.mark.parametrize("tasks", [1, 2])
def test_a_sign_step_is_the_optimum_of_the_linear_program(tasks: int) -> None:
    a, g, share = conflict(tasks)
    room = share * g.abs().sum(2)
    weights = multipliers(a, g, room, math.inf)
    step = combined(a, g, weights).sign()
    for i in range(len(a)):
        program = linprog(-a[i].numpy(), A_ub=g[i].numpy(), b_ub=room[i].numpy(), bounds=(-1, 1))
        pixel = float(g[i].abs().max())
        assert (g[i] @ step[i] - room[i]).max() <= 4 * pixel  # one task: none; two: what the other's last turn moved
        assert abs(float(a[i] @ step[i]) + program.fun) < (4e-3 if tasks == 1 else 1.5e-2) * -program.fun
        np.testing.assert_allclose(weights[i], -program.ineqlin.marginals, rtol=0.05, atol=0.01)


def test_one_limit_is_kept_exactly_and_no_more_than_a_pixel_is_left() -> None:
    a, g, share = conflict(1, pixels=50)
    room = share * g.abs().sum(2)
    weights = multipliers(a, g, room, math.inf)
    change = (g @ combined(a, g, weights).sign().unsqueeze(2)).squeeze(2)
    assert bool((change <= room).all())
    tight = weights > 0
    assert tight.any()
    assert bool((room - change <= 2 * g.abs().amax(2))[tight].all())


@pytest.mark.parametrize("tasks", [1, 2])
def test_a_unit_step_is_the_optimum_on_the_ball(tasks: int) -> None:
    a, g, share = conflict(tasks, pixels=12)
    room = share * g.norm(dim=2)
    step = combined(a, g, multipliers(a, g, room, 2.0))
    step = step / step.norm(dim=1, keepdim=True)
    for i in range(len(a)):
        limits = [{"type": "ineq", "fun": lambda s, i=i, j=j: float(room[i, j]) - g[i, j].numpy() @ s}
                  for j in range(tasks)]  # fmt: skip
        ball = {"type": "ineq", "fun": lambda s: 1 - s @ s}
        best = minimize(lambda s, i=i: -a[i].numpy() @ s, np.zeros(12), constraints=[*limits, ball], tol=1e-12)
        assert (g[i] @ step[i] - room[i]).max() < 0.02 * float(g[i].norm(dim=1).max())
        assert abs(float(a[i] @ step[i]) + best.fun) < 0.02 * -best.fun


@pytest.mark.parametrize("norm", ["Linf", "L2"])
def test_what_binds_nothing_changes_nothing(norm: str) -> None:
    a, g, _ = conflict(2)
    far = torch.full((4, 2), 1e6, dtype=torch.double)
    assert bool((multipliers(a, g, far, NORMS[norm]) == 0).all())
    agrees = multipliers(a, -a.unsqueeze(1), torch.zeros(4, 1, dtype=torch.double), NORMS[norm])
    assert bool((agrees == 0).all())


@pytest.mark.parametrize("norm", ["Linf", "L2"])
def test_zero_gradients_give_finite_directions(norm: str) -> None:
    kept = Budgets(torch.tensor([BUDGET, BUDGET]), NORMS[norm], EPS)
    a, g = torch.randn(3, 3, 4, 4), torch.randn(3, 2, 3, 4, 4)
    a[0], g[1], g[2, 0] = 0, 0, 1e-42
    for increases in (torch.zeros(3, 2), torch.full((3, 2), 9.0), torch.full((3, 2), -9.0)):
        found = kept.direction(a, g, increases)
        assert bool(torch.isfinite(found).all())
    assert torch.equal(
        kept.direction(a, g, torch.zeros(3, 2))[1] != 0, kept.direction(a, 0 * g, torch.zeros(3, 2))[1] != 0
    )


def test_a_loss_far_above_its_budget_is_brought_down_first() -> None:
    a, g, _ = conflict(1, pixels=48)
    kept = Budgets(torch.tensor([BUDGET]), math.inf, EPS)
    found = kept.direction(a.reshape(4, 3, 4, 4), g.reshape(4, 1, 3, 4, 4), torch.full((4, 1), 1e6))
    change = (g[:, 0] * found.flatten(1).sign()).sum(1)
    moved = (g[:, 0].abs() * (found.flatten(1) != 0)).sum(1)
    assert bool((change < -0.9 * moved).all())


def test_scores_outside_the_budget_are_below_all_others_and_fall_with_the_excess() -> None:
    kept = Budgets(torch.tensor([0.1, 0.2]), math.inf, EPS)
    scores = kept.score(
        torch.tensor([-1e6, 5.0, 5.0, 5.0, 5.0]),
        torch.tensor([[0.1, 0.2], [-1.0, 0.2], [0.11, 0.0], [0.0, 0.22], [0.3, 0.9]]),
    )
    assert scores[:2].tolist() == [-1e6, 5.0]
    assert bool((scores[2:] < -1e8).all())
    assert scores[2] > scores[3] > scores[4]


def linear(**budgets: float | None) -> tuple[toys.Linear, mta.Tasks, Tensor, dict[str, Tensor]]:
    """Task a to attack, and others that conflict with it, preserved within budgets; all losses positive."""
    g = torch.Generator().manual_seed(0)
    shared = torch.rand(3, 8, 8, generator=g) + 0.2
    weights = {"a": shared + 0.3 * torch.randn(3, 8, 8, generator=g)}
    weights |= {name: shared + 0.3 * torch.randn(3, 8, 8, generator=g) for name in budgets}
    roles = {n: mta.Task(value, role="preserve", budget=budget) for n, budget in budgets.items()}
    images = 0.3 + 0.4 * torch.rand(5, 3, 8, 8, generator=g)  # far enough from 0 and 1: only the ball binds
    return toys.Linear(weights), mta.Tasks({"a": value, **roles}), images, dict.fromkeys(weights, torch.zeros(5))


STEPPED: dict[str, dict[str, Any]] = {
    "FGSM": {},
    "PGD": {"alpha": EPS / 4, "steps": 10, "random_start": False},
    "BIM": {"alpha": EPS / 4, "steps": 10},
    "APGD": {"steps": 20, "random_start": False},
    "PGDL2": {"eps": 0.3, "alpha": 0.08, "steps": 10, "random_start": False},
}


@pytest.mark.parametrize("name", STEPPED)
@pytest.mark.parametrize("budgets", [{"b": 0.004}, {"b": 0.004, "c": 0.002}, {"b": 0.0, "c": 0.01}], ids=str)
def test_a_linear_model_stays_within_its_budgets(name: str, budgets: dict[str, float]) -> None:
    model, tasks, images, targets = linear(**budgets)
    arguments = {"eps": EPS} | STEPPED[name]
    x = getattr(mta, name)(model, tasks, "single:a", **arguments)(images, targets)
    found = rises(model, tasks, images, x, targets)
    free = getattr(mta, name)(model, tasks.with_roles(dict.fromkeys(budgets, "ignore")), "single:a", **arguments)
    unbound = rises(model, tasks, images, free(images, targets), targets)
    for task, budget in budgets.items():
        assert bool((found[task] <= budget + 1e-4).all()), task
        assert bool((unbound[task] > 0.015).all())  # the budget is what held it
    assert bool((found["a"] > 0.2 * unbound["a"]).all())


def test_fgsm_uses_all_of_the_budget_of_a_linear_model() -> None:
    """Its step is two strides long, each of which may use up half of the budget."""
    model, tasks, images, targets = linear(b=0.01)
    x = mta.FGSM(model, tasks, "single:a", eps=EPS)(images, targets)
    found = rises(model, tasks, images, x, targets)["b"]
    assert bool((found <= 0.01 + 1e-6).all())
    assert bool((found > 0.9 * 0.01).all())


def test_apgd_begins_with_half_the_radius_within_budgets() -> None:
    """The constraint holds near the image only; without budgets the first step is as long as the ball is wide."""
    model, tasks, images, targets = linear(b=0.01)
    for roles, length in ((tasks, EPS / 2), (tasks.with_roles(b="ignore"), EPS)):
        x = mta.APGD(model, roles, "single:a", eps=EPS, steps=1, random_start=False)(images, targets)
        assert (x - images).abs().flatten(1).amax(dim=1).tolist() == pytest.approx([length] * len(x), abs=1e-6)


def twin_tasks(budget: float | None = BUDGET, **roles: Any) -> mta.Tasks:
    """The twins' tasks: depth attacked, the others preserved within a budget unless a role is given."""
    given = mta.Tasks({**toys.tasks(), "twin": toys.tasks()["depth"].loss})
    preserved = {n: mta.Task(given[n].loss, role="preserve", budget=budget) for n in given if n != "depth"}
    return mta.Tasks({"depth": given["depth"], **preserved}).with_roles(roles)


def first_order_optimum(
    model: Any, tasks: mta.Tasks, images: Tensor, targets: dict[str, Tensor], budget: float
) -> Tensor:
    """The largest relative increase of the depth's loss by gradients at the clean images, each a linear program."""
    x = images.clone().requires_grad_()
    losses = tasks.losses(model(x), targets)
    gradients = {
        name: torch.autograd.grad((loss / loss.detach()).sum(), x, retain_graph=True)[0].flatten(1).double().numpy()
        for name, loss in losses.items()
    }
    found = []
    for i, image in enumerate(images.flatten(1).double()):
        reach = torch.stack([(image - EPS).clamp(min=0) - image, (image + EPS).clamp(max=1) - image], dim=1).numpy()
        kept = np.stack([gradients[name][i] for name in tasks.preserved])
        found.append(-linprog(-gradients["depth"][i], A_ub=kept, b_ub=[budget] * len(kept), bounds=reach).fun)
    return torch.tensor(found)


@pytest.mark.parametrize("balance", ["single:depth", "dgba", "sign_total", "normalized"])
def test_apgd_returns_an_image_within_the_budgets(balance: str) -> None:
    model, (images, targets), tasks = Twins(), twins(), twin_tasks(0.002)
    x = mta.APGD(model, tasks, balance, eps=EPS, steps=20, random_start=False)(images, targets)
    found = rises(model, tasks, images, x, targets)
    assert all(bool((found[name] <= 0.002 + 1e-5).all()) for name in tasks.preserved)
    free = mta.APGD(model, tasks.only(["depth"]), "total", eps=EPS, steps=20, random_start=False)(images, targets)
    unbound = rises(model, tasks, images, free, targets)
    assert bool((unbound["twin"] > 0.005).all())
    possible = first_order_optimum(model, tasks, images, targets, 0.002)
    assert bool((possible < 0.4 * unbound["depth"]).all())
    assert bool((found["depth"] > 0.5 * possible).all())


def test_a_budget_leaves_more_damage_than_a_minus_sign() -> None:
    model, (images, targets) = Twins(), twins()
    stealthy, subtracted = (
        mta.APGD(model, twin_tasks(budget), "relative", eps=EPS, steps=20, random_start=False)(images, targets)
        for budget in (0.002, None)
    )
    found, minus = (rises(model, twin_tasks(), images, x, targets)["depth"] for x in (stealthy, subtracted))
    assert bool((found > 1.2 * minus).all())


def bound_to(tasks: mta.Tasks, balance: str, n: int = 3, norm: str = "Linf") -> tuple[Any, Tensor]:
    images, targets = twins(n)
    images = images.double()
    bound = mta.Objective(Twins().double(), tasks, balance).bind(images, targets, ball=toys.ball(images, EPS, norm))
    return bound, images


def test_the_clean_image_is_within_every_budget_and_score_is_the_rules() -> None:
    bound, images = bound_to(twin_tasks(0.0), "dgba")
    assert bool((bound(images) == 0).all())
    far = (images + 0.3 * torch.randn_like(images)).clamp(0, 1)
    assert bool((bound(far) < -1e8).all())
    loose, _ = bound_to(twin_tasks(1e9), "dgba")
    alone, _ = bound_to(twin_tasks().only(["depth"]), "dgba")
    torch.testing.assert_close(loose(far), alone(far))


def test_the_direction_is_the_constraints_for_the_gradients_of_the_relative_losses() -> None:
    bound, images = bound_to(twin_tasks(), "relative")
    x = (images + 0.02 * torch.randn_like(images)).clamp(0, 1).requires_grad_()
    (found,) = torch.autograd.grad(bound(x).sum(), x)
    clean = {name: loss.detach() for name, loss in bound.losses(images).items()}
    ratios = {name: loss / clean[name] for name, loss in bound.losses(x).items()}
    gradients = {name: torch.autograd.grad(ratio.sum(), x, retain_graph=True)[0] for name, ratio in ratios.items()}
    kept = bound.objective.preserved
    assert kept == ("classes", "segmentation", "normal", "twin")
    limits = Budgets(torch.full((4,), BUDGET), math.inf, EPS)
    others = torch.stack([gradients[name] for name in kept], dim=1)
    increases = torch.stack([ratios[name].detach() - 1 for name in kept], dim=1)
    torch.testing.assert_close(found, limits.direction(gradients["depth"], others, increases))


@pytest.mark.parametrize("norm", ["Linf", "L2"])
def test_a_sample_does_not_depend_on_its_batch(norm: str) -> None:
    bound, images = bound_to(twin_tasks(), "dgba", norm=norm)
    _, targets = twins(3)
    x = (images + 0.02 * torch.randn_like(images)).clamp(0, 1).requires_grad_()
    (together,) = torch.autograd.grad(bound(x).sum(), x)
    for i in range(3):
        one = {name: target[i : i + 1] for name, target in targets.items()}
        ball = toys.ball(images[i : i + 1], EPS, norm)
        alone = mta.Objective(Twins().double(), twin_tasks(), "dgba").bind(ball.images, one, ball=ball)
        point = x[i : i + 1].detach().requires_grad_()
        (found,) = torch.autograd.grad(alone(point).sum(), point)
        torch.testing.assert_close(found, together[i : i + 1], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("balance", "passes"), [("single:depth", 1), ("dgba", 1), ("sign_total", 1)])
def test_one_backward_pass_more_for_each_preserved_task(balance: str, passes: int) -> None:
    images, targets = twins(2)
    model, count = Twins(), [0]
    model.trunk.register_full_backward_hook(lambda *_: count.__setitem__(0, count[0] + 1))
    bound = mta.Objective(model, twin_tasks(classes="attack"), balance).bind(images, targets)
    x = images.clone().requires_grad_()
    bound(x).sum().backward()
    assert count[0] == passes * (2 if balance == "sign_total" else 1) + 3


def test_a_preserved_loss_of_zero_has_the_loss_under_noise_for_reference() -> None:
    """Targets that are the model's own predictions: up to what noise does, and the budget on top, is unharmed."""
    model, (images, targets) = toys.Toy(), toys.batch()
    with torch.no_grad():
        targets |= {name: model(images)[name] for name in ("normal", "depth")}
    given = mta.Tasks(depth=mta.losses.L1(), normal=mta.losses.CosineDistance())
    tasks = given.with_roles(normal="ignore")
    kept = mta.Tasks(depth=given["depth"], normal=mta.Task(given["normal"].loss, role="preserve", budget=0.1))
    noise = 2 * torch.rand((1, *images.shape[1:]), generator=torch.Generator().manual_seed(0)) - 1
    with torch.no_grad():
        shaken = given.losses(model((images + EPS * noise).clamp(0, 1)), targets)
    two = {name: targets[name] for name in given}
    for chosen, unharmed in ((tasks, False), (kept, True)):
        x = mta.APGD(model, chosen, "total", eps=EPS, steps=20, random_start=False)(images, two)
        with torch.no_grad():
            found = given.losses(model(x), two)
        assert bool((found["normal"] <= 1.1 * shaken["normal"] + 1e-6).all()) is unharmed
        assert bool((found["depth"] > 1.5 * shaken["depth"]).all())


def test_a_preserved_task_without_a_valid_pixel_restrains_nothing() -> None:
    model, (images, targets) = Twins(), twins(3)
    targets["twin"] = targets["twin"].clone()
    targets["twin"][1] = 0
    tasks = twin_tasks(0.0, classes="ignore", segmentation="ignore", normal="ignore")
    x = mta.FGSM(model, tasks, "single:depth", eps=EPS)(images, targets)
    free = mta.FGSM(model, tasks.only(["depth"]), "total", eps=EPS)(images, targets)
    agrees = [torch.equal(torch.where(now == image, image, other), now)  # but for the pixels that matter least
              for now, other, image in zip(x, free, images, strict=True)]  # fmt: skip
    assert agrees == [False, True, False]


# Those that look at images with noise, or step beyond the ball, see losses that no budget is about.
AWAY = ("PGDRS", "PGDRSL2", "PIFGSM", "PIFGSMPP")


def test_a_preserved_loss_of_zero_that_no_noise_raises_counts_over_a_floor() -> None:
    """So that it cannot rise unseen: by 0.0004 it has risen by 40 % of 0.001."""
    model, _, images, targets = linear(b=0.05)
    above = 4e-4 + (model(images)["b"].detach() + 0.06 * 12)

    def far(output: Tensor, target: Tensor) -> Tensor:
        return (output - target).clamp(min=0)

    tasks = mta.Tasks(a=value, b=mta.Task(far, role="preserve", budget=0.05))
    given = targets | {"b": above - 4e-4}
    bound = mta.Objective(model, tasks, "single:a").bind(images, given, ball=toys.ball(images, 1e-6))
    x = images + (0.06 * 12 + 4e-4) * (model.weight[1] / model.weight[1].square().sum()).reshape(3, 8, 8).detach()
    risen = bound.losses(x)["b"].detach()
    torch.testing.assert_close(risen, torch.full((5,), 4e-4), rtol=0.1, atol=0)
    torch.testing.assert_close(bound(x), -1e9 * (1 + risen / 1e-3 - 0.05))


def test_a_gradient_that_does_not_reach_the_image_is_an_error_with_a_budget_too() -> None:
    model, tasks, images, targets = linear(b=0.01)
    model.weight.data[0] = 0
    with pytest.raises(ValueError, match="gradient"):
        mta.FGSM(model, tasks, "single:a", eps=EPS)(images + 0.0, targets)


@pytest.mark.parametrize("name", sorted(HOSTED))
def test_every_host_takes_budgets(name: str) -> None:
    model, (images, targets) = Twins(), twins()
    tasks = twin_tasks(0.002, classes="ignore")
    takes = inspect.signature(getattr(mta, name)).parameters
    arguments: dict[str, Any] = {"steps": 3} if "steps" in takes else {}
    stealthy = getattr(mta, name)(model, tasks, "dgba", **arguments)(images, targets)
    free = getattr(mta, name)(model, tasks.only(["depth"]), "dgba", **arguments)(images, targets)
    found, unbound = (rises(model, tasks, images, x, targets) for x in (stealthy, free))
    assert bool((found["twin"] < 0.5 * unbound["twin"]).all())
    if name not in AWAY:
        assert bool((found["depth"] > 0).all())


# Targeted, and mixed with untargeted


def goals(model: Any, images: Tensor, targets: dict[str, Tensor], shift: float = 0.3) -> dict[str, Tensor]:
    """Depth above what the model says, all else as it is."""
    with torch.no_grad():
        return targets | {"depth": model(images)["depth"] + shift}


def goal_tasks(**roles: Any) -> mta.Tasks:
    """The toy's tasks, the depth to be brought to the given one and the others attacked."""
    return mta.Tasks({**toys.tasks(), "depth": mta.Task(mta.losses.L1(), role="target")}).with_roles(roles)


RULES = ["total", "dgba", "relative", "wgd", "sign_total", "normalized", "weighted"]


@pytest.mark.parametrize("balance", RULES)
def test_a_goal_for_one_task_beside_damage_to_others(balance: str) -> None:
    model, (images, targets) = toys.Toy(), toys.batch()
    given, tasks = goals(model, images, targets), goal_tasks()
    weights = {"classes": 0.1, "segmentation": 0.3, "normal": 0.3, "depth": 0.3}
    rule = mta.Weighted(weights) if balance == "weighted" else balance
    x = mta.PGD(model, tasks, rule, eps=EPS, alpha=EPS / 8, steps=20)(images, given)
    found = rises(model, tasks, images, x, given)
    by = {"total": 0.002, "wgd": 0.002, "weighted": 0.01}.get(
        balance, 0.02
    )  # of these the classes' loss is the largest
    assert bool((found["depth"] < -by).all())
    harmed = sum(found[name] for name in toys.NAMES if name != "depth")
    assert bool((harmed > 0.03).all())
    against = mta.PGD(model, goal_tasks(depth="attack"), rule, eps=EPS, alpha=EPS / 8, steps=20)(images, given)
    assert bool((rises(model, tasks, images, against, given)["depth"] > found["depth"] + 0.004).all())


@pytest.mark.parametrize("name", sorted(set(HOSTED) - {"PIFGSM"}))
@pytest.mark.parametrize("balance", ["dgba", "relative"])
def test_every_host_takes_a_goal_beside_damage(name: str, balance: str) -> None:
    model, (images, targets) = toys.Toy(), toys.batch(2)
    given, tasks = goals(model, images, targets), goal_tasks(segmentation="ignore", normal="ignore")
    attack = getattr(mta, name)(model, tasks, balance)
    found = rises(model, tasks, images, attack(images, given), given)
    assert found["depth"].mean() < -0.01
    assert found["classes"].mean() > 0.001


def test_dgba_weighs_a_goal_that_is_reached_no_more_than_tenfold() -> None:
    model, (images, targets) = toys.Toy().double(), toys.batch(2)
    images = images.double()
    given = goals(model, images, targets, shift=0.01)
    tasks = goal_tasks(classes="ignore", segmentation="ignore")
    bound = mta.Objective(model, tasks, "dgba").bind(images, given, ball=toys.ball(images, EPS))
    before = bound.losses(images)["depth"].detach()
    x = mta.PGD(model, tasks.only(["depth"]), "total", eps=EPS, alpha=EPS / 100, steps=60, random_start=False)(
        images, given
    )
    x.requires_grad_()
    losses = bound.losses(x)
    assert bool((losses["depth"] < 0.1 * before).all())  # the goal is as good as reached
    (found,) = torch.autograd.grad(bound(x).sum(), x)
    depth, normal = (torch.autograd.grad(losses[name].sum(), x, retain_graph=True)[0] for name in ("depth", "normal"))
    share = (10 / before).reshape(-1, 1, 1, 1)
    expected = normal / losses["normal"].detach().reshape(-1, 1, 1, 1) - share * depth
    torch.testing.assert_close(found, expected)


def test_the_host_s_targeted_mode_leaves_budgets_alone() -> None:
    model, (images, targets) = Twins(), twins()
    given = targets | {"depth": targets["depth"] * 0}
    given["depth"] = model(images)["depth"].detach() + 0.1
    tasks = twin_tasks(0.002, classes="ignore", segmentation="ignore", normal="ignore")
    attack = mta.APGD(model, tasks, "total", eps=EPS, steps=20, random_start=False)
    attack.set_mode_targeted_by_label(quiet=True)
    found = rises(model, tasks, images, attack(images, given), given)
    assert bool((found["depth"] < 0).all())
    assert bool((found["twin"] <= 0.002 + 1e-5).all())


# Budgets and random starts


STARTED: dict[str, dict[str, Any]] = {
    "PGD": {},
    "PGDL2": {"eps": 1.0},
    "EOTPGD": {},
    "FFGSM": {},
    "RFGSM": {},
    "VMIFGSM": {"steps": 3},
    "APGD": {},
    "PGDRS": {"steps": 3},
    "Square": {"n_queries": 20},
    "SPSA": {"n_queries": 50},
    "WorstCase": {"steps": 3, "n_queries": 10},
}


@pytest.mark.parametrize("name", STARTED)
def test_default_arguments_keep_the_budgets(name: str) -> None:
    model, images, targets, tasks = settled()
    x = getattr(mta, name)(model, tasks, "total", **STARTED[name])(images, targets)
    found = rises(model, tasks, images, x, targets)
    assert bool((found["twin"] <= BUDGET + 2e-5).all())


def test_restarts_keep_the_budgets_and_some_damage() -> None:
    model, images, targets, tasks = settled()
    one, many = (
        mta.APGD(model, tasks, "total", eps=EPS, steps=20, n_restarts=count)(images, targets) for count in (1, 3)
    )
    first, best = (rises(model, tasks, images, x, targets) for x in (one, many))
    assert bool((best["twin"] <= BUDGET + 2e-5).all())
    assert bool((best["depth"] >= first["depth"] - 1e-6).all())
    assert bool((best["depth"] > 0).all())
    assert bool((first["depth"] >= 0).all())  # from one start the clean image may be all that keeps the budget


def test_multiattack_takes_the_clean_image_for_what_it_is() -> None:
    """Not for the noise that stands for it where targets are the model's own predictions."""
    model, images, targets, tasks = settled()
    with torch.no_grad():
        own = targets | {"depth": model(images)["depth"]}
    clean = mta.BIM(model, tasks, "total", eps=EPS).scores(images, images, own)
    assert clean.tolist() == [0] * len(images)
    x = mta.MultiAttack([mta.FFGSM(model, tasks, "total"), mta.PGD(model, tasks, "total", steps=2)])(images, own)
    assert bool((rises(model, tasks, images, x, own)["twin"] <= BUDGET + 2e-5).all())


def test_an_image_beyond_its_budget_goes_back_as_far_as_it_must() -> None:
    model, tasks, images, targets = linear(b=0.01)
    bound = mta.Objective(model, tasks, "single:a").bind(images, targets, ball=toys.ball(images, EPS))
    far = images + EPS
    far[0] = images[0] + 1e-5
    near = bound.within_budgets(far)
    found = rises(model, tasks, images, near, targets)["b"]
    assert torch.equal(near[0], far[0])
    assert bool((found <= 0.01 + 1e-5).all())
    assert bool((found[1:] > 0.006).all())
    share = (near - images)[1:] / EPS
    torch.testing.assert_close(share, share[:, :1, :1, :1].expand_as(share), rtol=1e-3, atol=1e-4)
