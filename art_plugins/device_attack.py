"""What the plugin's attacks with ART's names share: a loop that stays on the device, and what is around it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from art_plugins.ascent import ArtBall, Ascent, Watcher
from art_plugins.batch_attack import BatchAttack
from mt_torchattacks import checks
from mt_torchattacks.attacks.best import BestOf
from mt_torchattacks.attacks.chance import sample_generators, sample_points
from mt_torchattacks.geometry.ball import Ball
from mt_torchattacks.objective.labelled import warn_of_unlabelled
from mt_torchattacks.types import Targets


class DeviceAttack(BatchAttack):
    """Base of the attacks with ART's names: restarts, masks and a norm ball around a loop on the device."""

    ball_type: ClassVar[type[Ball]] = ArtBall
    _seed = 0

    def perturb(
        self, images: Tensor, goals: Targets, *, mask: Tensor | None = None, part: slice = slice(None)
    ) -> Tensor:
        """Adversarial images of one batch; see :meth:`.BatchAttack.perturb`."""
        estimator = self.estimator
        images = images.to(estimator.device)
        ball = self._ball(images, mask, part)
        objective = estimator.objective(self.balance, targeted=self.targeted)
        with estimator.attacked():
            bound = estimator.bind(objective, images, goals, ball)
            ascent = Ascent(bound, ball, self._watcher(goals, part))
            starts = (bound.within_budgets(start) for start in self._starts(ball))
            found = [bound.returned(bound.moved(self._run(ascent, start, part))) for start in starts]
            warn_of_unlabelled(bound.unlabelled, bound.objective.names)
            return found[0] if len(found) == 1 else _best(ascent, found)

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
        generators = sample_generators(ball.images, self._seed, ball.images.device)
        for _ in range(self._restarts):
            yield sample_points(ball, type(ball).random_point, generators)

    def _ball(self, images: Tensor, mask: Tensor | None, part: slice) -> Ball:
        clip = self.estimator.clip_values
        bounds = None if clip is None else tuple(size_in(value, images, slice(None)) for value in clip)
        norm = np.inf if self.norm == "inf" else float(self.norm)
        mask = None if mask is None else mask.to(images.device)
        return self.ball_type(images, size_in(self.eps, images, part), norm, bounds, mask)  # type: ignore[arg-type]

    def _prepare(self, images: Tensor) -> None:
        """Checks, and what else ART's attacks do before the first batch."""
        if self._restarts:
            self._seed = int(np.random.randint(2**31))  # noqa: NPY002 - ART draws from it, and its users seed it
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


def _best(ascent: Ascent, found: list[Tensor]) -> Tensor:
    """Each sample's result with the highest score."""
    best = BestOf(found[0], ascent.score(found[0]))
    for x in found[1:]:
        best.add(x, ascent.score(x))
    return best.images


def size_in(value: Any, images: Tensor, part: slice) -> float | Tensor:
    """A number, or an array's part that belongs to a batch as a tensor."""
    if np.ndim(value) == 0:
        return float(value)
    array = np.asarray(value, dtype=np.float32)
    by_sample = array.ndim == images.ndim and len(array) > 1
    return torch.tensor(array[part] if by_sample else array, device=images.device)
