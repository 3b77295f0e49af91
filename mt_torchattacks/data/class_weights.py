"""Weights of classes for the cross-entropy, from how often each occurs."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.utils.data import Dataset

from mt_torchattacks import checks


def class_pixels(data: Dataset[tuple[Tensor, dict[str, Tensor]]], num_classes: int) -> Tensor:
    """Count the pixels of each class over all items of a data set; those that do not count are left out.

    Args:
        data: items with the target ``segmentation``; a ``torch.utils.data.Subset`` to count only some.
        num_classes: K.

    Returns:
        ``(K,)`` numbers of pixels.

    Example:
        >>> from mt_torchattacks.data import Rooms
        >>> rooms = Rooms(length=2, size=32)
        >>> class_pixels(rooms, rooms.num_classes).sum()
        tensor(2048)
    """
    counts = torch.zeros(num_classes, dtype=torch.int64)
    for index in range(len(data)):  # type: ignore[arg-type]
        labels = data[index][1]["segmentation"]
        counts += torch.bincount(labels[labels < num_classes], minlength=num_classes)
    return counts


def prior_factor(pixels: Tensor, *, uniform: float = 0.5, power: float = 1.0) -> Tensor:
    """Weights that even out rare and frequent classes (Zhang et al., 2016, equation 4).

    The class's share of the pixels is mixed with the uniform distribution and raised to ``-power``; the weights'
    expectation is 1. For data without the file of
    :meth:`TinyTaskonomy.class_weights() <mt_torchattacks.data.TinyTaskonomy.class_weights>`.

    Args:
        pixels: ``(K,)`` number of pixels of each class, as :func:`class_pixels` counts them.
        uniform: share of the uniform distribution, in [0, 1]; above 0 if a class has no pixel.
        power: 0 gives equal weights.

    Returns:
        ``(K,)`` weights.

    Raises:
        ValueError: no pixel, a number below 0, or another share.

    Example:
        >>> prior_factor(torch.tensor([3.0, 1.0]))
        tensor([0.8571, 1.4286])
    """
    checks.require(bool((pixels >= 0).all() and pixels.any()), "pixels", "numbers >= 0, not all 0", pixels.tolist())
    defined = uniform > 0 or bool(pixels.all())
    expected = "a share in [0, 1], not 0 where a class has no pixel"
    checks.require(0 <= uniform <= 1 and defined, "uniform", expected, uniform)
    prior = pixels / pixels.sum()
    weights = ((1 - uniform) * prior + uniform / len(pixels)) ** -power
    return weights / (prior * weights).sum()
