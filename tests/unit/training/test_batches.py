from __future__ import annotations

from itertools import islice

import pytest
import torch

from mt_torchattacks.data import JointAugmentation, RandomMirror
from mt_torchattacks.data.batches import batches, choices
from tests.unit.training.models import samples


def ids(found: list[tuple[torch.Tensor, dict[str, torch.Tensor]]]) -> list[list[float]]:
    """Each sample's number, which a mirror does not hide."""
    return [images.flatten(1).sum(1).tolist() for images, _ in found]


def test_a_pass_holds_each_sample_at_most_once_and_the_rest_is_left_out() -> None:
    found = [[index for index, _ in batch] for batch in islice(choices(20, 6, seed=0, numbers=0), 6)]
    for one_pass in (found[:3], found[3:]):
        assert len({index for batch in one_pass for index in batch}) == 18
    assert found[:3] != found[3:]


def test_order_and_numbers_are_those_of_one_generator() -> None:
    generator = torch.Generator().manual_seed(3)
    for expected in (7, 7):
        first, second = list(islice(choices(expected, 3, seed=3, numbers=4), 2))
        break
    order = torch.randperm(7, generator=generator)
    for batch, start in ((first, 0), (second, 3)):
        assert [index for index, _ in batch] == order[start : start + 3].tolist()
        assert torch.equal(torch.stack([numbers for _, numbers in batch]), torch.rand(3, 4, generator=generator))


@pytest.mark.parametrize("augment", [None, RandomMirror(), JointAugmentation(4)])
def test_a_skipped_start_changes_nothing_of_what_follows(augment: RandomMirror | None) -> None:
    whole = list(islice(batches(samples(), 6, augment=augment), 7))
    rest = list(islice(batches(samples(), 6, augment=augment, skip=4), 3))
    for (images, targets), (same, others) in zip(whole[4:], rest, strict=True):
        assert torch.equal(images, same)
        assert all(torch.equal(targets[task], others[task]) for task in targets)


def test_processes_share_every_batch() -> None:
    augment = JointAugmentation(4)
    whole = list(islice(batches(samples(), 6, augment=augment), 5))
    shares = [list(islice(batches(samples(), 6, augment=augment, share=(rank, 3)), 5)) for rank in range(3)]
    for b, (images, targets) in enumerate(whole):
        assert torch.equal(images, torch.cat([share[b][0] for share in shares]))
        for task, target in targets.items():
            assert torch.equal(target, torch.cat([share[b][1][task] for share in shares]))


@pytest.mark.parametrize("workers", [0, 1])
def test_global_random_numbers_are_left_alone(workers: int) -> None:
    before = torch.get_rng_state()
    found = ids(list(islice(batches(samples(), 6, augment=RandomMirror(), workers=workers), 2)))
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(7)
    assert found == ids(list(islice(batches(samples(), 6, augment=RandomMirror()), 2)))
    assert found != ids(list(islice(batches(samples(), 6, augment=RandomMirror(), seed=1), 2)))
