"""Two handwritten digits an image: the smallest data set of two classifications that is always there."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, Literal, get_args

import torch
from torch import Tensor
from torch.utils.data import Dataset

from mt_torchattacks import checks
from mt_torchattacks.metrics import TaskMetrics
from mt_torchattacks.tasks import Tasks, standard_metrics, standard_tasks

Split = Literal["train", "test"]

_SIDE, _DIGIT = 12, 8
_HELD_OUT = 500
_BRIGHTEST = 16.0
_SPLIT_SEED = 0


class TwoDigits(Dataset[tuple[Tensor, dict[str, Tensor]]]):
    """Pairs of scikit-learn's 1,797 digits of 8 x 8 pixels on images of 12 x 12: which is left, and which is right?

    The left digit fills columns 0 to 7, the right one columns 4 to 11, each at a random height; where they overlap the
    brighter pixel counts. No digit of one split is in the other: 500 of them, always the same, are held out. Item ``i``
    depends on ``(split, seed, length)``; the global random numbers are neither used nor changed.

    Args:
        length: number of images.
        split: ``"train"`` draws from 1,297 digits, ``"test"`` from the other 500.
        seed: a whole number >= 0: another seed, other pairs of the same digits.

    Attributes:
        tasks: ``left`` and ``right``, two classifications with the cross-entropy.
        metrics: an accumulator of each one's accuracy.
        images: all images ``(length, 1, 12, 12)``, float32 in [0, 1].
        targets: for each task all labels ``(length,)``, int64 in [0, 10).

    Raises:
        ImportError: scikit-learn is not installed.
        ValueError: ``length`` is not positive, another split, or a negative seed.

    Example:
        >>> digits = TwoDigits(4, "test")
        >>> image, targets = digits[0]
        >>> image.shape, sorted(targets), list(digits.tasks)
        (torch.Size([1, 12, 12]), ['left', 'right'], ['left', 'right'])
    """

    TASKS = ("left", "right")
    num_classes = 10

    def __init__(self, length: int = 500, split: Split = "test", seed: int = 0) -> None:
        checks.whole(length, "length")
        checks.one_of(split, "split", get_args(Split))
        checks.require(seed >= 0, "seed", "a whole number >= 0", seed)
        digits, labels = digits_of(split)
        generator = torch.Generator().manual_seed(2 * seed + (split == "train"))
        chosen = torch.randint(len(digits), (2, length), generator=generator)
        heights = torch.randint(_SIDE - _DIGIT + 1, (2, length), generator=generator)
        self.images = _pairs(digits[chosen], heights)
        self.targets: dict[str, Tensor] = dict(zip(self.TASKS, labels[chosen], strict=True))
        self.tasks: Tasks = standard_tasks(dict.fromkeys(self.TASKS, "classification"))

    @property
    def metrics(self) -> dict[str, TaskMetrics]:
        """Fresh accumulators by task."""
        return standard_metrics(self.tasks, self.num_classes)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, dict[str, Tensor]]:
        return self.images[index], {task: target[index] for task, target in self.targets.items()}

    def render(self, indices: Sequence[int] | range) -> tuple[Tensor, dict[str, Tensor]]:
        """Several items at once: images ``(N, 1, 12, 12)`` and each task's labels ``(N,)``."""
        where = torch.as_tensor(list(indices))
        return self.images[where], {task: target[where] for task, target in self.targets.items()}


def digits_of(split: Split) -> tuple[Tensor, Tensor]:
    """The single digits of a split: images ``(D, 8, 8)`` in [0, 1] and labels ``(D,)``.

    Example:
        >>> [len(digits_of(split)[1]) for split in ("train", "test")]
        [1297, 500]
    """
    images, labels = _all_digits()
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(_SPLIT_SEED))
    chosen = order[:_HELD_OUT] if split == "test" else order[_HELD_OUT:]
    return images[chosen], labels[chosen]


@cache
def _all_digits() -> tuple[Tensor, Tensor]:
    read: Any = checks.optional("sklearn.datasets", extra="digits").load_digits()
    return torch.from_numpy(read.images).float() / _BRIGHTEST, torch.from_numpy(read.target).long()


def _pairs(digits: Tensor, heights: Tensor) -> Tensor:
    """Images ``(N, 1, 12, 12)`` of digits ``(2, N, 8, 8)``, left and right, each at its height ``(2, N)``."""
    samples = digits.shape[1]
    canvas = digits.new_zeros(2, samples, _SIDE, _SIDE)
    rows = heights[..., None] + torch.arange(_DIGIT)
    places = torch.arange(samples)[:, None, None]
    for side, first in enumerate((0, _SIDE - _DIGIT)):
        columns = first + torch.arange(_DIGIT)
        canvas[side][places, rows[side][:, :, None], columns] = digits[side]
    return canvas.amax(dim=0).unsqueeze(1)
