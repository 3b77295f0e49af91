"""Writing files so that a reader never meets half of one."""

from __future__ import annotations

import uuid
from pathlib import Path


def write_whole(path: str | Path, content: str | bytes) -> None:
    """Write a file, with its folders: what is at ``path`` is the old content or the new one, never half of it.

    Any number of processes may write one path. One that is killed leaves a file behind that begins with a dot.

    Args:
        path: the file.
        content: bytes, or text to write as UTF-8.

    Raises:
        OSError: the file cannot be written; nothing is left behind.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
