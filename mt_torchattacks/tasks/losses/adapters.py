"""Any callable and any ``torch.nn`` loss as a per-sample loss."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mt_torchattacks import checks
from mt_torchattacks.tasks.losses.base import Loss, ratio_per_sample
from mt_torchattacks.tasks.losses.bce import BCEWithLogits
from mt_torchattacks.tasks.losses.cross_entropy import CrossEntropy
from mt_torchattacks.tasks.losses.logarithms import log_mean_per_sample, log_or_nothing
from mt_torchattacks.types import LossFunction

_CLASSIFICATION = (nn.CrossEntropyLoss, nn.NLLLoss, nn.BCEWithLogitsLoss, nn.BCELoss, nn.MultiLabelSoftMarginLoss)


class ElementwiseModule:
    """A ``torch.nn`` loss with ``reduction='none'``: the mean over each sample's elements.

    ``nn.CrossEntropyLoss`` and ``nn.BCEWithLogitsLoss`` (without a weight an element) have a logarithm, ``has_log`` and
    :meth:`log`, as :class:`~mt_torchattacks.tasks.losses.base.Loss` defines them.

    Args:
        module: the loss; its elements keep the batch dimension first. Elements that the module itself ignores
            (``ignore_index``) count as 0 in the mean.

    Example:
        >>> ElementwiseModule(nn.SmoothL1Loss(reduction="none"))(torch.zeros(1, 2), torch.tensor([[1.0, 2.0]]))
        tensor([1.])
    """

    def __init__(self, module: nn.Module) -> None:
        reduction = getattr(module, "reduction", "none")
        checks.require(
            reduction == "none",
            type(module).__name__,
            "a loss per sample, reduction='none'",
            f"reduction={reduction!r}",
        )
        self.module = module
        self.flat_at_zero = not isinstance(module, _CLASSIFICATION)
        self._same = _loss_with_logarithm(module)
        self.has_log = self._same is not None

    def __call__(self, output: Tensor, target: Tensor) -> Tensor:
        values = self.module(output, target)
        per_sample = isinstance(values, Tensor) and values.ndim > 0 and len(values) == len(output)
        checks.require(per_sample, type(self.module).__name__, f"({len(output)}, ...) losses", checks.describe(values))
        return ratio_per_sample(values)

    def log(self, output: Tensor, target: Tensor) -> Tensor:
        """Natural logarithm of each sample's loss, ``(N,)``, where ``has_log`` is true.

        It is the plain logarithm, -inf where the loss is rounded to 0, if targets are probabilities of classes.

        Raises:
            TypeError: the loss has no logarithm.
        """
        if self._same is None:
            checks.fail(type(self.module).__name__, "a loss that has a logarithm", "has_log=False", TypeError)
        if isinstance(self._same, CrossEntropy) and target.is_floating_point():
            return log_or_nothing(self(output, target))
        values, _ = self._same.log_elements(*self._same.inputs(output, target))
        return log_mean_per_sample(values, None)  # this package's weighted means divide by the weights, torch's do not

    def __repr__(self) -> str:
        return repr(self.module)


def _loss_with_logarithm(module: nn.Module) -> Loss | None:
    """This package's loss with the same elements, where there is one that has a logarithm."""
    if type(module) is nn.CrossEntropyLoss:
        ignored, smoothing = module.ignore_index, module.label_smoothing
        return CrossEntropy(ignore_index=ignored, weight=module.weight, label_smoothing=smoothing)
    if type(module) is nn.BCEWithLogitsLoss and module.weight is None:
        return BCEWithLogits(module.pos_weight)
    return None


def as_loss(loss: object) -> LossFunction:
    """The per-sample loss that a user's value stands for.

    Args:
        loss: a loss of this package, a ``torch.nn`` loss with ``reduction='none'``, or any callable
            ``(output, target) -> (N,)``.

    Raises:
        TypeError: not callable.
        ValueError: a ``torch.nn`` loss that reduces over the batch.

    Example:
        >>> as_loss(lambda output, target: (output - target).abs().mean(1))(torch.ones(2, 3), torch.zeros(2, 3))
        tensor([1., 1.])
    """
    if isinstance(loss, nn.modules.loss._Loss):
        return ElementwiseModule(loss)
    if isinstance(loss, type) or not callable(loss):
        checks.fail("loss", "a callable (output, target) -> (N,)", repr(loss), TypeError)
    return loss


def per_sample(value: object, n: int) -> Tensor:
    """Check that a loss gave one number for each of ``n`` samples, and return it in float32 or float64.

    Raises:
        TypeError: not a floating-point tensor.
        ValueError: another shape: a scalar means that the loss was reduced over the batch.
    """
    expected = f"one loss per sample, shape ({n},)"
    if not isinstance(value, Tensor) or not value.is_floating_point():
        checks.fail("loss", f"{expected}, floating-point", checks.describe(value), TypeError)
    hint = "" if value.ndim else "; a mean over the batch cannot be attacked per sample: use reduction='none'"
    checks.require(value.shape == (n,), "loss", expected, f"shape {tuple(value.shape)}{hint}")
    return value.float() if value.dtype in (torch.float16, torch.bfloat16) else value
