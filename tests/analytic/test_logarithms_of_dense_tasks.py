"""For dense tasks with ordinary losses it makes no difference that the cross-entropy has a logarithm."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import mt_torchattacks as mta
from mt_torchattacks.objective.losses import SMALL
from mt_torchattacks.types import LossFunction


class Plain:
    """A loss without what the library's own offers beside the value."""

    def __init__(self, loss: LossFunction) -> None:
        self.loss = loss
        self.flat_at_zero = getattr(loss, "flat_at_zero", True)

    def __call__(self, output: Tensor, target: Tensor) -> Tensor:
        return self.loss(output, target)


def direction(tasks: mta.Tasks, rule: str, images: Tensor, targets: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    """Score and direction at images that are not the clean ones."""
    bound = mta.Objective(mta.models.zoo("rooms3/all-shared"), tasks, rule).bind(images, targets)
    noise = torch.rand(images.shape, generator=torch.Generator().manual_seed(0)) - 0.5
    x = (images + 8 / 255 * noise).clamp(0, 1).requires_grad_()
    score = bound(x)
    return score.detach(), torch.autograd.grad(score.sum(), x)[0]


@pytest.mark.parametrize("rule", ["total", "dgba", "relative", "wgd", "sign_total", "normalized"])
def test_directions_are_equal_bit_for_bit(rule: str) -> None:
    images, targets = mta.data.Rooms(length=4, size=32, seed=1).render(range(4))
    tasks = mta.standard_tasks()
    assert tasks["segmentation"].loss.has_log  # type: ignore[attr-defined]
    with torch.no_grad():
        losses = tasks.losses(mta.models.zoo("rooms3/all-shared")(images), targets)
    assert all(float(loss.min()) > SMALL for loss in losses.values())
    plain = mta.Tasks({name: mta.Task(Plain(task.loss)) for name, task in tasks.items()})
    scored, found = direction(tasks, rule, images, targets)
    plainly_scored, wanted = direction(plain, rule, images, targets)
    assert torch.equal(found, wanted)
    assert torch.equal(scored, plainly_scored)
