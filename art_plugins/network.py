"""The estimator's model together with ART's preprocessing, as one differentiable module."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from mt_torchattacks import checks
from mt_torchattacks.types import Outputs


class Network(nn.Module):
    """What the estimator's user sees as the model: images in, in the user's layout and range; outputs by task.

    :param estimator: A PyTorch estimator of ART; its preprocessing is applied, gradients included.
    :param fit: `True` to preprocess as for training, `False` as for prediction.
    """

    def __init__(self, estimator: Any, *, fit: bool = False) -> None:
        super().__init__()
        self.model = estimator.model
        self._estimator = estimator
        self._fit = fit

    def forward(self, x: Tensor) -> Outputs:
        """The model's outputs for images `(N, C, H, W)`, or `(N, H, W, C)` if the estimator has channels last."""
        processed = self._preprocessed(x)
        expected = f"a defence that returns the {len(x)} images it is given"
        checks.require(len(processed) == len(x), "preprocessing_defences", expected, f"{len(processed)} images")
        return self.model(processed if self._estimator.channels_first else processed.permute(0, 3, 1, 2))

    def _preprocessed(self, x: Tensor) -> Tensor:
        estimator = self._estimator
        if not estimator.preprocessing_operations:
            return x
        if not estimator.all_framework_preprocessing:
            through: Tensor = _ThroughNumpy.apply(x, estimator, self._fit)
            return through
        no_grad = not torch.is_grad_enabled()
        processed: Tensor = estimator._apply_preprocessing(x, None, fit=self._fit, no_grad=no_grad)[0]
        return processed


class _ThroughNumpy(torch.autograd.Function):
    """Preprocessing that ART has for arrays only; backward is ART's estimate of its gradient."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, estimator: Any, fit: bool) -> Tensor:
        array = x.detach().cpu().numpy()
        ctx.array, ctx.estimator, ctx.fit = array, estimator, fit
        processed, _ = estimator._apply_preprocessing(array.copy(), None, fit=fit)
        return torch.as_tensor(processed, dtype=x.dtype, device=x.device)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (gradient,) = gradients
        with torch.enable_grad():  # ART may differentiate a part of it with autograd
            estimated = ctx.estimator._apply_preprocessing_gradient(ctx.array, gradient.cpu().numpy(), fit=ctx.fit)
        return torch.as_tensor(estimated, dtype=gradient.dtype, device=gradient.device), None, None
