"""How little it takes: the smallest radius at which every task of an image is harmed, rule by rule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from statistics import median_low
from typing import TYPE_CHECKING, Any, NamedTuple

import mt_torchattacks as mta
from mt_torchattacks.studies.base import Data, Models, Study, Table, cells_by_model
from mt_torchattacks.studies.options import ModelOptions, Radius, names, radii

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from mt_torchattacks.evaluation import NamedData, NamedModel, Store


@dataclass
class RadiusOptions(ModelOptions):
    """Options of the study ``radius``.

    Args:
        balance: balancing rules of the attack, Auto-PGD on the errors that metrics count; capped has rise as its cap
        rise: by how many times its clean value each task's error has to rise
        largest: radius that the search begins with
        rounds: attacks for each image
        steps: of each attack
        eps: radii for which the table says how many images are harmed
    """

    model: list[str] = names("rooms3/all-shared", "rooms3-robust/pgd-dgba-0")
    balance: list[str] = names("total", "relative", "dgba", "capped", "max_min")
    rise: float = 0.5
    largest: Radius = Radius(32 / 255)
    rounds: int = 7
    steps: int = 20
    eps: list[Radius] = radii(2, 4, 8, 16)


class Radii(NamedTuple):
    """What the study found: each image's smallest radius by model and rule, and what was asked."""

    values: dict[tuple[str, str], list[float]]
    options: RadiusOptions
    images: str


class RadiusStudy(Study[RadiusOptions, Radii]):
    """For each image a bisection over radii, with an attack in each of its rounds, until every task is harmed.

    The task that is harmed least decides, the question that the rules ``max_min`` and ``capped`` are made for. See
    :func:`~mt_torchattacks.evaluation.smallest_radius`.
    """

    name = "radius"
    help = "the smallest radius at which every task of an image is harmed"
    example = "--model rooms3/all-shared --balance dgba max_min --images 8 --steps 5"
    Options = RadiusOptions

    def run(self, store: Store, models: Models, data: Data, options: RadiusOptions, *, progress: bool = True) -> Radii:
        mta.checks.positive(options.rise, "rise")
        found, images = cells_by_model(
            store,
            models(options.model),
            data,
            lambda model, there: (((model.name, rule), _cell(model, there, rule, options)) for rule in options.balance),
            progress=progress,
        )
        return Radii(
            {key: [float(radius) for radius in value["radii"]] for key, value in found.items()}, options, images
        )

    def tables(self, result: Radii) -> list[Table]:
        rows = []
        for (model, rule), found in result.values.items():
            row: dict[str, Any] = {"model": model, "rule": rule, "median": 255 * median_low(found)}
            for eps in result.options.eps:
                row[f"harmed at {eps}"] = 100 * sum(radius <= eps for radius in found) / len(found)
            rows.append(row)
        title = f"Median smallest radius (1/255) at which each task is harmed by {100 * result.options.rise:g} %, "
        title += f"and images harmed within a radius (%); {result.images}"
        return [Table("radius", title, mta.checks.optional("pandas", extra="plot").DataFrame(rows), 1)]

    def figures(self, result: Radii) -> dict[str, Figure]:
        return {"radius": figure(result)}


def _cell(
    model: NamedModel, data: NamedData, rule: str, options: RadiusOptions
) -> tuple[dict[str, Any], Callable[[], dict[str, Any]]]:
    """A rule on a model as a cell of a store: each image's radius, ``inf`` where none was enough."""
    own = {"rise": options.rise, "largest": float(options.largest), "rounds": options.rounds, "steps": options.steps}
    key = {"model": model.name, "study": "radius", "rule": rule, "seed": options.seed} | own
    return key | data.key | {"weights": model.weights}, partial(_measured, model, data, rule, options)


def _measured(model: NamedModel, data: NamedData, rule: str, options: RadiusOptions) -> dict[str, Any]:
    errors = mta.evaluation.with_errors(data.tasks)
    own: dict[str, Any] = {"steps": options.steps, "seed": options.seed}
    balance = mta.balancing.Capped(options.rise) if rule == "capped" else rule
    found: list[str] = []
    for images, targets in data.on(model.device):
        radii_of = mta.evaluation.smallest_radius(
            model.model,
            errors,
            lambda eps: mta.APGD(model.model, errors, balance, eps=eps, **own),
            images,
            targets,
            rise=options.rise,
            largest=float(options.largest),
            rounds=options.rounds,
        ).radii
        found += [str(radius) for radius in radii_of.tolist()]  # JSON has no infinity
    return {"radii": found}


def figure(result: Radii) -> Figure:
    """A panel for each model: the share of images that are harmed, by radius, a line for each rule."""
    models = list(dict.fromkeys(model for model, _ in result.values))
    drawn = mta.report.new_figure(4.2 * len(models), 3.6)
    lines = mta.figures.LINES
    colours = mta.figures.rule_colours(list(dict.fromkeys(rule for _, rule in result.values)))
    for axes, model in zip(drawn.subplots(1, len(models), squeeze=False)[0], models, strict=True):
        rules = [rule for name, rule in result.values if name == model]
        for i, rule in enumerate(rules):
            found = sorted(radius for radius in result.values[model, rule] if radius <= result.options.largest)
            count = len(result.values[model, rule])
            at = [0.0, *(255 * radius for radius in found), 255 * result.options.largest]
            shares = [0.0, *(100 * (k + 1) / count for k in range(len(found))), 100 * len(found) / count]
            (line,) = axes.step(at, shares, where="post", label=rule)
            line.set(color=colours[rule], linestyle=lines[i % len(lines)], linewidth=2)
        axes.set_title(model, fontsize=10)
        axes.set_xlabel("radius (1/255)")
        axes.set_ylim(0, 103)
        mta.figures.plain(axes)
    drawn.axes[0].set_ylabel("images with every task harmed (%)")
    drawn.axes[0].legend(frameon=False)
    drawn.tight_layout()
    return drawn
