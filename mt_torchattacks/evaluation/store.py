"""Results that survive an interruption: a folder with one small JSON file for each cell of a grid."""

from __future__ import annotations

import hashlib
import json
import re
import time
import warnings
from collections.abc import Callable, Iterable, Mapping
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor

from mt_torchattacks import checks
from mt_torchattacks.evaluation.claims import CellError, Claims
from mt_torchattacks.evaluation.processes import from_first, processes
from mt_torchattacks.evaluation.progress import CellProgress
from mt_torchattacks.evaluation.version import made_by
from mt_torchattacks.files import remove_stale, write_whole

if TYPE_CHECKING:
    from pandas import DataFrame


_POLL = 0.2  # seconds between two looks at a cell that another process computes


class Found(NamedTuple):
    """A cell as its file has it: by which versions it was made, too."""

    key: dict[str, Any]
    value: Any
    made_by: Any


class Store:
    """A folder of results, each computed once.

    A cell's file is named after its key: readable words, and a hash of the whole key. It appears whole or not at all,
    so a run that is killed loses the cell it was at and no other. Any number of processes may work on one folder: a
    cell is computed by the first that claims it, the others go on with what is left and wait for it at the end. A
    process that died loses its claims: at once on the same machine, on others after a minute
    (:mod:`~mt_torchattacks.evaluation.claims`). Processes of :func:`~mt_torchattacks.evaluation.joined` compute each
    cell together. A damaged file is reported by name and computed again.

    A cell that was made by another version of torch, of torchattacks or of what determines this library's numbers
    (:data:`~mt_torchattacks.evaluation.version.RESULTS_VERSION`) is computed again.

    The key is all else that determines the value; for models and data put a :func:`fingerprint` into it. Numbers are
    compared as JSON writes them: 8 and 8.0 are two keys.

    Args:
        folder: where the files are; it is made when the first cell is written. What killed processes left there an
            hour ago or earlier is removed.
        run: name of a run of several processes, in which a cell that failed is not tried again; None for none.

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

    def __init__(self, folder: str | Path, run: str | None = None) -> None:
        self.folder = Path(folder)
        self._claims = Claims(run)
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
        return self._awaited(key, compute) if processes()[1] == 1 else self._cell_together(key, compute)

    def _awaited(self, key: Mapping[str, Any], compute: Callable[[], Any]) -> Any:
        """The value of a cell, which another process may be computing."""
        path = self.path(key)
        while True:
            found = self._cell(path, key, compute)
            if found is not None:
                return found.value
            time.sleep(_POLL)

    def _cell_together(self, key: Mapping[str, Any], compute: Callable[[], Any]) -> Any:
        """The value of a cell that all joined processes compute; the first one reads, claims and writes it."""
        if processes()[0] > 0:
            message: dict[str, Any] = from_first({})
            if "value" not in message:
                compute()
                message = from_first({})
            return message["value"]

        def with_others() -> Any:
            from_first({"compute": True})
            return compute()

        value = self._awaited(key, with_others)
        from_first({"value": value})
        return value

    def _cell(self, path: Path, key: Mapping[str, Any], compute: Callable[[], Any]) -> Found | None:
        """The value of a cell, computed if it is not there; None while another process computes it."""
        plain = _plain(key)
        found = self._read(path)
        if _is_of(found, plain):
            return found
        failed = self._claims.failure(path)
        if failed is not None:
            raise CellError(f"{_label(key)}: {failed}")
        if not self._claims.take(path):
            return None
        with self._claims.held(path):
            found = self._read(path)  # perhaps written just before the claim was free
            if _is_of(found, plain):
                return found
            content = {"key": dict(key), "value": compute(), "made_by": made_by()}
            text = _json(content, f"the value of {path.name}", indent=1)
            write_whole(path, text + "\n")
        return Found(plain, json.loads(text)["value"], made_by())

    def cells(
        self, cells: Iterable[tuple[Mapping[str, Any], Callable[[], Any]]], *, progress: bool = True
    ) -> list[Any]:
        """The values of many cells; the progress starts at those that are there.

        A cell that fails is reported, with its reason, and the others are computed; then the first error is raised.

        Args:
            cells: for each cell its key and what computes it.
            progress: whether to show it: a bar on a terminal, elsewhere a line for each cell that was computed.
        """
        cells = list(cells)
        if processes()[1] > 1:
            return self._cells_together(cells, show=progress and processes()[0] == 0)
        paths = [self.path(key) for key, _ in cells]
        there = [self._read(path) for path in paths]
        known = [_is_of(found, _plain(key)) for found, (key, _) in zip(there, cells, strict=True)]
        values = {place: found.value for place, found in enumerate(there) if found is not None and known[place]}
        errors: list[Exception] = []
        left = [place for place in range(len(cells)) if place not in values]
        with CellProgress(len(cells), len(values), show=progress) as shown:
            while left:
                elsewhere = []
                for place in left:
                    key, compute = cells[place]
                    try:
                        found = self._cell(paths[place], key, compute)
                    except Exception as error:
                        errors.append(error)
                        if not isinstance(error, CellError):  # which the process that computed it has shown
                            shown.failed(_label(key), error)
                        continue
                    if found is None:
                        elsewhere.append(place)
                    else:
                        values[place] = found.value
                        shown.finished(_label(key))
                if len(elsewhere) == len(left):
                    time.sleep(_POLL)
                left = elsewhere
        if len(errors) > 1 and all(isinstance(error, CellError) for error in errors):
            raise CellError(f"{len(errors)} of {len(cells)} cells failed, the first of them {errors[0]}")
        if errors:
            raise errors[0]
        return [values[place] for place in range(len(cells))]

    def _cells_together(self, cells: list[tuple[Mapping[str, Any], Callable[[], Any]]], *, show: bool) -> list[Any]:
        """The values of many cells, one after another, all processes at each; the first error ends them all."""
        values = []
        with CellProgress(len(cells), 0, show=show) as shown:
            for key, compute in cells:
                values.append(self.cell(key, compute))
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
                key, value, _ = found
                columns = _flat(value if isinstance(value, dict) else {"value": value})
                checks.require(not key.keys() & columns.keys(), str(path), "other names in the value", sorted(columns))
                rows.append(key | columns)
        return checks.optional("pandas", extra="plot").DataFrame(rows)

    def _read(self, path: Path) -> Found | None:
        """Key and value of a file; None where there is none, or one that is damaged."""
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            key, value = found["key"], found["value"]
            if path.stem.endswith(f"-{_digest(key)}"):
                return Found(key, value, found.get("made_by"))
        except FileNotFoundError:
            return None
        except (ValueError, TypeError, LookupError, RecursionError):
            pass
        warnings.warn(f"{path}: not a whole cell of this store; it is left out and computed again.", stacklevel=3)
        return None


def fingerprint(tensors: Mapping[str, Tensor] | Iterable[Tensor]) -> str:
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


def _plain(key: Mapping[str, Any]) -> Any:
    """A key as a file gives it back: tuples are lists."""
    return json.loads(_json(dict(key), "key"))


def _is_of(found: Found | None, key: Mapping[str, Any]) -> bool:
    """Whether a file has the cell of a key, made by the versions that are at work."""
    return found is not None and found.key == key and found.made_by == made_by()


def _label(key: Mapping[str, Any]) -> str:
    """A cell in a line of progress: its key's words and numbers, and an attack's arguments, up to what the data are."""
    parts = dict(takewhile(lambda item: item[0] != "data", key.items()))
    parts |= parts.get("arguments", {})
    return " ".join(_part(name, value) for name, value in parts.items() if isinstance(value, (str, int, float)))


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
