"""Shapes and aliases used throughout the library.

Letters in shapes: ``N`` samples, ``C`` channels, ``H`` height, ``W`` width, ``T`` tasks, ``K`` classes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeAlias

from torch import Tensor

Images: TypeAlias = Tensor
"""Floating-point images ``(N, C, H, W)``, or other inputs ``(N, ...)``, in [0, 1] unless an attack has other bounds."""

Targets: TypeAlias = Mapping[str, Tensor]
"""One target tensor per task; the first dimension of each is ``N``."""

Outputs: TypeAlias = Any
"""What a model returns: a mapping, a dataclass, a ``ModelOutput``, a tuple, or one tensor for one task."""

LossFunction: TypeAlias = Callable[[Tensor, Tensor], Tensor]
"""``(output, target) -> (N,)``: one loss per sample."""

Role: TypeAlias = Literal["attack", "preserve", "ignore", "target"]
"""What an attack does to a task: raise its loss, preserve it, nothing, or lower it towards the given target."""

Place: TypeAlias = str | int
"""Where a task's output is in what the model returns: a name, or a position in a tuple."""
