"""Compiled models whose graph can be gone through backwards only once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import torch


def is_spent(error: RuntimeError) -> bool:
    """Whether a backward pass failed because ``torch.compile`` lets it overwrite what another one needs.

    It does so where the first backward pass through a graph was the only one; rules that need each task's gradient make
    several.
    """
    return "donated buffer" in str(error)


@contextmanager
def eagerly(wanted: bool) -> Iterator[None]:
    """Inside, where wanted, compiled models run as if they were not.

    Raises:
        RuntimeError: this release of PyTorch cannot do so; the message says what to set.
    """
    stance = getattr(torch.compiler, "set_stance", None)
    if wanted and stance is None:
        raise RuntimeError(
            "model: expected a graph that several backward passes may use, found one that torch.compile made for a "
            "single one. Set torch._functorch.config.donated_buffer = False before the model's first use."
        )
    with stance("force_eager") if wanted and stance is not None else nullcontext():
        yield
