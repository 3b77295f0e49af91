"""When Auto-PGD halves its steps: as AutoAttack's code does, or as the papers say.

Both halve a sample's step size at a checkpoint where too few steps since the last one have raised its score (condition
1), or where neither its best score nor its step size has changed since (condition 2); Croce & Hein, section 3.2. The
code differs from the text in what follows from rounding and from where it begins to count:

- the text's checkpoints are at ``ceil(p_j steps)`` with ``p_1 = 0.22``, ``p_{j+1} = p_j + max(p_j - p_{j-1} - 0.03,
  0.06)``; the code rounds the lengths between them down: with 10 steps 2, 3, 4 ... 10 instead of 3, 5, 6 ... 10;
- condition 1 is ``rises < rho steps`` in the text, ``<=`` in the code;
- the code counts the first step as a rise whatever it does, and condition 2 not at the first checkpoint;
- a sample that goes back to its best iterate continues from that one's score in the text; the code compares its next
  score with that of the iterate that was left.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor


class Checkpoint:
    """As AutoAttack's and torchattacks' code.

    Args:
        steps: of the attack.
        rho: share of the steps between two checkpoints that must raise the score.
        score: ``(N,)`` of the start.
    """

    def __init__(self, steps: int, rho: float, score: Tensor) -> None:
        self.ends = self.places(steps)
        self.rho = rho
        self.step = self.last = 0
        self.rises = torch.zeros_like(score)
        self.best_before = score
        self.halved_before = self.at_first(score)

    @staticmethod
    def places(steps: int) -> list[int]:
        """The numbers of steps after which there is a checkpoint.

        Example:
            >>> Checkpoint.places(10)[:4], Checkpoint.places(100)
            ([2, 3, 4, 5], [22, 41, 57, 70, 80, 87, 93, 99])
        """
        window, shortest, shrink = (max(int(share * steps), 1) for share in (0.22, 0.06, 0.03))
        found, at = [], window
        while at <= steps:
            found.append(at)
            window = max(window - shrink, shortest)
            at += window
        return found

    @staticmethod
    def at_first(score: Tensor) -> Tensor:
        """Whether a step size counts as halved at the start, ``(N,)``: then condition 2 does not hold."""
        return torch.ones_like(score, dtype=torch.bool)

    def oscillates(self, rises: Tensor, window: int) -> Tensor:
        """Condition 1 for the samples' numbers of rises ``(N,)`` in a number of steps."""
        return rises <= math.floor(window * self.rho)

    def after_step(self, rose: Tensor, best: Tensor) -> Tensor | None:
        """Count a step; at a checkpoint, the samples ``(N,)`` whose step size is to be halved, otherwise None."""
        self.step += 1
        self.rises = self.rises + rose
        if self.step not in self.ends:
            return None
        stands_still = ~self.halved_before & (self.best_before >= best)
        halve = self.oscillates(self.rises, self.step - self.last) | stands_still
        self.halved_before, self.best_before = halve, best
        self.last, self.rises = self.step, torch.zeros_like(self.rises)
        return halve


class PaperCheckpoint(Checkpoint):
    """As the papers' text: [C] section 3.2, [D] algorithm 1."""

    @staticmethod
    def places(steps: int) -> list[int]:
        """The numbers of steps after which there is a checkpoint.

        Example:
            >>> PaperCheckpoint.places(10), PaperCheckpoint.places(100)
            ([3, 5, 6, 7, 8, 9, 10], [22, 41, 57, 70, 80, 87, 93, 99])
        """
        found, before, at = [], 0, 22  # in hundredths, so that no rounding moves a checkpoint
        while at <= 100:
            found.append(-(-at * steps // 100))
            before, at = at, at + max(at - before - 3, 6)
        return sorted(set(found))

    @staticmethod
    def at_first(score: Tensor) -> Tensor:
        """Nothing has been halved: condition 2 may hold at the first checkpoint."""
        return torch.zeros_like(score, dtype=torch.bool)

    def oscillates(self, rises: Tensor, window: int) -> Tensor:
        """Condition 1: strictly fewer rises than the share asks for."""
        return rises < self.rho * window


CHECKPOINTS: dict[str, type[Checkpoint]] = {"autoattack": Checkpoint, "paper": PaperCheckpoint}
"""By the name that ``checkpoints`` of an attack has."""
