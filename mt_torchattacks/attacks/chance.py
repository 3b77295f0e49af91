"""Random numbers that are a function of a seed and the sample: not of its place in the batch, nor of the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from mt_torchattacks.geometry.ball import Ball

_GOLDEN = -7046029254386353131  # 2**64 over the golden ratio, as a signed number: well spread multiples
_SEEDS = 2**63 - 1  # manual_seed takes so many
_LARGEST = 2.0**53  # whole numbers up to it are exact in float64


def sample_generators(images: Tensor, seed: int, device: torch.device | str = "cpu") -> list[torch.Generator]:
    """A generator of random numbers for each sample, seeded with a hash of its image and a seed.

    Images that are equal in 8 bits have equal numbers, so that rounding does not count, as that of a normalization
    which was undone. The hash is made in whole numbers, the same on every device; of the images no more than a number
    a sample leaves theirs.

    Args:
        images: ``(N, ...)`` the clean images.
        seed: of the attack.
        device: of the generators.

    Example:
        >>> images = torch.rand(3, 2)
        >>> first, alone = sample_generators(images, seed=0), sample_generators(images[2:], seed=0)
        >>> bool(torch.rand(1, generator=first[2]) == torch.rand(1, generator=alone[0]))
        True
    """
    bits = (images.detach().flatten(1).double() * 255).round().clamp(-_LARGEST, _LARGEST).long()
    places = torch.arange(1, bits.shape[1] + 1, device=bits.device)
    seeded = torch.tensor(seed & _SEEDS, device=bits.device) * _GOLDEN
    hashes = _mixed(_mixed(bits + places * _GOLDEN).sum(dim=1) + seeded)
    return [torch.Generator(device).manual_seed(number & _SEEDS) for number in hashes.tolist()]


def sample_points(
    ball: Ball, point: Callable[[Ball, torch.Generator], Tensor], generators: Sequence[torch.Generator]
) -> Tensor:
    """A random point ``(N, ...)`` for each sample, drawn from the sample's own generator.

    Args:
        ball: around the clean images.
        point: draws one for a ball, as :meth:`~mt_torchattacks.geometry.ball.Ball.surface_point`.
        generators: one a sample, of :func:`sample_generators`.
    """
    samples = torch.arange(len(generators), device=ball.images.device)
    return torch.cat([point(ball.part(samples == i), generator) for i, generator in enumerate(generators)])


def _mixed(numbers: Tensor) -> Tensor:
    """Whole numbers ``int64``, each bit of which depends on all of the given one's (Steele et al., 2014, splitmix)."""
    numbers = (numbers ^ (numbers >> 30)) * -4658895280553007687
    numbers = (numbers ^ (numbers >> 27)) * -7723592293110705685
    return numbers ^ (numbers >> 31)
