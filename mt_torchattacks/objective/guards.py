"""What keeps an objective from failing without a word."""

from __future__ import annotations

from collections.abc import Callable, Collection

import torch
from torch import Tensor

from mt_torchattacks import checks
from mt_torchattacks.types import Targets


def usable(target: Tensor) -> Tensor:
    """A target that a loss may keep for its backward pass, also if it was made under ``torch.inference_mode``."""
    return target.clone() if target.is_inference() and not torch.is_inference_mode_enabled() else target


def check_targets(targets: Targets, names: Collection[str], samples: int) -> None:
    """Check that there is a tensor with as many samples for each task."""
    checks.keys(targets, "targets", names)
    for name in names:
        target = targets[name]
        fits = isinstance(target, Tensor) and target.ndim > 0 and len(target) == samples
        expected = f"a tensor with {samples} samples, one for each image"
        checks.require(fits, f"targets[{name!r}]", expected, checks.describe(target))


def check_clean(clean: Tensor, names: tuple[str, ...]) -> None:
    """Check that the clean losses ``(N, T)`` are finite."""
    bad = (~torch.isfinite(clean)).nonzero()
    if len(bad):
        sample, task = (int(index) for index in bad[0])
        found = f"{float(clean[sample, task])} for sample {sample}"
        checks.fail(f"loss of task {names[task]!r}", "a finite value on the clean image", found)


class GradientSeen(torch.autograd.Function):
    """The identity; shows a function the gradient that passes: ``GradientSeen.apply(x, function)``."""

    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, x: Tensor, look: Callable[[Tensor], None]) -> Tensor:
        ctx.look = look  # type: ignore[attr-defined]
        return x.view_as(x)

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, *gradients: Tensor) -> tuple[Tensor, None]:
        ctx.look(gradients[0])  # type: ignore[attr-defined]
        return gradients[0], None
