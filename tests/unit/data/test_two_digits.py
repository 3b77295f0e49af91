"""Two digits an image: what is held out, what an item is, and that it depends on its arguments only."""

from __future__ import annotations

import pickle
import sys
from typing import Any

import pytest
import torch

import mt_torchattacks as mta
from mt_torchattacks.data import TwoDigits
from mt_torchattacks.data.two_digits import digits_of
from mt_torchattacks.tasks import error_tasks


def drawn(split: Any) -> set[bytes]:
    return {image.numpy().tobytes() for image in digits_of(split)[0]}


def test_no_digit_is_in_both_splits() -> None:
    train, test = drawn("train"), drawn("test")
    assert (len(digits_of("train")[0]), len(digits_of("test")[0])) == (1297, 500)
    assert not train & test


def test_every_image_shows_its_two_labels() -> None:
    """The left four columns are the left digit's, the right four the right one's, at some height."""
    data = TwoDigits(40, "test", seed=3)
    digits, labels = digits_of("test")
    for i in range(len(data)):
        image, targets = data[i]
        for task, at, inside in (("left", slice(0, 4), slice(0, 4)), ("right", slice(8, 12), slice(4, 8))):
            known = digits[labels == targets[task]][:, :, inside]
            heights = [image[0, top : top + 8, at] for top in range(5)]
            assert any((known == part).flatten(1).all(dim=1).any() for part in heights)


def test_items_depend_on_split_seed_and_length_only() -> None:
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first, again = TwoDigits(8, "train", seed=5), TwoDigits(8, "train", seed=5)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(first.images, again.images)
    assert not torch.equal(first.images, TwoDigits(8, "train", seed=6).images)
    assert not torch.equal(first.images, TwoDigits(8, "test", seed=5).images)
    assert torch.equal(pickle.loads(pickle.dumps(first))[3][0], first[3][0])


def test_images_targets_tasks_and_metrics_fit() -> None:
    data = TwoDigits(20)
    images, targets = data.render(range(20))
    assert images.shape == (20, 1, 12, 12)
    assert images.dtype == torch.float32
    assert images.min() == 0
    assert images.max() == 1
    assert {task: (target.shape, target.dtype) for task, target in targets.items()} == dict.fromkeys(
        ("left", "right"), ((20,), torch.int64)
    )
    named = mta.evaluation.NamedData.of("digits", data, 20)
    perfect = {task: torch.nn.functional.one_hot(target, 10).float() for task, target in targets.items()}
    found = mta.evaluation.measure(lambda_model(perfect), data.tasks, [(images, targets)], named.metrics)
    assert found.metrics == {"left": {"accuracy": 1.0}, "right": {"accuracy": 1.0}}
    errors = error_tasks(data.tasks)
    assert [type(task.loss).__name__ for task in errors.values()] == ["ExpectedError", "ExpectedError"]


def lambda_model(outputs: dict[str, torch.Tensor]) -> torch.nn.Module:
    class Fixed(torch.nn.Module):
        def forward(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
            return outputs

    return Fixed()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, "test", 0), "length: expected a number > 0"),
        ((4, "val", 0), "split: expected one of 'train', 'test'"),
        ((4, "test", -1), "seed: expected a whole number >= 0"),
    ],
)
def test_bad_arguments(arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TwoDigits(*arguments)


def test_without_scikit_learn_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    from mt_torchattacks.data import two_digits

    two_digits._all_digits.cache_clear()
    monkeypatch.setitem(sys.modules, "sklearn", None)
    monkeypatch.delitem(sys.modules, "sklearn.datasets", raising=False)
    with pytest.raises(ImportError, match=r"mt-torchattacks\[digits\]"):
        TwoDigits(2)
