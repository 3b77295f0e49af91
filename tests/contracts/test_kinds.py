"""What every kind of task promises, those of the data sets and any other that is registered."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from mt_torchattacks.data.augment import JointAugmentation, crop, mirror, resize
from mt_torchattacks.tasks import error_tasks, kinds, standard_metrics, standard_tasks
from mt_torchattacks.training import MeanPrediction

NAMES, SIZE, CLASSES = kinds.known_names(), (8, 12), 5


def targets(name: str, count: int = 6, size: tuple[int, int] = SIZE, seed: int = 1) -> Tensor:
    return kinds.get(name).example(count, size, CLASSES, torch.Generator().manual_seed(seed))


def outputs(name: str, count: int = 6) -> Tensor:
    """Outputs that have nothing to do with the targets: scores at random, or other targets."""
    kind = kinds.get(name)
    if not kind.classed:
        return targets(name, count, seed=2)
    shape = kind.repeated(torch.zeros(kind.channels(CLASSES)), count, SIZE).shape
    return torch.randn(shape, generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("make", [standard_tasks, error_tasks])
def test_loss_and_error_are_per_sample_with_a_gradient(name: str, make: object) -> None:
    output, target = outputs(name).requires_grad_(), targets(name)
    tasks = make({"head": name})  # type: ignore[operator]
    tasks.check({"head": output}, {"head": target})
    found = tasks.losses({"head": output}, {"head": target})["head"]
    assert found.shape == (6,) and bool((found >= 0).all()) and bool((found > 0).any())
    (gradient,) = torch.autograd.grad(found.sum(), output)
    assert bool(gradient.isfinite().all())
    assert not torch.equal(gradient, torch.zeros_like(gradient))
    alone = tasks.losses({"head": output[2:3]}, {"head": target[2:3]})["head"]
    torch.testing.assert_close(alone, found[2:3])


@pytest.mark.parametrize("name", NAMES)
def test_metrics_have_directions(name: str) -> None:
    metrics = standard_metrics({"head": name}, CLASSES)["head"]
    metrics.update(outputs(name), targets(name))
    values = metrics.compute()
    assert values.keys() == metrics.directions.keys()
    assert all(bool(value.isfinite()) for value in values.values())


@pytest.mark.parametrize("name", NAMES)
def test_the_mean_prediction_is_better_than_a_random_one(name: str) -> None:
    """By the training loss; and it has the form of a model's output."""
    images = torch.zeros(6, 3, *SIZE)
    samples = [(image, {name: target}) for image, target in zip(images, targets(name), strict=True)]
    predicted = MeanPrediction(samples, CLASSES)(images)[name]
    assert predicted.shape == outputs(name).shape
    loss = standard_tasks([name])
    constant, random = (loss.losses({name: o}, {name: targets(name)})[name].mean() for o in (predicted, outputs(name)))
    assert constant < random


@pytest.mark.parametrize("name", NAMES)
def test_mirroring_twice_changes_nothing_and_no_input(name: str) -> None:
    (target,), image = targets(name, 1), torch.rand(3, *SIZE)
    before = target.clone()
    _, twice = mirror(*mirror(image, {name: target}))
    torch.testing.assert_close(twice[name], before)
    assert torch.equal(target, before)


@pytest.mark.parametrize("name", NAMES)
def test_the_same_size_and_the_whole_window_change_nothing(name: str) -> None:
    (target,), image = targets(name, 1), torch.rand(3, *SIZE)
    assert torch.equal(resize(image, {name: target}, SIZE)[1][name], target)
    assert torch.equal(crop(image, {name: target}, SIZE, (0.3, 0.6))[1][name], target)


@pytest.mark.parametrize("name", NAMES)
def test_an_augmented_target_is_one_of_the_kind(name: str) -> None:
    augment = JointAugmentation((6, 7), generator=torch.Generator().manual_seed(0))
    image, loss = torch.rand(3, *SIZE), standard_tasks([name])
    for target in targets(name):
        found = augment(image, {name: target})[1][name][None]
        assert found.dtype == target.dtype
        assert found.shape == targets(name, 1, (6, 7)).shape
        output = kinds.get(name).repeated(torch.ones(kinds.get(name).channels(CLASSES)), 1, (6, 7))
        loss.check({name: output}, {name: found})


@pytest.mark.parametrize("name", NAMES)
def test_a_check_of_good_data_has_no_doubt(name: str) -> None:
    kind = kinds.get(name)
    values = torch.cat([kind.flattened(target) for target in targets(name)], dim=1)
    assert kind.doubts(values) == []
    assert len(kind.described(values)) > 5


@pytest.mark.parametrize("name", NAMES)
def test_pictures_are_colours_or_numbers_on_one_scale(name: str) -> None:
    drawn = kinds.get(name).drawn(targets(name)[0], list(outputs(name)[:2]), SIZE)
    assert len(drawn) == 3
    assert len({(picture.low, picture.high, picture.values.shape) for picture in drawn}) == 1
    for picture in drawn:
        colours = picture.values.ndim == 3 and picture.values.shape[2] == 3
        assert colours if picture.low is None else picture.values.ndim == 2
        if colours:
            assert 0 <= float(picture.values.min()) <= float(picture.values.max()) <= 1


@pytest.mark.parametrize("name", NAMES)
def test_a_legend_names_classes_there_are(name: str) -> None:
    shown = kinds.get(name).classes_shown(targets(name)[0])
    assert shown <= set(range(CLASSES))
    assert bool(shown) == (kinds.get(name).drawn(targets(name)[0], [], SIZE)[0].low is None and kinds.get(name).classed)
