"""What every data set keeps to, parametrised by the registry."""

from __future__ import annotations

import pickle
import random
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

import mt_torchattacks as mta
from mt_torchattacks.data import DATASETS, dataset_names
from mt_torchattacks.data.catalogue import on_disk
from tests.data_factories import FACTORIES


def from_disk(form: str, root: Path) -> Any:
    """Rooms, written in a form and read with all of its tasks."""
    return FACTORIES[form](root, list(mta.data.Rooms(4, (17, 26))), tasks=DATASETS[form.split("/")[0]].TASKS)


# How to make a small one of each, in each of its forms on disk, with all its tasks.
SMALL: dict[str, Callable[[Path], Any]] = {
    "rooms": lambda _: mta.data.Rooms(5, (17, 26), tasks=mta.data.Rooms.TASKS, classes=40),
    **{form: partial(from_disk, form) for form in FACTORIES},
}
# Of a plugin: one that is made on the spot needs no more than its name.
SMALL |= {
    name: lambda _, name=name: DATASETS[name](length=5, size=(17, 26))
    for name in set(dataset_names()) - {form.split("/")[0] for form in SMALL}
    if not on_disk(name)
}
CHANNELS = {"normal": 3, "principal_curvature": 2, "autoencoder": 3}
UNIT = {"keypoints2d", "keypoints3d", "edge_texture", "edge_occlusion", "reshading", "autoencoder"}
LOSSES = {"normal": mta.losses.CosineDistance(valid=mta.losses.nonzero)}


@pytest.fixture(scope="module", params=sorted(SMALL))
def dataset(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    return SMALL[request.param](tmp_path_factory.mktemp("data"))


def test_every_data_set_is_tested() -> None:
    assert {form.split("/")[0] for form in SMALL} == set(dataset_names())


def test_image_is_rgb_in_the_unit_range(dataset: Any) -> None:
    for image, _ in dataset:
        assert image.dtype == torch.float32
        assert image.shape[0] == 3
        assert image.min() >= 0 and image.max() <= 1


def test_targets_have_the_shapes_and_types_of_their_tasks(dataset: Any) -> None:
    image, targets = dataset[0]
    size = image.shape[1:]
    for task, target in targets.items():
        if task == "segmentation":
            assert target.dtype == torch.int64
            assert target.shape == size
        else:
            assert target.dtype == torch.float32
            assert target.shape == (CHANNELS.get(task, 1), *size)
            assert target.isfinite().all()


def test_values_of_targets_mean_what_the_task_says(dataset: Any) -> None:
    for _, targets in dataset:
        for task, target in targets.items():
            if task == "segmentation":
                assert (((target >= 0) & (target < dataset.num_classes)) | (target == 255)).all()
            elif task == "normal":
                length = target.norm(dim=0)
                assert ((length - 1).abs() < 1e-5).logical_or(length == 0).all()
            elif task in ("depth", "depth_euclidean"):
                assert (target > 0).float().mean() > 0.5
                assert target.max() < 100
            elif task in UNIT:
                assert target.min() >= 0 and target.max() <= 1


def test_class_names(dataset: Any) -> None:
    assert len(dataset.class_names) == dataset.num_classes
    assert len(set(dataset.class_names)) == dataset.num_classes


def test_indices(dataset: Any) -> None:
    assert len(list(dataset)) == len(dataset)
    assert torch.equal(dataset[-1][0], dataset[len(dataset) - 1][0])
    for outside in (len(dataset), -len(dataset) - 1):
        with pytest.raises(IndexError):
            dataset[outside]


def test_items_repeat_and_leave_the_global_random_numbers_alone(dataset: Any) -> None:
    states = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002
    image, targets = dataset[2]
    assert torch.equal(torch.get_rng_state(), states[0])
    assert random.getstate() == states[1]
    assert np.random.get_state()[1].tolist() == states[2]  # noqa: NPY002
    dataset[0]
    again, other = dataset[2]
    assert torch.equal(image, again)
    assert all(torch.equal(targets[task], other[task]) for task in targets)


def test_items_survive_pickling_for_the_workers_of_a_loader(dataset: Any) -> None:
    assert torch.equal(pickle.loads(pickle.dumps(dataset))[1][0], dataset[1][0])


def test_loader_batches_fit_the_tasks_losses(dataset: Any) -> None:
    images, targets = next(iter(DataLoader(dataset, batch_size=3)))
    assert images.shape[0] == 3
    tasks = mta.Tasks({task: _loss(task) for task in targets})
    outputs = {task: _output(task, target, dataset.num_classes) for task, target in targets.items()}
    for task, loss in tasks.losses(outputs, targets).items():
        assert loss.shape == (3,), task
        assert loss.isfinite().all(), task


def _loss(task: str) -> Any:
    if task == "segmentation":
        return mta.losses.CrossEntropy(ignore_index=255)
    return LOSSES.get(task, mta.losses.L1())


def _output(task: str, target: torch.Tensor, classes: int) -> torch.Tensor:
    return torch.rand(len(target), classes, *target.shape[1:]) if task == "segmentation" else torch.rand_like(target)
