"""Batches in halves where a device has not enough memory for all of one."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Callable, Iterator
from typing import TypeVar

import torch

from mt_torchattacks.data.memory import Batch
from mt_torchattacks.types import Images, Targets

ResultT = TypeVar("ResultT")


class Fitting:
    """Does work on batches, in parts where the memory is too small; what has been too much is not tried again.

    Example:
        >>> def work(images, targets):
        ...     if len(images) > 2:
        ...         raise torch.cuda.OutOfMemoryError("CUDA out of memory")
        ...     return len(images)
        >>> with warnings.catch_warnings(record=True) as said:
        ...     warnings.simplefilter("always")
        ...     print([done for _, done in Fitting()(torch.zeros(5, 1), {}, work)])
        [2, 2, 1]
        >>> str(said[-1].message)
        'out of memory with 5 images at once: going on with 2'
    """

    def __init__(self) -> None:
        self.most: int | None = None

    def __call__(
        self, images: Images, targets: Targets, work: Callable[[Images, Targets], ResultT]
    ) -> Iterator[tuple[Batch, ResultT]]:
        """The parts of a batch, one after another, and what the work on each returns.

        Raises:
            torch.cuda.OutOfMemoryError: there is not enough for a single image.
        """
        start = 0
        while start < len(images):
            part: Batch = (images, dict(targets))
            if self.most is not None:
                some = slice(start, start + self.most)
                part = (images[some], {name: target[some] for name, target in targets.items()})
            found = self._tried(part, work)
            if found is not None:
                yield part, found[0]
                start += len(part[0])

    def _tried(self, part: Batch, work: Callable[[Images, Targets], ResultT]) -> tuple[ResultT] | None:
        """The result; None if there was not enough memory."""
        try:
            return (work(*part),)
        except RuntimeError as error:
            size = len(part[0])
            if size == 1 or not is_out_of_memory(error):
                raise
        # The error, which holds all tensors of the work, is gone from here on.
        self.most = size // 2
        warnings.warn(f"out of memory with {size} images at once: going on with {self.most}", stacklevel=2)
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        return None


def is_out_of_memory(error: RuntimeError) -> bool:
    """Whether a device has no memory left.

    Example:
        >>> is_out_of_memory(RuntimeError("MPS backend out of memory")), is_out_of_memory(RuntimeError("shapes differ"))
        (True, False)
    """
    return isinstance(error, torch.cuda.OutOfMemoryError) or "out of memory" in str(error)
