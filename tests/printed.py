"""What a command printed, for tests to read."""

from __future__ import annotations


def rows_of(text: str) -> list[list[str]]:
    """The rows of the printed tables, as words."""
    return [line.strip("|").replace("|", " ").split() for line in text.splitlines() if line.startswith("| ")]
