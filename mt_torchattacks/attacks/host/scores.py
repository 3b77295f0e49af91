"""The tensor that torchattacks' loops take for a classifier's logits: the objective's scores."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor


class Scores(Tensor):
    """``(N, 1)`` scores that answer the host's hard-coded loss with themselves.

    ``F.cross_entropy(scores, labels, reduction=...)`` is the reduction of the scores, whatever the labels.
    ``F.softmax`` is ``exp(-score)``, so that the negative log-likelihood of its mean over noisy copies, the loss of the
    randomized-smoothing attacks, is that of the scores. Labels are zeros and there is one column, so the argmax is
    always the label: no sample ever counts as finished.
    """

    noise_copies: int = 1

    @staticmethod
    def of(scores: Tensor, noise_copies: int = 1) -> Scores:
        """Scores ``(k * N,)`` as such a tensor ``(k * N, 1)``, sharing their graph."""
        result = scores.unsqueeze(1).as_subclass(Scores)
        result.noise_copies = noise_copies
        return result

    @classmethod
    def __torch_function__(
        cls,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = dict(kwargs or {})
        if func is F.cross_entropy:
            return _reduced(args[0].as_subclass(Tensor).squeeze(1), kwargs.get("reduction", "mean"))
        if func is F.softmax:
            return _likelihood(args[0].as_subclass(Tensor), args[0].noise_copies)
        with torch._C.DisableTorchFunctionSubclass():
            return func(*args, **kwargs)


def _reduced(scores: Tensor, reduction: str) -> Tensor:
    return scores if reduction == "none" else scores.sum() if reduction == "sum" else scores.mean()


def _likelihood(scores: Tensor, copies: int) -> Tensor:
    """``exp(-score)``, divided by the largest among a sample's noisy copies: the same gradient, and no underflow."""
    by_sample = scores.reshape(-1, copies)
    smallest = by_sample.detach().amin(dim=1, keepdim=True)
    return torch.exp(smallest - by_sample).reshape(scores.shape)
