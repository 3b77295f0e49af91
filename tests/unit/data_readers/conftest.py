"""Small items that need no rendering."""

from __future__ import annotations

import pytest
import torch

from tests.data_factories import Items


@pytest.fixture
def items() -> Items:
    """Two items of 9 x 12 pixels: random images and classes, a slanted wall 2 m away, one pixel without labels."""
    generator = torch.Generator().manual_seed(0)
    result = []
    for _ in range(2):
        segmentation = torch.randint(0, 13, (9, 12), generator=generator)
        normal = torch.tensor([0.6, 0.0, -0.8])[:, None, None].repeat(1, 9, 12)
        depth = 2 + 0.1 * torch.arange(12.0).expand(1, 9, 12).clone()
        segmentation[0, 0], normal[:, 0, 0], depth[:, 0, 0] = 255, 0, 0
        image = torch.rand(3, 9, 12, generator=generator)
        result.append((image, {"segmentation": segmentation, "normal": normal, "depth": depth}))
    return result
