"""Kinds of task: one file says all about each, and every part of the library asks it.

A kind is a class, :class:`~mt_torchattacks.tasks.kinds.base.Kind`; it is known as soon as its module is imported, those
of this folder always are. ``mta.kinds.Classification`` is a class, ``mta.kinds.get("classification")`` the kind.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mt_torchattacks.lazy import lazily


def _registered(name: str) -> Any:
    """The class of a kind that another package has declared, or None."""
    from mt_torchattacks.tasks.kinds.registry import served

    return next((kind for kind in served().values() if kind.__name__ == name), None)


if TYPE_CHECKING:
    from mt_torchattacks.tasks.kinds.base import Kind, Window
    from mt_torchattacks.tasks.kinds.boxes import Boxes
    from mt_torchattacks.tasks.kinds.classification import Classification
    from mt_torchattacks.tasks.kinds.depth import Depth
    from mt_torchattacks.tasks.kinds.drawing import Drawing
    from mt_torchattacks.tasks.kinds.maps import Maps
    from mt_torchattacks.tasks.kinds.multilabel import Multilabel
    from mt_torchattacks.tasks.kinds.normal import Normal
    from mt_torchattacks.tasks.kinds.registry import all_kinds, chosen, find, get, known_names, number_of_classes
    from mt_torchattacks.tasks.kinds.segmentation import Segmentation
else:
    lazily(__name__, find=_registered)

__all__ = [
    "Boxes",
    "Classification",
    "Depth",
    "Drawing",
    "Kind",
    "Maps",
    "Multilabel",
    "Normal",
    "Segmentation",
    "Window",
    "all_kinds",
    "chosen",
    "find",
    "get",
    "known_names",
    "number_of_classes",
]
