"""The share of wrong labels: to judge by, since it has no gradient."""

from __future__ import annotations

from torch import Tensor

from mt_torchattacks.tasks.losses.labels import LabelLoss


class ErrorRate(LabelLoss):
    """Share of a sample's labels that are not predicted: of pixels, or 0 or 1 for a single label. It has no gradient.

    It is for judging images, as in :class:`~mt_torchattacks.evaluation.Budgeted`; to attack the share, take
    :class:`~mt_torchattacks.tasks.losses.errors.ExpectedError` or a loss of the margin.

    Args:
        ignore_index, class_dim, valid, resize: see :class:`~mt_torchattacks.tasks.losses.labels.LabelLoss`.

    Shape:
        output ``(N, K)`` with target ``(N,)`` int64, or ``(N, K, ...)`` with ``(N, ...)``; returns ``(N,)``, in [0, 1].

    Example:
        >>> import torch
        >>> ErrorRate()(torch.tensor([[[0.0, 3.0], [1.0, 0.0]]]), torch.tensor([[1, 1]]))
        tensor([0.5000])
    """

    def per_label(self, output: Tensor, target: Tensor) -> Tensor:
        return (output.argmax(dim=1) != target).to(output.dtype)
