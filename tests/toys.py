"""Small multi-task models and batches for the tests: smooth, so that float64 references are exact."""

from __future__ import annotations

import torch
from torch import Tensor, nn

import mt_torchattacks as mta
from mt_torchattacks.geometry.ball import NORMS, Ball

CLASSES = 4
NAMES = ("classes", "segmentation", "normal", "depth")


class Toy(nn.Module):
    """A shared trunk and four heads; per sample, no interaction within a batch in evaluation mode."""

    def __init__(self, seed: int = 0, size: int = 16) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.trunk = nn.Conv2d(3, 8, 3, padding=1)
            self.norm = nn.BatchNorm2d(8)
            self.dropout = nn.Dropout(0.5)
            self.classes = nn.Linear(8 * size * size, CLASSES)
            self.segmentation = nn.Conv2d(8, CLASSES, 1)
            self.normal = nn.Conv2d(8, 3, 1)
            self.depth = nn.Conv2d(8, 1, 1)
        self.eval()

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Outputs by task."""
        features = self.dropout(torch.tanh(self.norm(self.trunk(x - 0.5))))
        return {
            "classes": self.classes(features.flatten(1)),
            "segmentation": self.segmentation(features),
            "normal": self.normal(features),
            "depth": self.depth(features),
        }


def tasks() -> mta.Tasks:
    """The toy's four tasks, with the masks of real data."""
    return mta.Tasks(
        classes=mta.losses.CrossEntropy(),
        segmentation=mta.losses.CrossEntropy(ignore_index=255),
        normal=mta.losses.CosineDistance(valid=mta.losses.nonzero),
        depth=mta.losses.L1(valid=mta.losses.positive),
    )


def batch(n: int = 4, size: int = 16, seed: int = 1) -> tuple[Tensor, dict[str, Tensor]]:
    """Images ``(n, 3, size, size)`` and targets, some of whose pixels are not valid."""
    g = torch.Generator().manual_seed(seed)
    segmentation = torch.randint(0, CLASSES, (n, size, size), generator=g)
    segmentation[:, 0] = 255
    normal = torch.randn(n, 3, size, size, generator=g)
    normal = normal / normal.norm(dim=1, keepdim=True)
    normal[:, :, 1] = 0
    depth = torch.rand(n, 1, size, size, generator=g) * 3 + 0.5
    depth[:, :, :, 2] = 0
    targets = {
        "classes": torch.randint(0, CLASSES, (n,), generator=g),
        "segmentation": segmentation,
        "normal": normal,
        "depth": depth,
    }
    return torch.rand(n, 3, size, size, generator=g), targets


def ball(images: Tensor, eps: float = 8 / 255, norm: str = "Linf") -> Ball:
    """The ball around images in [0, 1]; for L2 as large as uniform noise of the size eps."""
    return Ball(images, eps if norm == "Linf" else eps * images[0].numel() ** 0.5, NORMS[norm], (0.0, 1.0))


class Linear(nn.Module):
    """Outputs linear in the image, so that the best perturbation is known: ``<weight_i, x>`` for each task."""

    def __init__(self, weights: dict[str, Tensor]) -> None:
        super().__init__()
        self.names = list(weights)
        self.weight = nn.Parameter(torch.stack([weight.flatten() for weight in weights.values()]))

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """One number a sample and task."""
        values = x.flatten(1) @ self.weight.T
        return {name: values[:, i] for i, name in enumerate(self.names)}
