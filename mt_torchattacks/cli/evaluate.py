"""``mt-attack evaluate``."""

from __future__ import annotations

import argparse

from mt_torchattacks.cli.inputs import MODEL_HELP, add_attack, add_inputs, load_scenes, load_subjects


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    command = commands.add_parser("evaluate", help="attack a model: any attacks, rules and sizes")
    command.add_argument("--model", default="rooms3/all-shared", help=MODEL_HELP)
    command.add_argument("--attack", action="append", help="an attack's name, as auto_saga; repeatable (default: apgd)")
    rules = "a rule, 'single' for each task alone, or weights as depth=0.8,normal=0.2; repeatable (default: dgba)"
    command.add_argument("--balance", action="append", help=rules)
    command.add_argument("--eps", type=float, action="append", help="radius in 1/255; repeatable (default: 8)")
    add_attack(command)
    add_inputs(command, scenes=64, output="results/evaluate")
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> None:
    from mt_torchattacks.evaluation import Store, attack_plans, evaluate_cells
    from mt_torchattacks.report import arp_table, clean_table, save_evaluation, to_markdown

    [subject] = load_subjects([options.model], options.device)
    scenes = load_scenes(options, subject.name)
    plans = attack_plans(
        options.attack or ["apgd"],
        options.balance or ["dgba"],
        options.eps or [8.0],
        scenes.tasks,
        steps=options.steps,
        queries=options.queries,
    )
    evaluation = evaluate_cells(Store(options.output / "cells"), subject, scenes, plans, seed=options.seed)
    print(f"Clean metrics of {subject.name} on {len(scenes)} images of {scenes.name}\n")
    print(to_markdown(clean_table(evaluation), digits=3))
    print("\nARP (%; higher is the stronger attack), by task and their mean\n")
    print(to_markdown(arp_table(evaluation)))
    save_evaluation(evaluation, options.output)
    print(f"\nwritten to {options.output}")
