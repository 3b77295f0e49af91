"""``mt-attack worst-case``."""

from __future__ import annotations

import argparse

from mt_torchattacks.cli.grid import add_seed
from mt_torchattacks.cli.inputs import MANY, MODEL_HELP, add_inputs, load_data, load_models, open_store
from mt_torchattacks.evaluation.specs import ATTACK_LOSSES


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    command = commands.add_parser("worst-case", help="a fixed set of attacks: which one is the worst, and how often")
    command.add_argument("--model", default="rooms3/*", help=f"{MODEL_HELP}; {MANY} (default: rooms3/*)")
    command.add_argument("--eps", type=float, action="append", help="radius in 1/255; repeatable (default: 8)")
    command.add_argument("--steps", type=int, default=20, help="of each component with steps (default: 20)")
    command.add_argument("--queries", type=int, default=500, help="of the component without gradients (default: 500)")
    judge = "what decides on a sample: the losses that are climbed, or the errors that metrics count (default: losses)"
    command.add_argument("--judge", choices=ATTACK_LOSSES, default="losses", help=judge)
    add_seed(command)
    add_inputs(command, scenes=32, output="results/worst-case")
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> None:
    from mt_torchattacks.report import save_table, to_markdown
    from mt_torchattacks.studies import worst_case_cell, worst_case_tables

    store, cells = open_store(options), []
    budget = {"steps": options.steps, "queries": options.queries, "seed": options.seed}
    for subject in load_models(options.model, options.device):
        scenes = load_data(options, subject.name)
        for eps in options.eps or [8.0]:
            cells.append(worst_case_cell(subject, scenes, eps, judge=options.judge, **budget))
    values = store.cells(cells)
    for name, title in (("arp", "ARP (%) of each component and of the worst case"), ("wins", "samples won")):
        table = worst_case_tables([key for key, _ in cells], values, name)
        print(f"{title}, {options.scenes} images of {options.data}\n\n{to_markdown(table)}\n")
        save_table(table, options.output / name)
    print(f"written to {options.output}")
