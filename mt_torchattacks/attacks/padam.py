"""Projected Adam: steps whose length in each pixel follows from the gradients so far."""

from __future__ import annotations

import torch
from torch import Tensor

from mt_torchattacks import checks
from mt_torchattacks.attacks.arguments import argument, length
from mt_torchattacks.attacks.best import first_best
from mt_torchattacks.attacks.chance import sample_generators, sample_points
from mt_torchattacks.attacks.host.attack import Traits
from mt_torchattacks.attacks.native import NativeAttack
from mt_torchattacks.geometry.ball import Ball
from mt_torchattacks.geometry.shape import dims
from mt_torchattacks.objective import BoundObjective

_MEAN, _SQUARE = 0.9, 0.999  # what is kept of the running means, as in Adam
_TINY = 1e-8


class PAdam(NativeAttack):
    """Adam (with AMSGrad) in the direction of all tasks, projected after each step; the best iterate is returned.

    'Evaluating the Adversarial Robustness of Semantic Segmentation: Trying Harder Pays Off' (Halmosi, Mohos and
    Jelasity, ECCV 2024, https://arxiv.org/abs/2407.09150) found it among the strongest attacks on segmentation.
    AMSGrad is 'On the Convergence of Adam and Beyond' (Reddi, Kale and Kumar, ICLR 2018). A step has no unit length:
    pixels whose gradients keep their sign move by ``alpha``, others less. Each sample's gradient is divided by its mean
    size first, so that Adam's small constant means the same whatever the losses' unit is.

    Example:
        >>> import mt_torchattacks as mta
        >>> model = torch.nn.Conv2d(3, 1, 1)
        >>> attack = mta.PAdam(model, mta.Tasks(depth=mta.losses.L1()), eps=8 / 255, steps=5)
        >>> attack(torch.rand(2, 3, 8, 8), {"depth": torch.zeros(2, 1, 8, 8)}).shape
        torch.Size([2, 3, 8, 8])
    """

    traits = Traits(deterministic=False)

    alpha = length(2 / 255, "largest move of a pixel in a step > 0, in pixel values.")
    steps: int = argument(10, "number of steps >= 1.", checks.whole)
    random_start: bool = argument(True, "start at a random point of the ball; otherwise at the clean image.")
    seed: int = argument(0, "of the random starts, which are a function of it and the image.")

    def run(self, bound: BoundObjective, ball: Ball, generator: torch.Generator) -> Tensor:
        """Each sample's best iterate."""
        best, x = first_best(bound), bound.start
        if self.random_start:
            points = sample_points(ball, Ball.random_point, sample_generators(ball.images, int(self.seed)))
            x = bound.within_budgets(points)
        mean, square = torch.zeros_like(x), torch.zeros_like(x)
        largest = torch.zeros_like(x)
        for i in range(1, self.steps + 1):
            x = x.detach().requires_grad_()
            score = bound(x)
            gradient = torch.autograd.grad(score.sum(), x)[0].nan_to_num()
            best.add(x.detach(), score.detach())
            size = gradient.abs().mean(dim=dims(gradient), keepdim=True)
            gradient = gradient / torch.where(size > 0, size, 1)
            mean = torch.lerp(gradient, mean, _MEAN)
            square = torch.lerp(gradient.square(), square, _SQUARE)
            largest = torch.maximum(largest, square)
            spread = (largest / (1 - _SQUARE**i)).sqrt()
            step = mean / (1 - _MEAN**i) / (spread + _TINY)
            x = ball.project(x.detach() + self.alpha * ball.masked(step))
        best.add(x, bound(x).detach())
        return best.images
