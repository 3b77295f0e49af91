"""Auto-SAGA beside APGD and the basic iterative method, at equal passes and at equal steps.

    python benchmarks/auto_saga.py

Average relative performance (ARP, percent, higher is the stronger attack) on held-out rooms. A step of Auto-SAGA costs
T + 1 backward passes, so for a number of its steps APGD takes T + 1 times as many.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).parents[1])  # so that 'benchmarks' is found, and its files hide no package

import torch

import mt_torchattacks as mta
from benchmarks.held_out import Batch, batches, evaluate
from mt_torchattacks.tasks import standard_tasks

PUBLISHED = {"learning_rate": 10.0, "fitting_factor": 50.0}  # of the code of [D], in the unit of its gradients


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    """Measure, print a table for each model, and return the evaluations."""
    args = _parser().parse_args(arguments)
    torch.set_num_threads(args.threads)
    loader, found = batches(args.rooms), {}
    for name in args.models:
        model = mta.models.zoo(name)
        unit = median_unit(model, loader[0])
        found[name] = evaluate(model, loader, contenders(model, args.steps, args.eps / 255, unit))
        print(f"\n{name}, eps {args.eps:g}/255, {args.rooms} rooms. Median mean |G| of dgba: {unit:.2g}.\n")
        print_table(found[name])
    return found


def contenders(model: torch.nn.Module, steps: Sequence[int], eps: float, unit: float) -> dict[str, Any]:
    """The attacks by name, steps and backward passes."""
    tasks = standard_tasks()
    published = {key: value * unit for key, value in PUBLISHED.items()}
    made: dict[str, Any] = {}
    for k in steps:
        passes = k * (len(tasks) + 1)
        for rule in ("baseline", "dgba"):
            plain = "total" if rule == "baseline" else rule
            made[f"BIM {plain}|{k}|{k}"] = mta.BIM(model, tasks, plain, eps=eps, alpha=2 / 255, steps=k)
            made[f"AutoSAGA {rule}|{k}|{passes}"] = mta.AutoSAGA(model, tasks, rule, eps=eps, steps=k)
            made[f"APGD {plain}|{passes}|{passes + 1}"] = mta.APGD(model, tasks, plain, eps=eps, steps=passes)
        if k == min(steps):
            slow = mta.AutoSAGA(model, tasks, "dgba", eps=eps, steps=k, **published)
            made[f"AutoSAGA dgba, published factors|{k}|{passes}"] = slow
    return made


def median_unit(model: torch.nn.Module, batch: Batch) -> float:
    """The median over the rooms of the mean absolute dgba direction on the clean image."""
    images, targets = batch
    x = images.clone().requires_grad_()
    score = mta.Objective(model, standard_tasks(), "dgba").bind(images, targets)(x)
    return float(torch.autograd.grad(score.sum(), x)[0].abs().mean(dim=(1, 2, 3)).median())


def print_table(evaluation: Any) -> None:
    """Markdown: ARP of all tasks and of each."""
    tasks = list(evaluation.clean.metrics)
    print(f"| attack | steps | backward passes | ARP | {' | '.join(tasks)} |")
    print(f"|:--|--:|--:|--:|{'--:|' * len(tasks)}")
    for name, arp in evaluation.relative.items():
        attack, steps, passes = name.split("|")
        parts = " | ".join(f"{arp.per_task[task]:.1f}" for task in tasks)
        print(f"| {attack} | {steps} | {passes} | {arp.total:.1f} | {parts} |")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=["rooms3/all-shared", "rooms3/independent"])
    parser.add_argument("--rooms", type=int, default=32)
    parser.add_argument("--steps", type=int, nargs="+", default=[10, 40])
    parser.add_argument("--eps", type=float, default=8.0, help="in 1/255")
    parser.add_argument("--threads", type=int, default=1)
    return parser


if __name__ == "__main__":
    main()
