"""Results that survive an interruption: a folder with one small JSON file for each cell of a grid."""

from __future__ import annotations

import hashlib
import json
import re
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from mt_torchattacks import checks
from mt_torchattacks.evaluation.progress import CellProgress
from mt_torchattacks.files import remove_stale, write_whole

if TYPE_CHECKING:
    from pandas import DataFrame


class Store:
    """A folder of results, each computed once.

    A cell's file is named after its key: readable words, and a hash of the whole key. It appears whole or not at all,
    so a run that is killed loses the cell it was at and no other, and any number of processes may work on one folder:
    at worst two compute the same cell, and the later one replaces a value by its equal. A damaged file is reported by
    name and computed again.

    The key is all that determines the value; for models and data put a :func:`fingerprint` into it. Numbers are
    compared as JSON writes them: 8 and 8.0 are two keys.

    Args:
        folder: where the files are; it is made when the first cell is written. What killed processes left there an
            hour ago or earlier is removed.

    Example:
        >>> import tempfile
        >>> store = Store(tempfile.mkdtemp())
        >>> store.cell({"attack": "apgd", "eps": 8}, compute=lambda: {"arp": 88.5})
        {'arp': 88.5}
        >>> store.cell({"attack": "apgd", "eps": 8}, compute=lambda: 1 / 0)  # not computed again
        {'arp': 88.5}
        >>> print(store.to_frame())
          attack  eps   arp
        0   apgd    8  88.5
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        remove_stale(self.folder)

    def path(self, key: Mapping[str, Any]) -> Path:
        """The file of a cell, whether it is there or not.

        Raises:
            TypeError: the key is not a mapping, or holds what JSON cannot.
        """
        checks.keys(key, "key", ())
        digest = _digest(key)
        words = _words(key)
        there = sorted(self.folder.glob(f"*-{digest}.json"))  # perhaps written with the key in another order
        return there[0] if there else self.folder / f"{words}-{digest}.json"

    def cell(self, key: Mapping[str, Any], compute: Callable[[], Any]) -> Any:
        """The value of a cell, computed if it is not there.

        Args:
            key: all that determines the value: names to what JSON can hold.
            compute: called for the value, which JSON can hold, without NaN. Nothing is stored if it raises.

        Returns:
            The value as JSON gives it back (tuples are lists), the same whether it was computed or read.

        Raises:
            TypeError, ValueError: JSON cannot hold the key or the value.
        """
        path = self.path(key)
        found = self._read(path)
        if found is not None and found[0] == json.loads(_json(dict(key), "key")):
            return found[1]
        text = _json({"key": dict(key), "value": compute()}, f"the value of {path.name}", indent=1)
        write_whole(path, text + "\n")
        return json.loads(text)["value"]

    def cells(
        self, cells: Iterable[tuple[Mapping[str, Any], Callable[[], Any]]], *, progress: bool = True
    ) -> list[Any]:
        """The values of many cells; the progress starts at those that are there.

        Args:
            cells: for each cell its key and what computes it.
            progress: whether to show it: a bar on a terminal, elsewhere a line for each cell that was computed.
        """
        cells = list(cells)
        missing = [not self.path(key).exists() for key, _ in cells]
        values = []
        with CellProgress(len(cells), len(cells) - sum(missing), show=progress) as shown:
            for (key, compute), new in zip(cells, missing, strict=True):
                values.append(self.cell(key, compute))
                if new:
                    shown.finished(_label(key))
        return values

    def to_frame(self) -> DataFrame:
        """All cells as a table, in the order of their files' names.

        Returns:
            A frame with a column for each entry of the keys and of the values; nested mappings give columns such as
            ``arp/total``, a value that is not a mapping the column ``value``.

        Raises:
            ImportError: pandas is not installed.
            ValueError: a key and its value have an entry of the same name.
        """
        rows = []
        for path in sorted(self.folder.glob("*.json")):
            found = self._read(path)
            if found is not None:
                key, value = found
                columns = _flat(value if isinstance(value, dict) else {"value": value})
                checks.require(not key.keys() & columns.keys(), str(path), "other names in the value", sorted(columns))
                rows.append(key | columns)
        return checks.optional("pandas", extra="plot").DataFrame(rows)

    def _read(self, path: Path) -> tuple[dict[str, Any], Any] | None:
        """Key and value of a file; None where there is none, or one that is damaged."""
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            key, value = found["key"], found["value"]
            if path.stem.endswith(f"-{_digest(key)}"):
                return key, value
        except FileNotFoundError:
            return None
        except (ValueError, TypeError, LookupError, RecursionError):
            pass
        warnings.warn(f"{path}: not a whole cell of this store; it is left out and computed again.", stacklevel=3)
        return None


def fingerprint(tensors: Mapping[str, Tensor] | Sequence[Tensor]) -> str:
    """A short hash of tensors, names and shapes: of a model's ``state_dict()``, or of images and targets.

    Example:
        >>> fingerprint([torch.zeros(2)]) == fingerprint([torch.zeros(2)]), fingerprint([torch.zeros(3)])
        (True, '...')
    """
    digest = hashlib.sha256()
    named = tensors.items() if isinstance(tensors, Mapping) else enumerate(tensors)
    for name, tensor in named:
        digest.update(f"{name} {checks.describe(tensor)}".encode())
        digest.update(tensor.detach().cpu().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()[:12]


def _label(key: Mapping[str, Any]) -> str:
    """A cell in a line of progress: its key's words and numbers, up to what the data are."""
    parts = takewhile(lambda item: item[0] != "data", key.items())
    return " ".join(_part(name, value) for name, value in parts if isinstance(value, (str, int, float)))


def _part(name: str, value: str | float) -> str:
    """A word as it is, a number with its name."""
    if isinstance(value, str):
        return value
    return f"{name}={value:.4g}" if isinstance(value, float) else f"{name}={value}"


def _words(key: Mapping[str, Any]) -> str:
    """A key's values as part of a file's name."""
    return re.sub(r"[^A-Za-z0-9.]+", "-", " ".join(map(str, key.values()))).strip("-.")[:100]


def _digest(key: Mapping[str, Any]) -> str:
    return hashlib.sha256(_json(dict(key), "key", sort_keys=True).encode()).hexdigest()[:12]


def _json(value: Any, name: str, **options: Any) -> str:
    try:
        return json.dumps(value, allow_nan=False, **options)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{name}: expected what JSON can hold: {error}.") from error


def _flat(value: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """A nested mapping with one level: ``{"arp": {"total": 1}}`` gives ``{"arp/total": 1}``."""
    flat: dict[str, Any] = {}
    for name, part in value.items():
        flat |= _flat(part, f"{prefix}{name}/") if isinstance(part, Mapping) else {f"{prefix}{name}": part}
    return flat
