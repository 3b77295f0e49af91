from __future__ import annotations

import torch

from mt_torchattacks.training.augment import random_mirror


def test_mirrored_samples_are_mirrored_everywhere_and_others_untouched() -> None:
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(64, 3, 4, 5, generator=generator)
    targets = {
        "segmentation": torch.randint(0, 9, (64, 4, 5), generator=generator),
        "normal": torch.randn(64, 3, 4, 5, generator=generator),
        "depth": torch.rand(64, 1, 4, 5, generator=generator),
    }
    before = {name: value.clone() for name, value in targets.items()}
    mirrored, results = random_mirror(images, targets, generator)
    flipped = [not torch.equal(a, b) for a, b in zip(images, mirrored, strict=True)]
    assert 16 < sum(flipped) < 48
    assert all(torch.equal(targets[name], before[name]) for name in targets)
    sign = torch.tensor([-1.0, 1.0, 1.0]).view(3, 1, 1)
    for i, flip in enumerate(flipped):
        assert torch.equal(mirrored[i], images[i].flip(-1) if flip else images[i])
        assert torch.equal(results["normal"][i], targets["normal"][i].flip(-1) * sign if flip else targets["normal"][i])
        for name in ("segmentation", "depth"):
            assert torch.equal(results[name][i], targets[name][i].flip(-1) if flip else targets[name][i])


def test_mirrored_normals_are_those_of_the_mirrored_surface() -> None:
    """A depth map and the normals that follow from its slopes: mirroring both keeps the relation."""

    def normals(depth: torch.Tensor) -> torch.Tensor:
        dy, dx = torch.gradient(depth, dim=(-2, -1))
        return torch.nn.functional.normalize(torch.cat([dx, dy, -torch.ones_like(depth)], 1), dim=1)

    y, x = torch.meshgrid(torch.linspace(0, 1, 6), torch.linspace(0, 1, 7), indexing="ij")
    depth = (2 + x**2 + 0.5 * x * y).expand(8, 1, 6, 7)
    _, results = random_mirror(
        torch.rand(8, 3, 6, 7), {"normal": normals(depth), "depth": depth}, torch.Generator().manual_seed(1)
    )
    assert not torch.equal(results["depth"], depth)
    torch.testing.assert_close(results["normal"], normals(results["depth"]))
