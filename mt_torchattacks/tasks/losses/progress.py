"""How far the attack is that asks for a loss: for losses that look elsewhere at its end than at its beginning."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

_PROGRESS = ContextVar("progress", default=1.0)


def progress() -> float:
    """0 at the first step of the attack that is running, 1 at its last one, and outside of any."""
    return _PROGRESS.get()


@contextmanager
def progress_is(share: float) -> Iterator[None]:
    """Within it, :func:`progress` is the share of an attack's steps that are done, in [0, 1].

    Example:
        >>> with progress_is(0.25):
        ...     progress()
        0.25
    """
    token = _PROGRESS.set(share)
    try:
        yield
    finally:
        _PROGRESS.reset(token)


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
