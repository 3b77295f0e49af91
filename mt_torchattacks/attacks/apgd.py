"""APGD on all tasks: algorithm 1 of [D] with the DGBA rule, Auto-PGD of Croce & Hein for any rule."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, ClassVar, cast

import torch
import torchattacks
from torch import Tensor, nn

from mt_torchattacks import checks
from mt_torchattacks.attacks.arguments import Declared, argument, length, number
from mt_torchattacks.attacks.auto_pgd import auto_pgd
from mt_torchattacks.attacks.best import BestOf, finite_scores
from mt_torchattacks.attacks.chance import sample_generators, sample_points
from mt_torchattacks.attacks.checkpoints import CHECKPOINTS
from mt_torchattacks.attacks.host.attack import Traits
from mt_torchattacks.geometry.ball import Ball
from mt_torchattacks.objective import BoundObjective
from mt_torchattacks.objective.budgets import STRIDE
from mt_torchattacks.types import Images

STAGES = {"constant": (), "reduced": ((2.0, 0.3), (1.5, 0.3))}  # larger radii, and their shares of the steps
FIRST = {"Linf": 2.0, "L2": 2.0, "L1": 1.0}  # length of the first step, in radii


class _Host(torchattacks.APGD):
    """torchattacks' class, with the arguments that are not its own."""

    def __init__(self, model: nn.Module, random_start: bool, checkpoints: str, radii: str, **theirs: Any) -> None:
        super().__init__(model, **theirs)
        self.attack = type(self).__name__
        self.random_start, self.checkpoints, self.radii = random_start, checkpoints, radii
        self.supported_mode = ["default", "targeted"]


class APGD(Declared, _Host):
    """Auto-PGD: step sizes that halve at checkpoints, momentum, and the best iterate of every sample returned.

    Algorithm 1 of 'Attacking All Tasks at Once' with ``balance="dgba"``: the direction is the sum of gradients relative
    to the present losses, and checkpoints look at each sample's own sum of relative loss increases. The method is
    that of 'Reliable evaluation of adversarial robustness with an ensemble of diverse parameter-free attacks'
    (https://arxiv.org/abs/2003.01690, section 3). No sample counts as finished; everything stays on the device; the
    global random numbers are not touched.

    Example:
        >>> import mt_torchattacks as mta
        >>> model = torch.nn.Conv2d(3, 1, 1)
        >>> attack = mta.APGD(model, mta.Tasks(depth=mta.losses.L1()), eps=8 / 255, steps=5)
        >>> attack(torch.rand(2, 3, 8, 8), {"depth": torch.zeros(2, 1, 8, 8)}).shape
        torch.Size([2, 3, 8, 8])
    """

    traits = Traits(deterministic=False)
    norms: ClassVar[tuple[str, ...]] = ("Linf", "L2", "L1")
    per_channel: ClassVar[bool] = True
    conjugate: ClassVar[bool] = False
    """Whether steps are along conjugate directions."""

    norm: str = argument("Linf", "of the perturbation:")
    eps = length(8 / 255, "radius of the perturbation > 0, in pixel values; for Linf also one a channel.")
    steps: int = argument(10, "number of steps >= 1.", checks.whole)
    n_restarts: int = argument(1, "number of runs >= 1; each sample keeps its best.", checks.whole)
    seed: int = argument(0, "of the random starts, which are a function of it and the image.")
    loss: str = argument("ce", "only ``\"ce\"``, torchattacks' name for the loss itself: here the tasks' own.")
    eot_iter: int = argument(1, "gradients averaged at each step, for models with randomness.", checks.whole)
    rho: float = argument(
        0.75,
        "share of the steps between two checkpoints that must raise the score, or the step size is halved.",
        number("a share of the steps in [0, 1]", lambda share: 0 <= share <= 1),
        attribute="thr_decr",
    )
    verbose: bool = argument(False, "print each restart's mean score.")
    random_start: bool = argument(
        True, "start the first run at a random point; otherwise at the clean image (later runs start at random)."
    )
    checkpoints: str = argument(
        "autoattack",
        'when step sizes are halved: ``"autoattack"`` as its code does (torchattacks\' too), ``"paper"`` as the papers '
        "say; see :mod:`mt_torchattacks.attacks.checkpoints`. Without effect for L1.",
        lambda value, name: checks.one_of(value, name, CHECKPOINTS),
    )
    radii: str = argument(
        "constant",
        '``"constant"``, or ``"reduced"``: three tenths of the steps within twice the radius, three tenths within one '
        "and a half times, the others within the radius, each stage from the best iterate of the one before (SEA, "
        "https://arxiv.org/abs/2306.12941, section 3.3); only images within the radius are returned.",
        lambda value, name: checks.one_of(value, name, STAGES),
    )

    def _seen(self, images: Tensor) -> Tensor:
        return images

    def forward(self, images: Images, labels: Any = None) -> Tensor:
        """The best iterate of all restarts, for each sample; called by the attack itself."""
        generators = sample_generators(images, int(self.seed))
        ball, bound = self._ball(images), cast(BoundObjective, self.__dict__["_bound"])
        best, first = BestOf(images, images.new_full((len(images),), -math.inf)), FIRST[self.norm]
        if bound.constrained:
            best, first = BestOf(images, finite_scores(bound.scores(images))), STRIDE
        for restart in range(self.n_restarts):
            random = self.random_start or restart
            start = bound.within_budgets(sample_points(ball, Ball.surface_point, generators)) if random else images
            found, score = self._run(start, ball, first)
            best.add(bound.moved(found), score)
            if self.verbose:
                print(f"restart {restart + 1}/{self.n_restarts}: mean score {float(best.scores.mean()):.5f}")
        return best.images

    def _run(self, start: Tensor, ball: Ball, first: float) -> tuple[Tensor, Tensor]:
        """One run: each sample's best iterate and its score ``(N,)``."""
        for stage, (larger, steps) in enumerate(self._stages()):
            around = replace(ball, eps=larger * ball.eps)
            start, score = auto_pgd(
                around.project(start) if stage > 0 else start,
                self._evaluate,
                around,
                steps=steps,
                step_size=first * larger * self.eps,
                rho=self.thr_decr,
                checkpoints=self.checkpoints,
                conjugate=self.conjugate,
            )
        return start, score

    def _stages(self) -> list[tuple[float, int]]:
        """What the radius is multiplied by, and the number of steps, of each stage."""
        stages = [(larger, int(share * self.steps)) for larger, share in STAGES[self.radii]]
        left = self.steps - sum(steps for _, steps in stages)
        return [*((larger, steps) for larger, steps in stages if steps > 0), (1.0, left)]

    @property
    def gradients(self) -> int:
        """How many gradients a run asks for: one more than steps in each stage."""
        return (self.steps + len(self._stages())) * self.traits.a_step(self)

    def _evaluate(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Score ``(N,)`` and direction ``(N, ...)`` at x, each the mean of ``eot_iter`` evaluations."""
        bound: BoundObjective = self.__dict__["_bound"]
        x = x.detach().requires_grad_()
        scores, gradient = torch.zeros((), device=x.device), torch.zeros_like(x)
        for _ in range(self.eot_iter):
            score = bound(x)
            gradient = gradient + torch.autograd.grad(score.sum(), x)[0]
            scores = scores + score.detach()
        return scores / self.eot_iter, gradient / self.eot_iter
