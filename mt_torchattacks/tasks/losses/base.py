"""What every per-sample loss shares: masks, resizing, shape checks and the mean over a sample's valid elements."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

from mt_torchattacks import checks
from mt_torchattacks.dense import check_mode, resized
from mt_torchattacks.tasks.losses.logarithms import log_mean_per_sample, rows

Valid: TypeAlias = Callable[[Tensor], Tensor]
"""``target -> mask``: boolean, True where the target counts; broadcastable to the loss's elements."""


@dataclass(frozen=True)
class Uncovered:
    """A mask of the pixels that are not covered, and that count for another mask too.

    Args:
        covered: ``(N, H, W)`` boolean.
        valid: the other mask, or None.
    """

    covered: Tensor
    valid: Valid | None = None

    def __call__(self, target: Tensor) -> Tensor:
        """The mask of targets ``(N, ..., h, w)``, which may have another size; all True for one value a sample."""
        given = torch.ones_like(target, dtype=torch.bool) if self.valid is None else self.valid(target)
        if target.ndim < 3:
            return given
        size = target.shape[-2:]
        covered = F.interpolate(self.covered[:, None].float(), size=size, mode="nearest") > 0
        return given & ~covered.to(target.device).view(len(target), *[1] * (target.ndim - 3), *size)


def ratio_per_sample(values: Tensor, weights: Tensor | None = None) -> Tensor:
    """Sum of each sample's values over the sum of its weights, ``(N, ...) -> (N,)``; 0 where the weights are all 0."""
    values = rows(values)
    if weights is None:
        return values.mean(dim=1)
    total = rows(weights.to(values.dtype)).sum(dim=1)
    return values.sum(dim=1) / torch.where(total > 0, total, 1)


class Loss(ABC):
    """A per-sample loss ``(output, target) -> (N,)``.

    Subclasses say what an element's loss is (:meth:`elements`) and what fits (:meth:`check_shapes`). A loss that can be
    too small for its dtype, as a confident classifier's cross-entropy is, also says what its elements' logarithms are
    (:meth:`log_elements`): then :attr:`has_log` is true and :meth:`log` is finite where the loss itself is 0.

    Args:
        valid: ``target -> mask``; elements outside the mask do not count (for example ``losses.positive``,
            ``losses.nonzero``, ``losses.finite``). A sample without a valid element has the loss 0.
        resize: interpolation mode (``"bilinear"``, ``"nearest"``, ``"bicubic"``) that brings a dense output to the
            target's height and width; without it another size is an error.
    """

    flat_at_zero: ClassVar[bool] = True
    """The gradient vanishes where the loss does, as of an L1 distance: nothing to follow from a perfect prediction."""

    has_log: ClassVar[bool] = False
    """Whether :meth:`log` is there. A subclass that changes the elements' losses and not their logarithms has none."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "log_elements" in vars(cls):
            cls.has_log = True
        elif vars(cls).keys() & {"__call__", "elements", "error"}:
            cls.has_log = False

    def __init__(self, *, valid: Valid | None = None, resize: str | None = None) -> None:
        check_mode(resize)
        self.valid = valid
        self.resize = resize

    def __call__(self, output: Tensor, target: Tensor) -> Tensor:
        """Loss of each sample, ``(N,)`` in float32 or float64.

        Raises:
            TypeError: the target's dtype does not fit.
            ValueError: the shapes do not fit.
        """
        return ratio_per_sample(*self.elements(*self.inputs(output, target)))

    def log(self, output: Tensor, target: Tensor) -> Tensor:
        """Natural logarithm of each sample's loss, ``(N,)`` in float32 or float64, where :attr:`has_log` is true.

        Its gradient is the loss's gradient over the loss, also where the loss itself underflows to 0. A sample whose
        loss is exactly 0 in exact arithmetic, as one without a valid element, has -inf and no gradient.

        Raises:
            TypeError: the loss has no logarithm, or the target's dtype does not fit.
            ValueError: the shapes do not fit.

        Example:
            >>> from mt_torchattacks.tasks.losses import CrossEntropy
            >>> scores, label = torch.tensor([[0.0, 150.0]]), torch.tensor([1])
            >>> CrossEntropy()(scores, label), CrossEntropy().log(scores, label)
            (tensor([0.]), tensor([-150.]))
        """
        checks.require(self.has_log, type(self).__name__, "a loss that has a logarithm", "has_log=False", TypeError)
        return log_mean_per_sample(*self.log_elements(*self.inputs(output, target)))

    def check_values(self, output: Tensor, target: Tensor) -> None:
        """Check the target's values, once an attack and not at every step: finite where valid."""
        self._prepare(output, target)
        mask = self.mask(target)
        checks.finite(target if mask is None else torch.where(mask, target, 0), "target")

    def arranged(self, output: Tensor) -> Tensor:
        """The output with its channels or classes along dimension 1, where they are unless a loss says otherwise."""
        return output

    def mask(self, target: Tensor) -> Tensor | None:
        """The elements that count, boolean and broadcastable to the target, or None if all do."""
        if self.valid is None:
            return None
        mask = self.valid(target)
        try:
            fits = mask.dtype == torch.bool and mask.expand(target.shape) is not None
        except (AttributeError, RuntimeError):
            fits = False
        expected = f"a boolean mask that broadcasts to the target's shape {tuple(target.shape)}"
        checks.require(fits, "valid", expected, checks.describe(mask))
        return mask

    def without(self, covered: Tensor) -> Loss:
        """The same loss without some of each sample's pixels; one whose target has no pixels stays as it is.

        Args:
            covered: ``(N, H, W)`` boolean, True where a pixel does not count; of the targets' samples.

        Example:
            >>> from mt_torchattacks.tasks.losses import L1
            >>> L1().without(torch.tensor([[[True, False]]]))(torch.ones(1, 1, 2), torch.tensor([[[9.0, 3.0]]]))
            tensor([2.])
        """
        found = copy.copy(self)
        found.valid = Uncovered(covered, self.valid)
        return found

    @abstractmethod
    def elements(self, output: Tensor, target: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Each element's weighted loss ``(N, ...)``, 0 outside the mask, and its weight (None: all 1)."""

    def log_elements(self, output: Tensor, target: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Logarithms ``(N, ...)`` of what :meth:`elements` gives, -inf outside the mask, and the same weights.

        The weights are no logarithms. Optional: a subclass without it has no :meth:`log`.
        """
        raise NotImplementedError

    @abstractmethod
    def check_shapes(self, output: Tensor, target: Tensor) -> None:
        """Raise if the target's shape or dtype does not fit the output's."""

    def inputs(self, output: Tensor, target: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        """What :meth:`elements` is given: output and target, checked and brought to one size, and the mask."""
        output = self._prepare(output, target)
        mask = self.mask(target)
        if mask is not None and target.is_floating_point():
            target = torch.where(mask, target, 0)  # a NaN outside the mask must not reach the gradient
        return output, target, mask

    def _prepare(self, output: Tensor, target: Tensor) -> Tensor:
        for name, value in (("output", output), ("target", target)):
            checks.require(isinstance(value, Tensor), name, "a tensor", checks.describe(value), TypeError)
        output = output.float() if output.dtype in (torch.float16, torch.bfloat16) else output
        output = resized(self.arranged(output), target, self.resize)
        self.check_shapes(output, target)
        return output

    def __repr__(self) -> str:
        # A representation names results on disk: an option that came later is shown only where it is used.
        shown = {
            key: getattr(value, "__name__", value if not isinstance(value, Tensor) else tuple(value.shape))
            for key, value in vars(self).items()
            if value is not None and (key, value) != ("class_dim", 1)
        }
        return f"{type(self).__name__}({', '.join(f'{key}={value}' for key, value in shown.items())})"


def masked(values: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
    """Values with 0 outside the mask, and the mask at their shape."""
    if mask is None:
        return values, None
    return torch.where(mask, values, 0), mask.expand(values.shape)
