"""What attacks share that are made once for a data set, and then put on any image without a look at the model."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from tqdm import tqdm

from mt_torchattacks import checks
from mt_torchattacks.attacks.apgd import APGD
from mt_torchattacks.attacks.host.attack import named_arguments
from mt_torchattacks.balancing import Rule
from mt_torchattacks.geometry.box import Bounds, PerChannel
from mt_torchattacks.objective import BoundObjective
from mt_torchattacks.tasks import Tasks
from mt_torchattacks.types import Images, Targets

if TYPE_CHECKING:
    from typing_extensions import Self


class FittedAttack(ABC):
    """Base of the attacks that fit one tensor to a data set: they ascend the mean score of its images.

    Each batch is one step: the tensor moves along the gradient of the batch's scores, by ``alpha`` in the first epoch
    and by less and less until the last. A subclass says what the tensor is (:meth:`start`, :meth:`stepped`) and how it
    comes into an image (:meth:`put`). What happens to an image is a function of the image and ``seed``: neither of its
    place in the batch nor of the others.

    Attributes:
        attack: what knows the model, the tasks, the rule, the radius and the range of the pixels.
        scores: the mean score of the images in each epoch of the last fit; it should rise.
    """

    def __init__(
        self,
        model: nn.Module,
        tasks: Tasks,
        balance: str | Rule,
        *,
        norm: str = "Linf",
        eps: PerChannel = 8 / 255,
        alpha: float,
        epochs: int,
        seed: int,
        bounds: Bounds,
    ) -> None:
        checks.positive(alpha, "alpha")
        checks.whole(epochs, "epochs")
        whole = isinstance(seed, int) and not isinstance(seed, bool)
        checks.require(whole and seed >= 0, "seed", "a whole number >= 0", repr(seed))
        self.attack = APGD(model, tasks, balance, norm=norm, eps=eps, bounds=bounds)
        self.alpha, self.epochs, self.seed = alpha, epochs, seed
        self.scores: list[float] = []
        self._fitted: Tensor | None = None

    @abstractmethod
    def start(self, image: Tensor) -> Tensor:
        """The tensor to begin with, for images like this one ``(C, H, W)`` in [0, 1]."""

    @abstractmethod
    def put(self, images: Tensor, fitted: Tensor, seed: int) -> tuple[Tensor, Tensor | None]:
        """The images ``(N, C, H, W)`` in [0, 1] with the tensor in them, and which pixels ``(N, H, W)`` it covers."""

    @abstractmethod
    def stepped(self, fitted: Tensor, gradient: Tensor, share: float) -> Tensor:
        """The tensor after a step along a gradient, of a share of ``alpha``."""

    def fit(self, loader: Iterable[tuple[Images, Targets]], *, progress: bool = False) -> Self:
        """Make the attack from the images of a data set.

        Args:
            loader: batches ``(images, targets)``, as for the other attacks; gone through once an epoch. The images
                have one size.
            progress: whether to show a bar for each epoch.

        Returns:
            The attack itself. After an error it is as it was before.

        Raises:
            TypeError, KeyError, ValueError: the loader has no batch, or images or targets do not fit.
        """
        fitted: Tensor | None = None
        means: list[float] = []
        for epoch in range(self.epochs):
            scores: list[Tensor] = []
            bar = tqdm(
                loader, desc=f"epoch {epoch + 1} of {self.epochs}", disable=None if progress else True, leave=False
            )
            for images, targets in bar:
                with self.attack.binding(images, targets) as bound:
                    fitted = self._begun(bound.images[0], fitted)
                    gradient, score = self._gradient(bound, fitted, self.seed + epoch)
                fitted = self.stepped(fitted, gradient, 1 - epoch / self.epochs)
                scores.append(score)
            checks.require(bool(scores), "loader", "at least one batch in each epoch", f"none in epoch {epoch + 1}")
            means.append(float(torch.cat(scores).nanmean()))
        self._fitted, self.scores = fitted, means
        return self

    def _begun(self, image: Tensor, fitted: Tensor | None) -> Tensor:
        if fitted is None:
            return self.start(image)
        self.check_shape(image, fitted)
        return fitted

    @abstractmethod
    def check_shape(self, image: Tensor, fitted: Tensor) -> None:
        """Raise if the tensor cannot be put on images like this one."""

    def _gradient(self, bound: BoundObjective, fitted: Tensor, seed: int) -> tuple[Tensor, Tensor]:
        """The gradient of the sum of a batch's scores, and the scores ``(N,)``."""
        fitted = fitted.detach().requires_grad_()
        x, covered = self.put(bound.images, fitted, seed)
        if covered is not None:
            bound = bound.under(bound.objective.rule, bound.objective.all_tasks.without(covered))
        score = bound(x)
        (gradient,) = torch.autograd.grad(score.sum(), fitted)
        return gradient.nan_to_num(), score.detach()

    @property
    def fitted(self) -> Tensor:
        """What was fitted, in the coordinates in which pixels are in [0, 1].

        Raises:
            RuntimeError: nothing was fitted yet.
        """
        if self._fitted is None:
            name = type(self).__name__
            raise RuntimeError(f"{name}: expected a call of fit(loader) first, found an attack that was not fitted.")
        return self._fitted

    def __call__(
        self,
        inputs: Images | None = None,
        labels: Targets | None = None,
        *,
        images: Images | None = None,
        targets: Targets | None = None,
    ) -> Tensor:
        """The images with the attack in them; targets are not looked at, so they may be left out.

        Args:
            inputs: ``(N, C, H, W)`` images within the bounds, of the size that the attack was fitted to.
            labels: not used; there so that the attack can stand where others do.
            images: another name for ``inputs``.
            targets: another name for ``labels``.

        Raises:
            RuntimeError: the attack was not fitted yet.
            ValueError: images of another size.
        """
        inputs, _ = named_arguments(inputs, labels, images, targets)
        assert inputs is not None
        return self.attack.unscaled(self._put(inputs)[0], inputs)

    def _put(self, inputs: Images) -> tuple[Tensor, Tensor | None]:
        pixels, fitted = self.attack.pixels(inputs), self.fitted
        if len(pixels):
            self.check_shape(pixels[0], fitted)
        with torch.no_grad():
            return self.put(pixels, fitted.to(pixels), self.seed)

    def set_normalization_used(self, mean: Sequence[float], std: Sequence[float]) -> None:
        """Tell that images are normalized, as for torchattacks' attacks; before :meth:`fit`."""
        self.attack.set_normalization_used(mean, std)

    def __repr__(self) -> str:
        shown = f"balance={self.attack.balance!r}, alpha={self.alpha:g}, epochs={self.epochs}, seed={self.seed}"
        return f"{type(self).__name__}({self.attack.tasks!r}, {shown})"
