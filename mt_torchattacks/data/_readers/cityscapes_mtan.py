"""Cityscapes as MTAN (Liu et al., 2019) prepared it, and LibMTL distributes it."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType

from torch import Tensor

from mt_torchattacks import checks
from mt_torchattacks.data._readers import decode
from mt_torchattacks.data._readers.cityscapes_official import disparity
from mt_torchattacks.data._readers.numpy_folders import NumpyFolders


class MTANForm(NumpyFolders):
    """Folders ``train`` and ``val`` of ``.npy`` files, 7 or 19 classes, 128 x 256 or 256 x 512 pixels."""

    SPLITS = MappingProxyType({"train": "train", "val": "val"})
    CLASSES = (7, 19)

    def labels(self, classes: int) -> str:
        """``label_7`` or ``label_19``; LibMTL's copies have seven classes in ``label``."""
        renamed = classes == 7 and (self._folder / "label").is_dir()
        return super().labels(classes) if renamed else f"label_{classes}"

    def depth(self, values: decode.Array, path: Path) -> Tensor:
        """Disparity in pixels; the files have the official ones' numbers as shares of the 16-bit range."""
        shares = decode.metres(values, path)
        highest = float(shares.max())
        checks.require(highest <= 1, str(path), "disparity as a share of the 16-bit range", f"up to {highest:g}")
        return disparity(shares * 65535)
