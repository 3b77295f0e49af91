"""How models do under a grid of attacks that know them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import mt_torchattacks as mta
from mt_torchattacks.studies.base import Data, Models, Study, Table, metric_columns
from mt_torchattacks.studies.options import GridOptions, ModelOptions, Radius, grid, names, radii

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame

    from mt_torchattacks.evaluation import Evaluation, Store


@dataclass
class WhiteBoxOptions(GridOptions, ModelOptions):
    """Options of the study ``white-box``."""

    model: list[str] = names("rooms3/*")
    attack: list[str] = names("fgsm", "pgd", "apgd")
    balance: list[str] = names("single", "total", "sign_total", "dgba")
    eps: list[Radius] = radii(4, 8)


class Attacked(NamedTuple):
    """What the study found: each model's evaluation by its name, and in words of what."""

    evaluations: dict[str, Evaluation]
    title: str


class WhiteBox(Study[WhiteBoxOptions, Attacked]):
    """Average relative performance (ARP) of each model under each attack: the papers' main tables."""

    name = "white-box"
    help = "attack several models by every attack of a grid, and compare the rules"
    example = "--model 'rooms3/*' --attack pgd --balance single total dgba --eps 8/255 --images 16"
    together = True
    Options = WhiteBoxOptions

    def run(
        self, store: Store, models: Models, data: Data, options: WhiteBoxOptions, *, progress: bool = True
    ) -> Attacked:
        return attacked(store, models, data, options, progress=progress)

    def tables(self, result: Attacked) -> list[Table]:
        arp = arp_of_all(result)
        means = arp.groupby(["eps", "attack", "rule"], sort=False)["total"].mean().reset_index()
        title = f"Mean ARP (%) of {len(result.evaluations)} models, {result.title}"
        return [
            Table("mean", title, mta.report.by_rule(means)),
            Table("arp", "ARP (%) of each model", arp, digits=2, shown=False),
            Table("clean", "Metrics on the clean images", clean_of_all(result), digits=4, shown=False),
        ]

    def figures(self, result: Attacked) -> dict[str, Figure]:
        arp = arp_of_all(result)
        return {"white_box": figure(arp)} if arp["eps"].nunique() > 1 else {}


def attacked(store: Store, models: Models, data: Data, options: WhiteBoxOptions, *, progress: bool = True) -> Attacked:
    """Every model under every attack of the grid."""
    found, images = {}, ""
    for model in models(options.model):
        there = data(model.name)
        images = f"{len(there)} images of {there.name}"
        specs = grid(options, list(there.tasks))
        found[model.name] = mta.evaluation.evaluate_cells(
            store, model, there, specs, seed=options.seed, progress=progress
        )
    return Attacked(found, images)


def arp_of_all(result: Attacked) -> DataFrame:
    """A row for each model and attack: model, attack, rule, eps (in 1/255), the ARP by task and in total (%)."""
    pandas = mta.checks.optional("pandas", extra="plot")
    parts = [
        mta.report.arp_table(found).assign(model=model).pipe(lambda part: part[["model", *part.columns[:-1]]])
        for model, found in result.evaluations.items()
    ]
    table: DataFrame = pandas.concat(parts, ignore_index=True)
    return table.assign(eps=table["eps"].astype(float))


def clean_of_all(result: Attacked) -> DataFrame:
    """A row for each model: its metrics on the clean images."""
    rows = [{"model": model} | metric_columns(found.clean.metrics) for model, found in result.evaluations.items()]
    frame: DataFrame = mta.checks.optional("pandas", extra="plot").DataFrame(rows)
    return frame


def figure(arp: DataFrame) -> Figure:
    """ARP by radius, the mean over the models: a panel for each attack, a line for each rule."""
    attacks = list(dict.fromkeys(arp["attack"]))
    rules = list(dict.fromkeys(arp["rule"]))
    drawn = mta.report.new_figure(3.4 * len(attacks) + 0.8, 4)
    panels = drawn.subplots(1, len(attacks), sharey=True, squeeze=False)[0]
    colours = mta.figures.rule_colours(rules)
    for axes, attack in zip(panels, attacks, strict=True):
        of_attack = arp[arp["attack"] == attack].groupby(["rule", "eps"], sort=False)["total"].mean()
        for rule, marker in zip(rules, "osD^vPX*<>" * len(rules), strict=False):
            line = of_attack[rule]
            axes.plot(line.index, line, marker=marker, markersize=4, color=colours[rule], label=rule)
        axes.set_title(attack, fontsize=11)
        axes.set_xlabel("eps in 1/255")
        mta.report.plain(axes)
    panels[0].set_ylabel("ARP in %, mean of the models")
    mta.report.head(drawn, "Harm by radius")
    return drawn
