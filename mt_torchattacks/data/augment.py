"""Augmentation of one image together with its targets."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from mt_torchattacks import checks
from mt_torchattacks.tasks.kinds import Window, find


def resize(image: Tensor, targets: Mapping[str, Tensor], size: tuple[int, int]) -> tuple[Tensor, dict[str, Tensor]]:
    """Image and targets at another size: the image bilinear (antialiased), targets the nearest pixel's, none mixed.

    Args:
        image: ``(3, H, W)``.
        targets: each ``(..., H, W)``, or as its kind has it (:meth:`~mt_torchattacks.tasks.kinds.Kind.resized`).
        size: new height and width.

    Example:
        >>> resize(torch.rand(3, 4, 6), {"depth": torch.rand(1, 4, 6)}, (2, 3))[1]["depth"].shape
        torch.Size([1, 2, 3])
    """
    picture = F.interpolate(image[None], size=size, mode="bilinear", antialias=True)[0].clamp(0, 1)
    old = (image.shape[-2], image.shape[-1])
    return picture, {task: find(task).resized(target, old, size) for task, target in targets.items()}


def mirror(image: Tensor, targets: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
    """Left and right exchanged, also in the targets' values where their kind says so.

    Normals change the sign of their x component (:meth:`~mt_torchattacks.tasks.kinds.Kind.mirrored`).

    Example:
        >>> normal = torch.tensor([[[0.6, 0.28]], [[0.0, 0.0]], [[-0.8, -0.96]]])
        >>> mirror(torch.rand(3, 1, 2), {"normal": normal})[1]["normal"][:, 0, 0]
        tensor([-0.2800,  0.0000, -0.9600])
    """
    width = image.shape[-1]
    return image.flip(-1), {task: find(task).mirrored(target, width) for task, target in targets.items()}


def crop(
    image: Tensor, targets: Mapping[str, Tensor], size: tuple[int, int], place: tuple[float, float]
) -> tuple[Tensor, dict[str, Tensor]]:
    """A window of the image and of its targets; what is smaller than the window is padded evenly first.

    Args:
        image: ``(3, H, W)``, padded with black.
        targets: each ``(..., H, W)``, padded with its kind's ``padding`` (255 for segmentation, 0 for others), or as
            its kind has it (:meth:`~mt_torchattacks.tasks.kinds.Kind.cropped`).
        size: height and width of the window.
        place: where the window lies, down and right, from 0 (top, left) to 1 (bottom, right).

    Example:
        >>> crop(torch.ones(3, 1, 2), {"segmentation": torch.tensor([[3, 4]])}, (3, 1), (0.5, 1.0))[1]
        {'segmentation': tensor([[255],
                [  4],
                [255]])}
    """
    missing = [max(0, new - old) for new, old in zip(size, image.shape[-2:], strict=True)]
    top, left = missing[0] // 2, missing[1] // 2
    margins = (left, missing[1] - left, top, missing[0] - top)
    free = [max(0, old - new) for new, old in zip(size, image.shape[-2:], strict=True)]
    first_row, first_column = (min(room, int(share * (room + 1))) for share, room in zip(place, free, strict=True))
    rows, columns = slice(first_row, first_row + size[0]), slice(first_column, first_column + size[1])
    window = Window(margins, rows, columns)
    results = {task: find(task).cropped(target, window) for task, target in targets.items()}
    return F.pad(image, margins)[..., rows, columns], results


class RandomMirror:
    """Left and right exchanged half of the time, the same for an image and all of its targets.

    Args:
        generator: the source of randomness where a call brings no numbers; PyTorch's global one by default.

    Example:
        >>> image, targets = RandomMirror()(torch.rand(3, 4, 6), {"depth": torch.ones(1, 4, 6)})
        >>> image.shape
        torch.Size([3, 4, 6])
    """

    numbers = 1
    """How many random numbers a sample needs."""

    def __init__(self, generator: torch.Generator | None = None) -> None:
        self.generator = generator

    def __call__(
        self, image: Tensor, targets: Mapping[str, Tensor], numbers: Tensor | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Augment one sample; arguments and result as of :class:`JointAugmentation`."""
        (coin,) = _drawn(numbers, self.numbers, self.generator)
        return mirror(image, targets) if coin < 0.5 else (image, dict(targets))


class JointAugmentation:
    """Random scale, mirror and crop, the same for an image and all of its targets.

    Training on NYUv2, Taskonomy and Cityscapes as [D] does it, after Sun et al., 2020 (AdaShare): a scale between 0.5
    and 1.5, a mirror image half of the time, a crop of 321 (NYUv2) or 224 pixels, padded where the image is smaller.

    Args:
        size: height and width of the crop in pixels, one number for both or two.
        scale: the smallest and the largest scale.
        powers: for each task whose values change with the scale ``s``: they are multiplied by ``s ** power``. None: the
            power of each task's kind, which divides depth by ``s``, as Eigen and Fergus, 2015, and LibMTL do. ``{}``
            leaves depth as it is, as AdaShare's code, and with it that of [D], does. ``{"depth": 1}`` is for inverse
            depth (Cityscapes).
        generator: the source of randomness; PyTorch's global one by default, which a data loader seeds for each worker
            (of another one, each worker has the same copy).

    Raises:
        ValueError: the size or the scales are not positive, or the largest scale is below the smallest.

    Example:
        >>> augment = JointAugmentation(224, generator=torch.Generator().manual_seed(0))
        >>> image, targets = augment(torch.rand(3, 240, 320), {"depth": torch.ones(1, 240, 320)})
        >>> image.shape, targets["depth"].shape
        (torch.Size([3, 224, 224]), torch.Size([1, 224, 224]))
    """

    numbers = 4
    """How many random numbers a sample needs."""

    def __init__(
        self,
        size: int | tuple[int, int],
        *,
        scale: tuple[float, float] = (0.5, 1.5),
        powers: Mapping[str, float] | None = None,
        generator: torch.Generator | None = None,
    ) -> None:
        self.size = checked_size(size)
        checks.require(0 < scale[0] <= scale[1], "scale", "two numbers, 0 < smallest <= largest", scale)
        self.scale = scale
        self.powers = None if powers is None else dict(powers)
        self.generator = generator

    def __call__(
        self, image: Tensor, targets: Mapping[str, Tensor], numbers: Tensor | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Augment one sample.

        Args:
            image: ``(3, H, W)`` in [0, 1].
            targets: each ``(..., H, W)``, or as its kind has it.
            numbers: ``(4,)`` in [0, 1), what the augmentation is decided by; drawn by default.

        Returns:
            The image ``(3, *size)`` and its targets.
        """
        zoom, coin, *place = _drawn(numbers, self.numbers, self.generator)
        scale = self.scale[0] + zoom * (self.scale[1] - self.scale[0])
        height, width = (max(1, int(side * scale)) for side in image.shape[-2:])
        image, results = resize(image, targets, (height, width))
        powers = self.powers
        if powers is None:
            powers = {task: power for task in results if (power := find(task).power)}
        for task in powers.keys() & results.keys():
            results[task] = results[task] * scale ** powers[task]
        if coin < 0.5:
            image, results = mirror(image, results)
        return crop(image, results, self.size, (place[0], place[1]))


def _drawn(numbers: Tensor | None, count: int, generator: torch.Generator | None) -> list[float]:
    """The given random numbers, or ``count`` fresh ones."""
    drawn: list[float] = (torch.rand(count, generator=generator) if numbers is None else numbers).tolist()
    return drawn


def checked_size(size: int | tuple[int, int]) -> tuple[int, int]:
    """Height and width from one number or two.

    Raises:
        TypeError: not whole numbers.
        ValueError: not one or two of them, or not positive.
    """
    pair = (size, size) if isinstance(size, int) else tuple(size)
    checks.require(len(pair) == 2, "size", "one number or (height, width)", size)
    checks.require(all(isinstance(side, int) for side in pair), "size", "whole numbers", size, TypeError)
    checks.require(min(pair) > 0, "size", "positive numbers", size)
    return pair[0], pair[1]
