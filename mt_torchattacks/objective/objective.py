"""A model, its tasks and a balancing rule; bound to a batch it is what every attack's loop ascends."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple, TypeVar

import torch
from torch import Tensor

from mt_torchattacks import checks
from mt_torchattacks.balancing import LossRule, Rule, resolve
from mt_torchattacks.geometry.ball import Ball
from mt_torchattacks.geometry.shape import spread, where
from mt_torchattacks.models.inputs import other_inputs
from mt_torchattacks.models.state import frozen
from mt_torchattacks.objective.budgets import Budgets
from mt_torchattacks.objective.direction import direction, separate_gradients, weighted_sum
from mt_torchattacks.objective.guards import (
    GradientSeen,
    check_clean,
    check_gradient,
    check_targets,
    eagerly,
    is_spent,
    usable,
)
from mt_torchattacks.objective.labelled import measured
from mt_torchattacks.objective.losses import SMALL, Losses
from mt_torchattacks.objective.reference import Reference, least_reference, refer, relative_rises
from mt_torchattacks.objective.trace import tell, watched
from mt_torchattacks.tasks import Task, Tasks
from mt_torchattacks.tasks.losses.progress import Clock, progress_is
from mt_torchattacks.types import Images, Outputs, Targets

T = TypeVar("T")

_EPS = 8 / 255  # the usual radius, where nobody says one
_BISECTIONS = 6  # of the line from an image that exceeds a budget to the clean one


class Objective:
    """A model, its tasks and a balancing rule; bound to images and targets it is the function to ascend.

    The bound objective maps ``x (N, ...)``, for example images ``(N, C, H, W)``, to ``s (N,)``: the **value** of s is
    the score to compare iterates by, its **gradient** with respect to x is the attack direction; the two are decoupled
    (straight-through). Anything that can ascend a differentiable function of x can attack all tasks with it.

    Args:
        model: the model to attack; its modes (train, eval) are used as they are. One of several inputs is given those
            that are not attacked from among the targets, see :func:`~mt_torchattacks.inputs`.
        tasks: what its outputs are for, and what the attack means to do to each.
        balance: the rule: a name (``"dgba"``, ``"relative"``, ``"total"``, ``"single:<task>"``, ``"wgd"``,
            ``"sign_total"``, ...) or a :class:`~mt_torchattacks.Rule`.

    Raises:
        TypeError, ValueError: tasks or balance are not what they should be.

    Example:
        >>> import torch, mt_torchattacks as mta
        >>> model = torch.nn.Conv2d(3, 2, 1)
        >>> objective = mta.Objective(model, mta.Tasks(flow=mta.losses.L1()), balance="total")
        >>> images = torch.rand(4, 3, 8, 8)
        >>> score = objective.bind(images, {"flow": torch.zeros(4, 2, 8, 8)})
        >>> score(images.requires_grad_()).sum().backward()
        >>> images.grad.shape, model.weight.grad
        (torch.Size([4, 3, 8, 8]), None)
    """

    def __init__(self, model: Callable[..., Outputs], tasks: Tasks, balance: str | Rule = "dgba") -> None:
        checks.require(isinstance(tasks, Tasks), "tasks", "mta.Tasks(...)", checks.describe(tasks), TypeError)
        checks.require(bool(tasks.active), "tasks", "a task whose role is not 'ignore'", "none")
        checks.require(bool(tasks.balanced), "tasks", "a task to attack", f"only {tasks!r}")
        self.model = model
        self.all_tasks = tasks
        self.rule = resolve(balance)
        self.names = tuple(self.rule.select(tasks.balanced))
        self.preserved = tasks.preserved
        self.tasks = tasks.only((*self.names, *self.preserved))

    def bind(
        self, images: Images, targets: Targets, *, ball: Ball | None = None, strict: bool = True
    ) -> BoundObjective:
        """The objective for these clean images and targets.

        Args:
            images: ``(N, ...)`` clean inputs within the ball's clip values.
            targets: one tensor a task, each with N as its first dimension.
            ball: where the attack looks for images around the clean ones: where a clean loss is as good as 0, losses
                are taken under noise as large as it, and tasks preserved within a budget depend on its norm and
                radius. By default the infinity norm with 8/255, and pixels in [0, 1].
            strict: a sample that has no task left to attack is an error; otherwise it has a gradient of zero.

        Raises:
            TypeError, KeyError, ValueError: images or targets do not fit; the message names which.
        """
        around = Ball(images, _EPS, math.inf, (0.0, 1.0)) if ball is None else replace(ball, images=images)
        return BoundObjective(self, targets, around, strict=strict)


class _Pass(NamedTuple):
    """One forward pass: at x, in the caller's graph; from ``point`` on, in the losses' graph.

    The losses are those of the attacked tasks, ``preserved (k * N, K)`` the signed ones of the tasks with a budget.
    """

    x: Tensor
    point: Tensor
    losses: Losses
    preserved: Tensor

    @property
    def scored(self) -> Tensor:
        """All signed losses ``(k * N, T + K)`` as scores see them, detached."""
        return torch.cat([self.losses.scored, self.preserved.detach()], dim=1)


class BoundObjective:
    """``x (N, ...) -> s (N,)``; made by :meth:`Objective.bind`.

    The clean losses are taken at the first call, from that call's own forward pass if it is at the clean images.
    Where a clean loss is as good as 0 (targets that are the model's own predictions; see ``floor`` of
    :class:`~mt_torchattacks.Task`) the reference is the loss under uniform noise (fixed seed, the same for every
    sample). If such a loss has no gradient there either (an L1 distance of 0), the sample's score and gradient at its
    clean image are those at that noisy image.

    Calls with ``k * N`` images (each image k times in a row, as noise-batch attacks do) repeat targets and references.
    """

    def __init__(self, objective: Objective, targets: Targets, ball: Ball, *, strict: bool = True) -> None:
        numbers = not any(isinstance(value, Tensor) for value in ball.clip or ())
        checks.inputs(ball.images, bounds=ball.clip if numbers else None)  # type: ignore[arg-type]
        names = (*objective.names, *objective.preserved)
        check_targets(targets, names, len(ball.images))
        self.objective = objective
        self.ball = replace(ball, images=ball.images.detach())
        self.targets = {name: usable(targets[name].to(ball.images.device)) for name in names}
        self._all_targets = targets
        others = other_inputs(objective.model, targets)
        check_targets(others, others, len(ball.images))
        self._others = {name: usable(other.to(ball.images.device)) for name, other in others.items()}
        self._budgets = Budgets.of([objective.tasks[name] for name in objective.preserved], ball)
        weighs = isinstance(objective.rule, LossRule) and self._budgets is None
        self._weights: LossRule | None = objective.rule if weighs else None  # type: ignore[assignment]
        self._reference: Reference | None = None  # found at the first call
        self._with_logarithms = tuple(objective.names)  # the tasks whose losses may be small
        self._outputs_checked = False
        self._eager = False
        self.clock = Clock()
        self.samples = torch.arange(len(ball.images), device=ball.images.device)
        self._gradient_checked = not strict

    @property
    def images(self) -> Tensor:
        """The clean images ``(N, ...)``."""
        return self.ball.images

    @property
    def start(self) -> Tensor:
        """Where to start: the clean images ``(N, ...)``, noisy where these have no gradient (once called)."""
        moved = None if self._reference is None else self._reference.start
        return self.images if moved is None else moved

    @property
    def constrained(self) -> bool:
        """Whether tasks are preserved within a budget, so that directions are good for short steps only."""
        return self._budgets is not None

    def __call__(self, x: Images) -> Tensor:
        """Scores ``(N,)`` whose gradient with respect to x is the attack direction.

        Raises:
            KeyError, TypeError, ValueError: an output or target does not fit, a clean loss is NaN or infinite, a
                sample has no task left, or the gradient does not reach the input.
        """
        return self._several_passes(lambda: self._scored(x))[0]

    def with_rises(self, x: Images) -> tuple[Tensor, dict[str, Tensor]]:
        """Scores as of a call, and of the same pass each attacked task's relative loss increase ``(N,)``, detached."""
        score, here = self._several_passes(lambda: self._scored(x))
        before = self._before(x)[:, : len(self.objective.names)]
        rises = -relative_rises(self._shifted(here.losses.scored), before)
        return score, dict(zip(self.objective.names, rises.unbind(dim=1), strict=True))

    def _scored(self, x: Tensor) -> tuple[Tensor, _Pass]:
        asked = torch.is_grad_enabled() and x.requires_grad
        if asked:
            self.clock.tick()
        here = self._pass(x)
        if self._reference is None:
            here = self._prepare(x, here)
        before = self._before(x)
        score = self._score(here, before)
        if watched():
            self._tell(here, before, score, gradient=asked)
        if not asked:
            return score, here
        surrogate = self._surrogate(here, before)
        return score + (surrogate - surrogate.detach()), here

    def _several_passes(self, compute: Callable[[], T]) -> T:
        """What a function computes that may go backwards through the model several times.

        Where ``torch.compile`` has made a graph for a single backward pass, the model runs uncompiled from then on.
        """
        try:
            return compute()
        except RuntimeError as error:
            if self._eager or not is_spent(error):
                raise
        self._eager = True
        return compute()

    def weighted_gradients(self, x: Images) -> tuple[Tensor, Tensor]:
        """Scores ``(N,)`` and each task's gradient times the rule's weight for it, ``(N, T, ...)``.

        T backward passes. Only for a rule whose weights follow from the losses, and without preserved tasks' budgets.
        """
        rule = self._weights
        assert rule is not None
        if self._reference is None:
            self(x.detach())
        point = self.moved(x).detach().requires_grad_()
        before = self._before(x)

        def compute() -> tuple[Tensor, Tensor]:
            losses = self._losses_at(point)[0]
            counted = losses.scaled(rule.weights(losses.values, before))
            gradients = spread(counted, point) * separate_gradients(losses.handles, point)
            return rule.score(self._shifted(losses.scored), before), gradients

        return self._several_passes(compute)

    def losses(self, x: Images) -> dict[str, Tensor]:
        """Each task's loss per sample ``(N,)`` at x, differentiable, not signed by role."""
        return self.objective.tasks.losses(*self._outputs(x))

    def outputs(self, x: Images) -> tuple[dict[str, Tensor], Targets]:
        """The model's outputs at x by task, and the targets that belong to them."""
        outputs, targets = self._outputs(x)
        return self.objective.tasks.by_task(outputs, self.objective.names), targets

    @torch.no_grad()
    def scores(self, x: Images) -> Tensor:
        """Scores ``(N,)`` of candidates for the adversarial images, without gradients.

        They are those of the images as they are: a clean image has its own score here, also where the objective itself
        takes its noisy start for it.
        """
        if self._reference is None:
            self(self.images)
        return self._score(_Pass(x, x, *self._losses_at(x)), self._before(x))

    def within_budgets(self, x: Images) -> Tensor:
        """The images x ``(N, ...)``, where needed nearer to the clean ones, so that all budgets are kept.

        A sample that exceeds a budget goes back along the straight line to its clean image, which is within every
        budget: to the furthest of the points that a bisection looks at, in a few forward passes.
        """
        if self._budgets is None:
            return x
        inside = self._keeps_budgets(x)
        if bool(inside.all()):
            return x
        shift, near = x - self.images, torch.zeros_like(inside, dtype=x.dtype)
        far = torch.ones_like(near)
        for _ in range(_BISECTIONS):
            share = (near + far) / 2
            fits = self._keeps_budgets(self.images + spread(share, x) * shift)
            near, far = torch.where(fits, share, near), torch.where(fits, far, share)
        return where(inside, x, self.images + spread(near, x) * shift)

    def returned(self, x: Images) -> Tensor:
        """What an attack returns for the images x ``(N, ...)`` that its loop ends with.

        They keep the budgets of preserved tasks, and samples that have no target for any attacked task stay clean.
        """
        x = self.within_budgets(x)
        unlabelled = self.unlabelled
        return where(unlabelled, self.images, x) if bool(unlabelled.any()) else x

    @property
    def unlabelled(self) -> Tensor:
        """The samples ``(N,)``, boolean, that have no valid target for any attacked task."""
        found = measured(self.objective.tasks, self.targets, len(self.images))
        labelled = torch.stack([found[name] for name in self.objective.names]).any(dim=0)
        return ~labelled

    def moved(self, x: Tensor) -> Tensor:
        """The images x ``(N, ...)``; samples at their clean images are at their start instead (once called)."""
        if self._reference is None or self._reference.start is None or x.shape != self.images.shape:
            return x
        clean = (x == self.images).flatten(1).all(dim=1)
        return x + torch.where(spread(clean, x), self._reference.start - self.images, 0)

    def part(self, keep: Tensor) -> BoundObjective:
        """The same for the samples ``keep`` alone, a boolean ``(N,)``; what was found out about them stays known."""
        part = copy.copy(self)
        part.ball = self.ball.part(keep)
        part.samples = self.samples[keep]
        part.targets = {name: target[keep] for name, target in self.targets.items()}
        part._others = {name: other[keep] for name, other in self._others.items()}
        part._all_targets = {n: t[keep.to(t.device)] for n, t in self._all_targets.items() if isinstance(t, Tensor)}
        part._reference = None if self._reference is None else self._reference.part(keep)
        return part

    def under(self, balance: str | Rule, tasks: Tasks | None = None, *, strict: bool = True) -> BoundObjective:
        """The same model, images and targets under another rule, and with other tasks' losses where these are given.

        Args:
            balance: the other rule.
            tasks: the other tasks; their targets are those that this objective was bound to.
            strict: see :meth:`Objective.bind`.
        """
        objective = Objective(self.objective.model, tasks or self.objective.all_tasks, balance)
        return objective.bind(self.images, self._all_targets, ball=self.ball, strict=strict)

    def _pass(self, x: Tensor) -> _Pass:
        """The forward pass at x; where the direction is not the losses' weighted gradient, in a graph of its own."""
        shown = self._with_gradient_check(self.moved(x))
        point = shown if self._weights is not None else shown.detach().requires_grad_(x.requires_grad)
        return _Pass(shown, point, *self._losses_at(point))

    def _prepare(self, x: Tensor, first: _Pass) -> _Pass:
        """Find the reference at the first call, whose pass is the clean one if it can be; the pass to go on with.

        Samples that have no gradient at their clean images start elsewhere, which takes another pass.
        """
        at_clean = x.shape == self.images.shape and torch.equal(x, self.images)
        clean = first.scored if at_clean else self._signed_at(self.images)
        check_clean(clean, tuple(self.targets))
        tasks = [self.objective.tasks[name] for name in self.targets]
        attacked = torch.arange(len(tasks), device=clean.device) < len(self.objective.names)
        relative = self.objective.rule.relative
        found = [least_reference(task, self.targets[name]) if relative else 0.0 for name, task in self._tasks()]
        least = clean.new_tensor(found)
        self._reference = refer(clean, tasks, attacked, self.ball, self._signed_at, least=least, relative=relative)
        signs = clean.new_tensor([float(task.sign) for task in tasks])
        if not bool((signs * clean < SMALL).any()):
            self._with_logarithms = ()  # where losses are raised, none becomes small
            first = first._replace(losses=first.losses.plain())
        return first if self._reference.start is None else self._pass(x)

    def _losses_at(self, x: Tensor) -> tuple[Losses, Tensor]:
        """The attacked tasks' losses at x, and the signed ones ``(k * N, K)`` of the tasks with a budget."""
        outputs, targets = self._outputs(x)
        with progress_is(self.clock.share):
            losses = self.objective.tasks.losses(outputs, targets)
            logs = self.objective.tasks.log_losses(outputs, targets, self._with_logarithms)
        if torch.is_grad_enabled() and x.requires_grad:
            for name, loss in losses.items():
                expected = "outputs that can be differentiated with respect to the images"
                checks.require(loss.requires_grad, f"model output {name!r}", expected, "a detached one")
        dtype = max((loss.dtype for loss in losses.values()), key=lambda dtype: dtype.itemsize)
        signs = [task.sign for _, task in self._tasks()]
        signed = torch.stack([s * losses[n].to(dtype) for s, n in zip(signs, self.targets, strict=True)], dim=1)
        count = len(self.objective.names)
        found = Losses.of(signed[:, :count], [logs.get(name) for name in self.objective.names], signs[:count])
        return found, signed[:, count:]

    def _outputs(self, x: Tensor) -> tuple[Outputs, Targets]:
        """The model's outputs at x, and the targets, repeated where x is several copies of each image."""
        copies = self._copies(x)
        targets, others = (
            {name: each if copies == 1 else each.repeat_interleave(copies, dim=0) for name, each in given.items()}
            for given in (self.targets, self._others)
        )
        with frozen(self.objective.model), eagerly(self._eager):
            outputs = self.objective.model(x, **others)
        if not self._outputs_checked:
            self.objective.tasks.check(outputs, targets)
            self._outputs_checked = True
        return outputs, targets

    def _tasks(self) -> list[tuple[str, Task]]:
        return [(name, self.objective.tasks[name]) for name in self.targets]

    @torch.no_grad()
    def _signed_at(self, x: Tensor) -> Tensor:
        losses, preserved = self._losses_at(x)
        return torch.cat([losses.scored, preserved], dim=1)

    def _before(self, x: Tensor) -> Tensor:
        """The reference losses ``(k * N, T + K)`` for x."""
        assert self._reference is not None
        return self._reference.losses.repeat_interleave(self._copies(x), dim=0)

    def _shifted(self, scored: Tensor) -> Tensor:
        """Losses ``(k * N, T)`` of the attacked tasks whose increases over the reference are those over clean ones."""
        assert self._reference is not None
        shift = self._reference.shift[:, : scored.shape[1]]
        return scored + shift.repeat_interleave(len(scored) // len(shift), dim=0)

    def _copies(self, x: Tensor) -> int:
        copies, rest = divmod(len(x), len(self.images))
        expected = f"{len(self.images)} samples, or each of them k times in a row"
        checks.require(rest == 0 and copies > 0, "x", expected, f"{len(x)} samples")
        return copies

    def _score(self, here: _Pass, before: Tensor) -> Tensor:
        count = len(self.objective.names)
        score = self.objective.rule.score(self._shifted(here.losses.scored), before[:, :count])
        if self._budgets is None:
            return score
        return self._budgets.score(score, relative_rises(here.preserved.detach(), before[:, count:]))

    @torch.no_grad()
    def _tell(self, here: _Pass, before: Tensor, score: Tensor, *, gradient: bool) -> None:
        """Tell whoever watches (:func:`~mt_torchattacks.trace`) what was seen; of a sample's copies the mean."""
        names = self.objective.names
        before = before[:, : len(names)]

        def by_task(values: Tensor) -> dict[str, Tensor]:
            means = values.detach().view(len(self.images), -1, len(names)).mean(dim=1)
            return dict(zip(names, means.unbind(dim=1), strict=True))

        tell(
            self.clock,
            samples=self.samples,
            x=here.x.detach()[:: self._copies(here.x)],
            images=self.images,
            scores=score.detach().view(len(self.images), -1).mean(dim=1),
            losses=by_task(here.losses.values),
            rises=by_task(-relative_rises(self._shifted(here.losses.scored), before)),
            weights={} if self._weights is None else by_task(self._weights.weights(here.losses.values, before)),
            gradient=gradient,
        )

    def _surrogate(self, here: _Pass, before: Tensor) -> Tensor:
        """What has the direction for its gradient with respect to x."""
        if self._weights is not None:
            return weighted_sum(self._weights, here.losses, before)
        count = len(self.objective.names)
        found = direction(self.objective.rule, here.losses, before[:, :count], here.point)
        if self._budgets is not None:
            self._check_gradient(found)  # what the budgets leave of it may rightly be zero
            rises = relative_rises(here.preserved, before[:, count:])
            found = self._budgets.direction(found, separate_gradients(rises, here.point), rises.detach())
        return ((here.x - here.x.detach()) * found).flatten(1).sum(dim=1)

    @torch.no_grad()
    def _keeps_budgets(self, x: Tensor) -> Tensor:
        """The samples ``(N,)``, boolean, whose preserved losses are within their budgets."""
        assert self._budgets is not None
        if self._reference is None:
            self(self.images)
        preserved = self._losses_at(x)[1]
        return self._budgets.keeps(relative_rises(preserved, self._before(x)[:, len(self.objective.names) :]))

    def _with_gradient_check(self, x: Tensor) -> Tensor:
        if self._gradient_checked or not x.requires_grad:
            return x
        shown: Tensor = GradientSeen.apply(x, self._check_gradient)
        return shown

    def _check_gradient(self, gradient: Tensor) -> None:
        """Look at the first gradient, and at no other: it costs a synchronisation with the device."""
        if not self._gradient_checked:
            assert self._reference is not None
            reference = self._reference.losses[:, : len(self.objective.names)]
            check_gradient(gradient, reference, self.objective.names, self.unlabelled)
            self._gradient_checked = True
