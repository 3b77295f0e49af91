"""The estimator on its own device: what ART's arrays become, and the objective that its attacks ascend."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from art_plugins import labels
from art_plugins.network import Network
from mt_torchattacks import Objective, Rule, checks
from mt_torchattacks.balancing import LossRule
from mt_torchattacks.geometry.ball import Ball
from mt_torchattacks.models.state import attacking
from mt_torchattacks.objective import BoundObjective
from mt_torchattacks.types import Targets

if TYPE_CHECKING:
    from art.estimators.pytorch import PyTorchEstimator
else:
    PyTorchEstimator = object


class DeviceMixin(PyTorchEstimator):
    """What attacks and trainers that stay on the estimator's device use of it: tensors instead of arrays."""

    @property
    def device(self) -> torch.device:
        """The device on which the model is run."""
        device: torch.device = self._device
        return device

    @property
    def bounds(self) -> tuple[float, float]:
        """The smallest and the largest value that a pixel may have."""
        if self.clip_values is None:
            return -float("inf"), float("inf")
        low, high = self.clip_values
        return float(np.min(low)), float(np.max(high))

    def images(self, x: labels.Array | Tensor) -> Tensor:
        """Images as a new float32 tensor, checked: of an array on the host, of a tensor where that is.

        :param x: Images NCHW or NHWC, or other inputs `(N, *input_shape)`, within the clip values.
        """
        found = x.float().clone() if isinstance(x, Tensor) else torch.tensor(np.asarray(x, dtype=np.float32))
        right, expected = self._fits(found)
        checks.require(right, "x", expected, f"shape {tuple(found.shape)}")
        checks.inputs(found, "x", bounds=self.bounds, image_shaped=len(self.input_shape) == 3)
        return found

    def _fits(self, found: Tensor) -> tuple[bool, str]:
        """Whether inputs have the estimator's shape, images one of any size; and what shape that is."""
        if len(self.input_shape) != 3:
            same = [size in (None, there) for size, there in zip(self.input_shape, found.shape[1:], strict=False)]
            right = found.ndim == 1 + len(same) == 1 + len(self.input_shape) and all(same)
            return right, f"shape (N, {', '.join(map(str, self.input_shape))})"
        axis = 1 if self.channels_first else 3
        channels = self.input_shape[axis - 1]
        shape = f"(N, {channels}, H, W)" if self.channels_first else f"(N, H, W, {channels})"
        right = found.ndim == 4 and found.shape[axis] == channels
        return right, f"shape {shape}, since channels_first={self.channels_first}"

    def targets(self, y: labels.Labels, n: int) -> dict[str, Tensor]:
        """The tasks' targets as tensors, from labels in any of ART's forms.

        :param y: A dict of arrays or tensors, or a list with a dict for each image.
        :param n: The number of images.
        """
        return labels.targets(y, self.tasks, n)

    def objective(self, balance: str | Rule | None = None, *, targeted: bool = False) -> Objective:
        """The objective of the estimator's model, preprocessing included.

        :param balance: A balancing rule other than the estimator's.
        :param targeted: `True` to lower the attacked tasks' losses, towards given targets.
        """
        tasks = self.tasks.targeted() if targeted else self.tasks
        return Objective(Network(self), tasks, self.balance if balance is None else balance)

    def bind(
        self,
        objective: Objective,
        images: Tensor,
        goals: Targets,
        ball: Ball | None = None,
    ) -> BoundObjective:
        """An objective of this estimator for clean images and targets, both on any device.

        :param objective: See :meth:`objective`.
        :param images: Clean images.
        :param goals: Targets by task.
        :param ball: Where the attack looks for images around the clean ones, see
                     :meth:`mt_torchattacks.Objective.bind`; for the infinity norm 8 of 255 of the clip values' range
                     by default.
        """
        images = images.to(self.device)
        goals = {name: goal.to(self.device) for name, goal in goals.items()}
        low, high = self.bounds
        usual = Ball(images, 8 / 255 * (high - low if np.isfinite(high - low) else 1), np.inf)
        return objective.bind(images, goals, ball=replace(usual if ball is None else ball, clip=self.bounds))

    @contextmanager
    def attacked(self) -> Iterator[None]:
        """The model in evaluation mode and without weight gradients; afterwards all is as before."""
        with attacking(self.model):
            self.model.eval()
            yield

    def _clean(self, objective: Objective, images: Tensor, y: Any) -> Tensor:
        """The clean images that labels carry; for plain labels the images themselves, unless the rule has to know."""
        clean = labels.clean_images(y)
        if clean is not None:
            return self.images(clean)
        checks.require(
            not _refers_to_clean(objective),
            "y",
            f"labels that know their clean images, which balance={objective.rule!r} refers to: estimator.labels(x, y)",
            "plain labels, and ART's loops say what the image is now, but not what it was",
        )
        return images


def _refers_to_clean(objective: Objective) -> bool:
    """Whether directions depend on the losses on the clean images: within budgets, and what a rule does is tried."""
    rule, n = objective.rule, len(objective.names)
    if objective.preserved or not isinstance(rule, LossRule):
        return bool(objective.preserved)
    losses = torch.ones(1, n)
    return not torch.equal(rule.weights(losses, losses), rule.weights(losses, torch.linspace(2, 3, n).unsqueeze(0)))
