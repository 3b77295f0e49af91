"""The cross-entropy over what is still classified right."""

from __future__ import annotations

from torch import Tensor

from mt_torchattacks.tasks.losses.cross_entropy import CrossEntropy
from mt_torchattacks.tasks.losses.logarithms import only


class MaskedCrossEntropy(CrossEntropy):
    """Cross-entropy of the labels that are still predicted, over the number of all that count; the others add 0.

    What is wrong already is left alone, so that the attack's strength goes to what is still right. One of the losses
    of SEA (Croce, Singh and Hein, 'Towards Reliable Evaluation and Fast Training of Robust Semantic Segmentation
    Models', ECCV 2024, https://arxiv.org/abs/2306.12941, section 3.2); with class weights its balanced form. It falls
    whenever a label turns, so its value is nothing to compare iterates by: use it with an attack that returns its last
    iterate (``mta.PGD``), or in :class:`~mt_torchattacks.evaluation.Budgeted` with another loss to judge by.

    Args:
        ignore_index, weight, label_smoothing, probabilities, class_dim, valid, resize: see
            :class:`~mt_torchattacks.tasks.losses.cross_entropy.CrossEntropy`.

    Shape:
        as :class:`~mt_torchattacks.tasks.losses.cross_entropy.CrossEntropy`; returns ``(N,)``, in [0, inf).

    Example:
        >>> import torch
        >>> scores = torch.tensor([[[0.0, 3.0, 0.0], [1.0, 0.0, 1.0]]])  # predicts 1, 0, 1
        >>> MaskedCrossEntropy()(scores, torch.tensor([[0, 0, 1]]))  # the first label is wrong already
        tensor([0.1206])
    """

    def elements(self, output: Tensor, target: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
        values, weights = super().elements(output, target, mask)
        return values * self._right(output, target), weights

    def log_elements(self, output: Tensor, target: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
        values, weights = super().log_elements(output, target, mask)
        return only(values, self._right(output, target)), weights

    def _right(self, output: Tensor, target: Tensor) -> Tensor:
        return self.scores(output).argmax(dim=1) == target
