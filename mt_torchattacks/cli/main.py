"""The entry point."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from mt_torchattacks.cli import (
    data,
    demo,
    evaluate,
    layouts,
    queries,
    stealth,
    train,
    transfer,
    weights,
    worst_case,
)

COMMANDS = (demo, train, evaluate, transfer, queries, weights, worst_case, stealth, layouts, data)
"""The modules of the commands; each has ``add(commands)``, which declares it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``mt-attack``; bad input ends in a message and the exit code 2, without a traceback.

    Args:
        arguments: the command line's words; those of the process by default.
    """
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options) or 0)
    except KeyboardInterrupt:
        print(f"mt-attack {options.command}: interrupted", file=sys.stderr)
        return 130
    except (ValueError, TypeError, KeyError, ImportError, OSError) as error:
        print(f"mt-attack {options.command}: {error}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("mt-attack", description="Attacks on all tasks of a multi-task model at once.")
    commands = parser.add_subparsers(dest="command", required=True)
    for command in COMMANDS:
        command.add(commands)
    return parser
