"""The base of the attacks that torchattacks does not have."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar, cast

import torch
from torch import Tensor, nn
from torchattacks.attack import Attack

from mt_torchattacks import checks
from mt_torchattacks.attacks.arguments import Declared, argument, length
from mt_torchattacks.attacks.registry import register
from mt_torchattacks.geometry.ball import Ball
from mt_torchattacks.objective import BoundObjective
from mt_torchattacks.types import Images


class _Host(Attack):
    """torchattacks' base class, built as its attacks are: from the model and the attack's own arguments."""

    def __init__(self, model: nn.Module, **arguments: Any) -> None:
        super().__init__(type(self).__name__, model)
        self.supported_mode = ["default", "targeted"]
        for name, value in arguments.items():
            setattr(self, name, value)


class NativeAttack(Declared, _Host):
    """An attack with a loop of its own, which behaves like torchattacks' in all else (modes, normalization, saving).

    A subclass says in :meth:`run` how it gets from the clean images to the adversarial ones. There pixels are in [0, 1]
    whatever the bounds were, and ``bounds`` and the arguments named in ``lengths`` say so too. Nothing of a call may be
    stored on the attack, and chance comes from a generator of its own, seeded with ``seed`` (0 for a class
    without that argument).

    Its arguments are declared in the body, see :mod:`mt_torchattacks.attacks.arguments`; each is an attribute. Every
    subclass that says how to run is known by its name from then on (:mod:`mt_torchattacks.attacks.registry`).
    """

    norms: ClassVar[tuple[str, ...]] = ("Linf", "L2")
    per_channel: ClassVar[bool] = True

    norm: str = argument("Linf", "of the perturbation:")
    eps = length(8 / 255, "radius of the perturbation > 0, in pixel values; for Linf also one a channel.")
    steps: int = argument(10, "number of steps >= 1.", checks.whole)
    seed: int = argument(0, "of the attack's own random numbers.")

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        unfinished = (name for name in dir(cls) if getattr(getattr(cls, name, None), "__isabstractmethod__", False))
        if not cls.__name__.startswith("_") and next(unfinished, None) is None:
            register(cls)

    @abstractmethod
    def run(self, bound: BoundObjective, ball: Ball, generator: torch.Generator) -> Tensor:
        """Adversarial images ``(N, ...)`` in the ball.

        Args:
            bound: the objective to ascend.
            ball: where iterates may be; ``ball.images`` are the clean images.
            generator: random numbers, on the images' device.
        """

    def _seen(self, images: Tensor) -> Tensor:
        return images

    def forward(self, images: Images, labels: Any = None) -> Tensor:
        """The adversarial images; called by the attack itself."""
        generator = torch.Generator(images.device).manual_seed(int(getattr(self, "seed", 0)))
        ball = self._ball(images)
        return self.run(cast(BoundObjective, self.__dict__["_bound"]), ball, generator)
