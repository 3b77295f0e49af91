"""ART's structured labels, a dict of arrays per image, for several tasks; and what targets they stand for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor, nn

from mt_torchattacks import checks
from mt_torchattacks.tasks import Tasks
from mt_torchattacks.tasks.losses import BCEWithLogits, CrossEntropy
from mt_torchattacks.types import LossFunction

Array: TypeAlias = np.ndarray[Any, Any]
Labels: TypeAlias = Mapping[str, Any] | Sequence["Mapping[str, Any]"] | Array
"""A dict of arrays with N entries each, or a list (or object array) of N dicts."""


class Label(dict[str, Array]):
    """One image's targets or predictions, by task, and the clean image that they belong to.

    ART's attacks hand on labels as they are while the images change, so what a rule has to know about the clean image
    travels with the label.

    :param values: Arrays by task, without a batch dimension.
    :param image: The clean image, in the estimator's layout.
    :param predicted: `True` if the values are a model's outputs, to be turned into targets before they are used.
    """

    def __init__(self, values: Mapping[str, Any], image: Array, *, predicted: bool = False) -> None:
        super().__init__({name: np.asarray(value) for name, value in values.items()})
        self.image = image
        self.predicted = predicted


def targets(y: Labels, tasks: Tasks, n: int) -> dict[str, Tensor]:
    """The tasks' targets as tensors, `(n, ...)` each, from labels in any of ART's forms.

    :param y: A dict of arrays or tensors, or a list (or object array) of dicts, one for each image.
    :param tasks: The tasks; all that are not ignored need a target.
    :param n: The number of images.
    :return: Targets by task: floating-point ones as float32, integers as int64.
    """
    if isinstance(y, Mapping):
        checks.keys(y, "y", tasks.active, allowed=tuple(tasks))
        found = {name: _target(tasks[name].loss, _tensor(y[name]), predicted=False) for name in tasks.active}
        for name, target in found.items():
            right = target.ndim > 0 and len(target) == n
            checks.require(right, f"y[{name!r}]", f"{n} entries, one for each image", checks.describe(target))
        return found
    is_list = isinstance(y, Sequence) or (isinstance(y, np.ndarray) and y.ndim == 1)
    expected = "a dict of arrays, or a list with a dict of arrays for each image"
    checks.require(is_list, "y", expected, checks.describe(y), TypeError)
    checks.require(len(y) == n, "y", f"{n} labels, one for each image", len(y))
    for i, label in enumerate(y):
        checks.keys(label, f"y[{i}]", tasks.active, allowed=tuple(tasks))
    return {name: _stacked(name, [_single(tasks[name].loss, label, name) for label in y]) for name in tasks.active}


def clean_images(y: Labels) -> Array | None:
    """The clean images that labels carry, `(N, ...)`; None unless all do."""
    images = [label.image for label in y if isinstance(label, Label)]
    return np.stack(images) if images and len(images) == len(y) else None


def _single(loss: LossFunction, label: Mapping[str, Any], name: str) -> Tensor:
    predicted = isinstance(label, Label) and label.predicted
    return _target(loss, _tensor(label[name]).unsqueeze(0), predicted=predicted)


def _stacked(name: str, values: list[Tensor]) -> Tensor:
    shapes = sorted({tuple(value.shape[1:]) for value in values})
    checks.require(len(shapes) == 1, f"y[...][{name!r}]", "one shape for all images", shapes)
    return torch.cat(values)


def _tensor(value: Any) -> Tensor:
    tensor = value.detach() if isinstance(value, Tensor) else torch.tensor(np.asarray(value))
    if tensor.is_floating_point():
        return tensor.float()
    return tensor if tensor.dtype == torch.bool else tensor.long()


def _target(loss: LossFunction, value: Tensor, *, predicted: bool) -> Tensor:
    """Class scores (and one-hot labels) as classes, predicted logits of yes-no questions as 0 or 1."""
    module = getattr(loss, "module", loss)
    if value.is_floating_point() and value.ndim > 1:
        if isinstance(loss, CrossEntropy) or (predicted and isinstance(module, nn.CrossEntropyLoss)):
            return value.argmax(dim=1)
        if predicted and isinstance(module, (BCEWithLogits, nn.BCEWithLogitsLoss)):
            return (value > 0).to(value.dtype)
    return value
