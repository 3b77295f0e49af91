"""Any attack of any library within a budget of passes, with the best image that the model saw on the way."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from mt_torchattacks import checks
from mt_torchattacks.attacks.best import BestOf, finite_scores
from mt_torchattacks.balancing import Rule
from mt_torchattacks.evaluation.measure import AttackFunction
from mt_torchattacks.evaluation.passes import Passes, count_passes
from mt_torchattacks.geometry.ball import NORMS, Ball
from mt_torchattacks.models.inputs import other_inputs
from mt_torchattacks.models.state import modes_kept
from mt_torchattacks.objective import BoundObjective, Objective
from mt_torchattacks.tasks import Tasks
from mt_torchattacks.types import Images, Outputs, Targets

_SLACK = 1e-5  # of a radius: an image may be outside by the rounding of its own attack


class Spent(NamedTuple):
    """What had been found after so many passes.

    Attributes:
        passes: forward and backward passes a sample so far, in the mean over the samples.
        scores: each sample's best score so far ``(N,)``.
    """

    passes: float
    scores: Tensor


class Budgeted:
    """An attack that may make so many passes through the model, and no more; of any library.

    Attacks differ in what a step costs, in restarts, and in whether they return their best iterate. To compare them,
    each gets the same number of passes, counted at the model itself. Every image that the attack shows to the model is
    a candidate; when the budget is spent the attack is stopped, and each sample's best candidate within the radius is
    returned. So no attack can hide a pass, and none loses a good image that it has seen. A forward pass with gradients
    is begun only if there is one backward pass left for it; attacks that make several of one forward pass (rules that
    need each task's gradient) may end a few passes above.

    Args:
        attack: ``(images, targets) -> adversarial images``, an attack on ``model``.
        model: the model, which takes images as the attack returns them (a normalization is part of the model).
        tasks: its tasks; candidates are compared by their losses.
        passes: budget for each sample: forward and backward passes together, >= 2; by default there is no limit, and
            what is left is that each sample's best image counts. What is not counted is the pass on the clean images
            that the scores refer to.
        eps: radius within which candidates count.
        norm: ``"Linf"``, ``"L2"`` or ``"L1"``.
        bounds: lowest and highest value of a pixel.
        balance: rule whose score candidates are compared by.

    Attributes:
        counted: the passes of the last call.
        curve: what had been found after each forward pass of the last call, see :class:`Spent`.
        stopped: whether the attack of the last call was stopped.

    Raises:
        TypeError, ValueError: an argument does not fit.

    Example:
        >>> import mt_torchattacks as mta
        >>> model, tasks = torch.nn.Conv2d(3, 1, 1), mta.Tasks(depth=mta.losses.L1())
        >>> attack = mta.PGD(model, tasks, eps=8 / 255, steps=100)
        >>> ten = Budgeted(attack, model, tasks, passes=10, eps=8 / 255)
        >>> ten(torch.rand(2, 3, 8, 8), {"depth": torch.zeros(2, 1, 8, 8)}).shape
        torch.Size([2, 3, 8, 8])
        >>> ten.counted.forward + ten.counted.backward, ten.stopped
        (9, True)
    """

    def __init__(
        self,
        attack: AttackFunction,
        model: nn.Module,
        tasks: Tasks,
        *,
        passes: int | None = None,
        eps: float,
        norm: str = "Linf",
        bounds: tuple[float, float] = (0.0, 1.0),
        balance: str | Rule = "dgba",
    ) -> None:
        checks.require(passes is None or passes >= 2, "passes", "a number >= 2, or None", passes)
        checks.positive(eps, "eps")
        checks.one_of(norm, "norm", NORMS)
        self.attack, self.model, self.passes = attack, model, math.inf if passes is None else passes
        self.eps, self.norm, self.bounds = eps, NORMS[norm], bounds
        self._shown = _Shown(model)
        self._objective = Objective(self._shown, tasks, balance)
        self.counted, self.curve, self.stopped = Passes(), list[Spent](), False
        self._promised = 0  # samples whose forward pass has, or will have, a backward pass

    def __call__(self, images: Images, targets: Targets) -> Tensor:
        """Each sample's best image that the attack has shown to the model within its budget, of the inputs' shape."""
        ball = Ball(images.detach(), self.eps, self.norm, self.bounds)
        bound = self._objective.bind(ball.images, targets, ball=ball)
        self.curve, self.stopped, self._promised = [], False, 0
        with modes_kept(self.model):
            self.model.eval()
            best = BestOf(ball.images, finite_scores(bound.scores(ball.images)))
            with count_passes(self.model) as self.counted, self._watched(bound, best):
                try:
                    returned = self.attack(images, targets)
                    with torch.no_grad():  # the model may not have seen it
                        self.model.eval()(returned, **other_inputs(self.model, targets))
                except _BudgetSpentError:
                    self.stopped = True
        return best.images

    @contextmanager
    def _watched(self, bound: BoundObjective, best: BestOf) -> Iterator[None]:
        """While it is open, every image that the model sees is a candidate, until the budget is spent."""
        samples = len(bound.images)

        def before(module: nn.Module, args: tuple[Any, ...]) -> None:
            promised = len(args[0]) if torch.is_grad_enabled() and args[0].requires_grad else 0
            backward = max(self.counted.backward_samples, self._promised + promised)
            if self.counted.forward_samples + len(args[0]) + backward > self.passes * samples:
                raise _BudgetSpentError
            self._promised += promised

        def after(module: nn.Module, args: tuple[Any, ...], outputs: Outputs) -> None:
            with self._shown.showing(outputs):
                _consider(args[0].detach(), bound, best)
            spent = self.counted.of_samples
            self.curve.append(Spent(spent / samples, best.scores))

        handles = self.model.register_forward_pre_hook(before, prepend=True), self.model.register_forward_hook(after)
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()


class _BudgetSpentError(BaseException):
    """Ends an attack; no ``except Exception`` of an attack's own catches it."""


class _Shown:
    """The model, or the outputs that it has just given, so that their scores cost no pass."""

    def __init__(self, model: nn.Module) -> None:
        self.model = model
        self.outputs: Outputs | None = None

    @property
    def other_inputs(self) -> tuple[str, ...]:
        return getattr(self.model, "other_inputs", ())

    def __call__(self, x: Tensor, **others: Tensor) -> Outputs:
        return self.model(x, **others) if self.outputs is None else self.outputs

    @contextmanager
    def showing(self, outputs: Outputs) -> Iterator[None]:
        self.outputs = outputs
        try:
            yield
        finally:
            self.outputs = None


def _consider(candidates: Tensor, bound: BoundObjective, best: BestOf) -> None:
    """Take the candidates that are within the ball and score higher than each sample's best so far.

    They are all samples in order, each of them k times in a row, or some of the samples in order; others are no
    candidates, since nobody knows whose they are.
    """
    copies, rest = divmod(len(candidates), len(bound.images))
    if rest == 0 and copies > 0:
        scores = finite_scores(bound.scores(candidates)).view(-1, copies)
        by_copy = candidates.reshape(-1, copies, *candidates.shape[1:])
        for k in range(copies):
            best.add(by_copy[:, k], _inside(by_copy[:, k], scores[:, k], bound.ball))
        return
    distances = torch.cdist(candidates.flatten(1).double(), bound.images.flatten(1).double(), p=bound.ball.norm)
    owners = distances.argmin(dim=1)
    if bool((owners.diff() > 0).all()):
        keep = torch.zeros(len(bound.images), dtype=torch.bool, device=owners.device).index_fill(0, owners, True)
        part = bound.part(keep)
        best.add(candidates, _inside(candidates, finite_scores(part.scores(candidates)), part.ball), at=owners)


def _inside(images: Tensor, scores: Tensor, ball: Ball) -> Tensor:
    """The scores, -inf for images that are outside of the ball or of the bounds by more than rounding."""
    allowed = replace(ball, eps=ball.radius * (1 + _SLACK))
    moved = (allowed.project(images) - images).abs().flatten(1).amax(dim=1)
    return scores.masked_fill(moved > _SLACK * ball.radius, -torch.inf)
