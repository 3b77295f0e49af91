"""An attack's arguments in the unit of the pixels, its loop in coordinates in which the pixels are in [0, 1]."""

from __future__ import annotations

import copy
import inspect
from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor

from mt_torchattacks import checks
from mt_torchattacks.geometry.ball import NORMS, Ball
from mt_torchattacks.geometry.box import Bounds, Box, PerChannel, by_channel, one_channel_each
from mt_torchattacks.geometry.shape import spread_channels

if TYPE_CHECKING:
    from typing_extensions import Self

_RADII = ("eps", "max_epsilon")

UNIT = Box(0.0, 1.0)
"""The box of the coordinates that loops work in."""


class PixelUnits:
    """What an attack knows of ``bounds``, of radii and of other lengths in pixel values.

    Attributes:
        bounds: smallest and largest pixel value, each a number or one a channel.
        lengths: names of the arguments that are lengths in pixel values.
        norms: what the argument ``norm`` may be; empty where the loop knows one norm only.
        per_channel: the loop takes one radius a channel, as a tensor ``(1, C, 1, 1)``.
    """

    bounds: Bounds
    lengths: ClassVar[tuple[str, ...]] = (*_RADII, "alpha")
    norms: ClassVar[tuple[str, ...]] = ()
    per_channel: ClassVar[bool] = False

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """Refuse default lengths for pixels of another range than [0, 1].

        This has to happen before any ``__init__``: that of a torchattacks class is given the defaults like any other
        value, so that it cannot be told any more which lengths the caller has chosen.
        """
        if "bounds" in kwargs:
            _check_given(cls, args, kwargs)
        return super().__new__(cls)

    @property
    def box(self) -> Box:
        """The range of pixel values; the copy that makes one call has it, so ``bounds`` are parsed once."""
        known: Box | None = self.__dict__.get("_box")
        return Box.of(self.bounds) if known is None else known

    def _carrying(self, box: Box, **attributes: Any) -> Self:
        """A copy of the attack for one call, which carries a box; the host's own ``__setattr__`` is passed by."""
        copied = copy.copy(self)
        copied.__dict__.update(attributes, _box=box)
        return copied

    def restored(self, pixels: Tensor) -> Tensor:
        """Images within ``bounds``, not normalized, from those that the loop sees."""
        box = self.box
        return box.clamped(box.restored(pixels))

    def _scaled(self, images: Tensor) -> Tensor:
        """The images that the loop sees, checked, from images within ``bounds``."""
        box = self.box
        box.check(images)
        for name, share in self._shares(box).items():
            one_channel_each(share, name, images)
        return box.scaled(images)

    @property
    @abstractmethod
    def _norm(self) -> str:
        """The norm that bounds the perturbation."""

    def _given_lengths(self) -> dict[str, PerChannel]:
        return {name: getattr(self, name) for name in self.lengths if hasattr(self, name)}

    def _shares(self, box: Box) -> dict[str, float | Tensor]:
        """The lengths in the loop's coordinates."""
        return {name: box.share(value, name) for name, value in self._given_lengths().items()}

    def _runner(self, images: Tensor) -> Self:
        """A copy for one call on these images, in the loop's coordinates."""
        found = self._shares(self.box)
        shares = {n: spread_channels(v.to(images), images) if isinstance(v, Tensor) else v for n, v in found.items()}
        return self._carrying(UNIT, bounds=(0.0, 1.0), **shares)

    def _ball(self, images: Tensor) -> Ball:
        """Where the loop may go from these images, in its coordinates; 8/255 for a loop without a radius."""
        shares = self._shares(self.box)
        eps = shares.get("eps", shares.get("max_epsilon", 8 / 255))
        eps = spread_channels(eps.to(images), images) if isinstance(eps, Tensor) else eps
        return Ball(images, eps, NORMS[self._norm], (UNIT.low, UNIT.high))

    def _check_lengths(self) -> None:
        if self.norms:
            checks.one_of(self._norm, "norm", self.norms)
        box = self.box
        for name, value in self._given_lengths().items():
            number = by_channel(value, name)
            checks.positive(number, name)
            checks.require(bool(torch.as_tensor(number).isfinite().all()), name, "a finite number", value)
        for name, share in self._shares(box).items():
            if isinstance(share, Tensor):
                self._check_channels(name, share)
            if name in _RADII and self._norm == "Linf":
                size = torch.as_tensor(box.size).flatten().tolist()
                at_most = ", ".join(f"{value:g}" for value in size)
                expected = f"a radius of at most {at_most}, the pixels' range (8/255, not 8)"
                checks.require(bool((torch.as_tensor(share) <= 1).all()), name, expected, getattr(self, name))

    def _check_channels(self, name: str, share: Tensor) -> None:
        found = f"the shares {[round(value, 6) for value in share.flatten().tolist()]}"
        expected = "the same share of the pixels' range in all channels"
        checks.require(self._norm == "Linf", name, f"{expected} for the norm {self._norm}", found)
        checks.require(self.per_channel, name, f"{expected}: {type(self).__name__} takes one number", found)


def _check_given(cls: type[PixelUnits], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Check that no length is left at its default unless the range of the pixels is 1: that is what it is meant for."""
    bounds, signature = kwargs["bounds"], inspect.signature(cls)
    given = signature.bind_partial(*args, **kwargs).arguments
    if not bool((torch.as_tensor(Box.of(bounds).size) == 1).all()):
        for name in (name for name in cls.lengths if name in signature.parameters):
            default = signature.parameters[name].default
            found = f"none; the default, {default:.3g}, is for pixels in [0, 1]"
            checks.require(name in given, name, f"a length in the unit of bounds={bounds}", found)
