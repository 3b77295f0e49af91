"""``mt-attack demo``."""

from __future__ import annotations

import argparse
from pathlib import Path

from mt_torchattacks.models import zoo_names


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    demo = commands.add_parser("demo", help="attack the zoo's models on held-out rooms: tables and figures")
    demo.add_argument("--output", type=Path, default=Path("results/demo"), help="folder for what it writes")
    demo.add_argument("--model", default="rooms3/all-shared", help=f"one of {', '.join(zoo_names())}")
    demo.add_argument("--scenes", type=int, default=32, help="number of rooms")
    demo.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> None:
    from mt_torchattacks.studies.demo import run_demo

    run_demo(options.output, model=options.model, scenes=options.scenes)
