"""What all commands share that print something: as text, as JSON, or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any


@dataclass
class PrintOptions:
    """How a command prints.

    Args:
        quiet: print nothing but errors, and show no progress
        json: print JSON in place of text
    """

    quiet: bool = False
    json: bool = False


def show(options: PrintOptions, lines: Iterable[str], values: Callable[[], Any]) -> None:
    """Print as the options say.

    Args:
        options: of the command.
        lines: the text, made line by line as it is printed.
        values: gives what JSON can hold.
    """
    if options.json:
        print(json.dumps(values(), indent=2))
    elif not options.quiet:
        for line in lines:
            print(line)
