"""``mt-attack stealth``."""

from __future__ import annotations

import argparse

from mt_torchattacks.cli.inputs import MODEL_HELP, add_inputs, file_name, load_data, load_model, open_store


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    command = commands.add_parser("stealth", help="attack some tasks and preserve the others: damage against harm")
    command.add_argument("--model", default="rooms3/all-shared", help=MODEL_HELP)
    attack = "a task to attack, or several separated by commas; repeatable (default: each task in turn)"
    command.add_argument("--attack", action="append", help=attack)
    command.add_argument("--eps", type=float, default=8.0, help="radius in 1/255, infinity norm (default: 8)")
    command.add_argument("--steps", type=int, default=100, help="of APGD (default: 100)")
    add_inputs(command, scenes=16, output="results/stealth")
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> None:
    from mt_torchattacks import checks
    from mt_torchattacks.report import save_figure, save_table, to_markdown
    from mt_torchattacks.studies import stealth_curve, stealth_figure

    store, subject = open_store(options), load_model(options.model, options.device)
    scenes = load_data(options, subject.name)
    measured = {"eps": options.eps / 255, "steps": options.steps}
    curves = [
        stealth_curve(store, subject, scenes, attacked.split(","), **measured)
        for attacked in options.attack or list(scenes.tasks)
    ]
    title = f"Stealthy APGD on {subject.name}, eps = {options.eps:g}/255, {options.steps} steps, {len(scenes)} images"
    print(title)
    concat = checks.optional("pandas", extra="plot").concat
    for curve in curves:
        print(f"\n{to_markdown(curve.table())}")
    save_table(concat([curve.table() for curve in curves], ignore_index=True), options.output / file_name(subject))
    save_figure(stealth_figure(curves, title), options.output / f"{file_name(subject)}.png")
    print(f"\nwritten to {options.output}")
