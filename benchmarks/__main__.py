"""Run the benchmarks, and keep what they print with what it was measured on.

    python -m benchmarks                         # all of them, one after another: about two hours of an idle machine
    python -m benchmarks cost startup            # some
    python -m benchmarks --list

Each is a process of its own. What it prints, its tables as rows, the machine, the versions and the commit are written
to ``benchmarks/measured/NAME.json``; the site's page of benchmarks is made of these files.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from benchmarks.measured import RESULTS, parts
from mt_torchattacks.cli.record import versions

ROOT = Path(__file__).parents[1]

BENCHMARKS: dict[str, tuple[str, ...]] = {
    "startup": ("benchmarks.startup",),
    "cost": ("benchmarks.cost_per_step", "--threads", "1"),
    "batched-backward": ("benchmarks.batched_backward",),
    "streaming": ("benchmarks.streaming",),
    "checkpoints": ("benchmarks.checkpoints",),
    "conjugate": ("benchmarks.conjugate", "--images", "16", "--steps", "20"),
    "regression": ("benchmarks.regression", "--images", "32", "--steps", "60"),
    "autoattack": ("benchmarks.autoattack", "--seeds", "5"),
    "sea": ("benchmarks.sea", "--images", "32", "--steps", "60"),
    "art": ("benchmarks.art", "--images", "32", "--photographs", "32"),
}
"""By name, the module and its arguments."""


def run(name: str) -> dict[str, Any]:
    """Run a benchmark; what its file holds.

    Raises:
        RuntimeError: it failed; the message has what it said.
    """
    started, clock = datetime.now(timezone.utc), time.perf_counter()
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_WAIT_POLICY": "passive"}
    words = [sys.executable, "-m", *BENCHMARKS[name]]
    done = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{name}: {done.stderr.strip()[-2000:]}")
    return {
        "name": name,
        "command": " ".join(["python -m", *BENCHMARKS[name]]),
        "commit": commit(),
        "started": started.isoformat(timespec="seconds"),
        "seconds": round(time.perf_counter() - clock),
        "machine": machine(),
        "versions": versions(),
        "printed": parts(done.stdout),
    }


def commit() -> str:
    """The commit that is checked out, with a plus sign if files have changed since; empty outside of a repository."""
    git = ("git", "-C", str(ROOT))
    head = subprocess.run([*git, "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, check=False)
    changed = subprocess.run([*git, "status", "--porcelain", "-uno"], capture_output=True, text=True, check=False)
    return head.stdout.strip() + ("+" if changed.stdout.strip() else "")


def machine() -> str:
    """Its processor, or its kind where that is not known, and the number of cores."""
    known = Path("/proc/cpuinfo")
    lines = known.read_text("utf-8").splitlines() if known.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{models[0] if models else platform.machine()}, {os.cpu_count()} cores"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run those that are asked for; one that fails does not stop the others."""
    parser = argparse.ArgumentParser("python -m benchmarks", description=__doc__, allow_abbrev=False)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("names", nargs="*", metavar="NAME", help="which; all by default")
    parser.add_argument("--list", action="store_true", help="print the names and the commands, and stop")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder for the JSON files")
    options = parser.parse_args(arguments)
    if options.list:
        for name, words in BENCHMARKS.items():
            print(f"{name:12} python -m {' '.join(words)}")
        return 0
    for name in options.names:
        if name not in BENCHMARKS:
            parser.error(f"NAME: expected some of {', '.join(BENCHMARKS)}, found {name!r}.")
    failed = 0
    for name in options.names or BENCHMARKS:
        try:
            found = run(name)
        except RuntimeError as error:
            print(error, file=sys.stderr)
            failed = 1
            continue
        options.out.mkdir(parents=True, exist_ok=True)
        path = options.out / f"{name}.json"
        path.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
        print(f"{path}: {found['seconds']} s", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main())
