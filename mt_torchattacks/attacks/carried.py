"""The best of several attacks' results, sample by sample."""

from __future__ import annotations

import torch
from torch import Tensor

from mt_torchattacks.geometry.shape import where

CLEAN = "clean"


class Carried:
    """Each sample's best result so far, carried along from one attack to the next.

    Args:
        images: ``(N, C, H, W)`` clean images, the first results.
        scores: their scores ``(N,)``.

    Attributes:
        images: the best results ``(N, C, H, W)``.
        scores: the score of each attack's results ``(N,)``, by its name; ``"clean"`` is that of the clean images.
        winners: for each sample the name of the attack that was first to reach the highest score.

    Example:
        >>> carried = Carried(torch.zeros(2, 1, 1, 1), torch.tensor([0.0, 0.0]))
        >>> carried.add("pgd", torch.ones(2, 1, 1, 1), torch.tensor([1.0, -1.0]))
        >>> carried.winners, carried.images.flatten()
        (['pgd', 'clean'], tensor([1., 0.]))
    """

    def __init__(self, images: Tensor, scores: Tensor) -> None:
        self.images, self.highest = images, scores
        self.scores = {CLEAN: scores}
        self.winners = [CLEAN] * len(images)

    def add(self, name: str, images: Tensor, scores: Tensor) -> None:
        """Take the results of another attack where they score higher."""
        better = scores > self.highest
        self.images, self.highest = where(better, images, self.images), torch.maximum(scores, self.highest)
        self.scores[name] = scores
        self.winners = [name if won else winner for won, winner in zip(better.tolist(), self.winners, strict=True)]
