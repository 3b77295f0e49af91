"""``mt-attack transfer``."""

from __future__ import annotations

import argparse

from mt_torchattacks.cli.grid import add_grid, load_specs
from mt_torchattacks.cli.inputs import MANY, MODEL_HELP, add_inputs, load_data, load_models, open_store

_RULES = ("dgba", "total", "sign_total", "single")


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    command = commands.add_parser("transfer", help="attack one model and measure the harm to others")
    models = f"{MODEL_HELP}; {MANY} (default: rooms3/*)"
    command.add_argument("--surrogate", default="rooms3/*", help=f"the attacked models: {models}")
    command.add_argument("--targets", default="rooms3/*", help=f"the models to measure: {models}")
    own = "pgd, apgd and torchattacks' attacks that are made to transfer"
    add_grid(command, attacks=own, rules=", ".join(_RULES))
    add_inputs(command, scenes=32, output="results/transfer")
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> None:
    from mt_torchattacks import checks
    from mt_torchattacks.report import by_target, save_table, to_markdown, transfer_summary
    from mt_torchattacks.studies import TRANSFER_ATTACKS, transfer

    store, frames = open_store(options), []
    surrogates, targets = (load_models(names, options.device) for names in (options.surrogate, options.targets))
    scenes = load_data(options, surrogates[0].name)
    plans = load_specs(options, scenes.tasks, ["pgd", "apgd", *TRANSFER_ATTACKS], _RULES)
    for surrogate in surrogates:
        frames.append(transfer(store, surrogate, targets, scenes, plans, seed=options.seed))
        print(f"\nARP (%) of the models below, attacked through {surrogate.name}\n")
        print(to_markdown(by_target(frames[-1])))
    table = checks.optional("pandas", extra="plot").concat(frames, ignore_index=True)
    if (table["setting"] == "black_box").any():
        print("\nMean ARP (%) over all pairs of a surrogate and another model\n")
        print(to_markdown(transfer_summary(table)))
    save_table(table, options.output / "transfer")
    print(f"\n{len(scenes)} images of {scenes.name}; written to {options.output}")
