"""How far the attack is that asks for a loss: for losses that look elsewhere at its end than at its beginning."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

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
