"""NYUv2 as AdaShare (Sun et al., 2020) and TreeMTL (Zhang et al., 2022) prepared it: the form that [D] uses."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from mt_torchattacks.data._classes import FROM_40
from mt_torchattacks.data._readers import decode, files
from mt_torchattacks.data._readers.forms import Form

_COLUMNS = ("image", "segmentation", "normal", "depth")


class TreeMTLForm(Form):
    """An index ``nyu_v2_3task.json``: for each split, the four files of each item."""

    MARK = "nyu_v2_3task.json"
    CLASSES = (40, 13)

    def __init__(self, root: Path, split: str, classes: int, tasks: tuple[str, ...]) -> None:
        self._root = root
        self._items = files.read_index(root / self.MARK, split, len(_COLUMNS))
        self._table = torch.full((decode.IGNORE + 1,), -1)
        self._table[:40] = FROM_40[classes]
        self._table[decode.IGNORE] = decode.IGNORE

    def __len__(self) -> int:
        return len(self._items)

    def file(self, index: int, name: str) -> Path:
        """A file that the index names."""
        return files.inside(self._root, self._items[index][_COLUMNS.index(name)], self._root / self.MARK)

    def read(self, index: int, name: str) -> Tensor:
        path = self.file(index, name)
        if name == "image":
            return decode.read_rgb(path)
        if name == "segmentation":
            return decode.classes(files.read_labels(path), self._table, path)
        if name == "normal":
            return decode.read_directions(path)
        return decode.metres(decode.channels_first(files.read_array(path), path), path)
