"""The tasks' gradients on the clean images, for studies that look at them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import mt_torchattacks as mta
from mt_torchattacks.lazy import LazyModule

if TYPE_CHECKING:
    import torch

    from mt_torchattacks.evaluation import NamedData, NamedModel
else:
    torch = LazyModule("torch")


def clean_gradients(model: NamedModel, data: NamedData) -> Iterator[torch.Tensor]:
    """Each batch's gradients ``(N, T, M)`` of the tasks' losses with respect to the M pixel values of the images.

    Args:
        model: looked at in evaluation mode; it is left as it was.
        data: the clean images.
    """
    with mta.models.state.attacking(model.model):
        model.model.eval()
        for images, targets in data.on(model.device):
            x = images.clone().requires_grad_()
            losses = torch.stack(list(data.tasks.losses(model.model(x), targets).values()), dim=1)
            yield mta.objective.separate_gradients(losses, x).flatten(2)
