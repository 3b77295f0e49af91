"""How far an attack is, counted by the gradients that it has asked for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(eq=False)
class Clock:
    """Counts an attack's gradients; restarts begin anew.

    Attributes:
        gradients: that one run of the attack asks for; 0 if nobody knows.
        asked: so far, in all runs.

    Example:
        >>> clock = Clock(gradients=5)
        >>> for _ in range(2):
        ...     clock.tick()
        >>> clock.share
        0.25
    """

    gradients: int = 0
    asked: int = 0

    def tick(self) -> None:
        """Count a gradient."""
        self.asked += 1

    @property
    def share(self) -> float:
        """The share of the run that is done: 0 at its first gradient, 1 at its last, and if nobody knows."""
        if self.gradients < 2:
            return 1.0
        return (max(self.asked - 1, 0) % self.gradients) / (self.gradients - 1)
