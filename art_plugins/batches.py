"""Batches of tensors from what ART trains on: arrays and data generators."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import torch
from art.data_generators import DataGenerator, PyTorchDataGenerator
from torch import Tensor

from art_plugins.device import DeviceMixin
from mt_torchattacks import checks

Batch: TypeAlias = tuple[Tensor, dict[str, Tensor]]
Epoch: TypeAlias = Callable[[], Iterator[Batch]]
"""A function that gives one epoch's batches, on the estimator's device."""


def in_batches(images: Tensor, size: int) -> Iterator[Tensor]:
    """Consecutive parts of a tensor with `size` entries each; the last may have fewer."""
    for start in range(0, len(images), size):
        yield images[start : start + size]


def shuffled(estimator: DeviceMixin, x: Any, y: Any, size: int, *, drop_last: bool = False) -> Epoch:
    """Batches of arrays, in a new random order at each epoch.

    :param estimator: The estimator whose images and labels these are.
    :param x: Images.
    :param y: Labels.
    :param size: Images a batch.
    :param drop_last: Leave out a last batch that is smaller.
    """
    images = estimator.images(x)
    goals = estimator.targets(y, len(images))

    def epoch() -> Iterator[Batch]:
        for indices in in_batches(torch.randperm(len(images)), size):
            if len(indices) == size or not drop_last:
                batch = {name: goal[indices].to(estimator.device) for name, goal in goals.items()}
                yield images[indices].to(estimator.device), batch

    return epoch


def generated(estimator: DeviceMixin, generator: Any) -> Epoch:
    """The batches of one of ART's data generators.

    :param estimator: The estimator whose images and labels these are.
    :param generator: A generator; a PyTorch one may have a loader whose targets are a dict of tensors.
    """
    expected = "an instance of art.data_generators.DataGenerator"
    checks.require(isinstance(generator, DataGenerator), "generator", expected, checks.describe(generator))

    def epoch() -> Iterator[Batch]:
        for x, y in _given(generator):
            goals = estimator.targets(y, len(x))
            yield estimator.images(x).to(estimator.device), {n: g.to(estimator.device) for n, g in goals.items()}

    return epoch


def _given(generator: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(generator, PyTorchDataGenerator):  # its get_batch() knows no dicts
        yield from generator.iterator
        return
    checks.require(generator.size is not None, "generator", "one with a size", "size None")
    for _ in range(math.ceil(generator.size / generator.batch_size)):
        yield generator.get_batch()
