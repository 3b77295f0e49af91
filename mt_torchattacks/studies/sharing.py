"""How far attacks on one task carry over to the others, by how much of the model the tasks share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from typing import TYPE_CHECKING, Any, NamedTuple

import mt_torchattacks as mta
from mt_torchattacks.lazy import LazyModule
from mt_torchattacks.studies.base import Data, Models, Study, Table, metric_columns
from mt_torchattacks.studies.gradients import clean_gradients
from mt_torchattacks.studies.options import ModelOptions, Radius, names

if TYPE_CHECKING:
    import torch
    from matplotlib.figure import Figure

    from mt_torchattacks.evaluation import NamedData, NamedModel, Store
else:
    torch = LazyModule("torch")


@dataclass
class SharingOptions(ModelOptions):
    """Options of the study ``sharing``.

    Args:
        attack: an attack by name, as auto_saga
        eps: radius, written 8/255, 0.03, or 8 for 8/255
        steps: of the attack
    """

    model: list[str] = names("rooms3-resnet34/*")
    attack: str = "apgd"
    eps: Radius = Radius(8 / 255)
    steps: int = 10


class Shared(NamedTuple):
    """What the study found: the cells' values by model, the shared blocks by model, and in words on what."""

    values: dict[str, dict[str, Any]]
    blocks: dict[str, int]
    title: str


class SharingStudy(Study[SharingOptions, Shared]):
    """Each task is attacked alone; the transferability is the mean ARP of the others over its own.

    'Attacking All Tasks at Once', section on parameter sharing. A model's intervals are of its images (bootstrap). Of
    several models with as many shared blocks, trained from other seeds, the mean has an interval of the trainings.
    """

    name = "sharing"
    help = "how far attacks on one task carry over, by how many blocks the tasks share"
    example = "--model 'rooms3-resnet34/*' --images 16 --steps 5"
    Options = SharingOptions

    def run(
        self, store: Store, models: Models, data: Data, options: SharingOptions, *, progress: bool = True
    ) -> Shared:
        cells, blocks, images = [], {}, ""
        for model in models(options.model):
            there = data(model.name)
            mta.checks.require(len(there.tasks) >= 2, "model", "models of two tasks or more", model.name)
            images = f"{len(there)} images of {there.name}"
            blocks[model.name] = shared_blocks(model)
            cells.append(sharing_cell(model, there, options))
        values = dict(zip(blocks, store.cells(cells, progress=progress), strict=True))
        return Shared(values, blocks, f"{options.attack}, {options.steps} steps, eps {options.eps}, {images}")

    def tables(self, result: Shared) -> list[Table]:
        frame = mta.checks.optional("pandas", extra="plot").DataFrame
        found, clean, every = [], [], []
        for model, value in _by_blocks(result):
            head = {"model": model, "shared blocks": result.blocks[model]}
            row = dict(head)
            for task, measured in value["tasks"].items():
                row |= {task: _in_words(measured)}
                every.append({"model": model, "attacked": task} | {
                    name: measured[name] for name in ("transferability", "low", "high")
                } | {"shared blocks": float(result.blocks[model])})  # fmt: skip
            found.append(row | {f"cos {pair}": round(cosine, 3) for pair, cosine in value["cosines"].items()})
            clean.append(head | metric_columns(value["clean"]))
        title = "Transferability by attacked task with 95 % bootstrap intervals; cosine of the tasks' gradients"
        means = "Mean over the trainings with as many shared blocks, with 95 % intervals"
        return [
            Table("transferability", f"{title}, {result.title}", frame(found), 3),
            *(
                [Table("trainings", f"{means}, {result.title}", frame(_rows_of_trainings(result)))]
                if _repeated(result)
                else []
            ),
            Table("transferability_long", "Transferability, a row each", frame(every), 3, shown=False),
            Table("clean", f"Metrics on the clean images, {result.title}", frame(clean), 3),
        ]

    def notes(self, result: Shared) -> list[str]:
        ordered = _by_blocks(result)
        if len(ordered) < 3:
            return []
        lines = []
        for task in ordered[0][1]["tasks"]:
            pairs = [(float(result.blocks[model]), value["tasks"][task]["transferability"]) for model, value in ordered]
            known = [pair for pair in pairs if pair[1] is not None]
            if len(known) >= 3:
                correlation = mta.metrics.rank_correlation(*zip(*known, strict=True)).value
                lines.append(f"{task}: rank correlation of shared blocks and transferability {correlation:+.2f}")
        return lines

    def figures(self, result: Shared) -> dict[str, Figure]:
        return {"sharing": figure(result)}


def sharing_cell(
    model: NamedModel, data: NamedData, options: SharingOptions
) -> tuple[dict[str, Any], Callable[[], dict[str, Any]]]:
    """A model as a cell of a store: each task attacked alone, and the tasks' gradients on the clean images."""
    specs = mta.evaluation.attack_specs([options.attack], ["single"], [options.eps], data.tasks, steps=options.steps)
    key = {"model": model.name, "study": "sharing", "attacks": [spec.key for spec in specs], "seed": options.seed}
    attacks = {spec.rule.removeprefix("single:"): spec.build(model.model, data.tasks, options.seed) for spec in specs}
    return key | data.key | {"weights": model.weights}, partial(_measured, model, data, attacks, options.seed)


def _measured(model: NamedModel, data: NamedData, attacks: Mapping[str, Any], seed: int) -> dict[str, Any]:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        found = mta.worst_case(model.model, data.tasks, data.batches, attacks, data.metrics, progress=False)
    tasks = {}
    for task in attacks:
        arp = found.evaluation.relative[task].per_task
        carried = mta.metrics.transferability(arp, task) if arp[task] > 0 else None
        low, high = (None, None) if carried is None else bootstrap(found, task)
        tasks[task] = {"arp": arp, "transferability": carried, "low": low, "high": high}
    return {"tasks": tasks, "clean": found.evaluation.clean.metrics, "cosines": cosines(model, data)}


def bootstrap(found: mta.evaluation.WorstCaseEvaluation, task: str) -> tuple[float, float]:
    """The 95 % interval of the transferability of attacks on a task over images that are drawn again (percentiles).

    Args:
        found: has what each image adds to the metrics, clean and under the attack of the task's name.
        task: the attacked one.
    """
    count = len(found.members["clean"])

    def carried(images: list[int]) -> float | None:
        before, after = (found.metrics([name] * count, images) for name in ("clean", task))
        arp = mta.metrics.average_relative_performance(before, after, found.evaluation.directions).per_task
        return mta.metrics.transferability(arp, task) if arp[task] > 0 else None

    return mta.metrics.bootstrap_interval(carried, count)


def cosines(model: NamedModel, data: NamedData) -> dict[str, float]:
    """Mean over the clean images of the cosine between two tasks' gradients, for each pair."""
    total = {f"{a}, {b}": 0.0 for a, b in combinations(data.tasks, 2)}
    for gradients in clean_gradients(model, data):
        for pair, (a, b) in zip(total, combinations(gradients.unbind(dim=1), 2), strict=True):
            total[pair] += float(torch.cosine_similarity(a, b).sum())
    return {pair: value / len(data) for pair, value in total.items()}


def shared_blocks(model: NamedModel) -> int:
    """Blocks that all tasks share; 0 for a model that has no layout."""
    layout = getattr(model.model, "layout", None)
    return 0 if layout is None else int(layout.shared_blocks)


class Point(NamedTuple):
    """A transferability with its 95 % interval, and the number of trainings; of the images if there is only one."""

    value: float
    low: float
    high: float
    trainings: int


def points(result: Shared, task: str) -> dict[int, Point]:
    """The transferability of attacks on a task by the number of shared blocks; models that it does not hurt left out.

    Args:
        result: of the study.
        task: the attacked one.
    """
    found: dict[int, list[dict[str, Any]]] = {}
    for model, value in _by_blocks(result):
        if value["tasks"][task]["transferability"] is not None:
            found.setdefault(result.blocks[model], []).append(value["tasks"][task])
    return {blocks: _point(those) for blocks, those in found.items()}


def _point(those: list[dict[str, Any]]) -> Point:
    if len(those) == 1:
        return Point(those[0]["transferability"], those[0]["low"], those[0]["high"], 1)
    values = torch.tensor([one["transferability"] for one in those], dtype=torch.float64)
    mean, half = float(values.mean()), float(mta.metrics.half_interval(values))
    return Point(mean, mean - half, mean + half, len(those))


def _repeated(result: Shared) -> bool:
    """Whether several models share as many blocks."""
    return len(set(result.blocks.values())) < len(result.blocks)


def _rows_of_trainings(result: Shared) -> list[dict[str, Any]]:
    rows: dict[int, dict[str, Any]] = {}
    for task in _by_blocks(result)[0][1]["tasks"]:
        for blocks, point in points(result, task).items():
            row = rows.setdefault(blocks, {"shared blocks": blocks, "trainings": point.trainings})
            row[task] = f"{point.value:.2f} ± {point.high - point.value:.2f}"
    return list(rows.values())


def _by_blocks(result: Shared) -> list[tuple[str, dict[str, Any]]]:
    return sorted(result.values.items(), key=lambda item: result.blocks[item[0]])


def _in_words(measured: Mapping[str, Any]) -> str:
    if measured["transferability"] is None:
        return "not hurt itself"
    return f"{measured['transferability']:.2f} [{measured['low']:.2f}, {measured['high']:.2f}]"


def figure(result: Shared) -> Figure:
    """Transferability by shared blocks: a line with intervals for each attacked task, published ones dashed."""
    published = mta.published.published_table("transferability_by_sharing")  # of 'Attacking All Tasks at Once'
    drawn = mta.report.new_figure(7, 4.5)
    axes, ordered = drawn.subplots(), _by_blocks(result)
    tasks = list(ordered[0][1]["tasks"])
    styles = [("#D55E00", "o"), ("#1F5F99", "s"), ("#009E73", "D"), ("#595959", "^")] * len(tasks)
    for task, (colour, marker) in zip(tasks, styles, strict=False):
        known = points(result, task)
        middle = [point.value for point in known.values()]
        # Of very few images the whole set's value may be outside of its interval.
        spread = [[max(point.value - point.low, 0) for point in known.values()],
                  [max(point.high - point.value, 0) for point in known.values()]]  # fmt: skip
        axes.errorbar(
            list(known), middle, yerr=spread, color=colour, marker=marker, capsize=3, label=f"{task} attacked"
        )
        there = published[published["attacked"] == task].sort_values("shared_blocks")
        if len(there):
            axes.plot(
                there["shared_blocks"],
                there["transferability"],
                f"{marker}--",
                color=colour,
                linewidth=1,
                markersize=4,
                markerfacecolor="white",
                label=f"{task}, published (NYUv2)",
            )
    axes.set_xlabel("blocks that all tasks share")
    axes.set_ylabel("mean ARP of the other tasks / own ARP")
    axes.set_title("How far an attack on one task carries over", fontsize=12)
    axes.legend(frameon=False, fontsize=8)
    mta.figures.plain(axes)
    drawn.tight_layout()
    return drawn
