"""The results as Markdown and as CSV."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

from benchmarks.cost.measure import Cost
from benchmarks.cost.memory import Memory

MIB = 2**20


def markdown(results: Mapping[str, Sequence[Cost]], memories: Sequence[Memory]) -> str:
    """A table a setting, and one for memory."""
    parts = []
    for setting, costs in results.items():
        parts += [
            f"| {setting}, a step | units (range) | units of CPU time | of operations | forwards | backwards |",
            "|---|---|---|---|---|---|",
            *(_cost_line(cost) for cost in costs),
            "",
        ]
    parts += [
        "| kept for one backward pass, MiB | frozen | not frozen | mta's objective | weight gradients |",
        "|---|---|---|---|---|",
        *(_memory_line(memory) for memory in memories),
    ]
    return "\n".join(parts) + "\n"


def write_csv(path: Path, results: Mapping[str, Sequence[Cost]]) -> None:
    """One row an attack; times are medians over the rounds."""
    header = ["setting", "attack", "wall_units", "cpu_units", "operations_units", "forward_passes", "backward_passes"]
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        for setting, costs in results.items():
            for c in costs:
                times = (f"{median(c.wall):.4f}", f"{median(c.cpu):.4f}")
                writer.writerow([setting, c.name, *times, f"{c.operations:.4f}", c.forward_passes, c.backward_passes])


def _cost_line(c: Cost) -> str:
    wall = f"{median(c.wall):.2f} ({min(c.wall):.2f} to {max(c.wall):.2f})"
    exact = f"{c.operations:.2f} | {c.forward_passes:.1f} | {c.backward_passes:.1f}"
    return f"| {c.name} | {wall} | {median(c.cpu):.2f} | {exact} |"


def _memory_line(m: Memory) -> str:
    sizes = (m.frozen, m.unfrozen, m.ours, m.weight_gradients)
    return f"| {m.name} | {' | '.join(f'{size / MIB:.1f}' for size in sizes)} |"
