"""The worst-case evaluation: what each component does, which one wins how often, and the worst of all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import mt_torchattacks as mta
from mt_torchattacks.studies.base import Data, Models, Study, Table
from mt_torchattacks.studies.options import ModelOptions, Radius, names, radii

if TYPE_CHECKING:
    from pandas import DataFrame
    from torch import Tensor

    from mt_torchattacks.attacks.best import BestOf
    from mt_torchattacks.attacks.worst_case import WorstCase
    from mt_torchattacks.evaluation import Evaluation, Measurements, NamedData, NamedModel, Store
    from mt_torchattacks.types import Images, Targets

WORST = "worst case"
_ROUNDING = 1e-5  # of a score that is asked for again: kernels of accelerators may differ in the last bits


@dataclass
class WorstCaseOptions(ModelOptions):
    """Options of the study ``worst-case``.

    Args:
        eps: radii, written 8/255, 0.03, or 8 for 8/255
        steps: of each component with steps
        queries: of the component without gradients
        judge: what decides on a sample: the losses that are attacked, or the errors that metrics count
    """

    model: list[str] = names("rooms3/*")
    eps: list[Radius] = radii(8)
    steps: int = 20
    queries: int = 500
    judge: Literal["losses", "errors"] = "losses"


class WorstCases(NamedTuple):
    """What the study found: for each model and radius the cell's value, and in words on what."""

    values: dict[tuple[str, Radius], dict[str, dict[str, float]]]
    images: str


class WorstCaseStudy(Study[WorstCaseOptions, WorstCases]):
    """Each component of ``mta.WorstCase`` by itself, and the worst of all of them for each sample."""

    name = "worst-case"
    help = "a fixed set of attacks: which one is the worst, and how often"
    example = "--model rooms3/all-shared --eps 4/255 8/255 --judge errors"
    Options = WorstCaseOptions

    def run(
        self, store: Store, models: Models, data: Data, options: WorstCaseOptions, *, progress: bool = True
    ) -> WorstCases:
        grid, cells, images = [], [], ""
        for model in models(options.model):
            there = data(model.name)
            images = f"{len(there)} images of {there.name}"
            clean = mta.evaluation.clean_cell(store, model, there, progress=progress)
            for eps in options.eps:
                grid.append((model.name, eps))
                cells.append(worst_case_cell(model, there, clean, eps, options))
        return WorstCases(dict(zip(grid, store.cells(cells, progress=progress), strict=True)), images)

    def tables(self, result: WorstCases) -> list[Table]:
        titles = {"arp": "ARP (%) of each component and of the worst case", "wins": "Samples won by each component"}
        frame = mta.checks.optional("pandas", extra="plot").DataFrame
        tables = []
        for measure, title in titles.items():
            rows = [
                {"model": model, "eps": mta.evaluation.in_255(eps)} | dict(value[measure])
                for (model, eps), value in result.values.items()
            ]
            digits = 0 if measure == "wins" else 1
            tables.append(Table(measure, f"{title}, {result.images}", frame(rows), digits))
        return tables


def worst_case_cell(
    model: NamedModel, data: NamedData, clean: Measurements, eps: float, options: WorstCaseOptions
) -> tuple[dict[str, Any], Callable[[], dict[str, Any]]]:
    """A worst-case evaluation as a cell of a store: its key, and what computes ARP, wins and scores by component."""
    judges = mta.evaluation.with_errors(data.tasks) if options.judge == "errors" else None
    own: dict[str, Any] = {"steps": options.steps, "n_queries": options.queries, "seed": options.seed}
    attack = mta.create("worst_case", model.model, data.tasks, eps=float(eps), judge=judges, **own)
    key = {"model": model.name, "eps": float(eps), "judge": options.judge} | own
    return key | data.key | {"weights": model.weights}, partial(_measured, attack, data, clean)


def _measured(attack: WorstCase, data: NamedData, clean: Measurements) -> dict[str, Any]:
    found = evaluate_worst_case(attack, data, clean, progress=False)
    arp = {name: relative.total for name, relative in found.evaluation.relative.items()}
    return {"arp": arp, "wins": {name: float(wins) for name, wins in found.wins.items()}, "scores": found.scores}


@dataclass(frozen=True)
class WorstCaseEvaluation:
    """What :func:`evaluate_worst_case` found.

    Attributes:
        evaluation: metrics under each component and under ``"worst case"``.
        wins: for each component, and ``"clean"``, the number of samples on which it was first to be the worst.
        scores: mean score of each component's results and of the worst case.
    """

    evaluation: Evaluation
    wins: dict[str, int]
    scores: dict[str, float]

    def to_frame(self) -> DataFrame:
        """A row for each component and one for the worst case: wins, mean score, ARP by task and in all (percent).

        Raises:
            ImportError: pandas is not installed.
        """
        frame = self.evaluation.arp()
        frame.insert(0, "score", [self.scores[name] for name in frame.index])
        frame.insert(0, "wins", [self.wins.get(name, sum(self.wins.values())) for name in frame.index])
        return frame.rename_axis("component")


def evaluate_worst_case(
    attack: WorstCase, data: NamedData, clean: Measurements, *, progress: bool = True
) -> WorstCaseEvaluation:
    """Evaluate a model under each component of a worst-case attack, and under the worst of them for each sample.

    The components run one after another over the whole set, and each sample's best result so far is kept.

    Args:
        attack: the attack.
        data: what it is measured on, with the tasks whose metrics and losses are reported.
        clean: the attacked model on the clean images.
        progress: whether to show progress bars.

    Raises:
        AssertionError: on some sample a component's result scores higher than the worst case; that cannot be.
        TypeError, KeyError, ValueError: as :func:`~mt_torchattacks.evaluate`.
    """
    batches = list(data.on(mta.evaluation.device_of(attack.model)))
    best = [_clean_first(attack, images, targets) for images, targets in batches]
    shown, measured = mta.evaluation.measure_made, {}
    for name in attack.components:
        made = mta.evaluation.make(attack.only(name), batches)
        for of_batch, found, (images, targets) in zip(best, made, batches, strict=True):
            of_batch.add(found, attack.scores(found, images, targets), name=name)
        measured[name] = shown(attack.model, data, made, progress=name if progress else None)
    check_worst(attack, batches, best)
    worst = [of_batch.images for of_batch in best]
    measured[WORST] = shown(attack.model, data, worst, progress=WORST if progress else None)
    evaluation = mta.evaluation.evaluation_of(data, clean, measured)
    wins = Counter(winner for of_batch in best for winner in of_batch.winners)
    return WorstCaseEvaluation(evaluation, {name: wins[name] for name in best[0].scores_of}, _mean_scores(best))


def check_worst(attack: WorstCase, batches: Sequence[tuple[Images, Targets]], best: list[BestOf]) -> None:
    """Check, by asking again, that no component's result scores higher on any sample than the one that was chosen."""
    for of_batch, (images, targets) in zip(best, batches, strict=True):
        worst = attack.scores(of_batch.images, images, targets)
        for name, scores in of_batch.scores_of.items():
            if bool((worst < scores - _ROUNDING * scores.abs()).any()):
                raise AssertionError(f"the worst case scores lower than {name} on a sample")


def _clean_first(attack: WorstCase, images: Tensor, targets: Any) -> BestOf:
    best = mta.attacks.best
    return best.BestOf(images, attack.scores(images, images, targets), name=best.CLEAN)


def _mean_scores(best: list[BestOf]) -> dict[str, float]:
    """Mean over the samples of each component's score, and of the highest."""
    samples = sum(len(of_batch.winners) for of_batch in best)
    found = {name: sum(float(of_batch.scores_of[name].sum()) for of_batch in best) for name in best[0].scores_of}
    found[WORST] = sum(float(of_batch.scores.sum()) for of_batch in best)
    return {name: total / samples for name, total in found.items()}
