"""Counting the passes that an attack makes through a model."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn


@dataclass
class Passes:
    """How often a model was called, and how often a gradient came back to its input; per call and per sample."""

    forward: int = 0
    backward: int = 0
    forward_samples: int = 0
    backward_samples: int = 0

    @property
    def of_samples(self) -> int:
        """Forward and backward passes together, each counted once for each sample."""
        return self.forward_samples + self.backward_samples

    def add_forward(self, samples: int) -> None:
        """One more call, with a batch of ``samples``."""
        self.forward += 1
        self.forward_samples += samples

    def add_backward(self, samples: int) -> None:
        """One more gradient, of a batch of ``samples``."""
        self.backward += 1
        self.backward_samples += samples


@contextmanager
def count_passes(model: nn.Module) -> Iterator[Passes]:
    """Count a model's passes while the context is open, whoever makes them.

    A forward pass is a call of the model. A backward pass is one arrival of a gradient at the input of one such call:
    T gradients of one call are T passes, and so is one gradient of the sum of T calls. Passes that reach the weights
    alone, as in training on inputs that need no gradient, are not seen. What is computed stays as it is.

    Args:
        model: the model; its first tensor argument, positional or by name, is the input ``(N, ...)``. Of a call
            without one, only the forward pass is counted, and no samples.

    Yields:
        The counts, which grow as passes are made.

    Example:
        >>> import torch
        >>> model, x = nn.Linear(3, 2), torch.rand(5, 3, requires_grad=True)
        >>> with count_passes(model) as passes:
        ...     model(x).sum().backward()
        >>> passes
        Passes(forward=1, backward=1, forward_samples=5, backward_samples=5)
    """
    passes = Passes()

    def before(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any]:
        given = dict[Any, Any](enumerate(args)) | kwargs
        first = next((key for key, value in given.items() if isinstance(value, Tensor)), None)
        if first is None:
            passes.add_forward(0)
        else:
            given[first] = _seen(given[first], passes)
        return tuple(given[i] for i in range(len(args))), {name: given[name] for name in kwargs}

    handle = model.register_forward_pre_hook(before, with_kwargs=True)
    try:
        yield passes
    finally:
        handle.remove()


def _seen(x: Tensor, passes: Passes) -> Tensor:
    """The input of one call as a node of its own in the graph, so that gradients of another call do not count."""
    passes.add_forward(len(x))
    own = x.view_as(x) if x.requires_grad else x
    if own.requires_grad:  # it does not within torch.no_grad()
        own.register_hook(lambda gradient: passes.add_backward(len(gradient)))  # type: ignore[no-untyped-call]
    return own
