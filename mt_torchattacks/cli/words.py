"""From the words of a command line to what jsonargparse parses: lists, switches, and options that are not there."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, get_args

from mt_torchattacks.cli.command import Command, is_list
from mt_torchattacks.names import hint

_EXTRA = {"config": str, "help": bool, "print_config": bool}


class UsageError(Exception):
    """Words that make no sense; the message says which, and what to write."""


def arranged(command: Command, words: Sequence[str]) -> list[str]:
    """The words after a command, each option once and with its value.

    ``--eps 4 8``, ``--eps 4 --eps 8`` and ``--eps=4 --eps=8`` are all lists; an option that takes one value may be
    given once only; a switch may stand alone, or have ``true`` or ``false`` behind it; ``_`` and ``-`` mean the same.

    Raises:
        UsageError: an unknown option, one that is given twice, or one without a value.

    Example:
        >>> from dataclasses import dataclass
        >>> Options = dataclass(type("Options", (), {"__annotations__": {"eps": list[str], "rms": bool}}))
        >>> arranged(Command("c", "", "", Options, print), ["--rms", "--eps", "4", "8", "--eps=9"])
        ['--rms=true', '--eps=["4", "8", "9"]']
    """
    hints = command.hints | _EXTRA
    given, plain, waiting = dict[str, list[str]](), list[str](), ""
    for word in words:
        if word.startswith("--") or word == "-h":
            name, equals, value = ("help" if word == "-h" else word.removeprefix("--")).partition("=")
            waiting = _known(name.replace("-", "_"), command)
            if waiting in given and not is_list(hints[waiting]):
                raise UsageError(f"--{dashed(waiting)}: expected once, found twice")
            given.setdefault(waiting, []).extend([value] if equals else [])
            waiting = "" if equals else waiting
        elif waiting and _takes(word, hints[waiting], given[waiting]):
            given[waiting].append(word)
        else:
            plain.append(word)
    return [*(_option(name, values, hints[name]) for name, values in given.items()), *plain]


def _takes(word: str, hint: Any, given: Sequence[str]) -> bool:
    """Whether an option of this type, with these values so far, is meant by the word behind it."""
    if hint is bool:
        return not given and word in ("true", "false")
    return is_list(hint) or not given


def dashed(name: str) -> str:
    """An option's name as people write it: ``batch-size``."""
    return name.replace("_", "-")


def _known(name: str, command: Command) -> str:
    known = [option for option in command.hints if option not in command.words] + list(_EXTRA)
    if name in known:
        return name
    raise UsageError(f"--{dashed(name)}: no such option{hint(dashed(name), [f'--{dashed(one)}' for one in known])}")


def _option(name: str, values: Sequence[str], hint: Any) -> str:
    if name in ("help", "print_config"):
        return f"--{name}"
    if hint is bool:
        return f"--{name}={values[0] if values else 'true'}"
    if not values or not all(value.strip() for value in values):
        raise UsageError(f"--{dashed(name)}: expected a value, found none")
    return f"--{name}={_joined(values, hint) if is_list(hint) else values[0]}"


def _joined(values: Sequence[str], hint: Any) -> str:
    return f"[{', '.join(values)}]" if get_args(hint)[0] in (int, float) else json.dumps(list(values))
