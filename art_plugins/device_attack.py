"""What the plugin's attacks share: ART's `generate` around a loop that stays on the device."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from art.attacks import evasion
from art.attacks.attack import EvasionAttack
from torch import Tensor
from tqdm.auto import tqdm

from art_plugins.ascent import ArtBall, Ascent, Watcher
from art_plugins.estimator import PyTorchMultiTaskEstimator
from art_plugins.labels import Array, Labels
from mt_torchattacks import checks
from mt_torchattacks.attacks.auto_pgd import where
from mt_torchattacks.attacks.ball import Ball
from mt_torchattacks.types import Targets


class DeviceAttack(EvasionAttack):
    """Base of the plugin's attacks: per batch one transfer of the images (and labels) in, one out."""

    _estimator_requirements = (PyTorchMultiTaskEstimator,)
    verbose = False
    ball_type: ClassVar[type[Ball]] = ArtBall

    if TYPE_CHECKING:
        estimator: PyTorchMultiTaskEstimator

    def generate(self, x: Array, y: Labels | None = None, **kwargs: Any) -> Array:
        """Generate adversarial samples and return them in an array.

        :param x: An array with the original inputs, of shape NCHW or NHWC, within the estimator's clip values.
        :param y: Targets by task: a dict of arrays, or a list with a dict for each image. `None` to use the model's
                  predictions. If the attack is targeted, the goals.
        :param mask: An array broadcastable to `x`; features for which it is zero will not be adversarially perturbed.
        :type mask: `np.ndarray`
        :return: An array holding the adversarial examples.
        """
        images = self.estimator.images(x)
        goals = self.estimator.targets(self._labels(x, y), len(images))
        mask = self._mask(images, evasion.FastGradientMethod._get_mask(np.asarray(x), **kwargs))
        self._prepare(images)
        adversarial = np.empty(images.shape, dtype=np.float32)
        starts = range(0, len(images), self.batch_size)
        for start in tqdm(starts, desc=f"{type(self).__name__} - Batches", disable=not self.verbose):
            part = slice(start, start + self.batch_size)
            batch = {name: goal[part] for name, goal in goals.items()}
            off = None if mask is None else mask[part]
            adversarial[part] = self.perturb(images[part], batch, mask=off, part=part).cpu().numpy()
        if self.summary_writer is not None:
            self.summary_writer.reset()
        return adversarial

    def perturb(
        self, images: Tensor, goals: Targets, *, mask: Tensor | None = None, part: slice = slice(None)
    ) -> Tensor:
        """Adversarial images of one batch, as a tensor on the estimator's device.

        :param images: Clean images.
        :param goals: Targets by task.
        :param mask: True where pixels may change.
        :param part: Which part of all images the batch is, for `eps` that differs by sample.
        """
        estimator = self.estimator
        images = images.to(estimator.device)
        ball = self._ball(images, mask, part)
        objective = estimator.objective(self.balance, targeted=self.targeted)
        with estimator.attacked():
            bound = estimator.bind(objective, images, goals, noise=_noise(ball))
            ascent = Ascent(bound, ball, self._watcher(goals, part))
            starts = list(self._starts(ball))
            best = self._run(ascent, starts[0], part)
            for start in starts[1:]:
                found = self._run(ascent, start, part)
                best = where(ascent.score(found) > ascent.score(best), found, best)
        return best.detach()

    @abstractmethod
    def _run(self, ascent: Ascent, start: Tensor, part: slice) -> Tensor:
        """The attack's loop from one start."""

    @property
    def _restarts(self) -> int:
        return int(self.num_random_init)

    def _starts(self, ball: Ball) -> Iterator[Tensor]:
        if self._restarts == 0:
            yield ball.images
            return
        seed = int(np.random.randint(2**31))  # noqa: NPY002 - ART's attacks draw from it, and its users seed it
        generator = torch.Generator(ball.images.device).manual_seed(seed)
        for _ in range(self._restarts):
            yield ball.random_point(generator)

    def _ball(self, images: Tensor, mask: Tensor | None, part: slice) -> Ball:
        clip = self.estimator.clip_values
        bounds = None if clip is None else tuple(size_in(value, images, slice(None)) for value in clip)
        norm = np.inf if self.norm == "inf" else float(self.norm)
        mask = None if mask is None else mask.to(images.device)
        return self.ball_type(images, size_in(self.eps, images, part), norm, bounds, mask)  # type: ignore[arg-type]

    def _prepare(self, images: Tensor) -> None:
        """Checks, and what else ART's attacks do before the first batch."""
        for name in ("eps", "eps_step"):
            value = np.asarray(getattr(self, name))
            try:
                np.broadcast_to(value, images.shape)
            except ValueError:
                checks.fail(name, f"an array that broadcasts to {tuple(images.shape)}", f"shape {value.shape}")
            if self.norm not in (np.inf, "inf") and value.size > (len(value) if value.ndim == images.ndim else 1):
                raise NotImplementedError(
                    f"{name}: expected one number a sample for a finite norm, found one a feature."
                )

    def _labels(self, x: Array, y: Labels | None) -> Labels:
        if y is None and self.targeted:
            raise ValueError("Target labels `y` need to be provided for a targeted attack.")
        return self.estimator.predict(x, batch_size=self.batch_size) if y is None else y

    def _mask(self, images: Tensor, mask: Array | None) -> Tensor | None:
        if mask is None:
            return None
        try:
            return torch.tensor(np.broadcast_to(mask != 0, images.shape))
        except ValueError:
            checks.fail("mask", f"an array that broadcasts to {tuple(images.shape)}", f"shape {mask.shape}")

    def _watcher(self, goals: Targets, part: slice) -> Watcher | None:
        if self.summary_writer is None:
            return None

        def watch(step: int, x: Tensor, direction: Tensor) -> None:
            self.summary_writer.update(
                batch_id=(part.start or 0) // self.batch_size,
                global_step=step,
                grad=direction.cpu().numpy(),
                patch=None,
                estimator=self.estimator,
                x=x.cpu().numpy(),
                y=goals,
                targeted=self.targeted,
            )

        return watch

    def _check_params(self) -> None:
        super()._check_params()
        if hasattr(self, "balance"):  # ART checks once before it is set
            self.estimator.objective(self.balance)


def size_in(value: Any, images: Tensor, part: slice) -> float | Tensor:
    """A number, or an array's part that belongs to a batch as a tensor."""
    if np.ndim(value) == 0:
        return float(value)
    array = np.asarray(value, dtype=np.float32)
    by_sample = array.ndim == images.ndim and len(array) > 1
    return torch.tensor(array[part] if by_sample else array, device=images.device)


def _noise(ball: Ball) -> float:
    """Size of the uniform noise, in pixel values, that is as large as the attack's own budget."""
    eps = float(ball.eps.max()) if isinstance(ball.eps, Tensor) else ball.eps
    return float(eps / ball.images[0].numel() ** (1 / ball.norm))
