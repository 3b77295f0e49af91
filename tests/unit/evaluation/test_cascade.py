"""Attacks one after another on what is left: against a plain loop, and on a classifier that somebody defended."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

import mt_torchattacks as mta
from benchmarks.autoattack import EPS, accuracy, defended
from mt_torchattacks.evaluation import Cascade, class_attacks, wrong
from mt_torchattacks.evaluation.attack_sets import Towards


class Sign(nn.Module):
    """One head of two classes: whether a number is negative."""

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return {"sign": torch.stack([x[:, 0], -x[:, 0]], dim=1)}


TASKS = mta.Tasks(sign=mta.losses.CrossEntropy())
X, Y = torch.tensor([[0.1], [0.3], [0.5], [-0.1]]), {"sign": torch.tensor([0, 0, 0, 0])}


def lowered(by: float, seen: list[int]) -> Callable[[Tensor, object], Tensor]:
    def attack(images: Tensor, targets: object) -> Tensor:
        seen.append(len(images))
        return images - by

    return attack


def test_each_attack_sees_what_is_left_and_the_first_that_breaks_counts() -> None:
    seen: list[int] = []
    found = Cascade(Sign(), TASKS, [lowered(0.2, seen), lowered(0.4, seen), lowered(0.45, seen)], wrong("sign"))(X, Y)
    assert seen == [3, 2, 1]  # the last sample is wrong on the clean image
    torch.testing.assert_close(found, torch.tensor([[-0.1], [-0.1], [0.5], [-0.1]]))


def test_nothing_runs_when_nothing_is_left() -> None:
    seen: list[int] = []
    Cascade(Sign(), TASKS, [lowered(1.0, seen), lowered(1.0, seen)], wrong("sign"))(X, Y)
    assert seen == [3]


def test_modes_come_back() -> None:
    model = Sign().train()
    Cascade(model, TASKS, [lowered(0.2, [])], wrong("sign"))(X, Y)
    assert model.training
    with pytest.raises(ValueError, match="attacks: expected at least one attack"):
        Cascade(model, TASKS, [], wrong("sign"))


def test_goals_are_the_wrong_classes_by_rank() -> None:
    seen = []

    class Recorder:
        model, tasks = nn.Linear(2, 4), mta.Tasks(kind=mta.losses.TargetedDLR())

        def __call__(self, images: Tensor, targets: dict[str, Tensor]) -> Tensor:
            seen.append(targets["kind"])
            return images

    recorder = Recorder()
    with torch.no_grad():
        recorder.model.weight.zero_()
        recorder.model.bias.copy_(torch.tensor([3.0, 2.0, 1.0, 0.0]))
    for rank in (1, 2, 9):
        Towards(recorder, "kind", rank)(torch.zeros(2, 2), {"kind": torch.tensor([0, 1])})  # type: ignore[arg-type]
    assert [pairs.tolist() for pairs in seen] == [[[0, 1], [1, 0]], [[0, 2], [1, 2]], [[0, 3], [1, 3]]]


def test_on_a_defended_net_it_breaks_more_than_its_first_part() -> None:
    model, data = defended(0, epochs=3, images=2000), mta.data.TwoDigits(80, "test", 0)
    attacks = class_attacks(model, "left", EPS, steps=20, goals=4, queries=100)
    tasks = mta.Tasks(left=mta.losses.CrossEntropy())
    first, whole = (
        Cascade(model, tasks, part, wrong("left"))(data.images, data.targets) for part in (attacks[:1], attacks)
    )
    left = [accuracy(model, images, data.targets["left"]) for images in (data.images, first, whole)]
    assert left[0] > left[1] >= left[2]
    assert float((whole - data.images).abs().max()) <= EPS + 1e-6
