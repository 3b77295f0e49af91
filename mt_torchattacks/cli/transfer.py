"""``mt-attack transfer``."""

from __future__ import annotations

import argparse

from mt_torchattacks.cli.inputs import MODEL_HELP, add_attack, add_inputs, load_scenes, load_subjects

_RULES = ("dgba", "total", "sign_total", "single")


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    command = commands.add_parser("transfer", help="attack one model and measure the harm to others")
    many = "several separated by commas; 'rooms3/*' stands for all that fit"
    command.add_argument("--surrogate", default="rooms3/*", help=f"the attacked models: {MODEL_HELP}; {many}")
    command.add_argument("--targets", default="rooms3/*", help=f"the models to measure; {many}")
    own = "pgd, apgd and torchattacks' attacks that are made to transfer"
    command.add_argument("--attack", action="append", help=f"an attack's name; repeatable (default: {own})")
    command.add_argument("--balance", action="append", help=f"repeatable (default: {', '.join(_RULES)})")
    command.add_argument("--eps", type=float, action="append", help="radius in 1/255; repeatable (default: 8)")
    add_attack(command)
    add_inputs(command, scenes=32, output="results/transfer")
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> None:
    from mt_torchattacks import checks
    from mt_torchattacks.evaluation import TRANSFER_ATTACKS, Store, attack_plans, transfer
    from mt_torchattacks.report import by_target, save_table, to_markdown, transfer_summary

    surrogates, targets = (
        load_subjects(text.split(","), options.device) for text in (options.surrogate, options.targets)
    )
    scenes = load_scenes(options, surrogates[0].name)
    names = options.attack or ["PGD", "APGD", *TRANSFER_ATTACKS]
    rules, sizes = options.balance or _RULES, options.eps or [8.0]
    plans = attack_plans(names, rules, sizes, scenes.tasks, steps=options.steps, queries=options.queries)
    store, frames = Store(options.output / "cells"), []
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
