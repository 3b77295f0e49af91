"""A small model and samples for the tests of training."""

from __future__ import annotations

import torch
from torch import Tensor, nn

import mt_torchattacks as mta

TASKS = mta.Tasks(depth=mta.losses.L1(valid=mta.losses.positive), normal=mta.losses.CosineDistance())


class TwoHeads(nn.Module):
    """A trunk and two heads; ``plain`` leaves out what depends on the rest of the batch or on random numbers."""

    def __init__(self, *, plain: bool = False) -> None:
        super().__init__()
        rest = () if plain else (nn.BatchNorm2d(8), nn.Dropout(0.2))
        self.trunk = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), *rest, nn.ReLU())
        self.depth, self.normal = nn.Conv2d(8, 1, 1), nn.Conv2d(8, 3, 1)
        self.to(memory_format=torch.channels_last)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        features = self.trunk(images)
        return {"depth": self.depth(features), "normal": self.normal(features)}


def fresh(*, plain: bool = False) -> TwoHeads:
    """The same initial weights and random numbers each time."""
    torch.manual_seed(0)
    return TwoHeads(plain=plain)


def samples(n: int = 20) -> list[tuple[Tensor, dict[str, Tensor]]]:
    """Depth is twice the red channel plus one; normals point at the image's colour."""
    images = torch.rand(n, 3, 6, 6, generator=torch.Generator().manual_seed(0))
    return [(x, {"depth": 2 * x[:1] + 1, "normal": nn.functional.normalize(x - 0.5, dim=0)}) for x in images]
