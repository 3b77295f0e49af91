"""What a second task does to the robustness of a first one, and what tells it without training every pair."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import combinations, permutations
from typing import TYPE_CHECKING, Any, NamedTuple

import mt_torchattacks as mta
from mt_torchattacks.lazy import LazyModule
from mt_torchattacks.studies.base import Data, Models, Study, Table
from mt_torchattacks.studies.options import Radius, names

if TYPE_CHECKING:
    import torch
    from matplotlib.figure import Figure
    from pandas import DataFrame
    from torch import nn

    from mt_torchattacks.data.memory import InMemory
    from mt_torchattacks.evaluation import AttackFunction, Store
    from mt_torchattacks.types import Images, Targets
else:
    torch = LazyModule("torch")

FULL, SMALL, EARLY = "full", "smaller encoder", "early stopping"
_WIDTHS = (16, 32, 40, 72, 72)
_BATCH = 16
_TINY, _HALF = "tiny_resnet", 0.5
_BARS = ((-0.2, "uniform", "#1F5F99", "uniform weights"), (0.2, "weighted", "#E69F00", "learned weights"))


@dataclass
class AuxiliaryTasksOptions:
    """Options of the study ``auxiliary-tasks``.

    Args:
        data: rooms, or a data set on disk, as tiny_taskonomy:ROOT, whose splits train and test are taken
        size: height and width of the images of a data set on disk
        task: tasks of the data, two at least; each is a main task once, with each other one beside it
        train_images: images that each model is trained on
        epochs: of the training
        early_epochs: of the trainings that are to stand in for full ones
        backbone: of the models; all tasks share its encoder
        small_backbone: with the smaller encoder; half as wide as tiny_resnet by default
        eps: radius, written 8/255, 0.03, or 8 for 8/255
        steps: of the attacks
        images: held-out images
        batch_size: images at a time
        seed: of the trainings and of the attacks
    """

    data: str = "rooms"
    size: int = 256
    task: list[str] = names("segmentation", "depth", "depth_euclidean", "normal", "edge_occlusion")
    train_images: int = 1000
    epochs: int = 12
    early_epochs: int = 4
    backbone: str = _TINY
    small_backbone: str = _TINY
    eps: Radius = Radius(8 / 255)
    steps: int = 25
    images: int = 64
    batch_size: int = 32
    seed: int = 0


class Trained(NamedTuple):
    """A model that the study trains: its tasks, how they are weighted, and which training it is."""

    tasks: tuple[str, ...]
    weights: str
    training: str


class Auxiliary(NamedTuple):
    """What the study found: by model its errors on clean images and its relative task vulnerability by attack."""

    values: dict[Trained, dict[str, Any]]
    title: str


class AuxiliaryTasksStudy(Study[AuxiliaryTasksOptions, Auxiliary]):
    """Every task alone and every pair of tasks: trained, attacked, and compared with cheaper ways to know.

    'Adversarial Robustness in Multi-Task Learning: Promises and Illusions' (Ghamizi, Cordy, Papadakis and Le Traon,
    AAAI 2022, https://arxiv.org/abs/2110.15053), tables 1 to 3, with rooms for Taskonomy unless the options say
    otherwise. A pair's tasks are weighted uniformly, or as they learn it themselves (uncertainty weighting, Kendall et
    al., 2018), where the paper takes weights that others have searched for. PGD on the main task alone or on both,
    Auto-PGD and WGD on both. What is measured is the relative task vulnerability, how many times the clean error an
    attack adds.
    """

    name = "auxiliary-tasks"
    help = "what a second task does to a task's robustness, and which cheap proxies tell it"
    example = "--task depth normal --train-images 64 --epochs 2 --early-epochs 1 --images 8"
    Options = AuxiliaryTasksOptions

    def run(
        self, store: Store, models: Models, data: Data, options: AuxiliaryTasksOptions, *, progress: bool = True
    ) -> Auxiliary:
        mta.checks.require(len(set(options.task)) >= 2, "task", "two tasks at least", options.task)
        same_kind = (options.backbone == _TINY) == (options.small_backbone == _TINY)
        mta.checks.require(
            same_kind, "small_backbone", f"a smaller one than {options.backbone}", options.small_backbone
        )
        read(options, tuple(options.task), False)  # what does not fit is said before anything is trained
        wanted = list(trainings(options.task))
        found = store.cells([_cell(options, model) for model in wanted], progress=progress)
        title = f"PGD, Auto-PGD and WGD of {options.steps} steps, eps {options.eps}, {options.images} held-out images"
        return Auxiliary(dict(zip(wanted, found, strict=True)), title)

    def tables(self, result: Auxiliary) -> list[Table]:
        frame = mta.checks.optional("pandas", extra="plot").DataFrame
        rows, pairs, values = vulnerabilities(result), _pairs(result), proxy_values(result)
        wide = frame(rows).pivot_table(
            index=["attack", "attacked", "weights", "main"],
            columns="auxiliary",
            values="relative_task_vulnerability",
            sort=False,
        )
        title = "Relative task vulnerability of the main task by auxiliary task (the main task itself: alone)"
        return [
            Table("by_pair", f"{title}, {result.title}", wide.reset_index(), 2),
            Table(
                "proxies", "Correlation of proxies with the vulnerability to PGD on the main task", proxies(values), 3
            ),
            Table("ranking", "Auxiliary tasks of each main task, the least vulnerable first", ranking(values)),
            Table("vulnerability", "Relative task vulnerability, a row each", frame(rows), 4, shown=False),
            Table("pairs", "Pairs beside the main task alone, a row each", frame(pairs), 4, shown=False),
            Table("proxy_values", "Proxies, a row each", values, 4, shown=False),
        ]

    def figures(self, result: Auxiliary) -> dict[str, Figure]:
        return {"auxiliary_tasks": figure(result)}


def trainings(tasks: list[str]) -> Iterator[Trained]:
    """The models: each task alone and each pair, in full and by proxy; pairs with learned weights, too."""
    pairs = list(combinations(tasks, 2))
    for training in (FULL, SMALL, EARLY):
        for those in [*((task,) for task in tasks), *pairs]:
            yield Trained(those, "uniform", training)
    for pair in pairs:
        yield Trained(pair, "weighted", FULL)


class Samples(NamedTuple):
    """Samples to train on, or held-out ones: map-style, with their number of classes, and what a key needs of them."""

    data: Any
    classes: int
    key: dict[str, Any]


def read(options: AuxiliaryTasksOptions, tasks: tuple[str, ...], train: bool) -> Samples:
    """The samples of some tasks.

    Args:
        options: which data, and how many.
        tasks: their targets.
        train: those to train on; otherwise the held-out ones.

    Raises:
        ValueError: the data have no such task, or too few images.
    """
    count = options.train_images if train else options.images
    if options.data == "rooms":
        rooms = _rooms(tuple(options.task), count, 0 if train else 1)
        targets = {task: rooms.targets[task] for task in tasks}
        return Samples(mta.data.memory.InMemory.holding(rooms.images, targets), 13, {})
    split = "train" if train else "test"
    there = copy.copy(_on_disk(options.data, split, tuple(options.task), options.size))
    there.tasks = tasks
    name = "train_images" if train else "images"
    mta.checks.require(count <= len(there), name, f"at most the {len(there)} that there are", count)
    digest = mta.evaluation.NamedData.of(split, there, count, in_memory=False).key["digest"]
    return Samples(torch.utils.data.Subset(there, range(count)), there.num_classes, {f"{split} digest": digest})


# Those to train on, and the held-out ones, serve all trainings.
@lru_cache(maxsize=2)
def _on_disk(source: str, split: str, tasks: tuple[str, ...], size: int) -> Any:
    return mta.evaluation.open_dataset(source, split=split, tasks=tasks, size=size)


@lru_cache(maxsize=2)
def _rooms(tasks: tuple[str, ...], count: int, seed: int) -> InMemory:
    for task in tasks:
        mta.checks.one_of(task, "task", mta.data.Rooms.TASKS)
    return mta.data.memory.InMemory(mta.data.Rooms(length=count, seed=seed, tasks=tasks))


def _cell(options: AuxiliaryTasksOptions, model: Trained) -> tuple[dict[str, Any], Callable[[], dict[str, Any]]]:
    """A model as a cell of a store: trained and attacked."""
    tiny, small = options.backbone == _TINY, model.training == SMALL
    how: dict[str, Any] = {"epochs": options.early_epochs if model.training == EARLY else options.epochs}
    how["width"] = _HALF if small and tiny else 1.0
    key = {"model": "+".join(model.tasks), "study": "auxiliary-tasks", "task weights": model.weights, **how}
    key |= {"rooms": options.train_images, "eps": float(options.eps), "steps": options.steps, "images": options.images}
    if not tiny:
        how["backbone"] = options.small_backbone if small else options.backbone
        key["backbone"] = how["backbone"]
    if options.data != "rooms":
        key |= {"data": options.data.partition(":")[0], "size": options.size}
        key |= read(options, model.tasks, True).key | read(options, model.tasks, False).key
    return key | {"seed": options.seed}, partial(_measured, options, model, how)


def _measured(options: AuxiliaryTasksOptions, model: Trained, how: Mapping[str, Any]) -> dict[str, Any]:
    with torch.random.fork_rng():
        torch.manual_seed(options.seed)
        net, weights = trained(model, read(options, model.tasks, True), options.seed, **how)
        torch.manual_seed(options.seed)
        batches = _batches(read(options, model.tasks, False).data, options.batch_size)
        tasks, errors = mta.standard_tasks(model.tasks), mta.error_tasks(model.tasks)
        clean = errors_of(net, errors, batches)
        found = {}
        for name, attack in attacks(net, tasks, weights, options, few=model.training != FULL):
            found[name] = mta.metrics.relative_task_vulnerability(clean, errors_of(net, errors, batches, attack))
    means = {task: sum(values) / len(values) for task, values in clean.items()}
    return {"clean": means, "weights": weights, "vulnerability": found}


def _batches(data: Any, size: int) -> Sequence[tuple[Images, Targets]]:
    if isinstance(data, mta.data.memory.InMemory):
        return [data.take(part) for part in data.batches(size)]
    return mta.data.stream.Streamed(data, len(data), size)


def trained(
    model: Trained, samples: Samples, seed: int, *, epochs: int, width: float = 1.0, backbone: str = _TINY
) -> tuple[nn.Module, dict[str, float]]:
    """A trained model, and the weights of its tasks' losses, whose mean is 1.

    Args:
        model: its tasks and how they are weighted.
        samples: have these tasks' labels.
        seed: of the order of the samples; the initial weights follow from the global random numbers.
        epochs: of the training.
        width: of a tiny_resnet's encoder, as a share of the full one's.
        backbone: of the model.
    """
    heads = {task: mta.kinds.find(task).channels(samples.classes) for task in model.tasks}
    own = {"widths": [max(1, round(width * full)) for full in _WIDTHS]} if backbone == _TINY else {}
    net = mta.models.branched(backbone, "all_shared", heads, **own)
    training, data = mta.training, samples.data
    weighting = training.weighting.Uncertainty(len(heads)) if model.weights == "weighted" else None
    how: dict[str, Any] = {"epochs": epochs, "batch_size": min(_BATCH, len(data)), "lr": 4e-3, "weight_decay": 5e-4}
    tasks = mta.standard_tasks(model.tasks)
    training.fit(net, tasks, data, weights=weighting, seed=seed, progress=False, **how)
    learned = torch.ones(len(heads)) if weighting is None else (-weighting.log_variances.detach().cpu()).exp()
    return net, dict(zip(model.tasks, (learned / learned.mean()).tolist(), strict=True))


def attacks(
    net: nn.Module, tasks: mta.Tasks, weights: Mapping[str, float], options: AuxiliaryTasksOptions, *, few: bool
) -> Iterator[tuple[str, Any]]:
    """The attacks by name: PGD on each task alone, and PGD, Auto-PGD and WGD on the model's own loss.

    Args:
        net: the model.
        tasks: its tasks.
        weights: those of the losses in the model's training, which its own loss has.
        options: radius and steps.
        few: PGD on each task alone only.
    """
    apgd: dict[str, Any] = {"eps": float(options.eps), "steps": options.steps}
    pgd = apgd | {"alpha": float(options.eps) / 4}
    for task in tasks:
        yield f"pgd/{task}", mta.PGD(net, tasks, f"single:{task}", **pgd)
    if not few:
        joint = mta.Weighted(weights)
        yield "pgd/multi", mta.PGD(net, tasks, joint, **pgd)
        yield "apgd/multi", mta.APGD(net, tasks, joint, seed=options.seed, **apgd)
        yield "wgd/multi", mta.PGD(net, tasks, "wgd", **pgd)


def errors_of(
    net: nn.Module, errors: mta.Tasks, batches: Sequence[tuple[Images, Targets]], attack: AttackFunction | None = None
) -> dict[str, list[float]]:
    """Each task's error of each image, as metrics count it; on the clean images, or under an attack."""
    found = mta.evaluation.measure(net, errors, batches, attack=attack, per_sample=True).sample_losses
    assert found is not None
    return found


def vulnerabilities(result: Auxiliary) -> list[dict[str, Any]]:
    """A row for each full model, attack and task of it, with the columns of the published tables."""
    rows = []
    for model, value in result.values.items():
        if model.training != FULL:
            continue
        for main in model.tasks:
            auxiliary = next((task for task in model.tasks if task != main), main)
            for name, found in value["vulnerability"].items():
                attack, of = name.split("/")
                if of in ("multi", main):
                    head = {"attack": attack, "attacked": "multi" if of == "multi" else "single"}
                    head |= {"weights": model.weights, "main": main, "auxiliary": auxiliary}
                    rows.append(head | {"relative_task_vulnerability": found[main]})
    return rows


def _pairs(result: Auxiliary) -> list[dict[str, Any]]:
    """The rows of pairs, each with the vulnerability of the main task alone to the same attack."""
    rows = vulnerabilities(result)
    head = ("attack", "attacked", "main")
    alone = {tuple(row[name] for name in head): row for row in rows if row["main"] == row["auxiliary"]}
    return [
        row | {"alone": alone[tuple(row[name] for name in head)]["relative_task_vulnerability"]}
        for row in rows
        if row["main"] != row["auxiliary"]
    ]


def proxy_values(result: Auxiliary) -> DataFrame:
    """For each main and auxiliary task what the proxies say, beside the vulnerability of the full model."""
    rows = []
    tasks = [model.tasks[0] for model in result.values if len(model.tasks) == 1 and model.training == FULL]

    def of(main: str, auxiliary: str, training: str) -> tuple[float, float]:
        pair = tuple(sorted({main, auxiliary}, key=tasks.index))
        value = result.values[Trained(pair, "uniform", training)]
        return value["vulnerability"][f"pgd/{main}"][main], value["clean"][main]

    for main, auxiliary in [*((task, task) for task in tasks), *permutations(tasks, 2)]:
        real, clean = of(main, auxiliary, FULL)
        given = {EARLY: of(main, auxiliary, EARLY)[0], SMALL: of(main, auxiliary, SMALL)[0]}
        given["clean performance"] = 1 / clean
        rows += [
            {"proxy": proxy, "main": main, "auxiliary": auxiliary, "value": value, "vulnerability": real}
            for proxy, value in given.items()
        ]
    frame: DataFrame = mta.checks.optional("pandas", extra="plot").DataFrame(rows)
    return frame


def proxies(values: DataFrame) -> DataFrame:
    """Pearson's and Spearman's correlation of each proxy with the vulnerability, over all pairs and within main tasks.

    Over all pairs a proxy need only know which main task it is about. Within a main task it has to know the auxiliary
    ones apart, which is what a choice is about: the mean of Spearman's correlations, one for each main task.
    """
    rows = []
    for proxy, group in values.groupby("proxy", sort=False):
        pearson = mta.metrics.pearson_correlation(group["value"].tolist(), group["vulnerability"].tolist())
        spearman = mta.metrics.rank_correlation(group["value"].tolist(), group["vulnerability"].tolist())
        within = [
            mta.metrics.rank_correlation(one["value"].tolist(), one["vulnerability"].tolist()).value
            for _, one in group.groupby("main", sort=False)
            if len(one) > 2 and min(one["value"].nunique(), one["vulnerability"].nunique()) > 1
        ]
        row = {"proxy": proxy, "pearson": pearson.value, "p_value": pearson.p_value}
        row |= {"spearman": spearman.value, "p_value spearman": spearman.p_value, "pairs": len(group)}
        rows.append(row | {"within a main task": sum(within) / len(within) if within else float("nan")})
    return mta.checks.optional("pandas", extra="plot").DataFrame(rows)


def ranking(values: DataFrame) -> DataFrame:
    """For each main task its auxiliary tasks in the order of the vulnerability, and as early stopping orders them."""
    rows = []
    for main, group in values[values["proxy"] == EARLY].groupby("main", sort=False):
        row = {"main": main}
        for name, column in (("in truth", "vulnerability"), ("by early stopping", "value")):
            order = group.sort_values(column)["auxiliary"]
            row[name] = ", ".join("(alone)" if task == main else task for task in order)
        rows.append(row)
    return mta.checks.optional("pandas", extra="plot").DataFrame(rows)


def figure(result: Auxiliary) -> Figure:
    """For each main task a group of bars: alone, and with each auxiliary task, uniform weights and learned ones."""
    rows = [row for row in vulnerabilities(result) if row["attack"] == "pgd" and row["attacked"] == "single"]
    mains = list(dict.fromkeys(row["main"] for row in rows))
    drawn = mta.report.new_figure(2.6 * len(mains), 3.8)
    for axes, main in zip(drawn.subplots(1, len(mains), squeeze=False)[0], mains, strict=True):
        others = [main, *(task for task in mains if task != main)]
        for offset, weights, colour, label in _BARS:
            found = {row["auxiliary"]: row["relative_task_vulnerability"] for row in rows
                     if row["main"] == main and row["weights"] == weights}  # fmt: skip
            at = [i + offset for i, task in enumerate(others) if task in found]
            heights = [found[task] for task in others if task in found]
            axes.bar(at, heights, 0.4, color=colour, label=label)
        axes.set_xticks(range(len(others)), ["alone", *others[1:]], rotation=60, ha="right", fontsize=8)
        axes.set_title(main, fontsize=11)
        mta.figures.plain(axes)
    drawn.axes[0].set_ylabel("relative task vulnerability")
    handles, labels = drawn.axes[0].get_legend_handles_labels()
    drawn.legend(handles, labels, loc="upper center", ncols=2, frameon=False)
    drawn.tight_layout(rect=(0, 0, 1, 0.92))
    return drawn
