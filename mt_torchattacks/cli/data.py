"""``mt-attack data check``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import mt_torchattacks as mta
from mt_torchattacks.cli.command import Command
from mt_torchattacks.cli.printing import PrintOptions, show
from mt_torchattacks.names import at_commas


@dataclass
class Checked:
    """What to look at.

    Args:
        name: nyuv2, tiny_taskonomy or cityscapes
        root: the data set's folder
        split: the split to look at
        tasks: names of the targets; the papers' own by default
    """

    name: str
    root: Path
    split: str = "train"
    tasks: list[str] | None = None


@dataclass
class CheckOptions(PrintOptions, Checked):
    """What to look at, and how to say what is found."""


def check(options: CheckOptions) -> int:
    """Read a sample of a data set on disk and say in words what is wrong; 1 if something is."""
    tasks = None if options.tasks is None else at_commas(options.tasks)
    findings = mta.data.check_data(
        options.name, mta.files.at_home(options.root, "root"), split=options.split, tasks=tasks
    )
    show(options, [str(findings)], findings._asdict)
    return 1 if findings.problems else 0


COMMANDS = (
    Command("data check", "read a sample of a data set on disk and say in words what is wrong", "nyuv2 /data/nyuv2",
            CheckOptions, check),
)  # fmt: skip
