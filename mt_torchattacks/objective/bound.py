"""The objective for one batch: what every attack's loop asks for scores and directions."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from mt_torchattacks import checks
from mt_torchattacks.balancing import LossRule, Rule
from mt_torchattacks.models.state import frozen
from mt_torchattacks.objective.budgets import Constraint
from mt_torchattacks.objective.direction import direction, separate_gradients, weighted_sum
from mt_torchattacks.objective.guards import GradientSeen, check_clean, check_targets, usable
from mt_torchattacks.objective.reference import reference, relative_rises
from mt_torchattacks.tasks import Tasks
from mt_torchattacks.types import Images, Targets

if TYPE_CHECKING:
    from mt_torchattacks.objective.objective import Objective

_NOISE_SEED = 0


class BoundObjective:
    """``x (N, C, H, W) -> s (N,)``; made by :meth:`Objective.bind`.

    The clean losses are taken at the first call, from that call's own forward pass if it is at the clean images.
    Where a clean loss is as good as 0 (targets that are the model's own predictions; see ``floor`` of
    :class:`~mt_torchattacks.Task`) the reference is the loss under uniform noise (fixed seed, the same for every
    sample). If such a loss has no gradient there either (an L1 distance of 0), the sample's score and gradient at its
    clean image are those at that noisy image.

    Calls with ``k * N`` images (each image k times in a row, as noise-batch attacks do) repeat targets and references.
    """

    def __init__(
        self,
        objective: Objective,
        images: Images,
        targets: Targets,
        noise: float,
        bounds: tuple[float, float],
        norm: str,
    ) -> None:
        checks.images(images, bounds=bounds)
        names = (*objective.names, *objective.kept)
        check_targets(targets, names, len(images))
        self.objective = objective
        self.images = images.detach()
        self.targets = {name: usable(targets[name].to(images.device)) for name in names}
        self._given = targets
        self._noise = noise
        self._bounds = bounds
        self._norm = norm
        self._constraint = self._budgets() if objective.kept else None
        self._reference: Tensor | None = None  # (N, T + K) signed losses that relative increases refer to
        self._start: Tensor | None = None  # (N, C, H, W) noisy images of the samples that need them
        self._checked = False
        self._gradient_seen = False

    def __call__(self, x: Images) -> Tensor:
        """Scores ``(N,)`` whose gradient with respect to x is the attack direction.

        Raises:
            KeyError, TypeError, ValueError: an output or target does not fit, a clean loss is NaN or infinite, a
                sample has no task left, or the gradient does not reach the input.
        """
        start = self._with_gradient_check(self._moved_to_start(x))
        direct = isinstance(self.objective.rule, LossRule) and self._constraint is None
        point = start if direct else start.detach().requires_grad_(x.requires_grad)
        losses = self._signed(point)
        if self._reference is None:
            clean = losses.detach() if self._is_clean(x) else self._signed_without_gradient(self.images)
            self._refer_to(clean)
            if self._start is not None:
                return self(x)
        before = self._before(x)
        score = self._score(losses.detach(), before)
        if not (torch.is_grad_enabled() and x.requires_grad):
            return score
        surrogate = self._surrogate(start, point, losses, before)
        return score + (surrogate - surrogate.detach())

    def weighted_gradients(self, x: Images) -> tuple[Tensor, Tensor]:
        """Scores ``(N,)`` and each task's gradient times the rule's weight for it, ``(N, T, C, H, W)``.

        T backward passes. Only for a rule whose weights follow from the losses, and without preserved tasks' budgets.
        """
        rule = self.objective.rule
        assert isinstance(rule, LossRule) and self._constraint is None
        if self._reference is None:
            self(x.detach())
        point = self._moved_to_start(x).detach().requires_grad_()
        losses, before = self._signed(point), self._before(x)
        weights = rule.weights(losses.detach(), before)
        gradients = weights[:, :, None, None, None] * separate_gradients(losses, point)
        return rule.score(losses.detach(), before), gradients

    @property
    def start(self) -> Tensor:
        """Where to start: the clean images ``(N, C, H, W)``, noisy where these have no gradient (once called)."""
        return self.images if self._start is None else self._start

    def part(self, keep: Tensor) -> BoundObjective:
        """The same for the samples ``keep`` alone, a boolean ``(N,)``; what was found out about them is kept."""
        part = copy.copy(self)
        part.images = self.images[keep]
        part.targets = {name: target[keep] for name, target in self.targets.items()}
        part._given = {n: t[keep.to(t.device)] for n, t in self._given.items() if isinstance(t, Tensor)}
        part._reference = None if self._reference is None else self._reference[keep]
        part._start = None if self._start is None else self._start[keep]
        return part

    @property
    def constrained(self) -> bool:
        """Whether tasks are preserved within a budget, so that directions are good for short steps only."""
        return self._constraint is not None

    def under(self, balance: str | Rule, tasks: Tasks | None = None, *, lenient: bool = False) -> BoundObjective:
        """The same model, images and targets under another rule, and with other tasks' losses where given.

        Lenient, a sample for which no task is left is no error; it has no gradient.
        """
        objective = type(self.objective)(self.objective.model, tasks or self.objective.all_tasks, balance)
        bound = BoundObjective(objective, self.images, self._given, self._noise, self._bounds, self._norm)
        bound._gradient_seen = lenient
        return bound

    def losses(self, x: Images) -> dict[str, Tensor]:
        """Each task's loss per sample ``(N,)`` at x, differentiable, not signed by role."""
        targets = self._targets_for(x)
        with frozen(self.objective.model):
            outputs = self.objective.model(x)
        if not self._checked:
            self.objective.tasks.check(outputs, targets)
            self._checked = True
        return self.objective.tasks.losses(outputs, targets)

    def _signed(self, x: Tensor) -> Tensor:
        losses, tasks = self.losses(x), self.objective.tasks
        if torch.is_grad_enabled() and x.requires_grad:
            for name, loss in losses.items():
                expected = "outputs that can be differentiated with respect to the images"
                checks.require(loss.requires_grad, f"model output {name!r}", expected, "a detached one")
        dtype = max((loss.dtype for loss in losses.values()), key=lambda dtype: dtype.itemsize)
        return torch.stack([tasks[name].sign * losses[name].to(dtype) for name in self.targets], dim=1)

    def _before(self, x: Tensor) -> Tensor:
        """The reference losses ``(k * N, T + K)`` for x."""
        assert self._reference is not None
        return self._reference.repeat_interleave(self._copies(x), dim=0)

    def _budgets(self) -> Constraint:
        budgets = [self.objective.tasks[name].budget or 0.0 for name in self.objective.kept]
        radius = self._noise * self.images[0].numel() ** {"Linf": 0.0, "L1": 1.0}.get(self._norm, 0.5)
        return Constraint(torch.tensor(budgets, device=self.images.device), self._norm, radius)

    def _score(self, losses: Tensor, before: Tensor) -> Tensor:
        count = len(self.objective.names)
        score = self.objective.rule.score(losses[:, :count], before[:, :count])
        if self._constraint is None:
            return score
        return self._constraint.score(score, relative_rises(losses[:, count:], before[:, count:]))

    def _surrogate(self, x: Tensor, point: Tensor, losses: Tensor, before: Tensor) -> Tensor:
        """What has the direction for its gradient with respect to x."""
        rule, count = self.objective.rule, len(self.objective.names)
        if isinstance(rule, LossRule) and self._constraint is None:
            return weighted_sum(rule, losses, before)
        found = direction(rule, losses[:, :count], before[:, :count], point)
        if self._constraint is not None:
            self._check_first_gradient(found)  # what the constraint leaves of it may rightly be zero
            rises = relative_rises(losses[:, count:], before[:, count:])
            found = self._constraint.direction(found, separate_gradients(rises, point), rises.detach())
        return ((x - x.detach()) * found).flatten(1).sum(dim=1)

    def _refer_to(self, clean: Tensor) -> None:
        """Take the clean losses for what increases refer to; where some are as good as 0, noise for the start."""
        names = tuple(self.targets)
        check_clean(clean, names)
        tasks = [self.objective.tasks[name] for name in names]
        attacked = torch.arange(len(names), device=clean.device) < len(self.objective.names)
        relative = self.objective.rule.relative
        self._reference, moved = reference(clean, tasks, attacked, relative, self._signed_under_noise)
        if moved.any():
            self._start = torch.where(moved.reshape(-1, 1, 1, 1), self._noisy_images(), self.images)

    @torch.no_grad()
    def _signed_without_gradient(self, x: Tensor) -> Tensor:
        return self._signed(x)

    def _signed_under_noise(self) -> Tensor:
        return self._signed_without_gradient(self._noisy_images())

    def _is_clean(self, x: Tensor) -> bool:
        return x.shape == self.images.shape and torch.equal(x, self.images)

    def _noisy_images(self) -> Tensor:
        generator = torch.Generator().manual_seed(_NOISE_SEED)
        noise = torch.rand((1, *self.images.shape[1:]), generator=generator).to(self.images) * 2 - 1
        return (self.images + self._noise * noise).clamp(*self._bounds)

    def _moved_to_start(self, x: Tensor) -> Tensor:
        if self._start is None or x.shape != self.images.shape:
            return x
        clean = (x == self.images).flatten(1).all(dim=1).reshape(-1, 1, 1, 1)
        return x + torch.where(clean, self._start - self.images, 0)

    def _with_gradient_check(self, x: Tensor) -> Tensor:
        if self._gradient_seen or not x.requires_grad:
            return x
        checked: Tensor = GradientSeen.apply(x, self._check_first_gradient)
        return checked

    def _check_first_gradient(self, gradient: Tensor) -> None:
        """A silent failure would be read as robustness: say which samples, or that no sample, can be attacked."""
        if self._gradient_seen or self._reference is None:
            return
        names = checks.listed(self.objective.names)
        reached = (gradient != 0).reshape(len(self.images), -1).any(dim=1)
        without = (self._reference[:, : len(self.objective.names)] == 0).all(dim=1)
        empty = (~reached & without).nonzero().flatten().tolist()
        found = f"the loss of each of {names} exactly 0 for sample(s) {empty}, under noise too, and no gradient"
        checks.require(not empty, "targets", "at least one task to attack for every sample", found)
        expected = f"outputs {names} whose losses change with the images"
        checks.require(bool(reached.any()), "model", expected, "a gradient of zero for all samples and tasks")
        self._gradient_seen = True

    def _copies(self, x: Tensor) -> int:
        copies, rest = divmod(len(x), len(self.images))
        expected = f"{len(self.images)} samples, or each of them k times in a row"
        checks.require(rest == 0 and copies > 0, "x", expected, f"{len(x)} samples")
        return copies

    def _targets_for(self, x: Tensor) -> dict[str, Tensor]:
        copies = self._copies(x)
        return {name: t if copies == 1 else t.repeat_interleave(copies, dim=0) for name, t in self.targets.items()}
