"""The entry point."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from mt_torchattacks.cli.command import Command
from mt_torchattacks.cli.commands import commands
from mt_torchattacks.cli.words import UsageError
from mt_torchattacks.names import hint

_SUMMARY = "Adversarial attacks on all tasks of a multi-task model at once."


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``mt-attack``; bad input ends in one line and the exit code 2, without a traceback.

    Args:
        arguments: the command line's words; those of the process by default.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not words or words[0] in ("-h", "--help"):
        print(overview())
        return 0 if words else 2
    if words[0] == "--version":
        from mt_torchattacks import __version__

        print(f"mt-attack {__version__}")
        return 0
    name = words[0]
    try:
        command, rest = chosen(words)
        name = command.name
        return _run(command, rest)
    except KeyboardInterrupt:
        print(f"mt-attack {name}: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        return 0
    except (UsageError, ValueError, TypeError, KeyError, ImportError, OSError, MemoryError) as error:
        print(f"mt-attack {name}: {' '.join(str(error).split()) or type(error).__name__}", file=sys.stderr)
        return 2


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
