"""The torchattacks host for attacks on randomized smoothing."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from torch import Tensor

from mt_torchattacks.attacks.host.attack import MultiTaskAttack
from mt_torchattacks.geometry.box import PerChannel
from mt_torchattacks.models.inputs import other_inputs
from mt_torchattacks.objective import check_targets
from mt_torchattacks.types import Targets

if TYPE_CHECKING:
    from typing_extensions import Self


class NoiseBatchAttack(MultiTaskAttack):
    """Base for the attacks on randomized smoothing, whose loops see every image several times under noise.

    Splits a batch as the host would (``batch_max``), so that each part is bound to its own targets.
    """

    lengths: ClassVar[tuple[str, ...]] = (*MultiTaskAttack.lengths, "noise_sd")

    @property
    def noise_sd(self) -> PerChannel:
        """Size of the noise, in pixel values."""
        size: PerChannel = self.noise_func.noise_sd
        return size

    def _runner(self, images: Tensor) -> Self:
        runner = super()._runner(images)
        noise = copy.copy(self.noise_func)
        noise.noise_sd = self._shares(self.box)["noise_sd"]
        runner.__dict__["noise_func"] = noise
        return runner

    def _chunks(self, images: Tensor, goals: Targets) -> Iterator[tuple[Tensor, Targets]]:
        names = (*self.tasks.active, *other_inputs(self.model, goals))
        check_targets(goals, names, len(images))
        size = max(int(self.batch_max / self.noise_batch_size), 1)
        for start in range(0, len(images), size):
            part = slice(start, start + size)
            yield images[part], {name: goals[name][part] for name in names}
