"""``mt-attack evaluate``."""

from __future__ import annotations

import argparse

from mt_torchattacks.cli.grid import add_grid, load_specs
from mt_torchattacks.cli.inputs import MODEL_HELP, add_inputs, load_data, load_model, open_store

_ATTACK, _RULE = "apgd", "dgba"


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    command = commands.add_parser("evaluate", help="attack a model: any attacks, rules and sizes")
    command.add_argument("--model", default="rooms3/all-shared", help=MODEL_HELP)
    add_grid(command, attacks=_ATTACK, rules=_RULE)
    add_inputs(command, scenes=64, output="results/evaluate")
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> None:
    from mt_torchattacks.evaluation import evaluate_cells
    from mt_torchattacks.report import arp_table, clean_table, save_evaluation, save_table, to_markdown
    from mt_torchattacks.report.paper import paper_table

    store, subject = open_store(options), load_model(options.model, options.device)
    scenes = load_data(options, subject.name)
    plans = load_specs(options, scenes.tasks, [_ATTACK], [_RULE])
    evaluation = evaluate_cells(store, subject, scenes, plans, seed=options.seed)
    print(f"Clean metrics of {subject.name} on {len(scenes)} images of {scenes.name}\n")
    print(to_markdown(clean_table(evaluation), digits=3))
    print("\nARP (%; higher is the stronger attack), by task and their mean\n")
    print(to_markdown(arp_table(evaluation)))
    save_evaluation(evaluation, options.output)
    save_table(paper_table(evaluation).reset_index(), options.output / "rows", digits=4)
    print(f"\nwritten to {options.output}")
