"""APGD on all tasks: algorithm 1 of [D] with the DGBA rule, Auto-PGD of Croce & Hein for any rule."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import torch
import torchattacks
from torch import Tensor, nn

from mt_torchattacks import checks
from mt_torchattacks.attacks.auto_pgd import auto_pgd, where
from mt_torchattacks.attacks.base import MultiTaskAttack, Traits
from mt_torchattacks.balancing import Rule
from mt_torchattacks.objective import BoundObjective
from mt_torchattacks.tasks import Tasks
from mt_torchattacks.types import Images


class APGD(MultiTaskAttack, torchattacks.APGD):
    """Auto-PGD: step sizes that halve at checkpoints, momentum, and the best iterate of every sample returned.

    Algorithm 1 of 'Attacking All Tasks at Once' with ``balance="dgba"``: the direction is the sum of gradients relative
    to the present losses, and checkpoints look at each sample's own sum of relative loss increases. The method is
    that of 'Reliable evaluation of adversarial robustness with an ensemble of diverse parameter-free attacks'
    (https://arxiv.org/abs/2003.01690, section 3). No sample counts as finished; everything stays on the device; the
    global random numbers are not touched.

    Args:
        model: model to attack; a forward pass gives all tasks' outputs.
        tasks: its tasks.
        balance: balancing rule or its name.
        norm: ``"Linf"`` or ``"L2"``.
        eps: radius of the perturbation > 0, in pixel values for Linf.
        steps: number of steps >= 1.
        n_restarts: number of runs >= 1; each sample keeps its best.
        seed: of the random starts' own generator.
        loss: only ``"ce"``, torchattacks' name for the loss itself: here the tasks' own.
        eot_iter: gradients averaged at each step, for models with randomness.
        rho: share of the steps between two checkpoints that must raise the score, or the step size is halved.
        verbose: print each restart's mean score.
        random_start: start the first run at a random point; otherwise at the clean image (later runs start at random).

    Shape:
        images ``(N, C, H, W)`` in [0, 1], targets by task; returns ``(N, C, H, W)``.

    Example:
        >>> import mt_torchattacks as mta
        >>> model = torch.nn.Conv2d(3, 1, 1)
        >>> attack = mta.APGD(model, mta.Tasks(depth=mta.losses.L1()), eps=8 / 255, steps=5)
        >>> attack(torch.rand(2, 3, 8, 8), {"depth": torch.zeros(2, 1, 8, 8)}).shape
        torch.Size([2, 3, 8, 8])
    """

    traits = Traits(deterministic=False)

    def __init__(
        self,
        model: nn.Module,
        tasks: Tasks,
        balance: str | Rule = "dgba",
        norm: str = "Linf",
        eps: float = 8 / 255,
        steps: int = 10,
        n_restarts: int = 1,
        seed: int = 0,
        loss: str = "ce",
        eot_iter: int = 1,
        rho: float = 0.75,
        verbose: bool = False,
        random_start: bool = True,
    ) -> None:
        super().__init__(model, tasks, balance, norm, eps, steps, n_restarts, seed, loss, eot_iter, rho, verbose)
        checks.one_of(norm, "norm", ("Linf", "L2"))
        self.random_start = random_start
        self.supported_mode = ["default", "targeted"]

    def forward(self, images: Images, labels: Any = None) -> Tensor:
        """The best iterate of all restarts, for each sample; called by the attack itself."""
        generator = torch.Generator().manual_seed(self.seed)
        best, best_score = images, images.new_full((len(images),), -math.inf)
        for restart in range(self.n_restarts):
            start = self._random_point(images, generator) if self.random_start or restart else images
            found, score = auto_pgd(
                start,
                self._evaluate,
                self._step,
                partial(self._project, images),
                steps=self.steps,
                step_size=2 * self.eps,
                rho=self.thr_decr,
            )
            best = where(score > best_score, found, best)
            best_score = torch.maximum(score.to(best_score.dtype), best_score)
            if self.verbose:
                print(f"restart {restart + 1}/{self.n_restarts}: mean score {float(best_score.mean()):.5f}")
        return best

    def _evaluate(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Score ``(N,)`` and direction ``(N, C, H, W)`` at x, each the mean of ``eot_iter`` evaluations."""
        bound: BoundObjective = self.__dict__["_bound"]
        x = x.detach().requires_grad_()
        scores, gradient = torch.zeros((), device=x.device), torch.zeros_like(x)
        for _ in range(self.eot_iter):
            score = bound(x)
            gradient = gradient + torch.autograd.grad(score.sum(), x)[0]
            scores = scores + score.detach()
        return scores / self.eot_iter, gradient / self.eot_iter

    def _random_point(self, images: Tensor, generator: torch.Generator) -> Tensor:
        if self.norm == "Linf":
            noise = (2 * torch.rand(images.shape, generator=generator) - 1).to(images)
            size = noise.flatten(1).abs().amax(dim=1).reshape(-1, 1, 1, 1)
        else:
            noise = torch.randn(images.shape, generator=generator).to(images)
            size = _l2(noise) + 1e-12
        point: Tensor = images + self.eps * noise / size
        return point.clamp(0, 1)

    def _step(self, gradient: Tensor, size: Tensor) -> Tensor:
        return size * gradient.sign() if self.norm == "Linf" else size * gradient / (_l2(gradient) + 1e-12)

    def _project(self, images: Tensor, x: Tensor) -> Tensor:
        if self.norm == "Linf":
            return x.clamp(images - self.eps, images + self.eps).clamp(0, 1)
        length = _l2(x - images)
        return (images + (x - images) / (length + 1e-12) * length.clamp(max=self.eps)).clamp(0, 1)


def _l2(x: Tensor) -> Tensor:
    return (x**2).sum(dim=(1, 2, 3), keepdim=True).sqrt()
