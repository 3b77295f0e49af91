"""Losses whose gradient counts each pixel differently, and whose value does not: where an attack is to look.

Segmentation is attacked at thousands of pixels at once, and the cross-entropy's gradient is largest at those that are
wrong already. Each loss here says which pixels are to be followed. Its *value* is the plain loss, so that iterates stay
comparable whatever is followed, which is how SEA (Croce, Singh and Hein, ECCV 2024) controls its steps.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import torch
from torch import Tensor

from mt_torchattacks import checks
from mt_torchattacks.tasks.losses.base import Loss
from mt_torchattacks.tasks.losses.cross_entropy import CrossEntropy
from mt_torchattacks.tasks.losses.labels import LabelLoss
from mt_torchattacks.tasks.losses.progress import progress


def steered(values: Tensor, counts: Tensor) -> Tensor:
    """The values, with their gradients times ``counts``; values of -inf have no gradient.

    Example:
        >>> x = torch.tensor([2.0, 3.0], requires_grad=True)
        >>> steered(x * x, torch.tensor([1.0, 0.0])).sum().backward()
        >>> x.grad
        tensor([4., 0.])
    """
    moving = torch.where(values.isfinite(), values, 0) * counts.detach()
    return values.detach() + (moving - moving.detach())


class SteeredCrossEntropy(CrossEntropy):
    """Base of the cross-entropies whose gradient counts each label differently; subclasses say how."""

    @abstractmethod
    def counts(self, scores: Tensor, target: Tensor) -> Tensor:
        """How much the gradient of each label's loss counts, ``(N, ...)`` >= 0; without a gradient of its own.

        Args:
            scores: ``(N, K, ...)``, detached.
            target: ``(N, ...)`` labels in [0, K); those that do not count are 0.
        """

    def elements(self, output: Tensor, target: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
        values, weights = super().elements(output, target, mask)
        return steered(values, self._counts(output, target, mask)), weights

    def log_elements(self, output: Tensor, target: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
        values, weights = super().log_elements(output, target, mask)
        return steered(values, self._counts(output, target, mask)), weights

    def _counts(self, output: Tensor, target: Tensor, mask: Tensor | None) -> Tensor:
        assert mask is not None
        return self.counts(self.scores(output).detach(), torch.where(mask, target, 0))


class MaskedCrossEntropy(SteeredCrossEntropy):
    """Cross-entropy that follows only the labels that are still predicted.

    What is wrong already is left alone, so that the attack's strength goes to what is still right. One of the losses
    of SEA (Croce, Singh and Hein, 'Towards Reliable Evaluation and Fast Training of Robust Semantic Segmentation
    Models', ECCV 2024, https://arxiv.org/abs/2306.12941, section 3.2); with class weights its balanced form. The value
    is the plain cross-entropy, as SEA controls its steps by that. A sample that is wrong everywhere has no gradient.

    Args:
        ignore_index, weight, label_smoothing, probabilities, class_dim, valid, resize: see
            :class:`~mt_torchattacks.tasks.losses.cross_entropy.CrossEntropy`.

    Shape:
        as :class:`~mt_torchattacks.tasks.losses.cross_entropy.CrossEntropy`; returns ``(N,)``, in [0, inf).

    Example:
        >>> scores = torch.tensor([[[0.0, 3.0, 0.0], [1.0, 0.0, 1.0]]], requires_grad=True)  # predicts 1, 0, 1
        >>> MaskedCrossEntropy()(scores, torch.tensor([[0, 0, 1]])).backward()
        >>> scores.grad[0, 0]  # the first label is wrong already
        tensor([0.0000, -0.0158, 0.0896])
    """

    def counts(self, scores: Tensor, target: Tensor) -> Tensor:
        return (scores.argmax(dim=1) == target).to(scores.dtype)


class SegPGD(SteeredCrossEntropy):
    """Cross-entropy that follows right labels first and wrong ones more and more.

    At the share t of the attack's steps a label that is predicted counts 1 - t / 2, another one t / 2 (Gu, Zhao, Tresp
    and Torr, 'SegPGD', ECCV 2022, https://arxiv.org/abs/2207.12391, eq. 4). The value is the plain cross-entropy.

    Args:
        ignore_index, weight, label_smoothing, probabilities, class_dim, valid, resize: see
            :class:`~mt_torchattacks.tasks.losses.cross_entropy.CrossEntropy`.

    Shape:
        as :class:`~mt_torchattacks.tasks.losses.cross_entropy.CrossEntropy`; returns ``(N,)``, in [0, inf).

    Example:
        >>> import mt_torchattacks as mta
        >>> model, images = torch.nn.Conv2d(3, 5, 1), torch.rand(1, 3, 8, 8)
        >>> attack = mta.PGD(model, mta.Tasks(segmentation=mta.losses.SegPGD()), balance="total", steps=5)
        >>> attack(images, {"segmentation": model(images).argmax(dim=1)}).shape
        torch.Size([1, 3, 8, 8])
    """

    def counts(self, scores: Tensor, target: Tensor) -> Tensor:
        wrong = progress() / 2
        return torch.where(scores.argmax(dim=1) == target, 1 - wrong, wrong).to(scores.dtype)


class Tsallis(SteeredCrossEntropy):
    """Cross-entropy that follows labels by their probability: the gradient of the Tsallis cross-entropy.

    That is ``(1 - p^(1 - q)) / (1 - q)`` for the label's probability p; its gradient is the cross-entropy's times
    ``p^(1 - q)``. At q = 1 it is the cross-entropy, at q = 0 the expected error ``1 - p``; the lower q, the more the
    labels that the model is sure of are followed. By default q goes from -2 to 1 in the course of the attack
    ('TsallisPGD', 2026, https://arxiv.org/abs/2605.03405). The value is the plain cross-entropy.

    Args:
        q: a number <= 1, or a pair: at the first and at the last step, linear in between.
        options: of :class:`~mt_torchattacks.tasks.losses.cross_entropy.CrossEntropy`.

    Shape:
        as :class:`~mt_torchattacks.tasks.losses.cross_entropy.CrossEntropy`; returns ``(N,)``, in [0, inf).

    Example:
        >>> scores = torch.tensor([[0.0, 0.0]], requires_grad=True)
        >>> Tsallis(q=0)(scores, torch.tensor([0])).backward()
        >>> scores.grad  # half of the cross-entropy's
        tensor([[-0.2500,  0.2500]])
    """

    def __init__(self, q: float | tuple[float, float] = (-2.0, 1.0), **options: Any) -> None:
        super().__init__(**options)
        pair = q if isinstance(q, tuple) else (q, q)
        expected = "a number <= 1, or two: at the first and at the last step"
        checks.require(len(pair) == 2 and all(number <= 1 for number in pair), "q", expected, repr(q))
        self.q = q

    def counts(self, scores: Tensor, target: Tensor) -> Tensor:
        first, last = self.q if isinstance(self.q, tuple) else (self.q, self.q)
        q = first + progress() * (last - first)
        right = scores.log_softmax(dim=1).gather(1, target.unsqueeze(1)).squeeze(1)
        return ((1 - q) * right).exp()


class CosPGD(Loss):
    """Any dense loss that follows the pixels where the output still agrees with the target.

    The gradient of each pixel's loss counts as much as the cosine between output and target along dimension 1: for
    class scores between their softmax and the one-hot label, in [0, 1]; for vectors, as normals, between the two, and 0
    where they are more than 90 degrees apart (Agnihotri, Jung and Keuper, 'CosPGD', ICML 2024,
    https://arxiv.org/abs/2302.02213, eq. 5 and 6). The value is that of the wrapped loss.

    Args:
        loss: the loss of each pixel: of class scores, or of vectors with at least two components.

    Raises:
        ValueError: the output has one channel, as depth, whose cosine says nothing.

    Shape:
        as the wrapped loss; returns ``(N,)``.

    Example:
        >>> from mt_torchattacks.tasks.losses import L1
        >>> output = torch.tensor([[3.0, 4.0]], requires_grad=True)
        >>> CosPGD(L1())(output, torch.tensor([[1.0, 0.0]])).backward()
        >>> output.grad  # the cosine is 0.6
        tensor([[0.3000, 0.3000]])
    """

    def __init__(self, loss: Loss) -> None:
        checks.require(isinstance(loss, Loss), "loss", "a loss of mt_torchattacks.losses", checks.describe(loss))
        super().__init__(valid=loss.valid, resize=loss.resize)
        self.loss = loss
        self.has_log = loss.has_log  # type: ignore[misc]
        self.flat_at_zero = loss.flat_at_zero  # type: ignore[misc]

    def arranged(self, output: Tensor) -> Tensor:
        return self.loss.arranged(output)

    def mask(self, target: Tensor) -> Tensor | None:
        return self.loss.mask(target)

    def without(self, covered: Tensor) -> Loss:
        return CosPGD(self.loss.without(covered))

    def check_shapes(self, output: Tensor, target: Tensor) -> None:
        self.loss.check_shapes(output, target)
        found = f"{output.shape[1]} (a cosine of one number is its sign)"
        checks.require(output.shape[1] > 1, "output", "at least two channels for CosPGD", found)

    def check_values(self, output: Tensor, target: Tensor) -> None:
        self.loss.check_values(output, target)

    def elements(self, output: Tensor, target: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
        values, weights = self.loss.elements(output, target, mask)
        return steered(values, self._cosine(output, target, mask, values)), weights

    def log_elements(self, output: Tensor, target: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
        values, weights = self.loss.log_elements(output, target, mask)
        return steered(values, self._cosine(output, target, mask, values)), weights

    def _cosine(self, output: Tensor, target: Tensor, mask: Tensor | None, values: Tensor) -> Tensor:
        """Cosines that broadcast to the loss's elements."""
        output = output.detach()
        if isinstance(self.loss, LabelLoss):
            assert mask is not None
            scores = self.loss.scores(output) if isinstance(self.loss, CrossEntropy) else output
            p = scores.softmax(dim=1)
            label = torch.where(mask, target, 0).unsqueeze(1)
            found: Tensor = p.gather(1, label).squeeze(1) / p.square().sum(dim=1).sqrt()
        else:
            found = torch.cosine_similarity(output, target.to(output.dtype), dim=1).clamp_min(0)
        return found if found.ndim == values.ndim else found.unsqueeze(1)
