"""Processes that ``torchrun`` has started, and what they share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeVar

import torch
from torch import distributed

T = TypeVar("T")

_PATIENCE = timedelta(days=7)  # a process that dies is noticed by torchrun, which ends the others


def processes() -> tuple[int, int]:
    """The number of this process, from 0, and how many there are; ``(0, 1)`` for one alone.

    Example:
        >>> processes()
        (0, 1)
    """
    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_rank(), distributed.get_world_size()
    return 0, 1


def launched() -> int:
    """How many processes ``torchrun`` has started; 1 where it has not."""
    return int(os.environ.get("WORLD_SIZE", "1"))


@contextmanager
def joined() -> Iterator[int]:
    """Within the block the processes that ``torchrun`` has started work together; the number of this one."""
    if launched() == 1 or processes()[1] > 1:
        yield processes()[0]
        return
    cuda = torch.cuda.is_available()
    if cuda:
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    distributed.init_process_group("cpu:gloo,cuda:nccl" if cuda else "gloo", timeout=_PATIENCE)
    try:
        yield distributed.get_rank()
    finally:
        distributed.destroy_process_group()


def from_first(value: T) -> T:
    """What the first process has, on all."""
    if processes()[1] == 1:
        return value
    shared: list[Any] = [value]
    distributed.broadcast_object_list(shared, src=0)
    found: T = shared[0]
    return found
