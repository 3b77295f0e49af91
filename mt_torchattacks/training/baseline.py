"""What a model that never looks at the image achieves: the bar that learning has to clear."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mt_torchattacks.training.memory import InMemory


class MeanPrediction(nn.Module):
    """Predicts the training set's most frequent class, mean normal and mean depth at every pixel of every image.

    Args:
        data: the training set, with the targets ``segmentation`` (255 is ignored), ``normal`` (zero vectors are
            ignored) and ``depth`` (values <= 0 are ignored).
        num_classes: the number of classes.
    """

    def __init__(self, data: InMemory, num_classes: int) -> None:
        super().__init__()
        labels, normal, depth = (data.targets[task] for task in ("segmentation", "normal", "depth"))
        majority = labels[labels != 255].bincount(minlength=num_classes).argmax()
        # Invalid normals are zero vectors and do not change the direction of the sum.
        self.constants = {
            "segmentation": F.one_hot(majority, num_classes).float(),
            "normal": F.normalize(normal.sum((0, 2, 3), dtype=torch.float64), dim=0).float(),
            "depth": depth[depth > 0].double().mean().float().view(1),
        }

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Constant outputs ``(N, channels, H, W)`` for images ``(N, 3, H, W)``."""
        n, _, h, w = images.shape
        return {task: value.view(1, -1, 1, 1).expand(n, -1, h, w) for task, value in self.constants.items()}
