"""What there is to say about a kind of task; the defaults are those of a map of numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

from mt_torchattacks import checks
from mt_torchattacks.tasks import losses
from mt_torchattacks.tasks.kinds.drawing import Drawing, spread

if TYPE_CHECKING:
    from mt_torchattacks.metrics.base import TaskMetrics

Size: TypeAlias = tuple[int, int]
"""Height and width in pixels."""

SERVED: dict[str, type[Kind]] = {}
"""The kind of each name, of the modules imported so far; :mod:`~mt_torchattacks.tasks.kinds.registry` imports all."""


class Window(NamedTuple):
    """A crop: what is added around an image first, and which rows and columns are taken then."""

    margins: tuple[int, int, int, int]
    """Pixels added left, right, above and below."""

    rows: slice
    columns: slice


class Kind:
    """All that the library knows about a kind of task.

    A subclass with ``names`` is known at once, wherever it stands: losses, metrics, recipes, augmentation, checks,
    figures and tables ask it. It overrides what differs from a map of numbers ``(C, H, W)`` whose pixels all count.

    Example:
        >>> kind = Kind()
        >>> kind.loss(), kind.channels(num_classes=13), kind.mirrored(torch.tensor([[[1.0, 2.0]]]), width=2)
        (L1(), 1, tensor([[[2., 1.]]]))
    """

    names: ClassVar[tuple[str, ...]] = ()
    """Names of the tasks that it serves."""

    classed: ClassVar[bool] = False
    """Whether the output has one channel for each class."""

    dense: ClassVar[bool] = True
    """Whether a target lies on the image's pixels, ``(..., H, W)``; if not, it is one value or vector an image."""

    positive: ClassVar[bool] = False
    """Whether only numbers > 0 count, all others being holes."""

    unit: ClassVar[str] = ""
    """The unit of targets and outputs."""

    padding: ClassVar[int] = 0
    """Value of the pixels that a crop adds."""

    power: ClassVar[float] = 0.0
    """Values are multiplied by ``s ** power`` where an image is enlarged by ``s``."""

    short: ClassVar[str] = ""
    """What the papers' tables call the task; empty: its name."""

    shares: ClassVar[tuple[str, ...] | None] = None
    """Names or patterns (``delta_*``) of the metrics that are shares, which the papers give in percent.

    None: those that another kind calls so.
    """

    columns: ClassVar[Mapping[str, str]] = {"error": "loss"}
    """What the papers' tables call a metric, where that is not its own name."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        for name in cls.__dict__.get("names", ()):
            other = SERVED.get(name, cls)
            same = (other.__module__, other.__qualname__) == (cls.__module__, cls.__qualname__)
            found = f"{name!r} of both {other.__qualname__} and {cls.__qualname__}"
            checks.require(same, "names", "each name of one kind only", found)
            SERVED[name] = cls

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def channels(self, num_classes: int) -> int:
        """The output channels of a model for data with so many classes."""
        return num_classes if self.classed else 1

    def loss(self, *, class_weights: Tensor | None = None, resize: str | None = None) -> losses.Loss:
        """The loss that a model is trained with.

        Args:
            class_weights: ``(K,)`` weights >= 0, for kinds that have classes.
            resize: see :class:`~mt_torchattacks.tasks.losses.base.Loss`.
        """
        return losses.L1(resize=resize)

    def error(self, *, resize: str | None = None) -> losses.Loss:
        """What the metrics count, with a gradient; the training loss where they count that."""
        return self.loss(resize=resize)

    def metrics(self, num_classes: int = 0, *, resize: str | None = None, **options: Any) -> TaskMetrics:
        """A fresh accumulator of the kind's metrics; the mean loss where there is no other.

        Args:
            num_classes: number of classes, for kinds that have classes.
            resize: see :class:`~mt_torchattacks.metrics.base.DenseMetrics`.
            options: those of all kinds (``miou``, ``per_class``); a kind takes what it knows.
        """
        from mt_torchattacks.metrics.error import TaskError

        return TaskError(self.loss(resize=resize))

    def example(self, count: int, size: Size, num_classes: int, generator: torch.Generator | None = None) -> Tensor:
        """Targets ``(N, ...)`` at random for images of a size: what a data set of the kind looks like, for tests."""
        return torch.rand(count, self.channels(num_classes), *size, generator=generator)

    # What a model predicts that never looks at the image.

    def summed(self, target: Tensor, num_classes: int) -> Tensor:
        """What a batch of targets adds to the sum: here each channel's total and, last, the pixels' number, float64."""
        values = self.counted(target.double().transpose(0, 1).flatten(1))
        return torch.cat([values.sum(dim=1), torch.tensor([values.shape[1]])])

    def constant(self, sums: Tensor, num_classes: int) -> Tensor:
        """The output ``(C,)`` of that model, from the sum over all batches: here each channel's mean."""
        return (sums[:-1] / sums[-1]).float()

    def repeated(self, constant: Tensor, count: int, size: Size) -> Tensor:
        """The output of that model for ``count`` images: ``(N, C, H, W)``, or ``(N, C)`` where it is not dense."""
        if not self.dense:
            return constant.expand(count, *constant.shape)
        return constant.view(1, -1, 1, 1).expand(count, -1, *size)

    # What augmentation does to a target ``(..., H, W)``; one that is not dense stays as it is.

    def resized(self, target: Tensor, old: Size, new: Size) -> Tensor:
        """The target of the image at another size: the nearest pixel's value, none are mixed."""
        if not self.dense:
            return target
        rows, columns = (torch.arange(n) * o // n for n, o in zip(new, old, strict=True))
        return _map(target)[..., rows[:, None], columns]

    def mirrored(self, target: Tensor, width: int) -> Tensor:
        """The target of the image with left and right exchanged; a new tensor where anything changes."""
        return _map(target).flip(-1) if self.dense else target

    def cropped(self, target: Tensor, window: Window) -> Tensor:
        """The target of a part of the image."""
        if not self.dense:
            return target
        return F.pad(_map(target), window.margins, value=self.padding)[..., window.rows, window.columns]

    # What a check of a data set says.

    def flattened(self, target: Tensor) -> Tensor:
        """One target as channels and pixels ``(C, P)``; a vector has one pixel."""
        return target.reshape(target.shape[0] if target.ndim in (1, 3) else 1, -1)

    def described(self, values: Tensor) -> str:
        """Targets ``(C, P)`` in words."""
        return f"from {values.min():.4g} to {values.max():.4g}, mean {values.mean():.4g}"

    def doubts(self, values: Tensor, usual: tuple[float, float] | None = None) -> list[str]:
        """What is wrong, or likely to be, with targets ``(C, P)``.

        Args:
            values: the targets of some images.
            usual: where a median is usual, for data in another unit than the kind's.
        """
        return ["every pixel has the same value"] if values.min() == values.max() else []

    # How it is drawn.

    def drawn(self, target: Tensor, outputs: Sequence[Tensor], size: Size | None = None) -> list[Drawing]:
        """The pictures of one image's target and outputs, of one scale.

        Three channels are shown as colours, others by the first channel, on the range of the target.

        Args:
            target: without a batch dimension.
            outputs: the same, each.
            size: of the image, for kinds that are not dense.
        """
        samples = [target, *outputs]
        if len(target) == 3:
            return [Drawing(sample.clamp(0, 1).permute(1, 2, 0)) for sample in samples]
        low, high = spread(target[0][target[0] > 0] if self.positive else target[0])
        return [Drawing(sample[0].float(), low, high) for sample in samples]

    def classes_shown(self, sample: Tensor) -> set[int]:
        """The classes whose colours a picture of a target or an output shows."""
        return set()

    def counted(self, values: Tensor) -> Tensor:
        """Of values ``(C, P)`` those that are no holes."""
        return values[:, values[0] > 0] if self.positive else values


def share(mask: Tensor) -> str:
    """The share of true values in percent, for a sentence."""
    return f"{mask.float().mean():.0%}"


def _map(target: Tensor) -> Tensor:
    expected = "a map (..., H, W); other targets need a kind that says what becomes of them, see mta.kinds.Kind"
    checks.require(target.ndim >= 2, "target", expected, checks.describe(target))
    return target
