"""How much a step of an attack costs, in units of one forward and one backward pass to the input.

    python benchmarks/cost_per_step.py --out results/cost

Ratios within one run: each attack is timed between two blocks of units, and its time divided by theirs. Passes and
floating-point operations are counted, not timed, so they are exact whatever else the machine does.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Sequence
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).parents[1])  # so that 'benchmarks' is found, and its files hide no package
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # read when torch loads: threads that wait use no CPU time

import torch

from benchmarks.cost.contenders import Contender, art_one_task, one_task, several_tasks
from benchmarks.cost.measure import Cost, costs, unit_seconds
from benchmarks.cost.memory import Memory, memory
from benchmarks.cost.setting import MODELS, Setting, classifier_setting, dense_setting, transformer_setting
from benchmarks.cost.table import markdown, write_csv


def main(arguments: Sequence[str] | None = None) -> tuple[dict[str, list[Cost]], list[Memory]]:
    """Measure, print the tables and return what they hold."""
    args = _parser().parse_args(arguments)
    torch.set_num_threads(args.threads)
    results: dict[str, list[Cost]] = {}
    memories = []
    for n in args.tasks:
        setting = dense_setting(args.model, n, args.batch, args.size).to(args.device)
        results[f"{n} tasks"] = costs(setting, list(several_tasks(setting, args.steps)), args.rounds)
        memories.append(memory(f"{args.model}, {n} tasks", setting))
    classifier = classifier_setting(args.model, args.batch, args.size).to(args.device)
    results["one classifier"] = costs(classifier, _on_one_task(classifier, args.steps), args.rounds)
    memories.append(memory("a transformer encoder", transformer_setting(args.batch).to(args.device)))
    unit = 1000 * unit_seconds(dense_setting(args.model, args.tasks[0], args.batch, args.size).to(args.device))
    text = f"{_conditions(args)} A unit of {args.tasks[0]} tasks takes {unit:.1f} ms.\n\n{markdown(results, memories)}"
    print(text)
    if args.out:
        args.out.mkdir(parents=True, exist_ok=True)
        (args.out / "cost_per_step.md").write_text(text, "utf-8")
        write_csv(args.out / "cost_per_step.csv", results)
    return results, memories


def _on_one_task(setting: Setting, steps: int) -> list[Contender]:
    found = list(one_task(setting, steps))
    try:
        found += art_one_task(setting, steps)
    except ImportError as missing:
        print(f"ART skipped: {missing}")
    return found


def _conditions(args: argparse.Namespace) -> str:
    on_gpu = torch.device(args.device).type == "cuda"
    machine = torch.cuda.get_device_name() if on_gpu else f"{platform.machine()}, {os.cpu_count()} cores"
    return (
        f"{args.model}, {args.batch} images of {args.size} x {args.size}, {args.steps} steps, {args.threads} threads, "
        f"median (smallest to largest) of {args.rounds} rounds, torch {torch.__version__}, {machine}."
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=MODELS, default="resnet34", help="resnet34 is torchvision's")
    parser.add_argument("--tasks", type=int, nargs="+", choices=range(1, 6), default=[3, 5], help="how many, 1 to 5")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--size", type=int, default=96, help="height and width of the images")
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=4, help="each attack is timed once a round")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--out", type=Path, help="folder for cost_per_step.md and cost_per_step.csv")
    return parser


if __name__ == "__main__":
    main()
