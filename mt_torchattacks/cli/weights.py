"""``mt-attack weights``."""

from __future__ import annotations

import argparse

from mt_torchattacks.cli.grid import add_attack
from mt_torchattacks.cli.inputs import MANY, MODEL_HELP, add_inputs, file_name, load_data, load_models, open_store


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    command = commands.add_parser("weights", help="search the tasks' fixed weights that attack a model best")
    command.add_argument("--model", default="rooms3/*", help=f"{MODEL_HELP}; {MANY} (default: rooms3/*)")
    command.add_argument("--attack", default="apgd", help="an attack's name (default: apgd)")
    command.add_argument("--eps", type=float, default=8.0, help="radius in 1/255 (default: 8)")
    command.add_argument("--step", type=float, default=0.1, help="of the grid of weights (default: 0.1)")
    rungs = "rungs of the early stopping; 1 measures all weights on all images (default: 3)"
    command.add_argument("--rungs", type=int, default=3, help=rungs)
    add_attack(command)
    add_inputs(command, scenes=32, output="results/weights")
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> None:
    from mt_torchattacks import checks
    from mt_torchattacks.evaluation import AttackSpec
    from mt_torchattacks.report import save_table, to_markdown
    from mt_torchattacks.studies import weighted_total_search, weights_row

    plan = AttackSpec(options.attack, eps=options.eps, steps=options.steps, queries=options.queries)
    store, rows = open_store(options), []
    for subject in load_models(options.model, options.device):
        scenes = load_data(options, subject.name)
        found = weighted_total_search(
            store, subject, scenes, plan, step=options.step, rungs=options.rungs, seed=options.seed
        )
        rows.append(weights_row(subject.name, plan, found))
        save_table(found.to_frame(), options.output / file_name(subject))
    table = checks.optional("pandas", extra="plot").DataFrame(rows)
    print(f"Best weights by ARP (%) on {options.scenes} images of {options.data}, and dgba\n")
    print(to_markdown(table))
    save_table(table, options.output / "weights")
    print(f"\nwritten to {options.output}")
