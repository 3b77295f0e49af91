"""One perturbation, or one patch, for all images: what it does to images that it was not made with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import mt_torchattacks as mta
from mt_torchattacks.lazy import LazyModule
from mt_torchattacks.studies.base import Cell, Data, Models, Study, Table, cells_by_model
from mt_torchattacks.studies.options import ModelOptions, Radius, names, radii

if TYPE_CHECKING:
    import torch
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from mt_torchattacks.evaluation import NamedData, NamedModel, Store
    from mt_torchattacks.types import Images, Targets
else:
    torch = LazyModule("torch")

PERTURBATION, PATCH = "perturbation", "patch"
_NOISE, _IMAGE, _GREY = "noise", "an attack on each image", "a grey patch"


@dataclass
class UniversalOptions(ModelOptions):
    """Options of the study ``universal``.

    Args:
        fit_to: data that perturbations and patches are made with, as many images; written as --data is
        balance: balancing rules
        eps: radii of the perturbation
        scale: sides of the patch, as shares of the image's shorter side
        epochs: how often the fit goes through its images
        steps: of the attack on each image that the perturbation is compared with
    """

    fit_to: str = "rooms:3"
    images: int = 128
    batch_size: int = 32
    balance: list[str] = names("total", "dgba", "max_min")
    eps: list[Radius] = radii(4, 8, 16)
    scale: list[float] = field(default_factory=lambda: [0.25, 0.35, 0.5])
    epochs: int = 10
    steps: int = 10


class Case(NamedTuple):
    """What is measured: on which model, a perturbation or a patch, how large, and made by which rule or how else."""

    model: str
    kind: str
    size: float
    how: str


class Universal(NamedTuple):
    """What the study found: by case each task's rise of the error, in percent, and in words on what."""

    values: dict[Case, dict[str, dict[str, float]]]
    title: str


class UniversalStudy(Study[UniversalOptions, Universal]):
    """Perturbations and patches that are fitted to some images, and what they do to those and to others.

    Beside a perturbation there is noise of its size and PGD on each image, beside a patch a grey one. Harm is the rise
    of each task's mean error, as metrics count it; pixels under a patch do not count.
    """

    name = "universal"
    help = "one perturbation or one patch for all images, and its harm to images it was not made with"
    example = "--balance dgba --eps 8/255 --scale 0.5 --images 8 --epochs 2"
    Options = UniversalOptions

    def run(
        self, store: Store, models: Models, data: Data, options: UniversalOptions, *, progress: bool = True
    ) -> Universal:
        for scale in options.scale:
            mta.checks.require(0 < scale <= 1, "scale", "a share in (0, 1]", scale)
        mta.checks.require(bool(options.eps or options.scale), "eps", "a radius, or a scale", "neither")

        def cells(model: NamedModel, there: NamedData) -> Iterator[tuple[Case, Cell]]:
            made_with = data(model.name, options.fit_to)
            return ((case, _cell(case, model, made_with, there, options)) for case in cases(model.name, options))

        found, images = cells_by_model(store, models(options.model), data, cells, progress=progress)
        return Universal(found, f"fitted to as many of {options.fit_to}, measured on {images}")

    def tables(self, result: Universal) -> list[Table]:
        frame = mta.checks.optional("pandas", extra="plot").DataFrame
        rows = []
        for case, value in result.values.items():
            size = str(Radius(case.size)) if case.kind == PERTURBATION else f"{case.size:g}"
            row: dict[str, Any] = {"model": case.model, "what": case.kind, "size": size, "by": case.how}
            held_out = value["held out"]
            row |= held_out | {"all tasks": _mean(held_out)}
            rows.append(row | {"on its own images": _mean(value["own"]) if value["own"] else None})
        title = "Rise of each task's mean error (%)"
        return [Table("universal", f"{title}, {result.title}", frame(rows), 0)]

    def figures(self, result: Universal) -> dict[str, Figure]:
        return {"universal": figure(result)}


def cases(model: str, options: UniversalOptions) -> Iterator[Case]:
    """What is measured on a model."""
    for eps in options.eps:
        for how in (_NOISE, *options.balance, _IMAGE):
            yield Case(model, PERTURBATION, float(eps), how)
    for scale in options.scale:
        for how in (_GREY, *options.balance):
            yield Case(model, PATCH, scale, how)


def _cell(case: Case, model: NamedModel, made_with: NamedData, data: NamedData, options: UniversalOptions) -> Cell:
    key = {"model": model.name, "study": "universal", "kind": case.kind, "size": case.size, "by": case.how}
    key |= {"fit to": made_with.key, "epochs": options.epochs, "steps": options.steps, "seed": options.seed}
    compute: Callable[[], dict[str, Any]] = partial(_measured, case, model, made_with, data, options)
    return key | data.key | {"weights": model.weights}, compute


def _measured(
    case: Case, model: NamedModel, made_with: NamedData, data: NamedData, options: UniversalOptions
) -> dict[str, Any]:
    attack = made(case, model, made_with, options)
    fitted = case.how in options.balance
    own = rises(model, made_with, attack) if fitted else {}
    return {"own": own, "held out": rises(model, data, attack)}


def made(case: Case, model: NamedModel, made_with: NamedData, options: UniversalOptions) -> Any:
    """The attack of a case, fitted if it is one that has to be."""
    net, tasks = model.model, made_with.tasks
    how: dict[str, Any] = {"epochs": options.epochs, "seed": options.seed}
    if case.how == _NOISE:
        return partial(noisy, case.size, options.seed)
    if case.how == _IMAGE:
        return mta.PGD(net, tasks, "dgba", eps=case.size, alpha=case.size / 4, steps=options.steps)
    batches = list(made_with.on(model.device))
    if case.kind == PERTURBATION:
        return mta.UniversalPerturbation(net, tasks, case.how, eps=case.size, **how).fit(batches)
    patch: dict[str, Any] = {"scale": (case.size, case.size)} | how
    if case.how == _GREY:  # steps that change nothing: it stays what it begins with
        return mta.AdversarialPatch(net, tasks, **patch | {"epochs": 1, "alpha": 1e-12}).fit(batches[:1])
    return mta.AdversarialPatch(net, tasks, case.how, **patch).fit(batches)


def noisy(eps: float, seed: int, images: Images, targets: Targets) -> Images:
    """Images with noise of plus or minus eps in each pixel."""
    signs = torch.randn(images.shape, generator=torch.Generator().manual_seed(seed)).sign()
    return (images + eps * signs.to(images)).clamp(0, 1)


def rises(model: NamedModel, data: NamedData, attack: Any) -> dict[str, float]:
    """By how many percent an attack raises each task's mean error; pixels that it covers count neither way.

    Args:
        model: the model.
        data: the images.
        attack: ``(images, targets) -> images``; one with a method ``covered`` says which pixels do not count.
    """
    errors = mta.evaluation.with_errors(data.tasks)
    sums: dict[str, list[float]] = {task: [0.0, 0.0] for task in errors}
    with mta.models.state.modes_kept(model.model):
        model.model.eval()
        for images, targets in data.on(model.device):
            counted = errors.without(attack.covered(images)) if hasattr(attack, "covered") else errors
            for i, seen in enumerate((images, attack(images, targets))):
                with torch.no_grad():
                    for task, values in counted.losses(model.model(seen), targets).items():
                        sums[task][i] += float(values.double().sum())
    return {task: 100 * (attacked / clean - 1) for task, (clean, attacked) in sums.items()}


def _mean(values: dict[str, float]) -> float:
    return sum(values.values()) / len(values)


def figure(result: Universal) -> Figure:
    """For each model a row, for perturbations and for patches a panel: the mean rise over the tasks by size."""
    found = list(dict.fromkeys(case.model for case in result.values))
    kinds = list(dict.fromkeys(case.kind for case in result.values))
    drawn = mta.report.new_figure(5 * len(kinds), 3.2 * len(found))
    for row, model in zip(drawn.subplots(len(found), len(kinds), squeeze=False), found, strict=True):
        for axes, kind in zip(row, kinds, strict=True):
            of_both = (
                (case, value) for case, value in result.values.items() if (case.model, case.kind) == (model, kind)
            )
            _panel(
                axes, f"{model}: one {kind} for all images", {case: _mean(value["held out"]) for case, value in of_both}
            )
    labelled = {
        label: line for axes in drawn.axes for line, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    drawn.legend(labelled.values(), labelled, loc="lower center", ncols=len(labelled), frameon=False)
    drawn.tight_layout(rect=(0, 0.1 / len(found), 1, 1))
    return drawn


def _panel(axes: Axes, title: str, rise: dict[Case, float]) -> None:
    hows = list(dict.fromkeys(case.how for case in rise))
    colours = mta.figures.rule_colours(hows) | {_NOISE: "black", _GREY: "black", _IMAGE: "black"}
    styles = {_NOISE: ":", _GREY: ":", _IMAGE: "--"}
    unit = 255 if next(iter(rise)).kind == PERTURBATION else 1
    for how in hows:
        points = sorted((unit * case.size, height) for case, height in rise.items() if case.how == how)
        axes.plot(*zip(*points, strict=True), styles.get(how, "-"), marker="o", color=colours[how], label=how)
    axes.set_title(title, fontsize=11)
    axes.set_xlabel("radius (1/255)" if unit > 1 else "side, as a share of the image's")
    axes.set_ylabel("rise of the errors,\nmean of all tasks (%)")
    mta.figures.plain(axes)
