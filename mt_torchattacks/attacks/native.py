"""The base of the attacks that torchattacks does not have."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar, cast

import torch
from torch import Tensor, nn
from torchattacks.attack import Attack

from mt_torchattacks.attacks.host.attack import MultiTaskAttack
from mt_torchattacks.balancing import Rule
from mt_torchattacks.geometry.ball import Ball
from mt_torchattacks.geometry.box import Bounds, PerChannel
from mt_torchattacks.objective import BoundObjective
from mt_torchattacks.tasks import Tasks
from mt_torchattacks.types import Images


class _Host(Attack):
    """torchattacks' base class, built as its attacks are: from the model and the attack's own arguments."""

    def __init__(self, model: nn.Module, **arguments: Any) -> None:
        super().__init__(type(self).__name__, model)
        self.supported_mode = ["default", "targeted"]
        for name, value in arguments.items():
            setattr(self, name, value)


class NativeAttack(MultiTaskAttack, _Host):
    """An attack with a loop of its own, which behaves like torchattacks' in all else (modes, normalization, saving).

    A subclass says in :meth:`run` how it gets from the clean images to the adversarial ones. There pixels are in [0, 1]
    whatever the bounds were, and ``bounds`` and the arguments named in ``lengths`` say so too. Nothing of a call may be
    stored on the attack, and chance comes from a generator of its own, seeded with ``seed``.

    Args:
        model: model to attack; a forward pass gives all tasks' outputs.
        tasks: its tasks.
        balance: balancing rule or its name.
        norm: one of :attr:`norms`.
        eps: radius of the perturbation > 0, in pixel values; for ``"Linf"`` also one a channel.
        steps: number of steps >= 1.
        seed: of the attack's own random numbers.
        bounds: smallest and largest pixel value, each a number or one a channel.
        **arguments: the subclass's own, stored as attributes.
    """

    norms: ClassVar[tuple[str, ...]] = ("Linf", "L2")
    per_channel: ClassVar[bool] = True

    def __init__(
        self,
        model: nn.Module,
        tasks: Tasks,
        balance: str | Rule = "dgba",
        norm: str = "Linf",
        eps: PerChannel = 8 / 255,
        steps: int = 10,
        seed: int = 0,
        *,
        bounds: Bounds = (0.0, 1.0),
        **arguments: Any,
    ) -> None:
        arguments |= {"norm": norm, "eps": eps, "steps": steps, "seed": seed}
        super().__init__(model, tasks, balance, bounds=bounds, **arguments)

    @abstractmethod
    def run(self, bound: BoundObjective, ball: Ball, generator: torch.Generator) -> Tensor:
        """Adversarial images ``(N, C, H, W)`` in the ball.

        Args:
            bound: the objective to ascend.
            ball: where iterates may be; ``ball.images`` are the clean images.
            generator: random numbers, on the images' device.
        """

    def _seen(self, images: Tensor) -> Tensor:
        return images

    def forward(self, images: Images, labels: Any = None) -> Tensor:
        """The adversarial images; called by the attack itself."""
        generator = torch.Generator(images.device).manual_seed(int(self.seed))
        ball = self._ball(images)
        return self.run(cast(BoundObjective, self.__dict__["_bound"]), ball, generator)
