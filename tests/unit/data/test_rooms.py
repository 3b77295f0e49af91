"""The data set of rooms: its arguments, that items depend on (seed, index) only, and what the scenes hold."""

from __future__ import annotations

import random

import pytest
import torch

from mt_torchattacks.data import Rooms
from mt_torchattacks.data._classes import CLASS_NAMES, FROM_40, NAMES_13, NAMES_40
from mt_torchattacks.data._rooms.batch import scene_key
from mt_torchattacks.data._rooms.compose import compose

SIZE = (21, 30)


def assert_same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> None:
    """Bit for bit, for every task that both have."""
    for task in first.keys() & second.keys():
        assert torch.equal(first[task], second[task]), task


@pytest.fixture(scope="module")
def many() -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Three hundred small scenes with the 40 classes."""
    return Rooms(300, size=20, classes=40).render(range(300))


def test_item_is_the_same_alone_and_in_a_batch_and_for_any_length_and_tasks() -> None:
    images, targets = Rooms(9, SIZE, tasks=Rooms.TASKS).render(range(9))
    for index in (0, 4, 8):
        image, target = Rooms(100, SIZE, tasks=("normal", "segmentation"))[index]
        assert torch.equal(image, images[index])
        assert_same({task: targets[task][index] for task in targets}, target)
        _, alone = Rooms(9, SIZE, tasks=Rooms.TASKS)[index]
        assert_same({task: targets[task][index] for task in targets}, alone)


def test_order_and_repetition_of_indices_do_not_matter() -> None:
    rooms = Rooms(9, SIZE)
    images, _ = rooms.render([7, 2, 7, -1])
    again, _ = rooms.render([8, 7, 2])
    assert torch.equal(images, again[[1, 2, 1, 0]])


def test_item_is_the_same_for_any_number_of_threads() -> None:
    rooms, threads = Rooms(12, 64, tasks=Rooms.TASKS), torch.get_num_threads()
    images, targets = rooms.render(range(12))
    torch.set_num_threads(3)
    try:
        again, other = rooms.render(range(12))
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(images, again)
    assert_same(targets, other)


def test_parts_of_a_large_batch_join() -> None:
    rooms = Rooms(3, (300, 310))  # more pixels than are rendered at once
    images, targets = rooms.render([0, 2])
    image, target = rooms[2]
    assert torch.equal(images[1], image)
    assert torch.equal(targets["depth"][1], target["depth"])


def test_global_random_numbers_are_neither_used_nor_moved() -> None:
    rooms = Rooms(2, SIZE)
    torch.manual_seed(1)
    random.seed(1)
    state, python_state = torch.get_rng_state(), random.getstate()
    image, _ = rooms[1]
    assert torch.equal(torch.get_rng_state(), state)
    assert random.getstate() == python_state
    torch.manual_seed(2)
    random.seed(2)
    assert torch.equal(rooms[1][0], image)


def test_seeds_and_indices_give_different_scenes() -> None:
    keys = {scene_key(seed, index) for seed in range(-3, 30) for index in range(30)}
    assert len(keys) == 33 * 30
    assert not torch.equal(Rooms(2, SIZE, seed=0)[1][0], Rooms(2, SIZE, seed=1)[0][0])


def test_scenes_stay_what_they_are() -> None:
    """The zoo's models are trained on these scenes: a change that moves a random number changes every number here."""
    scene = compose(scene_key(0, 0))
    assert len(scene.drawing.shapes) == 147
    assert scene.position == pytest.approx((-1.714745, 1.193090, 1.138735), abs=1e-6)
    assert scene.sensor[-1] == pytest.approx(0.126174, abs=1e-6)


def test_thirteen_classes_are_a_mapping_of_forty() -> None:
    fine = Rooms(4, SIZE, classes=40).render(range(4))[1]["segmentation"]
    coarse = Rooms(4, SIZE, classes=13).render(range(4))[1]["segmentation"]
    assert torch.equal(FROM_40[13][fine], coarse)
    for name, expected in {
        "desk": "table",
        "door": "wall",
        "blinds": "window",
        "floor mat": "floor",
        "lamp": "objects",
        "night stand": "furniture",
        "bookshelf": "furniture",
        "pillow": "objects",
    }.items():
        assert NAMES_13[FROM_40[13][NAMES_40.index(name)]] == expected
    assert len(set(NAMES_40)) == 40
    assert set(FROM_40[13].tolist()) == set(range(13))


@pytest.mark.parametrize("classes", [13, 40])
def test_class_names_and_number(classes: int) -> None:
    rooms = Rooms(1, SIZE, classes=classes)
    assert rooms.num_classes == classes == len(rooms.class_names)
    assert rooms.class_names == CLASS_NAMES[classes]


def test_no_class_dominates_and_none_is_missing(many: tuple[torch.Tensor, dict[str, torch.Tensor]]) -> None:
    labels = many[1]["segmentation"].flatten()
    assert (torch.bincount(labels, minlength=40) > 0).all()
    share = torch.bincount(FROM_40[13][labels], minlength=13) / labels.numel()
    assert share.max() < 0.35
    assert share.min() > 0.003
    in_scene = [scene.unique().numel() for scene in many[1]["segmentation"]]
    assert sum(in_scene) / len(in_scene) > 6  # clutter


def test_no_trivial_guess_of_depth_and_normals(many: tuple[torch.Tensor, dict[str, torch.Tensor]]) -> None:
    depth, normal = many[1]["depth"], many[1]["normal"]
    assert 2 < depth.mean() < 3.2
    assert (depth - depth.mean(0)).abs().mean() > 0.6  # the mean of each pixel
    guess = torch.nn.functional.normalize(normal.mean(0), dim=0)
    angle = torch.rad2deg(torch.arccos((normal * guess).sum(1).clamp(-1, 1)))
    assert angle.mean() > 30


def test_colour_hardly_gives_the_class_away(many: tuple[torch.Tensor, dict[str, torch.Tensor]]) -> None:
    """The best guess from a pixel's colour (in 512 cells) is hardly better than the most frequent class."""
    images, labels = many[0], FROM_40[13][many[1]["segmentation"]].flatten()
    cell = (images * 7.999).long()
    cell = (cell[:, 0] * 64 + cell[:, 1] * 8 + cell[:, 2]).flatten()
    table = torch.zeros(512, 13).index_put_((cell, labels), torch.ones(()), accumulate=True)
    most = torch.bincount(labels).max() / labels.numel()
    assert table.amax(1).sum() / labels.numel() < most + 0.08


@pytest.mark.parametrize("size", [1, (1, 7), (2, 1), (5, 3), 16])
def test_any_size(size: int | tuple[int, int]) -> None:
    shape = (size, size) if isinstance(size, int) else size
    image, targets = Rooms(2, size, tasks=Rooms.TASKS)[1]
    assert image.shape == (3, *shape)
    assert all(target.shape[-2:] == shape and target.isfinite().all() for target in targets.values())


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"length": -1}, ValueError, "length: expected a number >= 0, found -1"),
        ({"length": 2.0}, TypeError, "length: expected a whole number, found 2.0"),
        ({"size": 0}, ValueError, "size: expected positive numbers, found 0"),
        ({"size": (64, -2)}, ValueError, "size: expected positive numbers"),
        ({"size": (64, 64, 3)}, ValueError, r"size: expected one number or \(height, width\)"),
        ({"size": "64"}, TypeError, "size: expected a whole number, found '64'"),
        ({"seed": None}, TypeError, "seed: expected a whole number, found None"),
        ({"seed": True}, TypeError, "seed: expected a whole number, found True"),
        ({"classes": 19}, ValueError, "classes: expected 40 or 13, found 19"),
        ({"tasks": ("depth", "flow")}, ValueError, "tasks: expected one of 'segmentation', 'normal', .*found 'flow'"),
        ({"tasks": "depth"}, TypeError, "tasks: expected a sequence of names, found 'depth'"),
    ],
)
def test_bad_arguments(arguments: dict[str, object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Rooms(**arguments)


@pytest.mark.parametrize("index", [4, -5, 1000])
def test_index_outside(index: int) -> None:
    with pytest.raises(IndexError, match=f"index: expected .*4.*found {index}"):
        Rooms(4, SIZE)[index]


def test_rendering_nothing() -> None:
    with pytest.raises(ValueError, match="indices: expected at least one index, found none"):
        Rooms(4, SIZE).render([])


def test_only_what_is_asked_for() -> None:
    image, targets = Rooms(4, SIZE, tasks=())[0]
    assert image.shape == (3, *SIZE)
    assert targets == {}
