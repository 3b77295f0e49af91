"""Each sample's best iterate so far, which attacks keep."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from mt_torchattacks.geometry.shape import where


def finite_scores(scores: Tensor) -> Tensor:
    """Scores that can be compared: NaN, and a score of -inf, count as the lowest."""
    return scores.nan_to_num(-torch.inf, posinf=torch.inf, neginf=-torch.inf)


@dataclass
class Best:
    """Each sample's best iterate so far, with its score and gradient."""

    x: Tensor
    score: Tensor
    gradient: Tensor

    def update(self, x: Tensor, score: Tensor, gradient: Tensor) -> None:
        """Take over the samples whose score is higher."""
        better = score > self.score
        self.x = where(better, x, self.x)
        self.gradient = where(better, gradient, self.gradient)
        self.score = torch.where(better, score, self.score)
