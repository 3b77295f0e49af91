"""The entry point, and all commands."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from functools import cache

from mt_torchattacks.cli import completion, data, layouts, listing, recipes, report, status, train
from mt_torchattacks.cli.command import ADDED, Command
from mt_torchattacks.cli.study import command_of
from mt_torchattacks.cli.words import UsageError
from mt_torchattacks.evaluation.claims import CellError
from mt_torchattacks.names import hint
from mt_torchattacks.studies import all_studies

_PLAIN = (ValueError, TypeError, KeyError, ImportError, OSError, OverflowError, MemoryError)
"""What bad input raises, and a machine that is full."""

_SUMMARY = "Adversarial attacks on all tasks of a multi-task model at once."


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``mt-attack``; bad input ends in one line and the exit code 2, without a traceback.

    Args:
        arguments: the command line's words; those of the process by default.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    name = words[0] if words else ""
    try:
        if name in ("", "-h", "--help", "--version"):
            code = _about(name)
        else:
            command, rest = chosen(words)
            name = command.name
            code = _run(command, rest)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        print(f"mt-attack {name}: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        return _unread()
    except RecursionError:
        return _failed(name, "a file or a word is nested too deeply")
    except (UsageError, CellError, *_PLAIN) as error:
        return _failed(name, " ".join(str(error).split()) or type(error).__name__)


def _about(word: str) -> int:
    """The version, or what there is."""
    if word == "--version":
        from mt_torchattacks import __version__

        print(f"mt-attack {__version__}")
    else:
        print(overview())
    return 0 if word else 2


def _failed(name: str, reason: str) -> int:
    print(f"mt-attack {name}: {reason}", file=sys.stderr)
    return 2


def _unread() -> int:
    """Nobody reads what is printed any more: nothing is wrong, and Python's last flush must not say so."""
    with open(os.devnull, "w") as nowhere:  # noqa: PTH123 (it is no file)
        os.dup2(nowhere.fileno(), sys.stdout.fileno())
    return 0


@cache
def commands() -> dict[str, Command]:
    """Every command by its name: one for each study, then the others."""
    studies = [command_of(study) for study in all_studies().values()]
    others = [
        *train.COMMANDS,
        *recipes.COMMANDS,
        *report.COMMANDS,
        *status.COMMANDS,
        *listing.COMMANDS,
        *layouts.COMMANDS,
        *data.COMMANDS,
    ]
    others.append(completion.command_of(commands))
    return {command.name: command for command in (*studies, *others, *ADDED.values())}


def chosen(words: Sequence[str]) -> tuple[Command, list[str]]:
    """The command that the first words name, and the words after it.

    Raises:
        UsageError: there is none; the message lists those there are.
    """
    known = commands()
    for length in (2, 1):
        name = " ".join(words[:length])
        if len(words) >= length and name in known:
            return known[name], list(words[length:])
    group = [name for name in known if name.startswith(f"{words[0]} ")]
    if group:
        raise UsageError(f"expected one of {', '.join(group)}; `mt-attack {group[0]} --help` says more")
    raise UsageError(f"no such command{hint(words[0], known) or '; there are ' + ', '.join(known)}")


def overview() -> str:
    """What ``mt-attack --help`` prints."""
    known = commands()
    width = max(map(len, known))
    lines = [f"  {name:{width}}  {command.help}" for name, command in known.items()]
    more = "mt-attack COMMAND --help shows a command's options and an example; mt-attack --version the version."
    return "\n".join(["usage: mt-attack COMMAND [options]", "", _SUMMARY, "", "commands:", *lines, "", more])


def _run(command: Command, words: Sequence[str]) -> int:
    from mt_torchattacks.cli.parse import parse

    try:
        options = parse(command, words)
    except SystemExit as asked:  # for help
        return int(asked.code or 0)
    return command.run(options) or 0
