"""Data with a name: which images, in which batches, and the key by which a store tells them from others."""

from __future__ import annotations

import pytest
import torch

import mt_torchattacks as mta
from mt_torchattacks.evaluation import NamedData


def test_the_first_items_of_a_data_set() -> None:
    rooms = mta.data.Rooms(length=5, size=16, seed=1)
    data = NamedData.of("rooms", rooms, 3, batch_size=2)
    assert [len(images) for images, _ in data.batches] == [2, 1]
    assert torch.equal(data.batches[1][0][0], rooms[2][0])
    assert [len(images) for images, _ in data.first(1).batches] == [1]
    assert torch.equal(data.first(3).batches[1][0], data.batches[1][0])
    assert data.first(3).key == data.key
    with pytest.raises(ValueError, match="images: expected at most the 5 that there are, found 6"):
        NamedData.of("rooms", rooms, 6)
