"""Each sample's best images so far: what attacks, restarts and several attacks one after another keep."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from mt_torchattacks.geometry.shape import where

if TYPE_CHECKING:
    from mt_torchattacks.objective import BoundObjective

CLEAN = "clean"
"""The name of the clean images among those that several attacks have found."""


def finite_scores(scores: Tensor) -> Tensor:
    """Scores that can be compared: NaN, and a score of -inf, count as the lowest."""
    return scores.nan_to_num(-torch.inf, posinf=torch.inf, neginf=-torch.inf)


class BestOf:
    """Each sample's images with the highest score; of equals those that came first.

    Args:
        images: ``(N, ...)`` the first images.
        scores: their scores ``(N,)``.
        gradient: ``(N, ...)`` the gradient at the images, where it is to go with them.
        name: of these images, where it is to be known which attack won.

    Attributes:
        images: the best images ``(N, ...)``.
        scores: their scores ``(N,)``.
        gradient: the gradient ``(N, ...)`` at them, or None.
        winners: for each sample the name under which its best images were added; empty without names.
        scores_of: the scores ``(N,)`` of all images that were added under a name, by that name.

    Example:
        >>> best = BestOf(torch.zeros(2, 3), torch.tensor([0.0, 0.0]), name="clean")
        >>> best.add(torch.ones(2, 3), torch.tensor([1.0, -1.0]), name="pgd")
        >>> best.winners, best.images[:, 0], best.scores
        (['pgd', 'clean'], tensor([1., 0.]), tensor([1., 0.]))
    """

    def __init__(self, images: Tensor, scores: Tensor, gradient: Tensor | None = None, name: str = "") -> None:
        self.images, self.scores, self.gradient = images, scores, gradient
        self.winners = [name] * len(images) if name else []
        self.scores_of = {name: scores} if name else {}

    def add(
        self,
        images: Tensor,
        scores: Tensor,
        gradient: Tensor | None = None,
        *,
        name: str = "",
        at: Tensor | None = None,
    ) -> None:
        """Take the images that score higher. No tensor is changed in place.

        Args:
            images: ``(N, ...)``, or ``(A, ...)`` for the samples ``at`` alone.
            scores: theirs; NaN is never better.
            gradient: at the images, if there was one at first.
            name: of what found them.
            at: ``(A,)`` numbers of the samples that these are for; all by default.
        """
        mine = (self.images, self.scores) if at is None else (self.images[at], self.scores[at])
        better = scores > mine[1]
        self.images = _put(self.images, where(better, images, mine[0]), at)
        self.scores = _put(self.scores, torch.where(better, scores, mine[1]), at)
        if gradient is not None and self.gradient is not None:
            self.gradient = where(better, gradient, self.gradient)
        if name:
            self.scores_of[name] = scores
            self.winners = [name if won else old for won, old in zip(better.tolist(), self.winners, strict=True)]


def first_best(bound: BoundObjective) -> BestOf:
    """What an attack that keeps its best begins with: where it starts.

    Where tasks are preserved within a budget, which such a start may exceed, the clean images are candidates too.
    """
    score = bound(bound.images)
    best = BestOf(bound.moved(bound.images), score)
    if bound.constrained:
        best.add(bound.images, finite_scores(bound.scores(bound.images)))
    return best


def _put(whole: Tensor, part: Tensor, at: Tensor | None) -> Tensor:
    return part if at is None else whole.index_copy(0, at, part)
