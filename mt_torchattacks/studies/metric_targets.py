"""What should an attack raise: the losses that a model was trained with, or the errors that its metrics count?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import mt_torchattacks as mta
from mt_torchattacks.lazy import LazyModule
from mt_torchattacks.studies.base import Data, Models, Study, Table
from mt_torchattacks.studies.options import Radius, names, radii

if TYPE_CHECKING:
    import torch
    from matplotlib.figure import Figure
    from pandas import DataFrame
    from torch import Tensor

    from mt_torchattacks.evaluation import NamedModel, Store
else:
    torch = LazyModule("torch")

BASELINE = "dgba"
CANDIDATES: Mapping[str, tuple[str, str]] = {
    BASELINE: ("dgba", "losses"),
    "relative": ("relative", "losses"),
    "total": ("total", "losses"),
    "dgba on errors": ("dgba", "errors"),
    "relative on errors": ("relative", "errors"),
}
"""By name: the balancing rule, and the attack loss."""

_FIRST_ROOMS = 100  # seed of the first set of rooms; the zoo was trained on rooms of seed 0


@dataclass
class MetricTargetsOptions:
    """Options of the study ``metric-targets``.

    Args:
        model: models, as in other studies
        eps: radii, written 8/255, 0.03, or 8 for 8/255
        steps: of APGD
        seeds: how many sets of held-out rooms, each with random starts of its own
        images: rooms a seed
        batch_size: images at a time
    """

    model: list[str] = names("rooms3/*", "rooms3-resnet34/*")
    eps: list[Radius] = radii(2, 4, 8, 16)
    steps: int = 10
    seeds: int = 5
    images: int = 16
    batch_size: int = 16


class Targeted(NamedTuple):
    """What the study found: the models and radii, their ARP ``(cells, candidates, seeds)``, and in words of what."""

    grid: list[tuple[str, Radius]]
    arp: Tensor
    conditions: str


class MetricTargets(Study[MetricTargetsOptions, Targeted]):
    """APGD with the same number of steps, hence of passes, on training losses and on errors.

    Differences to dgba on the training losses have their 95 % confidence interval over the seeds.
    """

    name = "metric-targets"
    help = "attack training losses, or the errors that metrics count: which does more harm"
    example = "--model rooms3/all-shared --eps 8/255 --seeds 2 --images 4"
    Options = MetricTargetsOptions

    def run(
        self, store: Store, models: Models, data: Data, options: MetricTargetsOptions, *, progress: bool = True
    ) -> Targeted:
        mta.checks.require(options.seeds >= 2, "seeds", "a number >= 2, for intervals", options.seeds)
        found = models(options.model)
        grid = [(model.name, eps) for model in found for eps in options.eps]
        by_model = [_of_model(store, model, data, options, progress) for model in found]
        arp = torch.tensor([values for cells in by_model for values in cells])
        conditions = (
            f"ARP in percent, APGD, {options.steps} steps, {options.seeds} seeds with {options.images} held-out rooms "
            "each; differences with 95 % confidence intervals over the seeds"
        )
        return Targeted(grid, arp, conditions)

    def tables(self, result: Targeted) -> list[Table]:
        return [
            Table("metric_targets", result.conditions, _frame(result)),
            Table("summary", "Over all cells", summary(result.arp), digits=1),
        ]

    def figures(self, result: Targeted) -> dict[str, Figure]:
        return {"metric_targets": figure(_frame(result))}


def _of_model(
    store: Store, model: NamedModel, data: Data, options: MetricTargetsOptions, progress: bool
) -> list[list[list[float]]]:
    """ARP by radius, candidate and seed."""
    spec = mta.evaluation.AttackSpec
    arps: dict[tuple[Radius, str], list[float]] = {}
    for seed in range(options.seeds):
        rooms = data(model.name, f"rooms:{_FIRST_ROOMS + seed}")
        specs = {
            (eps, name): spec("apgd", rule, eps, options.steps, attack_loss=loss)
            for eps in options.eps
            for name, (rule, loss) in CANDIDATES.items()
        }
        found = mta.evaluation.evaluate_cells(store, model, rooms, list(specs.values()), seed=seed, progress=progress)
        for key, attack in specs.items():
            arps.setdefault(key, []).append(found.relative[attack.name].total)
    return [[arps[eps, name] for name in CANDIDATES] for eps in options.eps]


def _frame(result: Targeted) -> DataFrame:
    rows = [
        {"model": model, "eps": mta.evaluation.in_255(eps)} | dict(zip(CANDIDATES, values.tolist(), strict=True))
        for (model, eps), values in zip(result.grid, result.arp.mean(dim=2), strict=True)
    ]
    return mta.checks.optional("pandas", extra="plot").DataFrame(rows)


def summary(arp: Tensor) -> DataFrame:
    """For each candidate its mean ARP, the mean difference to the baseline with its interval, and the cells it wins.

    Args:
        arp: ``(cells, candidates, seeds)``.
    """
    baseline = list(CANDIDATES).index(BASELINE)
    rows: list[dict[str, Any]] = []
    for name, values in zip(CANDIDATES, arp.transpose(0, 1), strict=True):
        difference = values - arp[:, baseline]
        over_cells, half = difference.mean(dim=1), mta.metrics.half_interval(difference)
        mean, width = difference.mean(), float(mta.metrics.half_interval(difference.mean(dim=0)))
        won, surely = int((over_cells > 0).sum()), int((over_cells - half > 0).sum())
        rows.append(
            {
                "candidate": name,
                "mean ARP": float(values.mean()),
                "difference to dgba": "" if name == BASELINE else f"{mean:+.1f} ± {width:.1f}",
                "cells above dgba": f"{won} of {len(arp)}",
                "cells surely above": str(surely),
            }
        )
    return mta.checks.optional("pandas", extra="plot").DataFrame(rows)


def figure(frame: DataFrame) -> Figure:
    """ARP by model: a panel for each radius, a mark for each candidate, filled where errors are attacked.

    Args:
        frame: the columns model and eps (in 1/255), and one for each candidate.
    """
    radii_of = list(dict.fromkeys(frame["eps"]))
    drawn = mta.report.new_figure(1.6 + 2.7 * len(radii_of), 1.9 + 0.3 * frame["model"].nunique())
    colours = mta.figures.rule_colours(list(dict.fromkeys(rule for rule, _ in CANDIDATES.values())))
    for axes, eps in zip(drawn.subplots(1, len(radii_of), sharey=True, squeeze=False)[0], radii_of, strict=True):
        rows = frame[frame["eps"] == eps]
        for name, (rule, loss) in CANDIDATES.items():
            marker = {"dgba": "o", "relative": "s"}.get(rule, "D")
            (marks,) = axes.plot(rows[name], rows["model"], marker, color=colours[rule], markersize=6, label=name)
            marks.set_markerfacecolor(colours[rule] if loss == "errors" else "white")
        axes.set_title(f"eps = {eps}/255", fontsize=11)
        axes.set_xlabel("ARP (%)")
        axes.margins(y=0.06)
        mta.figures.plain(axes, values="x")
    drawn.axes[0].invert_yaxis()
    mta.report.head(drawn, "Attacks on training losses (hollow) and on errors (filled)")
    return drawn
