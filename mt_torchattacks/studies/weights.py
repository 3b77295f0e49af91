"""WeightedTotal: the fixed weights of the tasks that attack a model best, found on a grid ([D] table 16)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import mt_torchattacks as mta
from mt_torchattacks.studies.base import Data, Models, Study, Table
from mt_torchattacks.studies.options import ModelOptions, Radius, names

if TYPE_CHECKING:
    from pandas import DataFrame

    from mt_torchattacks.evaluation import AttackSpec, NamedData, NamedModel, Store

Weights = tuple[float, ...]
"""One weight for each task, in the tasks' order."""

_FINEST = 1e-3  # a step of the grid; a finer one has more vectors than anybody can measure

RUNG_FACTOR = 3
"""Of the weight vectors on a rung one in so many goes on to the next rung, where it is measured on so many times the
images."""


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
    mta.checks.require(tasks >= 1, "tasks", "a number >= 1", tasks)
    mta.checks.positive(step, "step")
    mta.checks.require(step >= _FINEST, "step", f"at least {_FINEST:g}", step)
    n = round(1 / step)
    mta.checks.require(math.isclose(n * step, 1, rel_tol=1e-9), "step", "the inverse of a whole number", step)
    mta.checks.require(n >= tasks, "step", f"at most 1/{tasks} for {tasks} tasks", step)
    for cuts in combinations(range(1, n), tasks - 1):
        yield tuple((right - left) / n for left, right in pairwise((0, *cuts, n)))


@dataclass(frozen=True)
class WeightedTotal:
    """What a search found.

    Attributes:
        tasks: the tasks that the weights belong to.
        rungs: for each rung the number of images, and the ARP in percent of each weight vector measured on them.
        dgba: ARP of dgba with the same attack on all images.
    """

    tasks: tuple[str, ...]
    rungs: list[tuple[int, dict[Weights, float]]]
    dgba: float

    @property
    def best(self) -> Weights:
        """The weights with the highest ARP on all images; of equal ones the first on the grid."""
        return _ranked(self.rungs[-1][1])[0]

    @property
    def arp(self) -> float:
        """Their ARP in percent."""
        return self.rungs[-1][1][self.best]

    @property
    def cost(self) -> float:
        """Images attacked in the search, as a share of those that all weight vectors on all images would take."""
        attacked = sum(images * len(found) for images, found in self.rungs)
        return attacked / (self.rungs[-1][0] * len(self.rungs[0][1]))

    def to_frame(self) -> DataFrame:
        """A row for each rung and weight vector: images, a column for each task's weight, ARP in percent.

        Raises:
            ImportError: pandas is not installed.
        """
        rows = [(float(images), *weights, found[weights]) for images, found in self.rungs for weights in _ranked(found)]
        columns = ["images", *self.tasks, "arp"]
        return mta.checks.optional("pandas", extra="plot").DataFrame(rows, columns=columns)


@dataclass
class WeightsOptions(ModelOptions):
    """Options of the study ``weights``.

    Args:
        attack: the attack whose rule is searched
        eps: radius, written 8/255, 0.03, or 8 for 8/255
        grid_step: distance of the grid's weights, the inverse of a whole number
        rungs: rungs of the early stopping; 1 measures all weights on all images
        steps: of an attack that has steps
        queries: of an attack that has queries; its own number by default
    """

    model: list[str] = names("rooms3/*")
    attack: str = "apgd"
    eps: Radius = Radius(8 / 255)
    grid_step: float = 0.1
    rungs: int = 3
    steps: int = 10
    queries: int | None = None


class Searched(NamedTuple):
    """What the study found for each model, by its name, with which attack, and in words on what."""

    found: dict[str, WeightedTotal]
    spec: AttackSpec
    images: str


class WeightsStudy(Study[WeightsOptions, Searched]):
    """Search the simplex grid for the weights with the highest ARP, and measure dgba beside them."""

    name = "weights"
    help = "search the tasks' fixed weights that attack a model best"
    example = "--model rooms3/all-shared --attack fgsm --grid-step 0.25 --rungs 2"
    Options = WeightsOptions

    def run(
        self, store: Store, models: Models, data: Data, options: WeightsOptions, *, progress: bool = True
    ) -> Searched:
        spec = mta.evaluation.AttackSpec(options.attack, eps=options.eps, steps=options.steps, queries=options.queries)
        search: dict[str, Any] = {"step": options.grid_step, "rungs": options.rungs, "seed": options.seed}
        found, images = {}, ""
        for model in models(options.model):
            there = data(model.name)
            found[model.name] = weighted_total_search(store, model, there, spec, progress=progress, **search)
            images = f"{len(there)} images of {there.name}"
        return Searched(found, spec, images)

    def tables(self, result: Searched) -> list[Table]:
        rows = [weights_row(model, result.spec, found) for model, found in result.found.items()]
        frame = mta.checks.optional("pandas", extra="plot").DataFrame(rows)
        grids = [
            Table(model.replace("/", "-"), f"Every weight vector on {model}", found.to_frame(), digits=2, shown=False)
            for model, found in result.found.items()
        ]
        return [Table("weights", f"Best weights by ARP (%) on {result.images}, and dgba", frame), *grids]


def weighted_total_search(
    store: Store,
    model: NamedModel,
    data: NamedData,
    spec: AttackSpec,
    *,
    step: float = 0.1,
    rungs: int = 3,
    seed: int = 0,
    progress: bool = True,
) -> WeightedTotal:
    """Search the simplex grid for the weights with the highest ARP, and measure dgba beside them.

    Early stopping is successive halving by thirds: all weight vectors are measured on few images, the best third of
    them (rounded up) on three times as many, and so on up to all images. A vector that is stopped early might have been
    the best on all images: ARP has no upper bound that could exclude it. ``rungs=1`` measures every vector on all.

    Args:
        store: where results are kept; each weight vector on each rung is a cell.
        model: the model.
        data: what it is measured on.
        spec: the attack; its rule is replaced.
        step: of the grid, see :func:`simplex_grid`.
        rungs: number of rungs >= 1.
        seed: of the random numbers that each attack starts with.
        progress: whether to show the progress.

    Raises:
        TypeError, KeyError, ValueError: an argument does not fit.
    """
    tasks = data.tasks.active
    candidates, measured = list(simplex_grid(len(tasks), step)), []
    for count in rung_sizes(len(data), rungs):
        rules = [mta.evaluation.weighted_rule(dict(zip(tasks, weights, strict=True))) for weights in candidates]
        arps = _arps(store, model, data.first(count), spec, rules, seed, progress)
        found = dict(zip(candidates, arps, strict=True))
        measured.append((count, found))
        candidates = _ranked(found)[: math.ceil(len(found) / RUNG_FACTOR)]
    [dgba] = _arps(store, model, data, spec, ["dgba"], seed, progress)
    return WeightedTotal(tasks, measured, dgba)


def rung_sizes(images: int, rungs: int) -> list[int]:
    """Number of images on each rung, the last with all of them.

    Raises:
        ValueError: no rung, or so many that there is no image for the first.

    Example:
        >>> rung_sizes(32, 3)
        [3, 10, 32]
    """
    mta.checks.require(rungs >= 1, "rungs", "a number >= 1", rungs)
    sizes = [images // RUNG_FACTOR**left for left in reversed(range(rungs))]
    mta.checks.require(sizes[0] >= 1, "rungs", f"few enough that the first has one of the {images} images", rungs)
    return sizes


def _arps(
    store: Store,
    model: NamedModel,
    data: NamedData,
    spec: AttackSpec,
    rules: Sequence[str],
    seed: int,
    progress: bool,
) -> list[float]:
    specs = [replace(spec, rule=rule) for rule in rules]
    relative = mta.evaluation.evaluate_cells(store, model, data, specs, seed=seed, progress=progress).relative
    return [relative[spec.name].total for spec in specs]


def _ranked(found: dict[Weights, float]) -> list[Weights]:
    """Weight vectors by falling ARP; of equal ones the first on the grid first."""
    return sorted(found, key=lambda weights: (-found[weights], weights))


def weights_row(model: str, spec: AttackSpec, found: WeightedTotal) -> dict[str, object]:
    """A search for WeightedTotal's weights as a row of the table of [D] (table 16), and what it cost."""
    return {
        "model": model,
        "attack": spec.attack.lower(),
        "eps": mta.evaluation.in_255(spec.eps),
        "weights": ":".join(f"{weight:.3g}" for weight in found.best) + f" ({':'.join(found.tasks)})",
        "weighted total": found.arp,
        "dgba": found.dgba,
        "cost (%)": 100 * found.cost,
    }
