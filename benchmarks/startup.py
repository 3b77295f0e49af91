"""How long the library and its commands take to start, as a ratio to ``import torch``.

    python benchmarks/startup.py

Seconds of CPU of a fresh process, the median of several, and less those of an interpreter that does nothing. The cases
take turns, so that a busy machine slows all of them.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parents[1]

TORCH = "import torch"
NOTHING = "pass"
OBJECTIVE = "mta.Objective(lambda x: x, mta.Tasks(depth=mta.losses.L1()))"
COMMANDS = ("--version", "--help", "list attacks", "list models", "evaluate --help", "layouts show nyuv2/41")
CASES = {
    TORCH: TORCH,
    "import mt_torchattacks": "import mt_torchattacks",
    "Tasks and Objective": f"import mt_torchattacks as mta; {OBJECTIVE}",
    "import torch, torchattacks": "import torch, torchattacks",
    "mta.PGD": "import mt_torchattacks as mta; mta.PGD",
    **{f"mt-attack {words}": f"from mt_torchattacks.cli import main; main({words.split()!r})" for words in COMMANDS},
}
"""What is measured, by name."""


def cpu_seconds(code: str) -> float:
    """Seconds of CPU, user and system, of a fresh interpreter that runs the code."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{code}: expected the exit code 0, found {process.returncode}.")
    return usage.ru_utime + usage.ru_stime


def measured(rounds: int) -> dict[str, float]:
    """Median seconds of each case, less those of an interpreter alone.

    The first round, which fills caches, is left out.
    """
    seconds: dict[str, list[float]] = {name: [] for name in (NOTHING, *CASES)}
    for _ in range(rounds + 1):
        for name, code in {NOTHING: NOTHING, **CASES}.items():
            seconds[name].append(cpu_seconds(code))
    medians = {name: median(found[1:]) for name, found in seconds.items()}
    return {name: medians[name] - medians[NOTHING] for name in CASES}


def table(seconds: dict[str, float]) -> str:
    """The seconds, their ratio to those of ``import torch``, and what they are beyond them."""
    torch = seconds[TORCH]
    rows = [f"| {name} | {value:.2f} | {value / torch:.2f} | {value - torch:+.2f} |" for name, value in seconds.items()]
    return "\n".join(["| | CPU s | / import torch | - import torch |", "|---|---:|---:|---:|", *rows])


def main(arguments: Sequence[str] | None = None) -> dict[str, float]:
    """Measure, print the table and return the seconds by case."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=5, help="processes a case (default: 5)")
    parser.add_argument("--out", type=Path, help="JSON file of the seconds")
    args = parser.parse_args(arguments)
    seconds = measured(args.rounds)
    print(table(seconds))
    if args.out:
        args.out.write_text(json.dumps(seconds, indent=2), "utf-8")
    return seconds


if __name__ == "__main__":
    main()
