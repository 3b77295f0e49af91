"""WeightedTotal: the fixed weights of the tasks that attack a model best, found on a grid ([D] table 16)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, pairwise
from typing import TYPE_CHECKING

from mt_torchattacks import checks
from mt_torchattacks.evaluation.cells import evaluate_cells
from mt_torchattacks.evaluation.named import NamedData, NamedModel
from mt_torchattacks.evaluation.specs import AttackSpec, weighted_rule
from mt_torchattacks.evaluation.store import Store

if TYPE_CHECKING:
    from pandas import DataFrame

Weights = tuple[float, ...]
"""One weight for each task, in the tasks' order."""

KEPT = 3
"""One weight vector of so many goes on from a rung to the next, which has so many times the scenes."""


def simplex_grid(tasks: int, step: float = 0.1) -> Iterator[Weights]:
    """Every vector of positive multiples of ``step`` that sums to 1.

    With ``n = 1 / step`` there are ``C(n - 1, tasks - 1)``. They are enumerated as whole numbers and divided by ``n``
    at the end, in lexicographic order: the first task's weight grows slowest.

    Args:
        tasks: number of tasks >= 1.
        step: in (0, 1]; its inverse must be a whole number, at least the number of tasks.

    Raises:
        ValueError: an argument is not what it should be.

    Example:
        >>> list(simplex_grid(3, step=0.25))
        [(0.25, 0.25, 0.5), (0.25, 0.5, 0.25), (0.5, 0.25, 0.25)]
    """
    checks.require(tasks >= 1, "tasks", "a number >= 1", tasks)
    checks.positive(step, "step")
    n = round(1 / step)
    checks.require(math.isclose(n * step, 1, rel_tol=1e-9), "step", "the inverse of a whole number", step)
    checks.require(n >= tasks, "step", f"at most 1/{tasks} for {tasks} tasks", step)
    for cuts in combinations(range(1, n), tasks - 1):
        yield tuple((right - left) / n for left, right in pairwise((0, *cuts, n)))


@dataclass(frozen=True)
class WeightedTotal:
    """What a search found.

    Attributes:
        tasks: the tasks that the weights belong to.
        rungs: for each rung the number of scenes, and the ARP in percent of each weight vector measured on them.
        dgba: ARP of dgba with the same attack on all scenes.
    """

    tasks: tuple[str, ...]
    rungs: list[tuple[int, dict[Weights, float]]]
    dgba: float

    @property
    def best(self) -> Weights:
        """The weights with the highest ARP on all scenes; of equal ones the first on the grid."""
        return _ranked(self.rungs[-1][1])[0]

    @property
    def arp(self) -> float:
        """Their ARP in percent."""
        return self.rungs[-1][1][self.best]

    @property
    def cost(self) -> float:
        """NamedData attacked in the search, in units of those that all weight vectors on all scenes would take."""
        attacked = sum(scenes * len(found) for scenes, found in self.rungs)
        return attacked / (self.rungs[-1][0] * len(self.rungs[0][1]))

    def to_frame(self) -> DataFrame:
        """A row for each rung and weight vector: scenes, a column for each task's weight, ARP in percent.

        Raises:
            ImportError: pandas is not installed.
        """
        rows = [(float(scenes), *weights, found[weights]) for scenes, found in self.rungs for weights in _ranked(found)]
        columns = ["scenes", *self.tasks, "arp"]
        return checks.optional("pandas", extra="plot").DataFrame(rows, columns=columns)


def weighted_total_search(
    store: Store,
    subject: NamedModel,
    scenes: NamedData,
    plan: AttackSpec,
    *,
    step: float = 0.1,
    rungs: int = 3,
    seed: int = 0,
    progress: bool = True,
) -> WeightedTotal:
    """Search the simplex grid for the weights with the highest ARP, and measure dgba beside them.

    Early stopping is successive halving by thirds: all weight vectors are measured on few scenes, the best third of
    them (rounded up) on three times as many, and so on up to all scenes. A vector that is stopped early might have been
    the best on all scenes: ARP has no upper bound that could exclude it. ``rungs=1`` measures every vector on all.

    Args:
        store: where results are kept; each weight vector on each rung is a cell.
        subject: the model.
        scenes: what it is measured on.
        plan: the attack; its rule is replaced.
        step: of the grid, see :func:`simplex_grid`.
        rungs: number of rungs >= 1.
        seed: of the random numbers that each attack starts with.
        progress: whether to show progress bars.

    Raises:
        TypeError, KeyError, ValueError: an argument does not fit.

    Example:
        >>> import tempfile, mt_torchattacks as mta
        >>> subject = NamedModel("rooms3/all-shared", mta.models.zoo("rooms3/all-shared"))
        >>> scenes = NamedData.of("rooms(seed=1)", mta.data.Rooms(length=6, seed=1), 6)
        >>> found = weighted_total_search(
        ...     Store(tempfile.mkdtemp()), subject, scenes, AttackSpec("fgsm"), step=0.25, rungs=2, progress=False
        ... )
        >>> [(count, len(arps)) for count, arps in found.rungs], sum(found.best)
        ([(2, 3), (6, 1)], 1.0)
    """
    tasks = scenes.tasks.active
    candidates, measured = list(simplex_grid(len(tasks), step)), []
    for count in rung_sizes(len(scenes), rungs):
        rules = [weighted_rule(dict(zip(tasks, weights, strict=True))) for weights in candidates]
        arps = _arps(store, subject, scenes.first(count), plan, rules, seed, progress)
        found = dict(zip(candidates, arps, strict=True))
        measured.append((count, found))
        candidates = _ranked(found)[: math.ceil(len(found) / KEPT)]
    [dgba] = _arps(store, subject, scenes, plan, ["dgba"], seed, progress)
    return WeightedTotal(tasks, measured, dgba)


def rung_sizes(scenes: int, rungs: int) -> list[int]:
    """Number of scenes on each rung, the last with all of them.

    Example:
        >>> rung_sizes(32, 3)
        [3, 10, 32]
    """
    checks.require(rungs >= 1, "rungs", "a number >= 1", rungs)
    sizes = [scenes // KEPT**left for left in reversed(range(rungs))]
    checks.require(sizes[0] >= 1, "rungs", f"few enough that the first has a scene of the {scenes}", rungs)
    return sizes


def _arps(
    store: Store,
    subject: NamedModel,
    scenes: NamedData,
    plan: AttackSpec,
    rules: Sequence[str],
    seed: int,
    progress: bool,
) -> list[float]:
    plans = [replace(plan, rule=rule) for rule in rules]
    relative = evaluate_cells(store, subject, scenes, plans, seed=seed, progress=progress).relative
    return [relative[plan.name].total for plan in plans]


def _ranked(found: dict[Weights, float]) -> list[Weights]:
    """Weight vectors by falling ARP; of equal ones the first on the grid first."""
    return sorted(found, key=lambda weights: (-found[weights], weights))


def weights_row(model: str, plan: AttackSpec, found: WeightedTotal) -> dict[str, object]:
    """A search for WeightedTotal's weights as a row of the table of [D] (table 16), and what it cost."""
    return {
        "model": model,
        "attack": plan.attack.lower(),
        "eps": f"{plan.eps:g}",
        "weights": ":".join(f"{weight:.3g}" for weight in found.best) + f" ({':'.join(found.tasks)})",
        "weighted total": found.arp,
        "dgba": found.dgba,
        "cost (%)": 100 * found.cost,
    }
