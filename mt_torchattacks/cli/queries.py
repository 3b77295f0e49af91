"""``mt-attack queries``."""

from __future__ import annotations

import argparse

from mt_torchattacks.cli.grid import add_seed
from mt_torchattacks.cli.inputs import MODEL_HELP, add_inputs, load_data, load_model, open_store

_POINTS = (1, 3, 10, 30, 100, 300, 1000, 3000, 10000)


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    command = commands.add_parser("queries", help="attack a model without gradients: harm by number of queries")
    command.add_argument("--model", default="rooms3/all-shared", help=MODEL_HELP)
    attack = "repeatable (default: square)"
    command.add_argument("--attack", action="append", choices=["square", "spsa"], help=attack)
    command.add_argument("--balance", default="dgba", help="a rule, of which only the score is used (default: dgba)")
    command.add_argument("--norm", default="Linf", choices=["Linf", "L2"])
    command.add_argument("--eps", type=float, default=8.0, help="radius in 1/255 (default: 8)")
    rms = "for L2: eps is the root of the mean square per pixel value, so that the ball reaches the corners of Linf's"
    command.add_argument("--rms", action="store_true", help=rms)
    command.add_argument("--queries", type=int, default=1000, help="for each image (default: 1000)")
    add_seed(command)
    add_inputs(command, scenes=32, output="results/queries")
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> None:
    from mt_torchattacks import checks
    from mt_torchattacks.report import save_figure, save_table, to_markdown
    from mt_torchattacks.studies import query_cell, query_figure

    store, subject = open_store(options), load_model(options.model, options.device)
    scenes = load_data(options, subject.name)
    values = scenes.batches[0][0][0].numel()
    eps = options.eps / 255 * (values**0.5 if options.rms and options.norm == "L2" else 1)
    at = [*(point for point in _POINTS if point < options.queries), options.queries]
    own = {"rule": options.balance, "norm": options.norm, "eps": eps, "queries": options.queries, "seed": options.seed}
    names = [{"square": "Square", "spsa": "SPSA"}[name] for name in dict.fromkeys(options.attack or ["square"])]
    curves = store.cells([query_cell(subject, scenes, name, at, **own) for name in names])
    pandas = checks.optional("pandas", extra="plot")
    table = pandas.concat([pandas.DataFrame(curve) for curve in curves], ignore_index=True)
    table = table.drop_duplicates(["attack", "queries"])
    size = "rms" if options.rms else "eps"
    title = f"{subject.name}, {options.balance}, {options.norm}, {size} = {options.eps:g}/255, {len(scenes)} images"
    print(f"ARP (%) by number of queries: {title}\n\n{to_markdown(table, digits=2)}")
    save_table(table, options.output / "queries")
    save_figure(query_figure(table, title), options.output / "queries.png")
    print(f"\nwritten to {options.output}")
