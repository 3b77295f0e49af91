"""Writing files so that a reader never meets half of one."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_TEMPORARY = re.compile(r"\..+\.[0-9a-f]{32}")
_ATTEMPTS = 3
_STALE = 3600.0  # seconds; no file here takes as long to write


def write_whole(path: str | Path, content: str | bytes) -> None:
    """Write a file, with its folders: what is at ``path`` is the old content or the new one, never half of it.

    Any number of processes may write one path. One that is killed leaves a file behind that begins with a dot, see
    :func:`remove_stale`.

    Args:
        path: the file.
        content: bytes, or text to write as UTF-8.

    Raises:
        OSError: the file cannot be written; nothing is left behind.
    """
    written = content.encode() if isinstance(content, str) else content
    for attempt in range(_ATTEMPTS):
        try:
            with whole(path) as temporary:
                temporary.write_bytes(written)
            return
        except FileNotFoundError:  # taken for a stale one, by a process whose clock has jumped
            if attempt == _ATTEMPTS - 1:
                raise


@contextmanager
def whole(path: str | Path) -> Iterator[Path]:
    """For what writes a file itself: as :func:`write_whole`, with a temporary path beside the file to write to.

    Example:
        >>> import tempfile
        >>> with whole(Path(tempfile.mkdtemp(), "numbers.txt")) as temporary:
        ...     size = temporary.write_text("1 2 3")
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name[:50]}.{uuid.uuid4().hex}")  # a name has 255 bytes at most
    try:
        with saying_where(path):
            yield temporary
            temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


@contextmanager
def saying_where(path: Path) -> Iterator[None]:
    """Put a path into an error of the operating system that names none, as that of a full disk.

    Example:
        >>> with saying_where(Path("results/cell.json")):
        ...     raise OSError(28, "No space left on device")
        Traceback (most recent call last):
        OSError: [Errno 28] No space left on device: 'results/cell.json'
    """
    try:
        yield
    except OSError as error:
        if error.filename is None and error.errno is not None:
            error.filename = str(path)
        raise


def remove_stale(folder: str | Path, age: float = _STALE) -> None:
    """Remove what processes that were killed while they wrote have left in a folder: an hour old, or older.

    Args:
        folder: it need not be there; those in it are not looked at.
        age: in seconds; 0 where nobody else can be writing.

    Example:
        >>> remove_stale("nowhere")
    """
    for path in Path(folder).glob(".*"):
        try:
            old = time.time() - path.stat().st_mtime >= age
            if old and path.is_file() and _TEMPORARY.fullmatch(path.name):
                path.unlink()
        except OSError:  # gone by now, or not ours to remove
            continue


def at_home(path: str | Path, name: str) -> Path:
    """A path with ``~`` and ``~user`` written out.

    Args:
        path: the path.
        name: for the message.

    Raises:
        ValueError: there is no such user.

    Example:
        >>> at_home("here", "root")
        PosixPath('here')
    """
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise ValueError(f"{name}: expected the folder of a user that there is, found {str(path)!r}.") from error
