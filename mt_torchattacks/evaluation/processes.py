"""Processes that ``torchrun`` has started, and what they share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from mt_torchattacks.lazy import LazyModule

if TYPE_CHECKING:
    import torch
    from torch import distributed
else:  # the command line asks how many processes there are before it needs PyTorch
    torch, distributed = LazyModule("torch"), LazyModule("torch.distributed")

T = TypeVar("T")

_TOGETHER: ContextVar[bool] = ContextVar("together", default=False)
_PATIENCE = timedelta(days=7)  # a process that dies is noticed by torchrun, which ends the others


def processes() -> tuple[int, int]:
    """The number of this process, from 0, and how many work together in :func:`joined`; ``(0, 1)`` outside of it.

    Example:
        >>> processes()
        (0, 1)
    """
    return (distributed.get_rank(), distributed.get_world_size()) if _TOGETHER.get() else (0, 1)


def launched() -> int:
    """How many processes ``torchrun`` has started; 1 where it has not."""
    return int(os.environ.get("WORLD_SIZE", "1"))


@contextmanager
def joined() -> Iterator[int]:
    """Within the block the processes that ``torchrun`` has started compute each cell of a store together.

    All of them must ask for the same cells in the same order. A process group that is there already is used; outside of
    the block each process is alone, whatever group it is in. Where ``torchrun`` has not started any, nothing happens.

    Yields:
        The number of this process.
    """
    if processes()[1] > 1 or (launched() == 1 and not distributed.is_initialized()):
        yield processes()[0]
        return
    own = not distributed.is_initialized()
    if own:
        _initialize()
    token = _TOGETHER.set(True)
    try:
        yield distributed.get_rank()
    finally:
        _TOGETHER.reset(token)
        if own:
            distributed.destroy_process_group()


def _initialize() -> None:
    cuda = torch.cuda.is_available()
    if cuda:
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    distributed.init_process_group("cpu:gloo,cuda:nccl" if cuda else "gloo", timeout=_PATIENCE)


def from_first(value: T) -> T:
    """What the first process has, on all."""
    if processes()[1] == 1:
        return value
    shared: list[Any] = [value]
    distributed.broadcast_object_list(shared, src=0)
    found: T = shared[0]
    return found
