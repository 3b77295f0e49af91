"""What the plugin's attacks share: ART's `generate`, around an attack on one batch of tensors."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from art.attacks import evasion
from art.attacks.attack import EvasionAttack
from torch import Tensor
from tqdm.auto import tqdm

from art_plugins.estimator import PyTorchMultiTaskEstimator
from art_plugins.labels import Array, Labels
from mt_torchattacks import checks
from mt_torchattacks.types import Targets


class BatchAttack(EvasionAttack):
    """Base of the plugin's attacks: per batch one transfer of the images (and labels) in, one out."""

    _estimator_requirements = (PyTorchMultiTaskEstimator,)
    verbose = False

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
        mask = _mask(images, evasion.FastGradientMethod._get_mask(np.asarray(x), **kwargs))
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

    @abstractmethod
    def perturb(
        self, images: Tensor, goals: Targets, *, mask: Tensor | None = None, part: slice = slice(None)
    ) -> Tensor:
        """Adversarial images of one batch, as a tensor on the estimator's device.

        :param images: Clean images.
        :param goals: Targets by task.
        :param mask: True where pixels may change.
        :param part: Which part of all images the batch is.
        """

    def _prepare(self, images: Tensor) -> None:
        """What an attack does before the first batch."""

    def _labels(self, x: Array, y: Labels | None) -> Labels:
        if y is None and self.targeted:
            raise ValueError("Target labels `y` need to be provided for a targeted attack.")
        return self.estimator.predict(x, batch_size=self.batch_size) if y is None else y


def _mask(images: Tensor, mask: Array | None) -> Tensor | None:
    if mask is None:
        return None
    try:
        return torch.tensor(np.broadcast_to(mask != 0, images.shape))
    except ValueError:
        checks.fail("mask", f"an array that broadcasts to {tuple(images.shape)}", f"shape {mask.shape}")
