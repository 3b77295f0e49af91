"""Numeric variables of MATLAB files of versions 5 to 7.2, after the published description of the format.

Other readers of the format crash the process on some damaged files.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from mt_torchattacks import checks

_DTYPES = {1: "i1", 2: "u1", 3: "<i2", 4: "<u2", 5: "<i4", 6: "<u4", 7: "<f4", 9: "<f8", 12: "<i8", 13: "<u8"}
_MATRIX, _COMPRESSED = 14, 15
_NUMERIC = range(6, 16)
_HEADER = 128
_LONGEST = 2**26
"""Bytes that a compressed variable may unfold to."""


def variables(data: bytes) -> Iterator[tuple[str, np.ndarray[Any, Any]]]:
    """Name and numbers of each numeric variable, in one dimension, column by column.

    Args:
        data: the whole file.

    Raises:
        ValueError: it is no such file, or ends early.
        zlib.error: a compressed variable is damaged.
    """
    checks.require(data[126:_HEADER] == b"IM", "content", "a MATLAB 5 header", "another")
    for kind, content in _elements(data[_HEADER:]):
        if kind == _COMPRESSED:
            kind, content = next(_elements(zlib.decompressobj().decompress(content, _LONGEST)))
        if kind == _MATRIX:
            (_, flags), _, (_, name), *parts = _elements(content)
            if flags[0] in _NUMERIC:
                number, values = parts[0]
                yield name.decode("ascii"), np.frombuffer(values, _DTYPES[number])


def _elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Type and content of each element; after most, zeros fill up to a multiple of 8 bytes."""
    position = 0
    while position < len(data):
        kind, size = struct.unpack_from("<II", data, position)
        start = position + 8
        if kind >> 16:  # the short form: type, size and content in 8 bytes
            kind, size, start = kind & 0xFFFF, kind >> 16, position + 4
        end = start + size
        checks.require(end <= len(data), "content", f"an element of {size} bytes", f"{len(data) - start}")
        yield kind, data[start:end]
        position = end if kind == _COMPRESSED else end + (position - end) % 8
