"""PGD that stops soon after a sample is broken: the attack of friendly adversarial training."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import torch
from torch import Tensor

from mt_torchattacks import checks
from mt_torchattacks.attacks.arguments import argument, length, no_argument
from mt_torchattacks.attacks.host.attack import Traits
from mt_torchattacks.attacks.native import NativeAttack
from mt_torchattacks.geometry.ball import Ball, along
from mt_torchattacks.geometry.shape import where
from mt_torchattacks.objective import BoundObjective
from mt_torchattacks.types import Targets

Broken: TypeAlias = float | Mapping[str, float] | Callable[[Mapping[str, Tensor], Targets], Tensor]
"""When a sample counts as broken, see :class:`FriendlyPGD`."""


def _check_broken(value: Any, name: str) -> None:
    fits = callable(value) or isinstance(value, (int, float, Mapping))
    checks.require(fits, name, "a number, numbers by task, or a function", checks.describe(value), TypeError)


def _check_tau(value: Any, name: str) -> None:
    if value is not None:
        checks.require(isinstance(value, int) and value >= 0, name, "a whole number >= 0, or None", repr(value))


class FriendlyPGD(NativeAttack):
    """PGD with at most K steps, and at most ``tau`` of them from images that are broken: images to train on.

    Images at the end of a strong attack may be so bad that a model learns nothing from them. Friendly adversarial
    training (Zhang et al., 2020, https://arxiv.org/abs/2002.11242, algorithm 1) stops ``tau`` steps after an image is
    first classified wrong; 'Attacking All Tasks at Once' (algorithm 2) does so for several tasks with the DGBA rule.
    With several tasks that is no event of its own; here ``broken`` says when it is. With ``tau=None`` no sample stops,
    which is plain adversarial training (Madry et al., 2018); with ``steps=1`` and ``alpha=1.25 * eps`` it is the fast
    one (Wong et al., 2020). Samples that have stopped take no more passes.

    The random start is that of torchattacks' PGD, from the global random numbers, so that training meets an image with
    a new start each time.

    Example:
        >>> import mt_torchattacks as mta
        >>> model, tasks = torch.nn.Conv2d(3, 1, 1), mta.Tasks(depth=mta.losses.L1())
        >>> attack = mta.FriendlyPGD(model, tasks, eps=4 / 255, alpha=1 / 255, steps=5, tau=1, broken=0.5)
        >>> attack(torch.rand(2, 3, 8, 8), {"depth": torch.zeros(2, 1, 8, 8)}).shape
        torch.Size([2, 3, 8, 8])
    """

    traits = Traits(deterministic=False)

    alpha = length(2 / 255, "length of a step > 0, in pixel values.")
    steps: int = argument(10, "K, the largest number of steps >= 1.", checks.whole)
    tau: int | None = argument(0, "steps from images that are broken, >= 0; None for no limit.", _check_tau)
    broken: Broken = argument(
        1.0,
        "when a sample is broken: a number that the sum of the tasks' relative loss increases reaches; numbers by task "
        "that each of these tasks' own relative increase reaches; or a function of the model's outputs and the "
        "targets, both by task, that returns booleans ``(N,)``, which takes one more forward pass a step.",
        _check_broken,
    )
    random_start: bool = argument(True, "start at a random point of the ball; otherwise at the clean image.")
    seed = no_argument()

    def run(self, bound: BoundObjective, ball: Ball, generator: torch.Generator) -> Tensor:
        """Step by step; only samples that go on are looked at."""
        x = bound.within_budgets(self._start(ball))
        left = torch.full((len(x),), self.steps if self.tau is None else self.tau, device=x.device)
        for _ in range(self.steps):
            going = left >= 0
            if not bool(going.any()):
                break
            part, at = bound.part(going), x[going].detach().requires_grad_()
            score, rises = part.with_rises(at)
            gradient = torch.autograd.grad(score.sum(), at)[0]
            left[going] -= self._broken(part, at.detach(), rises).long()
            stepped = ball.part(going).project(at.detach() + along(gradient, self.alpha, ball.norm))
            x[going] = where(left[going] >= 0, stepped, at.detach())
        return x

    def _start(self, ball: Ball) -> Tensor:
        if not self.random_start:
            return ball.images.clone()
        if self.norm == "Linf":  # as torchattacks' PGD
            noise = torch.empty_like(ball.images).uniform_(-1, 1)
            return ball.clipped(ball.images + noise * self.eps)
        return ball.random_point(None)

    def _broken(self, part: BoundObjective, x: Tensor, rises: Mapping[str, Tensor]) -> Tensor:
        """The samples ``(N,)``, boolean, that are broken at x."""
        if isinstance(self.broken, Mapping):
            return torch.stack([rises[task] >= least for task, least in self.broken.items()]).all(dim=0)
        if not callable(self.broken):
            return torch.stack(list(rises.values())).sum(dim=0) >= self.broken
        with torch.no_grad():
            found = self.broken(*part.outputs(x))
        fits = isinstance(found, Tensor) and found.shape == (len(x),) and found.dtype == torch.bool
        checks.require(fits, "broken", f"booleans of shape ({len(x)},)", checks.describe(found))
        return found

    def _check_arguments(self) -> None:
        super()._check_arguments()
        if isinstance(self.broken, Mapping):
            checks.keys(self.broken, "broken", (), allowed=self.tasks.balanced)
