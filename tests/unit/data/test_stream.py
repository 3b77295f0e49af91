"""Streamed data: the same batches and results as from memory, few of them alive at a time, and what they are called."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils.data import Dataset

import mt_torchattacks as mta
from mt_torchattacks.data import stream
from mt_torchattacks.data.stream import Streamed
from mt_torchattacks.evaluation import NamedData, NamedModel, Store, attack_specs, evaluate_cells
from tests.toy_data import Small


class Watched(Dataset[Any]):
    """Items that are made when they are asked for; it knows which, and how many images are alive at most."""

    tasks = ("depth",)

    def __init__(self, length: int) -> None:
        self.length, self.asked = length, list[int]()
        self.alive = weakref.WeakSet[Tensor]()
        self.most = 0

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> tuple[Tensor, dict[str, Tensor]]:
        self.asked.append(index)
        image = torch.full((3, 8, 8), (index % 100) / 100)
        self.alive.add(image)
        self.most = max(self.most, len(self.alive))
        return image, {"depth": torch.full((1, 8, 8), 1.0 + index)}


class Digested(Watched):
    def digest(self, count: int) -> str:
        return f"first {count}"


def rooms(**options: Any) -> NamedData:
    return NamedData.of("rooms", mta.data.Rooms(length=7, size=32, seed=1), 5, batch_size=2, **options)


@pytest.mark.parametrize("workers", [0, 2])
def test_batches_and_key_are_those_of_the_data_in_memory(workers: int) -> None:
    held, streamed = rooms(in_memory=True), rooms(in_memory=False, workers=workers)
    assert isinstance(streamed.batches, Streamed)
    assert not isinstance(held.batches, Streamed)
    for _ in range(2):  # as often as one likes
        for (images, targets), (same, others) in zip(streamed.batches, held.batches, strict=True):
            assert torch.equal(images, same)
            assert all(torch.equal(targets[task], others[task]) for task in others)
    assert (len(streamed), streamed.sizes, streamed.key) == (len(held), held.sizes, held.key)
    assert streamed.first(3).key == held.first(3).key
    assert torch.equal(streamed.batches[-1][0], held.batches[2][0])
    assert [len(images) for images, _ in streamed.batches[1:]] == [2, 1]


def test_random_numbers_stay_as_they_are() -> None:
    state = torch.random.get_rng_state()
    assert len(list(rooms(in_memory=False, workers=1).batches)) == 3
    assert torch.equal(torch.random.get_rng_state(), state)


def test_results_are_those_of_the_data_in_memory(tmp_path: Path) -> None:
    model = NamedModel("small", Small())
    found = []
    for name, data in (("held", rooms(in_memory=True)), ("streamed", rooms(in_memory=False))):
        specs = attack_specs(["apgd"], ["dgba"], [8 / 255], data.tasks, steps=2)
        found.append(evaluate_cells(Store(tmp_path / name), model, data, specs, progress=False))
    assert found[0].clean.metrics == found[1].clean.metrics
    assert found[0].attacked["apgd/dgba/8"].metrics == found[1].attacked["apgd/dgba/8"].metrics


def test_as_few_images_are_alive_however_many_there_are() -> None:
    most = []
    for length in (40, 400):
        dataset = Watched(length)
        data = NamedData.of("watched", dataset, length, batch_size=4, in_memory=False)
        model = torch.nn.Conv2d(3, 1, 1)
        gc.collect()
        attack = mta.FGSM(model, data.tasks)
        mta.evaluate(model, data.tasks, data.batches, {"fgsm": attack}, data.metrics, progress=False)
        most.append(dataset.most)
    assert most[0] == most[1] <= 3 * 4


def test_what_is_large_is_streamed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "LIMIT", 10 * 4 * (3 + 1) * 8 * 8)  # ten items
    assert not isinstance(NamedData.of("watched", Watched(20), 10).batches, Streamed)
    dataset = Watched(20)
    assert isinstance(NamedData.of("watched", dataset, 11).batches, Streamed)
    assert dataset.asked == [0]  # how large it is


def test_data_that_know_what_they_are_are_not_read_for_their_key() -> None:
    dataset = Digested(20)
    data = NamedData.of("digested", dataset, 9, in_memory=False)
    assert data.key["digest"] == "first 9"
    assert data.first(5).key["digest"] == "first 5"
    assert dataset.asked == []
    assert NamedData.of("digested", dataset, 9, in_memory=True).key["digest"] != "first 9"


def test_bad_input() -> None:
    with pytest.raises(ValueError, match="workers: expected a number >= 0, found -1"):
        NamedData.of("watched", Watched(3), 3, workers=-1)


def test_every_third_batch_is_another_set_than_the_rest() -> None:
    data = NamedData.of("digested", Digested(20), 20, batch_size=2, in_memory=False)
    parts = [data.part(k, 3) for k in range(3)]
    assert [part.sizes for part in parts] == [[2] * 4, [2] * 3, [2] * 3]
    whole, found = list(data.batches), [list(part.batches) for part in parts]
    assert all(torch.equal(found[i % 3][i // 3][0], images) for i, (images, _) in enumerate(whole))
    assert len({part.key["digest"] for part in (data, *parts)}) == 4
    assert parts[1].first(5).sizes == [2]  # of the batches 0, 1, 2 the second one
