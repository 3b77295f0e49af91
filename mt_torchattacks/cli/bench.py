"""``mt-attack bench``."""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    bench = commands.add_parser("bench", help="compare with other libraries side by side")
    peers = bench.add_subparsers(dest="peer", required=True)
    art = peers.add_parser("art", help="ART's attacks, one per task or on a summed loss, and this library's")
    art.add_argument("--output", type=Path, default=Path("results/bench/art"), help="folder for what it writes")
    art.add_argument("--scenes", type=int, default=32, help="number of rooms")
    art.add_argument("--photographs", type=int, default=32, help="number of faces; 0 leaves the face detector out")
    art.set_defaults(run=_art)


def _art(options: argparse.Namespace) -> None:
    bench = importlib.import_module("art_plugins.bench")  # by name: the library itself does not know the plugins
    bench.run_bench(options.output, scenes=options.scenes, photographs=options.photographs)
