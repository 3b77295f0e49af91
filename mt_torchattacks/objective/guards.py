"""What keeps an objective from failing without a word."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, nullcontext

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


def check_gradient(gradient: Tensor, reference: Tensor, names: Collection[str], unlabelled: Tensor) -> None:
    """Check that every sample can be attacked: a gradient of zero would be read as robustness.

    Args:
        gradient: ``(k * N, ...)`` of the objective with respect to the inputs.
        reference: ``(N, T)`` the attacked tasks' losses that increases refer to.
        names: the T tasks.
        unlabelled: ``(N,)`` boolean, the samples without a target, which need no gradient.

    Raises:
        ValueError: another sample has no task left (all its losses are 0, without a gradient), or no sample has one.
    """
    shown = checks.listed(names)
    reached = (gradient != 0).reshape(len(reference), -1).any(dim=1)
    empty = (~reached & ~unlabelled & (reference == 0).all(dim=1)).nonzero().flatten().tolist()
    found = f"the loss of each of {shown} exactly 0 for sample(s) {empty}, under noise too, and no gradient"
    checks.require(not empty, "targets", "at least one task to attack for every sample", found)
    expected = f"outputs {shown} whose losses change with the images"
    checks.require(
        bool((reached | unlabelled.all()).any()), "model", expected, "a gradient of zero for all samples and tasks"
    )


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
