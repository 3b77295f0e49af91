"""The range of pixel values, and the coordinates in which it is [0, 1]: those that every attack's loop works in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor

from mt_torchattacks import checks
from mt_torchattacks.geometry.shape import spread_channels

PerChannel: TypeAlias = float | Sequence[float] | Tensor
"""A number, or one a channel."""

Bounds: TypeAlias = tuple[PerChannel, PerChannel]
"""The smallest and the largest pixel value."""

_SAME = 1e-6  # channels whose lengths differ by less than this share have the same one


_ADVICE = "; if they are normalized, call attack.set_normalization_used(mean, std); for another range give bounds="


@dataclass(frozen=True)
class Box:
    """The images whose pixels are within bounds.

    Attributes:
        low: the smallest value of a pixel, or one a channel, ``(1, C, 1, 1)``.
        high: the largest, likewise.
    """

    low: float | Tensor
    high: float | Tensor

    @classmethod
    def of(cls, bounds: Bounds) -> Box:
        """The box of an attack's argument ``bounds``.

        Raises:
            TypeError, ValueError: not two numbers, or numbers a channel, the first below the second.

        Example:
            >>> Box.of((0, 255)).scaled(torch.tensor(51.0))
            tensor(0.2000)
        """
        pair = isinstance(bounds, (tuple, list)) and len(bounds) == 2
        checks.require(pair, "bounds", "(low, high), each a number or one a channel", bounds, TypeError)
        low, high = (by_channel(value, "bounds") for value in bounds)
        size = torch.as_tensor(high - low)
        rising = bool(((size > 0) & torch.isfinite(size)).all())
        checks.require(rising, "bounds", "finite numbers, low < high in every channel", bounds)
        return cls(low, high)

    @property
    def numbers(self) -> tuple[float | list[float], float | list[float]]:
        """The bounds as plain numbers, which any program can read from a file."""
        low, high = (v.flatten().tolist() if isinstance(v, Tensor) else v for v in (self.low, self.high))
        return low, high

    @property
    def size(self) -> float | Tensor:
        """The range of pixel values, of all channels or of each."""
        return self.high - self.low

    def check(self, images: Tensor) -> None:
        """Check that inputs ``(N, C, ...)`` have as many channels as the bounds and are within them."""
        channels = max(torch.as_tensor(value).numel() for value in (self.low, self.high))
        if channels == 1:
            checks.within(images, "images", float(self.low), float(self.high), _ADVICE)
            return
        one_channel_each(self.size, "bounds", images)
        for i in range(channels):
            low, high = (value if isinstance(value, float) else float(value[0, i]) for value in (self.low, self.high))
            checks.within(images[:, i], f"images[:, {i}]", low, high, _ADVICE)

    def scaled(self, images: Tensor) -> Tensor:
        """Images in the coordinates in which the box is [0, 1]."""
        return (images - _like(self.low, images)) / _like(self.size, images)

    def restored(self, scaled: Tensor) -> Tensor:
        """The images that :meth:`scaled` gave these for."""
        return _like(self.low, scaled) + _like(self.size, scaled) * scaled

    def clamped(self, images: Tensor) -> Tensor:
        """Images without what rounding put outside the box."""
        return images.clamp(_like(self.low, images)).clamp(max=_like(self.high, images))

    def share(self, value: PerChannel, name: str) -> float | Tensor:
        """A length in pixel values as a share of the range: a number where it is the same in all channels."""
        share = by_channel(value, name) / self.size
        if not isinstance(share, Tensor):
            return share
        largest = float(share.max())
        return largest if largest - float(share.min()) <= _SAME * abs(largest) else share


def by_channel(value: object, name: str) -> float | Tensor:
    """A number, or numbers as ``(1, C, 1, 1)`` in float64.

    Raises:
        TypeError: not a number or numbers.

    Example:
        >>> by_channel([0.1, 0.2, 0.3], "eps").shape
        torch.Size([1, 3, 1, 1])
    """
    try:
        if isinstance(value, (bool, str, type(None))):
            raise TypeError
        values = torch.as_tensor(value, dtype=torch.float64, device="cpu").detach()
    except (TypeError, ValueError, RuntimeError):
        checks.fail(name, "a number, or one a channel", repr(value), TypeError)
    return float(values) if values.numel() == 1 else values.reshape(1, -1, 1, 1)


def one_channel_each(value: float | Tensor, name: str, images: Tensor) -> None:
    """Check that numbers by channel are as many as the images' channels."""
    if isinstance(value, Tensor):
        expected = f"a number, or {images.shape[1]}, one for each channel of the images"
        checks.require(value.shape[1] == images.shape[1], name, expected, f"{value.shape[1]} numbers")


def _like(value: float | Tensor, images: Tensor) -> float | Tensor:
    return spread_channels(value.to(images), images) if isinstance(value, Tensor) else value
