"""A model that computes its own losses, as Hugging Face's detectors do, with each image's losses as tasks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from mt_torchattacks import checks
from mt_torchattacks.models.losses_as_tasks import LossesAsTasks
from mt_torchattacks.types import Images

Call: TypeAlias = Callable[[nn.Module, Tensor, list[dict[str, Tensor]]], Mapping[str, Tensor]]
"""``(model, images, truths) -> losses by name``, each a number."""


def hugging_face(model: nn.Module, images: Tensor, truths: list[dict[str, Tensor]]) -> Mapping[str, Tensor]:
    """How Hugging Face's detectors are called: ``model(images, labels=truths).loss_dict``."""
    losses: Mapping[str, Tensor] = model(images, labels=truths).loss_dict
    return losses


class OwnLosses(LossesAsTasks):
    """A model whose outputs are the losses that another one computes, one a sample each.

    Such a model averages its losses over the batch, so it is called image by image. For torchvision's detectors, whose
    backbone can run once for all images, there is :class:`~mt_torchattacks.models.DetectorLosses`.

    Args:
        model: computes losses of images ``(1, C, H, W)`` and a list with one dictionary of truths.
        losses: the names of those that are tasks; others that it returns are left out.
        truths: the names of what a dictionary of truths holds, all with one row an object; the first one are labels.
        call: how the model is called; by default as Hugging Face's detectors are.

    Example:
        >>> import mt_torchattacks as mta
        >>> class Counting(nn.Module):
        ...     def forward(self, images, labels):
        ...         return {"count": (images.sum() - len(labels[0]["class_labels"])).abs()}
        >>> model = OwnLosses(Counting(), ["count"], ["class_labels"], call=lambda m, x, truths: m(x, truths))
        >>> targets = model.targets([{"class_labels": torch.tensor([1, 4])}, {"class_labels": torch.tensor([2])}])
        >>> mta.FGSM(model, model.tasks())(torch.rand(2, 3, 4, 4), targets).shape
        torch.Size([2, 3, 4, 4])
    """

    def __init__(
        self,
        model: nn.Module,
        losses: Sequence[str],
        truths: Sequence[str] = ("class_labels", "boxes"),
        call: Call = hugging_face,
    ) -> None:
        super().__init__()
        checks.require(isinstance(model, nn.Module), "model", "a torch.nn.Module", checks.describe(model), TypeError)
        checks.require(len(losses) > 0, "losses", "at least one name", "none")
        checks.require(len(truths) > 0, "truths", "at least one name", "none")
        self.model: Any = model
        self.losses, self.other_inputs, self.label, self.call = tuple(losses), tuple(truths), truths[0], call

    def forward(self, x: Images, **truths: Tensor) -> dict[str, Tensor]:
        """Each loss ``(N,)`` by its name, for images ``(N, C, H, W)`` and truths as :meth:`targets` gives them.

        Raises:
            KeyError: the model does not return one of the losses.
        """
        found = [self.call(self.model, x[i : i + 1], [truth]) for i, truth in enumerate(self.truths(truths))]
        for losses in found:
            checks.keys(losses, "losses that the model returns", self.losses)
        return {name: torch.stack([losses[name].reshape(()) for losses in found]) for name in self.losses}
