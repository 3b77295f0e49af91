"""The worst-case evaluation: what each component does, which one wins how often, and the worst of all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any

from torch import Tensor

from mt_torchattacks import attacks, checks
from mt_torchattacks.attacks.best import CLEAN, BestOf
from mt_torchattacks.evaluation.evaluate import AttackFunction, evaluate
from mt_torchattacks.evaluation.named import NamedData, NamedModel
from mt_torchattacks.evaluation.result import Evaluation
from mt_torchattacks.evaluation.specs import ATTACK_LOSSES, with_errors
from mt_torchattacks.metrics import TaskMetrics
from mt_torchattacks.tasks import Tasks
from mt_torchattacks.types import Images, Targets

if TYPE_CHECKING:
    from pandas import DataFrame

    from mt_torchattacks.attacks.worst_case import WorstCase

WORST = "worst case"
_ROUNDING = 1e-5  # of a score that is asked for again: kernels of accelerators may differ in the last bits


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

    def table(self) -> DataFrame:
        """A row for each component and one for the worst case: wins, mean score, ARP by task and in all (percent).

        Raises:
            ImportError: pandas is not installed.
        """
        frame = self.evaluation.arp()
        frame.insert(0, "score", [self.scores[name] for name in frame.index])
        frame.insert(0, "wins", [self.wins.get(name, sum(self.wins.values())) for name in frame.index])
        return frame.rename_axis("component")


def evaluate_worst_case(
    attack: WorstCase,
    tasks: Tasks,
    loader: Iterable[tuple[Images, Targets]],
    metrics: Mapping[str, TaskMetrics] | None = None,
    *,
    progress: bool = True,
) -> WorstCaseEvaluation:
    """Evaluate a model under each component of a worst-case attack, and under the worst of them for each sample.

    The components run one after another over the whole set, and the best result so far goes along with them.

    Args:
        attack: the attack.
        tasks: the tasks whose metrics and losses are reported.
        loader: batches ``(images, targets)``, the same and in the same order each time it is gone through.
        metrics: one accumulator a task, as for :func:`~mt_torchattacks.evaluate`.
        progress: whether to show progress bars.

    Raises:
        AssertionError: on some sample a component's result scores higher than the worst case; that cannot be.
        TypeError, KeyError, ValueError: as :func:`~mt_torchattacks.evaluate`.

    Example:
        >>> import torch, mt_torchattacks as mta
        >>> model, tasks = torch.nn.Conv2d(3, 1, 1), mta.Tasks(depth=mta.losses.L1())
        >>> loader = [(torch.rand(4, 3, 8, 8), {"depth": torch.rand(4, 1, 8, 8)})]
        >>> attack = mta.WorstCase(model, tasks, steps=3, n_queries=10)
        >>> found = evaluate_worst_case(attack, tasks, loader, progress=False)
        >>> sum(found.wins.values()), found.scores["worst case"] >= max(found.scores.values())
        (4, True)
    """
    search = _Search(attack)
    parts = {name: search.component(name) for name in attack.components}
    evaluation = evaluate(attack.model, tasks, loader, {**parts, WORST: search.worst()}, metrics, progress=progress)
    wins = Counter(winner for best in search.batches for winner in best.winners)
    return WorstCaseEvaluation(evaluation, {name: wins[name] for name in search.names}, search.mean_scores())


def worst_case_cell(
    subject: NamedModel,
    scenes: NamedData,
    eps: float,
    *,
    judge: str = "losses",
    steps: int = 20,
    queries: int = 500,
    seed: int = 0,
) -> tuple[dict[str, Any], Callable[[], dict[str, Any]]]:
    """A worst-case evaluation as a cell of a store: its key, and what computes ARP, wins and scores by component.

    Args:
        subject: the model.
        scenes: what it is measured on.
        eps: radius in 1/255 of the range of pixel values.
        judge: what decides on a sample: ``"losses"``, those that are climbed, or ``"errors"``, see
            :func:`~mt_torchattacks.evaluation.specs.with_errors`.
        steps, queries, seed: see ``mta.WorstCase``.

    Raises:
        TypeError, KeyError, ValueError: an argument does not fit.
    """
    checks.one_of(judge, "judge", ATTACK_LOSSES)
    judges = with_errors(scenes.tasks) if judge == "errors" else None
    own: dict[str, Any] = {"steps": steps, "n_queries": queries, "seed": seed, "judge": judges}
    attack = attacks.attack_class("WorstCase")(subject.model, scenes.tasks, eps=eps / 255, **own)
    key = {"model": subject.name, "eps": float(eps), "judge": judge, "steps": steps, "queries": queries, "seed": seed}
    return key | {"weights": subject.weights} | scenes.key, partial(_measured, attack, scenes)


def _measured(attack: WorstCase, scenes: NamedData) -> dict[str, Any]:
    found = evaluate_worst_case(attack, scenes.tasks, scenes.batches, scenes.metrics, progress=False)
    arp = {name: relative.total for name, relative in found.evaluation.relative.items()}
    return {"arp": arp, "wins": {name: float(wins) for name, wins in found.wins.items()}, "scores": found.scores}


class _Search:
    """The best results so far of every batch, which the components' passes over the loader add to."""

    def __init__(self, attack: WorstCase) -> None:
        self.attack = attack
        self.batches: list[BestOf] = []

    @property
    def names(self) -> list[str]:
        return list(self.batches[0].scores_of)

    def component(self, name: str) -> AttackFunction:
        """An attack for one pass over the loader: the component's results, which the best so far learn of."""
        attack, number = self.attack.only(name), count()

        def run(images: Tensor, targets: Targets) -> Tensor:
            best = self._batch(next(number), images, targets)
            found = attack(images, targets)
            best.add(found, self.attack.scores(found, images, targets), name=name)
            return found

        return run

    def worst(self) -> AttackFunction:
        """An attack for the last pass: the best results, which are checked against every component's."""
        number = count()

        def run(images: Tensor, targets: Targets) -> Tensor:
            best = self._batch(next(number), images, targets)
            worst = self.attack.scores(best.images, images, targets)
            for name, scores in best.scores_of.items():
                if bool((worst < scores - _ROUNDING * scores.abs()).any()):
                    raise AssertionError(f"the worst case scores lower than {name} on a sample")
            return best.images

        return run

    def mean_scores(self) -> dict[str, float]:
        """Mean over the samples of each component's score, and of the highest."""
        samples = sum(len(best.winners) for best in self.batches)
        found = {name: sum(float(best.scores_of[name].sum()) for best in self.batches) for name in self.names}
        found[WORST] = sum(float(best.scores.sum()) for best in self.batches)
        return {name: total / samples for name, total in found.items()}

    def _batch(self, number: int, images: Tensor, targets: Targets) -> BestOf:
        if number == len(self.batches):
            self.batches.append(BestOf(images, self.attack.scores(images, images, targets), name=CLEAN))
        best = self.batches[number]
        same = best.images.shape == images.shape
        checks.require(same, "loader", "the same batches each time", f"another batch {number}")
        return best


def worst_case_tables(
    keys: Sequence[Mapping[str, Any]], values: Sequence[Mapping[str, Mapping[str, float]]], measure: str
) -> DataFrame:
    """A row for each model and eps, a column for each component.

    Args:
        keys: ``model`` and ``eps`` of each cell.
        values: its ``arp``, ``wins`` and ``scores`` by component.
        measure: which of the three.

    Raises:
        ImportError: pandas is not installed.

    Example:
        >>> worst_case_tables([{"model": "m", "eps": 8.0}], [{"wins": {"clean": 1.0, "square": 3.0}}], "wins")
          model eps  clean  square
        0     m   8    1.0     3.0
    """
    rows = [
        {"model": key["model"], "eps": f"{key['eps']:g}"} | dict(value[measure])
        for key, value in zip(keys, values, strict=True)
    ]
    return checks.optional("pandas", extra="plot").DataFrame(rows)
