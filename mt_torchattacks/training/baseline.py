"""What a model that never looks at the image achieves: the bar that learning has to clear."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from mt_torchattacks.data.memory import loaded
from mt_torchattacks.tasks.kinds import find


class MeanPrediction(nn.Module):
    """Predicts what is most frequent or the mean in a training set, the same for every image.

    Each task's kind says what that is (:meth:`~mt_torchattacks.tasks.kinds.Kind.constant`): the class that most pixels
    have (255 is ignored), the mean normal (zero vectors are ignored), the mean depth (values <= 0 are ignored), and the
    mean of each channel of any other map.

    Args:
        data: the training set, ``(image, targets)`` samples.
        num_classes: the number of classes.
        workers: processes that load the data; 0 for none.
    """

    def __init__(self, data: Any, num_classes: int, *, workers: int = 0) -> None:
        super().__init__()
        sums: dict[str, Tensor] = {}
        for _, targets in DataLoader(loaded(data), 64, num_workers=workers, generator=torch.Generator()):
            for task, target in targets.items():
                sums[task] = sums.get(task, 0) + find(task).summed(target, num_classes)
        self.constants = {task: find(task).constant(values, num_classes) for task, values in sums.items()}

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Constant outputs for images ``(N, 3, H, W)``: ``(N, channels, H, W)``, or ``(N, channels)`` if not dense."""
        n, _, h, w = images.shape
        return {task: find(task).repeated(value.to(images.device), n, (h, w)) for task, value in self.constants.items()}
