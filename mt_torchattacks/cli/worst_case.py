"""``mt-attack worst-case``."""

from __future__ import annotations

import argparse
from functools import partial
from typing import Any

from mt_torchattacks.cli.inputs import MODEL_HELP, add_inputs, load_scenes, load_subjects


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    command = commands.add_parser("worst-case", help="a fixed set of attacks: which one is the worst, and how often")
    command.add_argument("--model", default="rooms3/*", help=f"{MODEL_HELP}; several separated by commas")
    command.add_argument("--eps", type=float, action="append", help="radius in 1/255; repeatable (default: 8)")
    command.add_argument("--steps", type=int, default=20, help="of each component with steps (default: 20)")
    command.add_argument("--queries", type=int, default=500, help="of the component without gradients (default: 500)")
    judge = "what decides on a sample: the losses that are climbed, or the errors that metrics count (default: losses)"
    command.add_argument("--judge", choices=["losses", "errors"], default="losses", help=judge)
    add_inputs(command, scenes=32, output="results/worst-case")
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> None:
    from mt_torchattacks.evaluation import Store
    from mt_torchattacks.report import save_table, to_markdown, worst_case_tables

    cells = []
    for subject in load_subjects(options.model.split(","), options.device):
        scenes = load_scenes(options, subject.name)
        for eps in options.eps or [8.0]:
            key: dict[str, Any] = {"model": subject.name, "eps": eps, "judge": options.judge, "steps": options.steps}
            key |= {"queries": options.queries, "seed": options.seed, "weights": subject.weights} | scenes.key
            cells.append((key, partial(_measure, options, subject.model, scenes, eps)))
    values = Store(options.output / "cells").cells(cells)
    for name, title in (("arp", "ARP (%) of each component and of the worst case"), ("wins", "samples won")):
        table = worst_case_tables([key for key, _ in cells], values, name)
        print(f"{title}, {options.scenes} images of {options.data}\n\n{to_markdown(table)}\n")
        save_table(table, options.output / name)
    print(f"written to {options.output}")


def _measure(options: argparse.Namespace, model: Any, scenes: Any, eps: float) -> dict[str, dict[str, float]]:
    from mt_torchattacks.attacks import attack_class
    from mt_torchattacks.evaluation import evaluate_worst_case
    from mt_torchattacks.tasks import error_tasks

    judge = error_tasks(tuple(scenes.tasks)) if options.judge == "errors" else None
    own = {"steps": options.steps, "n_queries": options.queries, "seed": options.seed, "judge": judge}
    attack: Any = attack_class("WorstCase")(model, scenes.tasks, eps=eps / 255, **own)
    batches = list(scenes.on(next(model.parameters()).device))
    found = evaluate_worst_case(attack, scenes.tasks, batches, scenes.metrics, progress=False)
    arp = {name: relative.total for name, relative in found.evaluation.relative.items()}
    return {"arp": arp, "wins": {name: float(count) for name, count in found.wins.items()}, "scores": found.scores}
