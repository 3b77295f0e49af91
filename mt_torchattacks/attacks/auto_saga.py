"""Auto-SAGA: the tasks' gradients blended pixel by pixel, with weights that are learned through the step they make."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor

from mt_torchattacks import checks
from mt_torchattacks.attacks.arguments import argument, length, number
from mt_torchattacks.attacks.best import BestOf, finite_scores
from mt_torchattacks.attacks.native import NativeAttack
from mt_torchattacks.balancing import LossRule, Rule, resolve
from mt_torchattacks.geometry.ball import Ball
from mt_torchattacks.geometry.box import Box
from mt_torchattacks.geometry.shape import dims
from mt_torchattacks.objective import BoundObjective
from mt_torchattacks.types import Images

_AT_LEAST_0 = number("a number >= 0", lambda value: value >= 0)

Attention = Mapping[str, Callable[[Images], Tensor]]


class Iterate(NamedTuple):
    """Where Auto-SAGA is after a number of steps.

    Attributes:
        x: the iterate ``(N, ...)``.
        score: its score ``(N,)``.
        blend: the weight ``(N, T, ...)`` of every task at every pixel.
    """

    x: Tensor
    score: Tensor
    blend: Tensor


class AutoSAGA(NativeAttack):
    """Auto-SAGA, the self-attention gradient attack that learns how to blend its gradients, for the Linf norm.

    [D] appendix D, equations 15-16 (``balance="baseline"``) and 19-20 (``balance="dgba"``); the attack is that of
    Xu et al., arXiv:2209.03358, and Rathbun et al., arXiv:2211.14669. At each step, with a weight ``a_i`` for every
    task, sample, channel and pixel (1 at first), the rule's weights ``w_i`` and the attention maps ``phi_i``:

    1. ``g_i = phi_i w_i grad L_i(x) / u``, ``G = sum_i a_i g_i``, trial point ``x' = P(x + alpha sign(G))``;
    2. ``a_i += learning_rate * dF/da_i``, where F is the objective at ``x'`` and ``sign(G)`` is differentiated as
       ``tanh(fitting_factor G)``: ``dF/da_i = grad F(x') / u alpha fitting_factor (1 - tanh^2(fitting_factor G)) g_i``;
    3. ``M = decay M + sum_i a_i g_i``, ``x = P(x + alpha sign(M))``.

    The unit ``u`` is the sample's mean absolute G on its clean image: no sign depends on it, and the two factors mean
    the same whatever the losses' scales and the image's size. A step costs T + 1 backward passes: T at x and one at
    the trial point.

    Raises:
        TypeError, ValueError: an argument is not what it should be; a rule that needs the gradients themselves.

    Example:
        >>> import mt_torchattacks as mta
        >>> model, tasks = torch.nn.Conv2d(3, 1, 1), mta.Tasks(depth=mta.losses.L1())
        >>> attack = mta.AutoSAGA(model, tasks, balance="dgba", eps=8 / 255, steps=3)
        >>> attack(torch.rand(2, 3, 8, 8), {"depth": torch.rand(2, 1, 8, 8)}).shape
        torch.Size([2, 3, 8, 8])
    """

    norms: ClassVar[tuple[str, ...]] = ("Linf",)

    balance: str | Rule = argument(
        "dgba",
        'a rule whose weights follow from the losses, or its name; ``"baseline"`` stands for ``"total"``.',
    )
    rule_names: ClassVar[dict[str, str]] = {"baseline": "total"}
    norm = "Linf"
    seed = 0
    eps = length(8 / 255, "radius of the perturbation.")
    alpha = length(2 / 255, "step size.")
    steps: int = argument(40, "number of steps.", checks.whole)
    learning_rate: float = argument(
        250.0,
        "r, of the blending weights >= 0; with 0 they stay 1, and this is the basic iterative method.",
        _AT_LEAST_0,
    )
    fitting_factor: float = argument(
        1.0, "lambda > 0, of the tanh that stands for the sign; near 1, since G is near 1 on average.", checks.positive
    )
    decay: float = argument(0.0, "gamma >= 0, momentum of the blended gradient.", _AT_LEAST_0)
    eot_iter: int = argument(
        1, "forward passes that each gradient is the mean of, for models with randomness.", checks.whole
    )
    attention: Attention | None = argument(
        None,
        "the map phi ``(N, 1, H, W)`` as a function of the model's input, by task; 1 for a task without. For a "
        "transformer trunk :class:`~mt_torchattacks.attacks.Rollout`.",
    )

    def run(self, bound: BoundObjective, ball: Ball, generator: torch.Generator) -> Tensor:
        best = BestOf(ball.images, ball.images.new_full((len(ball.images),), -math.inf))
        for x, score, _ in self.iterates(bound, ball):
            best.add(bound.moved(x), finite_scores(score))
        return best.images

    def iterates(self, bound: BoundObjective, ball: Ball) -> Iterator[Iterate]:
        """The clean images and the iterate after each step, with the blending weights that led there."""
        x, momentum, unit = ball.images, torch.zeros_like(ball.images), None
        blend = x.new_ones(len(x), len(bound.objective.names), *x.shape[1:])
        for _ in range(self.steps):
            score, gradients = self._gradients(bound, x)
            yield Iterate(x, score, blend)
            unit = _mean_size(gradients.sum(dim=1)) if unit is None else unit
            gradients = gradients / unit.unsqueeze(1)
            mixed = (blend * gradients).sum(dim=1)
            rise = self._rise(bound, ball.project(x + self.alpha * mixed.sign())) / unit
            slope = self.alpha * self.fitting_factor * (1 - torch.tanh(self.fitting_factor * mixed) ** 2) * rise
            blend = blend + self.learning_rate * slope.unsqueeze(1) * gradients
            momentum = self.decay * momentum + (blend * gradients).sum(dim=1)
            x = ball.project(x + self.alpha * momentum.sign())
        yield Iterate(x, _mean([bound(x).detach() for _ in range(self.eot_iter)]), blend)

    def _gradients(self, bound: BoundObjective, x: Tensor) -> tuple[Tensor, Tensor]:
        """The score ``(N,)`` and ``phi_i w_i grad L_i`` ``(N, T, ...)``; T backward passes."""
        drawn = [bound.weighted_gradients(x) for _ in range(self.eot_iter)]
        scores, gradients = zip(*drawn, strict=True)
        return _mean(scores), self._maps(bound, x) * _finite(_mean(gradients))

    def _rise(self, bound: BoundObjective, trial: Tensor) -> Tensor:
        """The gradient ``(N, ...)`` of the objective at the trial point; one backward pass."""
        trial = trial.detach().requires_grad_()
        return _finite(_mean([torch.autograd.grad(bound(trial).sum(), trial)[0] for _ in range(self.eot_iter)]))

    def _maps(self, bound: BoundObjective, x: Tensor) -> Tensor:
        """The attention maps ``(N, T, 1, ...)``, or what broadcasts to them."""
        if not self.attention:
            return x.new_ones(1)
        seen = self.normalize(x) if self.normalization_used is not None else x
        ones = x.new_ones(len(x), 1, *x.shape[2:])
        maps = [self.attention[n](seen) if n in self.attention else ones for n in bound.objective.names]
        for name, found in zip(bound.objective.names, maps, strict=True):
            expected = f"shape {tuple(ones.shape)}"
            checks.require(found.shape == ones.shape, f"attention[{name!r}]", expected, checks.describe(found))
        return torch.stack(maps, dim=1).detach()

    def _check_arguments(self) -> None:
        super()._check_arguments()
        rule = resolve(self.balance)
        expected = "a rule with a weight for every task's loss (a LossRule), since weighted gradients are blended"
        checks.require(isinstance(rule, LossRule), "balance", expected, repr(rule))
        expected = "no task preserved within a budget, for which blended gradients leave no room"
        checks.require(not self.tasks.preserved, "tasks", expected, checks.listed(self.tasks.preserved))
        checks.keys(self.attention or {}, "attention", (), allowed=tuple(self.tasks))
        plain = not self.attention or Box.of(self.bounds).numbers == (0.0, 1.0)
        checks.require(plain, "bounds", "(0, 1) with attention maps, which see these images", self.bounds)


def _mean_size(gradient: Tensor) -> Tensor:
    """The mean absolute value ``(N, 1, ...)``; 1 where it is 0."""
    size = gradient.abs().mean(dim=dims(gradient), keepdim=True)
    return torch.where(size > 0, size, 1)


def _finite(gradient: Tensor) -> Tensor:
    """What is not finite counts as no gradient: in the blending weights it would stay for good."""
    return gradient.nan_to_num(0.0, posinf=0.0, neginf=0.0)


def _mean(drawn: Sequence[Tensor]) -> Tensor:
    return torch.stack(list(drawn)).mean(dim=0)
