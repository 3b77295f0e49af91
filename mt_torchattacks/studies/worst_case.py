"""The worst-case evaluation: what each component does, and the two verdicts that follow from all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import mt_torchattacks as mta
from mt_torchattacks.studies.base import Data, Models, Study, Table
from mt_torchattacks.studies.options import ModelOptions, Radius, names, radii

if TYPE_CHECKING:
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


class WorstCaseStudy(Study[WorstCaseOptions, WorstCases]):
    """Each component of ``mta.WorstCase``; each sample's worst image for all tasks, and for each task by itself."""

    name = "worst-case"
    help = "the worst that a set of attacks does, to all tasks with one image and to each alone"
    example = "--model rooms3/all-shared --eps 4/255 8/255 --goal arp"
    Options = WorstCaseOptions

    def run(
        self, store: Store, models: Models, data: Data, options: WorstCaseOptions, *, progress: bool = True
    ) -> WorstCases:
        grid, cells, images = [], [], ""
        for model in models(options.model):
            there = data(model.name)
            images = f"{len(there)} images of {there.name}"
            for eps in options.eps:
                grid.append((model.name, eps))
                cells.append(worst_case_cell(model, there, eps, options))
        return WorstCases(dict(zip(grid, store.cells(cells, progress=progress), strict=True)), images)

    def tables(self, result: WorstCases) -> list[Table]:
        titles = {
            "arp": "ARP (%) of each component and of the verdicts",
            "envelope": "ARP (%) of each task under its own worst images",
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
            digits, shown = (1, True) if measure in ("arp", "envelope") else (0, measure == "wins")
            tables.append(Table(measure, f"{title}, {result.images}", frame(rows), digits, shown))
        return tables

    def notes(self, result: WorstCases) -> list[str]:
        gains = [
            value["arp"][mta.evaluation.WORST] - max(value["arp"][name] for name in value["passes"])
            for value in result.values.values()
        ]
        above = sum(gain > 0 for gain in gains)
        return [
            f"the worst case is above its best component in ARP in {above} of {len(gains)} cells, "
            f"by {sum(gains) / len(gains):.1f} points in the mean; the least gain is {min(gains):.1f}",
            "one image has to serve all tasks in the worst case; in the envelope each task has its own",
        ]


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
        self.passes += counted.forward_samples + counted.backward_samples
        self.clean += self.attack.scores(images, images, targets).tolist()
        self.scores += self.attack.scores(found, images, targets).tolist()
        return found


def best_by_score(members: Mapping[str, Scored]) -> list[str]:
    """For each sample the name of what scores highest, an attack or ``"clean"``; of equals the first."""
    scores = {"clean": next(iter(members.values())).clean, **{name: member.scores for name, member in members.items()}}
    samples = range(len(scores["clean"]))
    return [max(scores, key=lambda name: scores[name][i]) for i in samples]
