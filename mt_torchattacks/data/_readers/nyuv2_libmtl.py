"""NYUv2 as MTAN (Liu et al., 2019) prepared it, and LibMTL distributes it."""

from __future__ import annotations

from types import MappingProxyType

from mt_torchattacks.data._readers.numpy_folders import NumpyFolders


class LibMTLForm(NumpyFolders):
    """Folders ``train`` and ``val`` of ``.npy`` files, 13 classes, 288 x 384 pixels."""

    SPLITS = MappingProxyType({"train": "train", "val": "val", "test": "val"})
    CLASSES = (13,)
