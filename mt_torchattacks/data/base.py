"""What a data set is that people can name."""

from __future__ import annotations

from typing import ClassVar, TypeAlias

from torch import Tensor
from torch.utils.data import Dataset

from mt_torchattacks import checks
from mt_torchattacks.data.catalogue import DATASETS

Item: TypeAlias = tuple[Tensor, dict[str, Tensor]]


class NamedDataset(Dataset[Item]):
    """A map-style data set; an item is ``(image, {task: target})``, the image RGB in [0, 1].

    A subclass with a ``name`` is known by it at once, wherever it stands: to ``mt-attack``, to recipes, and in
    :data:`~mt_torchattacks.data.DATASETS`. Of its constructor's arguments those are used that have these names:
    ``root`` (a folder; then people write ``NAME:ROOT``, otherwise ``NAME`` or ``NAME:SEED``), ``split``, ``length``,
    ``size``, ``seed``, ``tasks``, ``classes``. It has the attributes ``tasks``, ``num_classes`` and ``class_names``.

    Example:
        >>> from mt_torchattacks.data import Rooms
        >>> issubclass(Rooms, NamedDataset), Rooms.name
        (True, 'rooms')
    """

    name: ClassVar[str] = ""

    def __init_subclass__(cls, **options: object) -> None:
        super().__init_subclass__(**options)
        name = cls.__dict__.get("name", "")
        if name:
            place = f"{cls.__module__}:{cls.__qualname__}"
            other = DATASETS.place(name)
            checks.require(other in (None, place), "name", "a name that no other data set has", f"{name!r} of {other}")
            DATASETS[name] = cls
