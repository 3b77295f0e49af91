"""The worst-case evaluation: what each component does, and the two verdicts that follow from all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import mt_torchattacks as mta
from mt_torchattacks.studies.base import Data, Models, Study, Table, cells_by_model
from mt_torchattacks.studies.options import ModelOptions, Radius, names, radii

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from torch import Tensor

    from mt_torchattacks.attacks.worst_case import WorstCase
    from mt_torchattacks.evaluation import NamedData, NamedModel, Store
    from mt_torchattacks.types import Targets

GREEDY = "best by score"
"""Each sample's image with the highest score of its own, as ``mta.WorstCase`` returns it."""


@dataclass
class WorstCaseOptions(ModelOptions):
    """Options of the study ``worst-case``.

    Args:
        eps: radii, written 8/255, 0.03, or 8 for 8/255
        steps: of each component with steps
        queries: of the component without gradients
        goal: what the worst case is to make as bad as it can: arp, one metric as segmentation/miou, or for
            classification heads heads/all_wrong or heads/any_wrong
        judge: what scores single samples for "best by score": the losses that are attacked, or the errors that metrics
            count
    """

    model: list[str] = names("rooms3/*")
    eps: list[Radius] = radii(8)
    steps: int = 20
    queries: int = 500
    goal: str = "arp"
    judge: Literal["losses", "errors"] = "losses"


class WorstCases(NamedTuple):
    """What the study found: for each model and radius the cell's value, and in words on what."""

    values: dict[tuple[str, Radius], dict[str, Any]]
    images: str
    goal: str


class WorstCaseStudy(Study[WorstCaseOptions, WorstCases]):
    """Each component of ``mta.WorstCase``; each sample's worst image for all tasks, and for each task by itself."""

    name = "worst-case"
    help = "the worst that a set of attacks does, to all tasks with one image and to each alone"
    example = "--model rooms3/all-shared --eps 4/255 8/255 --goal arp"
    Options = WorstCaseOptions

    def run(
        self, store: Store, models: Models, data: Data, options: WorstCaseOptions, *, progress: bool = True
    ) -> WorstCases:
        found, images = cells_by_model(
            store,
            models(options.model),
            data,
            lambda model, there: (
                ((model.name, eps), worst_case_cell(model, there, eps, options)) for eps in options.eps
            ),
            progress=progress,
        )
        return WorstCases(found, images, options.goal)

    def tables(self, result: WorstCases) -> list[Table]:
        titles = {
            "arp": "ARP (%) of each component and of the verdicts",
            "envelope": "ARP (%) of each task under its own worst images",
            "harms": f"{result.goal}, the higher the worse (negative where high values are good)",
            "wins": "Samples of the worst case by component",
            "score_wins": "Samples of the best by score by component",
            "passes": "Forward and backward passes a sample",
        }
        frame = mta.checks.optional("pandas", extra="plot").DataFrame
        tables = []
        for measure, title in titles.items():
            rows = [
                {"model": model, "eps": mta.evaluation.in_255(eps)} | dict(value[measure])
                for (model, eps), value in result.values.items()
            ]
            digits = {"arp": 1, "envelope": 1, "harms": 3}.get(measure, 0)
            shown = measure in ("arp", "envelope", "wins") or (measure == "harms" and result.goal != "arp")
            tables.append(Table(measure, f"{title}, {result.images}", frame(rows), digits, shown))
        return tables

    def figures(self, result: WorstCases) -> dict[str, Figure]:
        return {"worst_case": figure(result)}

    def notes(self, result: WorstCases) -> list[str]:
        worst, found = mta.evaluation.WORST, [value["harms"] for value in result.values.values()]
        gains = [harms[worst] - max(value for name, value in harms.items() if name != worst) for harms in found]
        above = sum(gain > 0 for gain in gains)
        return [
            f"{result.goal}: the worst case is above its best component in {above} of {len(gains)} cells, by "
            f"{sum(gains) / len(gains):.3g} in the mean; the least gain is {min(gains):.3g}",
            "one image has to serve all tasks in the worst case; in the envelope each task has its own",
        ]


def best_component(value: Mapping[str, Any]) -> float:
    """The highest ARP of a cell's components."""
    return float(max(value["arp"][name] for name in value["passes"]))


def worst_case_cell(
    model: NamedModel, data: NamedData, eps: float, options: WorstCaseOptions
) -> tuple[dict[str, Any], Callable[[], dict[str, Any]]]:
    """A worst-case evaluation as a cell of a store: its key, and what computes the verdicts and what led to them."""
    judges = mta.evaluation.with_errors(data.tasks) if options.judge == "errors" else None
    own: dict[str, Any] = {"steps": options.steps, "n_queries": options.queries, "seed": options.seed}
    attack = mta.create("worst_case", model.model, data.tasks, eps=float(eps), judge=judges, **own)
    key = {"model": model.name, "eps": float(eps), "goal": options.goal, "judge": options.judge} | own
    return key | data.key | {"weights": model.weights}, partial(_measured, attack, data, options.goal)


def _measured(attack: WorstCase, data: NamedData, goal: str) -> dict[str, Any]:
    members = {name: Scored(attack, name) for name in attack.components}
    found = mta.worst_case(attack.model, data.tasks, data.batches, members, data.metrics, goal=goal, progress=False)
    greedy = best_by_score(members)
    arp = {name: relative.total for name, relative in found.evaluation.relative.items()}
    return {
        "arp": arp | {GREEDY: found.relative(greedy).total},
        "envelope": found.evaluation.relative[mta.evaluation.ENVELOPE].per_task,
        "wins": found.wins,
        "score_wins": {name: greedy.count(name) for name in found.wins},
        "passes": {name: member.passes / len(greedy) for name, member in members.items()},
        "rounds": found.joint.rounds,
        "harms": found.joint.harms | {mta.evaluation.WORST: found.joint.harm},
    }


class Scored:
    """A component of a worst-case attack that notes its results' scores and its passes.

    Args:
        attack: the attack.
        name: of the component.

    Attributes:
        clean: the clean images' scores.
        scores: the results' scores.
        passes: forward and backward passes through the model, each counted once for each sample.
    """

    def __init__(self, attack: WorstCase, name: str) -> None:
        self.attack, self.component = attack, attack.only(name)
        self.clean: list[float] = []
        self.scores: list[float] = []
        self.passes = 0

    def __call__(self, images: Tensor, targets: Targets) -> Tensor:
        """The component's adversarial images of the inputs' shape."""
        with mta.evaluation.count_passes(self.attack.model) as counted:
            found: Tensor = self.component(images, targets)
        self.passes += counted.of_samples
        self.clean += self.attack.scores(images, images, targets).tolist()
        self.scores += self.attack.scores(found, images, targets).tolist()
        return found


def best_by_score(members: Mapping[str, Scored]) -> list[str]:
    """For each sample the name of what scores highest, an attack or ``"clean"``; of equals the first."""
    scores = {"clean": next(iter(members.values())).clean, **{name: member.scores for name, member in members.items()}}
    samples = range(len(scores["clean"]))
    return [max(scores, key=lambda name: scores[name][i]) for i in samples]


def figure(result: WorstCases) -> Figure:
    """A panel for each radius, a line for each model: its best component, the worst case, the envelope."""
    models = list(dict.fromkeys(model for model, _ in result.values))
    sizes = list(dict.fromkeys(eps for _, eps in result.values))
    drawn = mta.report.new_figure(2.6 * len(sizes) + 2.5, 0.32 * len(models) + 1.6)
    panels = drawn.subplots(1, len(sizes), squeeze=False, sharey=True)[0]
    for axes, eps in zip(panels, sizes, strict=True):
        values = [result.values[(model, eps)] for model in models]
        points = {
            "best component": ([best_component(value) for value in values], "#595959", "o"),
            "worst case": ([value["arp"][mta.evaluation.WORST] for value in values], "#D55E00", "D"),
            "envelope": ([value["arp"][mta.evaluation.ENVELOPE] for value in values], "#1F5F99", "s"),
        }
        lines = range(len(models))
        axes.hlines(lines, points["best component"][0], points["envelope"][0], color="#CCCCCC", linewidth=1)
        for label, (at, colour, marker) in points.items():
            axes.scatter(at, lines, color=colour, marker=marker, s=26, label=label, zorder=3)
        axes.set_yticks(lines, models, fontsize=9)
        axes.set_title(f"eps {mta.evaluation.in_255(eps)}/255", fontsize=10)
        axes.set_xlabel("ARP (%)", fontsize=9)
        mta.figures.plain(axes)
    panels[0].invert_yaxis()
    drawn.legend(*panels[0].get_legend_handles_labels(), loc="upper center", ncols=3, frameon=False, fontsize=9)
    drawn.tight_layout(rect=(0, 0, 1, 1 - 0.3 / drawn.get_size_inches()[1]))
    return drawn
