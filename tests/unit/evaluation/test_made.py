"""Adversarial images that are made once: from a folder they are those from memory, and the folder goes."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path
from typing import Any

import pytest
import torch

import mt_torchattacks as mta
from mt_torchattacks.evaluation import MadeImages, NamedData, NamedModel, Store, make
from mt_torchattacks.evaluation.specs import AttackSpec
from mt_torchattacks.studies.budget import BudgetOptions, BudgetStudy
from mt_torchattacks.studies.queries import query_curve
from mt_torchattacks.studies.transfer import transferred


def data(in_memory: bool) -> NamedData:
    return NamedData.of("rooms", mta.data.Rooms(length=3, seed=1), 3, batch_size=2, in_memory=in_memory)


def model(name: str = "all-shared") -> NamedModel:
    return NamedModel(name, mta.models.zoo(f"rooms3/{name}"))


def test_a_folder_gives_the_same_images_and_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    batches = [(torch.rand(2, 3, 4, 4), {}), (torch.rand(1, 3, 4, 4), {})]

    def attack(images: Any, targets: Any) -> Any:
        return images + torch.rand_like(images)

    held, kept = (make(attack, batches, seed=3, in_memory=where) for where in (True, False))
    assert len(kept) == len(held) == 2
    for one, other in zip(held, kept, strict=True):
        assert torch.equal(one, other)
    assert torch.equal(kept[-1], held[1])
    assert [len(images) for images in kept[:]] == [2, 1]
    with pytest.raises(IndexError):
        kept[2]
    assert len(list(tmp_path.glob("*/*.pt"))) == 2
    del kept
    gc.collect()
    assert list(tmp_path.iterdir()) == []


def test_what_is_in_a_folder_is_not_in_memory() -> None:
    kept, images = MadeImages(in_memory=False), torch.rand(2, 3, 4, 4)
    alive = weakref.ref(images)
    kept.append(images)
    del images
    assert alive() is None
    part = torch.rand(8, 100)[:1]  # a view of something larger
    kept.append(part)
    path = kept._path(1)
    assert path.stat().st_size < 8 * 100 * 4


@pytest.mark.parametrize("study", ["transfer", "budget", "queries"])
def test_studies_of_streamed_data_give_the_numbers_of_held_ones(study: str, tmp_path: Path) -> None:
    found = [numbers(study, data(where), Store(tmp_path / str(where))) for where in (True, False)]
    assert found[0] == found[1]


def numbers(study: str, there: NamedData, store: Store) -> Any:
    """What a study finds on the data, as text."""
    if study == "transfer":
        specs = [AttackSpec("pgd", steps=2), AttackSpec("pgd", "total", steps=2)]
        return str(transferred(store, model(), [model("independent")], there, specs, progress=False))
    if study == "budget":
        options = BudgetOptions(attack=["pgd"], balance=["dgba"], passes=4, model=["toy"])
        found = BudgetStudy().run(
            store, lambda names: [model()], lambda name, source="": there, options, progress=False
        )
        return found.values
    attack = mta.Square(model().model, there.tasks, n_queries=3)
    clean = mta.evaluation.measure(model().model, there.tasks, there.batches, there.metrics)
    return query_curve(model(), there, clean, attack, (1, 3), steps=2, progress=False).evaluation.arp().to_csv()
