"""The loss that the papers train and attack each task of the data sets with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from torch import Tensor

from mt_torchattacks import checks
from mt_torchattacks.tasks import losses
from mt_torchattacks.tasks.losses import Loss
from mt_torchattacks.tasks.tasks import Tasks

NYUV2_TASKS = ("segmentation", "normal", "depth")

_DEPTH = partial(losses.L1, valid=losses.positive)
_LOSSES: dict[str, Callable[..., Loss]] = {
    "segmentation": partial(losses.CrossEntropy, ignore_index=255),
    "normal": partial(losses.CosineDistance, valid=losses.nonzero),
    "depth": _DEPTH,
    "depth_euclidean": _DEPTH,
    "keypoints2d": losses.L1,
    "keypoints3d": losses.L1,
    "edge_texture": losses.L1,
    "edge_occlusion": losses.L1,
    "principal_curvature": losses.L1,
    "reshading": losses.L1,
    "autoencoder": losses.L1,
}
_ERRORS: dict[str, Callable[..., Loss]] = {
    "segmentation": partial(losses.ExpectedError, ignore_index=255),
    "normal": partial(losses.Angle, valid=losses.nonzero),
    "depth": partial(losses.RelativeError, valid=losses.positive),
    "depth_euclidean": partial(losses.RelativeError, valid=losses.positive),
}


def standard_tasks(
    names: Sequence[str] = NYUV2_TASKS, *, class_weights: Tensor | None = None, resize: str | None = None
) -> Tasks:
    """Tasks by their names in the data sets, each with the loss that the papers train and attack it with.

    Segmentation has the cross-entropy of the pixels whose label is not 255, normals one minus the cosine where the
    target is not the zero vector, depth and euclidean depth the absolute error where the target is > 0, every other
    task the absolute error of all pixels.

    Args:
        names: the tasks, in the order that they are to have.
        class_weights: ``(K,)`` weights >= 0 of the cross-entropy, as Tiny-Taskonomy's prior factor; without
            segmentation among the names they have no effect.
        resize: how outputs of another size are brought to the target's, see
            :class:`~mt_torchattacks.tasks.losses.base.Loss`; None: such an output is an error.

    Raises:
        ValueError: a name without a standard loss; the message lists those that have one.

    Example:
        >>> standard_tasks(["normal", "keypoints2d"])
        Tasks(normal=CosineDistance(valid=nonzero), keypoints2d=L1())
    """
    for name in names:
        checks.one_of(name, "names", _LOSSES)
    options = {"segmentation": {"weight": class_weights}}
    return Tasks({name: _LOSSES[name](resize=resize, **options.get(name, {})) for name in names})


def error_tasks(names: Sequence[str] = NYUV2_TASKS, *, resize: str | None = None) -> Tasks:
    """The same tasks with errors in place of training losses: what to attack when metrics are to fall.

    Segmentation has the expected share of wrong pixels, normals the angle in degrees, depth and euclidean depth the
    relative error; every other task keeps its standard loss, which is its metric.

    Args:
        names, resize: as in :func:`standard_tasks`.

    Raises:
        ValueError: a name without a standard loss.

    Example:
        >>> error_tasks(["normal", "depth"])
        Tasks(normal=Angle(valid=nonzero), depth=RelativeError(valid=positive))
    """
    errors = {name: _ERRORS[name](resize=resize) for name in names if name in _ERRORS}
    return Tasks({**standard_tasks(names, resize=resize), **errors})
