"""How much adversarial training helps, and what it costs."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import mt_torchattacks as mta
from mt_torchattacks.lazy import LazyModule
from mt_torchattacks.studies.base import Data, Models, Study, Table, metric_columns
from mt_torchattacks.studies.options import Radius, names, radii
from mt_torchattacks.studies.white_box import Attacked, WhiteBoxOptions, arp_of_all, attacked

if TYPE_CHECKING:
    import torch
    from matplotlib.figure import Figure
    from pandas import DataFrame, Series

    from mt_torchattacks.evaluation import Store
else:
    torch = LazyModule("torch")


@dataclass
class DefenceOptions(WhiteBoxOptions):
    """Options of the study ``defence``.

    Args:
        undefended: the model that the defended ones were trained from; their clean metrics are compared with its
    """

    model: list[str] = names("rooms3-robust/*")
    undefended: str = "rooms3/all-shared"
    balance: list[str] = names("single", "total", "dgba")
    eps: list[Radius] = radii(4)


class Defended(NamedTuple):
    """What the study found: the models under attack, which of them is the undefended one, each one's training."""

    attacked: Attacked
    undefended: str
    trainings: dict[str, str]


class Defence(Study[DefenceOptions, Defended]):
    """Models that were trained against attacks, under attacks: the papers' tables of adversarial training.

    Models whose names differ in a number at the end alone (``pgd-dgba-0``, ``pgd-dgba-1``) are one training with
    several seeds: tables give the mean of them and half the width of its 95 % confidence interval.
    """

    name = "defence"
    help = "attack adversarially trained models: what they withstand, and the price on clean images"
    example = "--model 'rooms3-robust/*' --attack pgd --images 16"
    together = True
    Options = DefenceOptions

    def run(
        self, store: Store, models: Models, data: Data, options: DefenceOptions, *, progress: bool = True
    ) -> Defended:
        both = replace(options, model=list(dict.fromkeys([options.undefended, *options.model])))
        found = attacked(store, models, data, both, progress=progress)
        return Defended(found, options.undefended, training_names(found.evaluations, options.undefended))

    def tables(self, result: Defended) -> list[Table]:
        arp, price = arp_by_training(result), price_by_training(result)
        by = ["eps", "attack", "training"]
        return [
            Table(
                "arp", f"ARP (%) under attack, {result.attacked.title}; lower is more robust", _wide(arp, by, "rule")
            ),
            Table(
                "price", "Clean metrics, and the ARP (%) of their drop from the undefended model's", _in_words(price)
            ),
            Table("attacked", "Metrics under attack, a row each", attacked_by_training(result), digits=4, shown=False),
            Table("arp_long", "ARP (%) under attack, a row each", arp, digits=2, shown=False),
            Table("price_long", "Clean metrics, a row each", price, digits=4, shown=False),
            Table("models", "ARP (%) of each model", arp_by_model(result), digits=2, shown=False),
        ]

    def notes(self, result: Defended) -> list[str]:
        arp = arp_by_training(result)
        worst = arp.groupby("training")["total"].max().sort_values()
        best = ", ".join(f"{training} {value:.1f}" for training, value in worst.items())
        count = arp.loc[arp.groupby(["training", "attack", "eps"])["total"].idxmax(), "rule"].value_counts()
        strongest = ", ".join(f"{rule} {number}" for rule, number in count.items())
        return [
            f"The highest ARP by training, whatever the attack and the radius: {best}.",
            f"The strongest rule, counted over trainings, attacks and radii: {strongest}.",
        ]

    def figures(self, result: Defended) -> dict[str, Figure]:
        return {"defence": figure(arp_by_training(result))}


def training_names(models: Iterable[str], undefended: str) -> dict[str, str]:
    """Each model's training: its name without a number at the end and without what all defended ones begin with.

    Example:
        >>> training_names(["base", "robust/dgba-0/model", "robust/dgba-1/model", "robust/total-0/model"], "base")
        {'base': 'none', 'robust/dgba-0/model': 'dgba', 'robust/dgba-1/model': 'dgba', 'robust/total-0/model': 'total'}
    """
    bare = {model: re.sub(r"-\d+$", "", model.removesuffix("/model")) for model in models}
    parts = [name.split("/") for model, name in bare.items() if model != undefended]
    shared = 0
    while parts and all(len(of) > shared + 1 for of in parts) and len({of[shared] for of in parts}) == 1:
        shared += 1
    return {m: "none" if m == undefended else "/".join(name.split("/")[shared:]) for m, name in bare.items()}


def arp_by_training(result: Defended) -> DataFrame:
    """A row for each training, attack, rule and radius: ARP by task and in total (%), half the interval, the models."""
    table = arp_by_model(result).drop(columns=["model", "seed"])
    return _mean_of_seeds(table, ["training", "attack", "rule", "eps"])


def arp_by_model(result: Defended) -> DataFrame:
    """A row for each model, attack, rule and radius: the model's training and seed, ARP by task and in total (%)."""
    table = arp_of_all(result.attacked)
    table.insert(0, "training", table["model"].map(result.trainings))
    seeds = table["model"].str.removesuffix("/model").str.extract(r"-(\d+)$", expand=False)
    table.insert(1, "seed", seeds.fillna(""))
    return table


def price_by_training(result: Defended) -> DataFrame:
    """A row for each training: clean metrics, the ARP of their drop by task and in total (%), half its interval."""
    found = result.attacked.evaluations
    before, rows = found[result.undefended], []
    for model, after in found.items():
        drop = mta.metrics.average_relative_performance(before.clean.metrics, after.clean.metrics, before.directions)
        metrics = metric_columns(after.clean.metrics)
        dropped = {f"drop {task}": value for task, value in drop.per_task.items()}
        rows.append({"training": result.trainings[model]} | metrics | dropped | {"total": drop.total})
    frame = mta.checks.optional("pandas", extra="plot").DataFrame(rows)
    return _mean_of_seeds(frame, ["training"]).rename(columns={"total": "drop"})


def attacked_by_training(result: Defended) -> DataFrame:
    """A row for each training, attack, rule and radius: the metrics under the attack, which ARP is relative to no more.

    Trainings that pay another price on clean images are compared by these.
    """
    rows = [
        {"training": result.trainings[model]}
        | mta.report.AttackName.parse(name)._asdict()
        | metric_columns(measured.metrics)
        for model, found in result.attacked.evaluations.items()
        for name, measured in found.attacked.items()
    ]
    frame = mta.checks.optional("pandas", extra="plot").DataFrame(rows)
    means: DataFrame = frame.groupby(["training", *mta.report.AttackName._fields], sort=False).mean().reset_index()
    return means


def _mean_of_seeds(table: DataFrame, by: list[str]) -> DataFrame:
    """The means over the rows that agree in some columns, with ``half``, of the column ``total``, and ``models``."""
    groups = table.groupby(by, sort=False)
    halves = groups["total"].agg(_half)
    mean: DataFrame = groups.mean()
    return mean.assign(half=halves, models=groups.size()).reset_index()


def _half(values: Series) -> float:
    """Half the interval of a mean; NaN of a single value."""
    return float(mta.metrics.half_interval(torch.tensor(values.to_list()))) if len(values) > 1 else math.nan


def _wide(arp: DataFrame, by: list[str], column: str) -> DataFrame:
    words = [_with_half(value, half) for value, half in zip(arp["total"], arp["half"], strict=True)]
    rows = list(dict.fromkeys(arp[by].sort_values(by[:-1], kind="stable").itertuples(index=False, name=None)))
    wide: DataFrame = arp.assign(words=words).pivot(index=by, columns=column, values="words")
    return wide.loc[rows, list(dict.fromkeys(arp[column]))].reset_index().rename_axis(columns=None)


def _in_words(price: DataFrame) -> DataFrame:
    """The first metric of each task, and the drops."""
    tasks = [name.removeprefix("drop ") for name in price.columns if name.startswith("drop ")]
    first = [next(name for name in price.columns if name.startswith(f"{task} ")) for task in tasks]
    words = [_with_half(value, half) for value, half in zip(price["drop"], price["half"], strict=True)]
    shown: DataFrame = price[["training", *first, *(f"drop {task}" for task in tasks), "models"]]
    return shown.assign(drop=words)


def _with_half(value: float, half: float) -> str:
    return f"{value:.1f}" if math.isnan(half) else f"{value:.1f} ± {half:.1f}"


def figure(arp: DataFrame) -> Figure:
    """A panel for each attack and radius: the ARP under each rule, a group of bars for each training."""
    panels = list(dict.fromkeys(zip(arp["attack"], arp["eps"], strict=True)))
    trainings, rules = (list(dict.fromkeys(arp[name])) for name in ("training", "rule"))
    drawn = mta.report.new_figure(max(7, 1.05 * len(trainings) + 1), 2.6 * len(panels) + 1.2)
    colours, width = mta.figures.rule_colours(rules), 0.8 / len(rules)
    for axes, (attack, eps) in zip(drawn.subplots(len(panels), 1, squeeze=False)[:, 0], panels, strict=True):
        here = arp[(arp["attack"] == attack) & (arp["eps"] == eps)].set_index(["rule", "training"])
        for place, rule in enumerate(rules):
            of = here.loc[rule].loc[trainings]
            at = [i + (place - (len(rules) - 1) / 2) * width for i in range(len(trainings))]
            axes.bar(at, of["total"], width, color=colours[rule], edgecolor="white", label=rule)
            known = [(x, y, h) for x, y, h in zip(at, of["total"], of["half"], strict=True) if not math.isnan(h)]
            if known:
                x, y, half = zip(*known, strict=True)
                axes.errorbar(x, y, yerr=half, fmt="none", ecolor="#333333", elinewidth=1, capsize=2)
        axes.set_xticks(range(len(trainings)), [name.replace("-", "\n") for name in trainings], fontsize=8)
        axes.set_ylabel("ARP in %")
        axes.set_title(f"{attack} at {eps:g}/255", fontsize=11, loc="left")
        mta.report.plain(axes)
    drawn.axes[-1].set_xlabel("trained against")
    top = 1 - 0.9 / drawn.get_figheight()
    drawn.suptitle("What adversarial training withstands (lower is more robust)", fontsize=13, y=0.995, va="top")
    handles, labels = drawn.axes[0].get_legend_handles_labels()
    drawn.legend(handles, labels, ncols=len(labels), frameon=False, title="attacked with", loc="lower center",
                 bbox_to_anchor=(0.5, top - 0.01))  # fmt: skip
    drawn.tight_layout(rect=(0, 0, 1, top))
    return drawn
