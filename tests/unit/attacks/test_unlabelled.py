"""Samples without a target for any attacked task stay clean, and a warning counts them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import mt_torchattacks as mta
from tests import toys
from tests.attack_cases import ALL, make
from tests.hosts.art import cases


def partly() -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """The toy's batch; the second and the last image have no depth, the last one has no segmentation either."""
    images, targets = toys.batch()
    targets["depth"][[1, 3]] = 0
    targets["segmentation"][3] = 255
    return images, targets


@pytest.mark.parametrize("name", ALL)
def test_they_stay_clean_and_are_counted(name: str) -> None:
    images, targets = partly()
    attack = make(name, toys.Toy(), toys.tasks().only(["depth"]), balance="total")
    with pytest.warns(
        UserWarning, match="targets: 2 of 4 samples have no valid target for 'depth' and stay clean"
    ) as w:
        found = attack(images, targets)
    assert len(w) == 1
    assert [bool(torch.equal(x, image)) for x, image in zip(found, images, strict=True)] == [False, True, False, True]


def test_under_a_rule_for_one_task_and_with_several() -> None:
    images, targets = partly()
    with pytest.warns(UserWarning, match="2 of 4 samples"):
        single = mta.PGD(toys.Toy(), toys.tasks(), "single:depth", steps=2)(images, targets)
    assert torch.equal(single[[1, 3]], images[[1, 3]])
    both = toys.tasks().only(["depth", "segmentation"])
    with pytest.warns(UserWarning, match="1 of 4 samples have no valid target for 'segmentation', 'depth'"):
        found = mta.PGD(toys.Toy(), both, steps=2)(images, targets)
    assert [bool((x != image).any()) for x, image in zip(found, images, strict=True)] == [True, True, True, False]


def test_a_batch_without_any_target() -> None:
    images, targets = toys.batch(2)
    targets["depth"][:] = 0
    with pytest.warns(UserWarning, match="2 of 2 samples"):
        found = mta.APGD(toys.Toy(), toys.tasks(), "single:depth", steps=2)(images, targets)
    assert torch.equal(found, images)


@pytest.mark.parametrize("name", cases.ALL)
def test_in_the_plugin(name: str) -> None:
    images, targets = partly()
    estimator = cases.estimator(tasks=toys.tasks().only(["depth"]))
    with pytest.warns(UserWarning, match="2 of 4 samples"):
        found = cases.attack(name, estimator).generate(images.numpy(), {"depth": targets["depth"].numpy()})
    assert [bool((x != image).any()) for x, image in zip(found, images.numpy(), strict=True)] == [True, False] * 2
    assert found.dtype == np.float32
