"""One perturbation for all images."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mt_torchattacks import checks
from mt_torchattacks.attacks.fitted import FittedAttack
from mt_torchattacks.balancing import Rule
from mt_torchattacks.geometry.ball import NORMS, Ball, unit
from mt_torchattacks.geometry.box import Bounds, PerChannel
from mt_torchattacks.tasks import Tasks


class UniversalPerturbation(FittedAttack):
    """One perturbation that harms all tasks on any image of a data set, and on images that it was not made with.

    'Universal Adversarial Perturbations' (Moosavi-Dezfooli et al., CVPR 2017, https://arxiv.org/abs/1610.08401) found
    them for classifiers, 'Universal Adversarial Perturbations Against Semantic Image Segmentation' (Hendrik Metzen et
    al., ICCV 2017, https://arxiv.org/abs/1704.05712) for dense tasks. It is made as in 'Universal Adversarial
    Training' (Shafahi et al., AAAI 2020, https://arxiv.org/abs/1811.11304, algorithm 2): stochastic gradient steps,
    projected; what is raised is the mean score of a balancing rule. To attack an image then costs one addition.

    Args:
        model: model to attack; a forward pass gives all tasks' outputs.
        tasks: its tasks.
        balance: balancing rule or its name.
        norm: ``"Linf"`` or ``"L2"``.
        eps: radius of the perturbation > 0, in pixel values; for Linf also one a channel.
        alpha: length of a step in the first epoch as a share of ``eps``, > 0; it falls from epoch to epoch.
        epochs: how often :meth:`fit` goes through the data, >= 1.
        seed: of the start, which is a random point of the ball, >= 0.
        bounds: smallest and largest pixel value, each a number or one a channel; ``eps`` is in their unit.

    Raises:
        TypeError, ValueError: an argument is not what it should be.

    Example:
        >>> import mt_torchattacks as mta
        >>> model, tasks = torch.nn.Conv2d(3, 1, 1), mta.Tasks(depth=mta.losses.L1())
        >>> images, targets = torch.rand(4, 3, 8, 8), {"depth": torch.zeros(4, 1, 8, 8)}
        >>> attack = mta.UniversalPerturbation(model, tasks, eps=8 / 255, epochs=2).fit([(images, targets)])
        >>> attack.perturbation.shape, attack(torch.rand(1, 3, 8, 8)).shape
        (torch.Size([3, 8, 8]), torch.Size([1, 3, 8, 8]))
    """

    def __init__(
        self,
        model: nn.Module,
        tasks: Tasks,
        balance: str | Rule = "dgba",
        norm: str = "Linf",
        eps: PerChannel = 8 / 255,
        alpha: float = 0.25,
        epochs: int = 10,
        seed: int = 0,
        *,
        bounds: Bounds = (0.0, 1.0),
    ) -> None:
        checks.one_of(norm, "norm", ("Linf", "L2"))
        super().__init__(
            model, tasks, balance, norm=norm, eps=eps, alpha=alpha, epochs=epochs, seed=seed, bounds=bounds
        )

    @property
    def perturbation(self) -> Tensor:
        """The perturbation ``(C, H, W)`` in the unit of ``bounds``.

        Raises:
            RuntimeError: it was not fitted yet.
        """
        box = self.attack.box
        return (box.restored(self.fitted[None]) - box.restored(torch.zeros_like(self.fitted[None])))[0]

    def start(self, image: Tensor) -> Tensor:
        generator = torch.Generator(image.device).manual_seed(self.seed)
        return self._ball(image).random_point(generator)[0]

    def put(self, images: Tensor, fitted: Tensor, seed: int) -> tuple[Tensor, Tensor | None]:
        return (images + fitted).clamp(0, 1), None

    def stepped(self, fitted: Tensor, gradient: Tensor, share: float) -> Tensor:
        ball = self._ball(fitted)
        step = ball.eps * unit(gradient[None], ball.norm)
        return ball.project(fitted[None] + self.alpha * share * step)[0].detach()

    def check_shape(self, image: Tensor, fitted: Tensor) -> None:
        found = f"{tuple(image.shape)} for a perturbation of {tuple(fitted.shape)}"
        checks.require(image.shape == fitted.shape, "images", "images of one size", found)

    def _ball(self, image: Tensor) -> Ball:
        """The ball of perturbations, around none."""
        around = self.attack._ball(image[None])
        return Ball(torch.zeros_like(image[None]), around.eps, NORMS[str(self.attack.norm)])
