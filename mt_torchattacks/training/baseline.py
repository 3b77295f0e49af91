"""What a model that never looks at the image achieves: the bar that learning has to clear."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader

from mt_torchattacks.data.memory import loaded

_DEPTHS = ("depth", "depth_euclidean")


class MeanPrediction(nn.Module):
    """Predicts what is most frequent or the mean in a training set, at every pixel of every image.

    The class that most pixels have (255 is ignored), the mean normal (zero vectors are ignored), the mean depth (values
    <= 0 are ignored), and the mean of each channel of any other target.

    Args:
        data: the training set, ``(image, targets)`` samples with dense targets.
        num_classes: the number of classes.
        workers: processes that load the data; 0 for none.
    """

    def __init__(self, data: Any, num_classes: int, *, workers: int = 0) -> None:
        super().__init__()
        sums: dict[str, Tensor] = {}
        for _, targets in DataLoader(loaded(data), 64, num_workers=workers, generator=torch.Generator()):
            for task, target in targets.items():
                sums[task] = sums.get(task, 0) + _summed(task, target, num_classes)
        self.constants = {task: _constant(task, values, num_classes) for task, values in sums.items()}

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Constant outputs ``(N, channels, H, W)`` for images ``(N, 3, H, W)``."""
        n, _, h, w = images.shape
        return {
            task: value.to(images.device).view(1, -1, 1, 1).expand(n, -1, h, w)
            for task, value in self.constants.items()
        }


def _summed(task: str, target: Tensor, num_classes: int) -> Tensor:
    """What a batch adds: pixels of each class, or each channel's sum and, last, how many pixels that is."""
    if task == "segmentation":
        return target[target != 255].bincount(minlength=num_classes)
    pixels = target.double().transpose(0, 1).flatten(1)
    if task in _DEPTHS:
        pixels = pixels[:, pixels[0] > 0]
    return torch.cat([pixels.sum(dim=1), torch.tensor([pixels.shape[1]])])


def _constant(task: str, sums: Tensor, num_classes: int) -> Tensor:
    if task == "segmentation":
        return F.one_hot(sums.argmax(), num_classes).float()
    if task == "normal":  # invalid ones are zero vectors and do not change the direction of the sum
        return F.normalize(sums[:-1], dim=0).float()
    return (sums[:-1] / sums[-1]).float()
