"""The smallest radius on models where it is known."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

import mt_torchattacks as mta
from mt_torchattacks.evaluation import smallest_radius
from tests import toys

SLOPES = {"a": torch.tensor([4.0, 1.0, 2.0]), "b": torch.tensor([1.0, 3.0, 0.5])}


class Linear(nn.Module):
    """Two outputs, linear in each sample's mean, with slopes of their own by sample: the first pixel says which."""

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        which = (x[:, 0, 0, 0] * 10).round().long()
        mean = x[:, 0, 1:].mean(dim=(1, 2))
        return {task: (1 + slope[which] * (mean - 0.5)).unsqueeze(1) for task, slope in SLOPES.items()}


def made() -> tuple[Tensor, dict[str, Tensor]]:
    images = torch.full((3, 1, 4, 4), 0.5)
    images[:, 0, 0, 0] = torch.tensor([0.0, 0.1, 0.2])
    return images, {task: torch.zeros(3, 1) for task in SLOPES}


def brighter(eps: float) -> Callable[[Tensor, object], Tensor]:
    def attack(images: Tensor, targets: object) -> Tensor:
        moved = images.clone()
        moved[:, 0, 1:] += eps
        return moved

    return attack


TASKS = mta.Tasks(a=mta.losses.L1(), b=mta.losses.L1())


@pytest.mark.parametrize("rounds", [3, 8, 14])
def test_it_is_found_to_the_last_bisection(rounds: int) -> None:
    """A loss of 1 that rises by its slope times eps: the slower task decides."""
    images, targets = made()
    rise = {"a": 0.2, "b": 0.1}
    expected = torch.stack([rise[task] / SLOPES[task] for task in SLOPES]).amax(dim=0)
    found = smallest_radius(Linear(), TASKS, brighter, images, targets, rise=rise, largest=0.4, rounds=rounds)
    assert bool((found.radii >= expected - 1e-6).all())
    assert bool((found.radii - expected <= 0.4 / 2 ** (rounds - 1) + 1e-6).all())
    torch.testing.assert_close((found.images - images).abs().amax(dim=(1, 2, 3)), found.radii)


def test_what_cannot_be_harmed_is_infinite_and_asked_once() -> None:
    images, targets = made()
    seen: list[tuple[float, int]] = []

    def attack(eps: float) -> Callable[[Tensor, object], Tensor]:
        def noted(images: Tensor, targets: object) -> Tensor:
            seen.append((eps, len(images)))
            return brighter(eps)(images, targets)

        return noted

    found = smallest_radius(Linear(), TASKS, attack, images, targets, rise=0.2, largest=0.3, rounds=5)
    assert found.radii.isinf().tolist() == [False, False, True]
    assert torch.equal(found.images[2], images[2])
    assert seen[0] == (pytest.approx(0.3), 3) and sum(count for _, count in seen) == 3 + 4 * 2
    assert [found.harmed(eps) for eps in (0.01, 0.21, 1.0)] == pytest.approx([0, 2 / 3, 2 / 3])


def test_an_image_counts_with_its_own_distance() -> None:
    images, targets = made()
    half = lambda eps: brighter(eps / 2)  # noqa: E731
    one = {task: target[:1] for task, target in targets.items()}
    found = smallest_radius(Linear(), TASKS, half, images[:1], one, rise=0.1, rounds=1, largest=0.4)
    assert found.radii.tolist() == [pytest.approx(0.2)]


def test_with_an_attack_of_this_library_and_other_norms() -> None:
    model, (images, targets) = toys.Toy().train(), toys.batch(3)
    tasks = toys.tasks().only(["normal", "depth"])
    make = lambda eps: mta.APGD(model, tasks, "max_min", norm="L2", eps=eps, steps=5)  # noqa: E731
    found = smallest_radius(model, tasks, make, images, targets, rise=0.002, largest=4.0, rounds=4, norm="L2")
    assert model.training and bool(found.radii.isfinite().any())
    model.eval()
    before, after = (tasks.losses(model(x), targets) for x in (images, found.images))
    for task in tasks.active:
        enough = after[task] >= 1.002 * before[task] - 1e-6
        assert bool((enough | found.radii.isinf()).all())
    distances = (found.images - images).flatten(1).norm(dim=1)
    torch.testing.assert_close(distances, torch.where(found.radii.isinf(), 0, found.radii))


def test_arguments() -> None:
    images, targets = made()
    with pytest.raises(KeyError, match="rise: expected the keys 'a', 'b'; 'b' missing"):
        smallest_radius(Linear(), TASKS, brighter, images, targets, rise={"a": 1.0})
    with pytest.raises(ValueError, match="rise of 'b': expected"):
        smallest_radius(Linear(), TASKS, brighter, images, targets, rise={"a": 1.0, "b": 0.0})
    with pytest.raises(ValueError, match="norm: expected one of"):
        smallest_radius(Linear(), TASKS, brighter, images, targets, norm="L5")
