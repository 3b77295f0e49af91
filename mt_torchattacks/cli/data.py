"""``mt-attack data``."""

from __future__ import annotations

import argparse
from pathlib import Path

from mt_torchattacks.data.check import READERS, check_data


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    data = commands.add_parser("data", help="look at data sets on disk")
    actions = data.add_subparsers(dest="action", required=True)
    check = actions.add_parser("check", help="read a sample and say in words what is wrong")
    check.add_argument("name", help=f"one of {', '.join(READERS)}")
    check.add_argument("root", type=Path, help="the data set's folder")
    check.add_argument("--split", default="train", help="the split to look at (default: train)")
    check.add_argument("--tasks", help="names of the targets, separated by commas (default: the papers' own)")
    check.set_defaults(run=_check)


def _check(options: argparse.Namespace) -> int:
    tasks = None if options.tasks is None else options.tasks.split(",")
    findings = check_data(options.name, options.root, split=options.split, tasks=tasks)
    print(findings)
    return 1 if findings.problems else 0
