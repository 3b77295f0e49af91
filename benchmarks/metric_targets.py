"""What should an attack climb: the losses that a model was trained with, or the errors that its metrics count?

    python benchmarks/metric_targets.py --out results/metric_targets

APGD with the same number of steps, hence of forward and backward passes, on models of the zoo and held-out rooms; each
seed has rooms and random starts of its own. Prints the ARP of each candidate by model and eps, and the difference to
dgba on the training losses with its 95 % confidence interval over the seeds. An interrupted run goes on where it was.
"""

from __future__ import annotations

import argparse
import fnmatch
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch

import mt_torchattacks as mta
from mt_torchattacks import checks
from mt_torchattacks.evaluation import AttackSpec, NamedData, NamedModel, Store
from mt_torchattacks.evaluation.cells import measure_attack
from mt_torchattacks.models.zoo import zoo_names, zoo_record

BASELINE = "dgba"
CANDIDATES: Mapping[str, tuple[str, str]] = {
    BASELINE: ("dgba", "losses"),
    "relative": ("relative", "losses"),
    "total": ("total", "losses"),
    "dgba on errors": ("dgba", "errors"),
    "relative on errors": ("relative", "errors"),
}
"""By name: the balancing rule, and what it climbs."""

STUDENT = {2: 12.706, 3: 4.303, 4: 3.182, 5: 2.776, 6: 2.571, 8: 2.365, 10: 2.262}
"""Two-sided 95 % quantile of Student's t distribution by the number of seeds."""


def main(arguments: Sequence[str] | None = None) -> torch.Tensor:
    """Measure, print the tables and return the ARP ``(cells, candidates, seeds)``."""
    args = _parser().parse_args(arguments)
    torch.set_num_threads(args.threads)
    store = Store(args.out / "cells")
    models = [name for pattern in args.models for name in fnmatch.filter(zoo_names(), pattern)]
    checks.require(bool(models), "--models", "names or patterns of models of the zoo", args.models)
    grid = [(model, eps) for model in models for eps in args.eps]
    values = store.cells(_cells(args, grid))
    arp = torch.tensor([value["arp"]["total"] for value in values])
    arp = arp.reshape(len(grid), args.seeds, len(CANDIDATES)).transpose(1, 2)
    text = f"{_conditions(args)}\n\n{_table(grid, arp)}\n\n{_summary(arp)}\n"
    print(text)
    (args.out / "metric_targets.md").write_text(text, "utf-8")
    return arp


def _cells(args: argparse.Namespace, grid: Sequence[tuple[str, float]]) -> Iterator[tuple[dict[str, Any], Any]]:
    subjects = {model: NamedModel(model, mta.models.zoo(model)) for model, _ in grid}
    scenes = {(model, seed): _scenes(model, args.scenes, seed) for model in subjects for seed in range(args.seeds)}
    for model, eps in grid:
        for seed in range(args.seeds):
            for name, (rule, climb) in CANDIDATES.items():
                held_out, subject = scenes[model, seed], subjects[model]
                plan = AttackSpec("apgd", rule, eps, args.steps, climb=climb)
                attack = plan.build(subject.model, held_out.tasks, seed)
                key = {"model": model, "candidate": name, "eps": eps, "steps": args.steps, "seed": seed}
                key |= {"weights": subject.weights} | held_out.key
                yield key, partial(measure_attack, subject.model, held_out, attack, seed)


def _scenes(model: str, count: int, seed: int) -> NamedData:
    record = zoo_record(model)
    rooms = mta.data.Rooms(count, record["data"]["size"], 100 + seed, tasks=tuple(record["heads"]))
    return NamedData.of(f"rooms(seed={100 + seed})", rooms, count)


def _table(grid: Sequence[tuple[str, float]], arp: torch.Tensor) -> str:
    lines = [f"| model | eps | {' | '.join(CANDIDATES)} |", f"|---|---|{'---:|' * len(CANDIDATES)}"]
    for (model, eps), values in zip(grid, arp.mean(dim=2), strict=True):
        lines.append(f"| {model} | {eps:g} | {' | '.join(f'{value:.1f}' for value in values)} |")
    return "\n".join(lines)


def _summary(arp: torch.Tensor) -> str:
    """For each candidate its mean ARP, the mean difference to the baseline with its interval, and the cells it wins."""
    baseline = list(CANDIDATES).index(BASELINE)
    lines = [
        "| candidate | mean ARP | difference to dgba | cells above dgba | cells surely above |",
        "|---|---:|---|---:|---:|",
    ]
    for name, values in zip(CANDIDATES, arp.transpose(0, 1), strict=True):
        difference = values - arp[:, baseline]
        over_cells, half = difference.mean(dim=1), _interval(difference)
        mean, width = difference.mean(), _interval(difference.mean(dim=0, keepdim=True))[0]
        shown = "" if name == BASELINE else f"{mean:+.1f} ± {width:.1f}"
        won, surely = int((over_cells > 0).sum()), int((over_cells - half > 0).sum())
        lines.append(f"| {name} | {values.mean():.1f} | {shown} | {won} of {len(arp)} | {surely} |")
    return "\n".join(lines)


def _interval(differences: torch.Tensor) -> torch.Tensor:
    """Half the width of the 95 % confidence interval of the mean over seeds, ``(cells, seeds) -> (cells,)``."""
    seeds = differences.shape[1]
    return STUDENT[seeds] * differences.std(dim=1) / seeds**0.5


def _conditions(args: argparse.Namespace) -> str:
    return (
        f"ARP in percent, APGD, {args.steps} steps, {args.seeds} seeds with {args.scenes} held-out rooms each; "
        "differences with 95 % confidence intervals over the seeds."
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=["rooms3/*", "rooms3-resnet34/*"], help="names or patterns")
    parser.add_argument("--eps", type=float, nargs="+", default=[2.0, 4.0, 8.0, 16.0], help="radii in 1/255")
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--seeds", type=int, choices=STUDENT, default=5)
    parser.add_argument("--scenes", type=int, default=16, help="rooms a seed")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("results/metric_targets"))
    return parser


if __name__ == "__main__":
    main()
