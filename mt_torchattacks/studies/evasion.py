"""Detectors that look at whether the tasks agree, and attacks that make them agree."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
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
    from torch import Tensor

    from mt_torchattacks.evaluation import Measurements, NamedData, NamedModel, Store
else:
    torch = LazyModule("torch")

PAIR = ("segmentation", "normal")
"""The tasks whose outlines the detector compares."""

HOWS = ("nothing", "a penalty", "a budget")
"""What keeps an attack from being seen."""

DISAGREEMENT = "disagreement"
_FALSE_ALARMS = 0.05
_TINY = 1e-8


@dataclass
class EvasionOptions(ModelOptions):
    """Options of the study ``evasion``.

    Args:
        balance: the balancing rule of the attack, Auto-PGD
        eps: radii, written 8/255, 0.03, or 8 for 8/255
        steps: of the attack
    """

    model: list[str] = names("rooms3/all-shared", "rooms3/partly-shared", "rooms3/independent")
    images: int = 64
    balance: str = "dgba"
    eps: list[Radius] = radii(4, 8)
    steps: int = 50


class Case(NamedTuple):
    """What is measured: a model, the attack's radius, and what keeps it from being seen."""

    model: str
    eps: float
    how: str


class Evasion(NamedTuple):
    """What the study found: by case the harm, and each image's disagreement before and after; and on what."""

    values: dict[Case, dict[str, Any]]
    title: str


class EvasionStudy(Study[EvasionOptions, Evasion]):
    """How well a detector tells attacked images from clean ones, and at what price an attack evades it.

    Where segmentation and normals have their outlines in different places something is wrong with the image: tasks that
    contradict each other give an attack away ('Detecting Adversarial Perturbations in Multi-Task Perception', Klingner
    et al., IROS 2022, https://arxiv.org/abs/2203.01177, compares edges of outputs so). An attacker who knows that makes
    the disagreement one more task, to be preserved: as a penalty, or within a budget of no rise at all.
    """

    name = "evasion"
    help = "a detector that sees whether tasks agree, and attacks that preserve their agreement"
    example = "--model rooms3/independent --eps 8/255 --images 8 --steps 10"
    Options = EvasionOptions

    def run(
        self, store: Store, models: Models, data: Data, options: EvasionOptions, *, progress: bool = True
    ) -> Evasion:
        def cells(model: NamedModel, there: NamedData) -> Iterator[tuple[Case, Cell]]:
            for task in PAIR:
                mta.checks.one_of(task, "the detector's tasks", there.tasks)
            clean = mta.evaluation.clean_cell(store, model, there, progress=progress)
            for eps in options.eps:
                for how in HOWS:
                    case = Case(model.name, float(eps), how)
                    yield case, _cell(case, model, there, clean, options)

        found, images = cells_by_model(store, models(options.model), data, cells, progress=progress)
        return Evasion(found, f"Auto-PGD with {options.balance}, {options.steps} steps, {images}")

    def tables(self, result: Evasion) -> list[Table]:
        rows = []
        for case, value in result.values.items():
            clean, attacked = value["clean"], value["attacked"]
            row: dict[str, Any] = {"model": case.model, "eps": str(Radius(case.eps)), "preserved by": case.how}
            row |= {"seen (%)": 100 * seen(clean, attacked), "area (%)": 100 * area(clean, attacked)}
            rows.append(row | {f"ARP {task}": arp for task, arp in value["arp"].items()} | {"ARP": value["total"]})
        title = "Attacked images that are seen where 5 % of the clean ones are; area under the detector's curve; harm"
        return [
            Table("evasion", f"{title}; {result.title}", mta.checks.optional("pandas", extra="plot").DataFrame(rows), 1)
        ]

    def figures(self, result: Evasion) -> dict[str, Figure]:
        return {"evasion": figure(result)}


def _cell(case: Case, model: NamedModel, data: NamedData, clean: Measurements, options: EvasionOptions) -> Cell:
    key = {"model": model.name, "study": "evasion", "eps": case.eps, "preserved by": case.how}
    key |= {"rule": options.balance, "steps": options.steps, "seed": options.seed}
    compute: Callable[[], dict[str, Any]] = partial(_measured, case, model, data, clean, options)
    return key | data.key | {"weights": model.weights}, compute


def _measured(
    case: Case, model: NamedModel, data: NamedData, clean: Measurements, options: EvasionOptions
) -> dict[str, Any]:
    watched = mta.models.WithOutputs(model.model, **{DISAGREEMENT: disagreement})
    attack = evading(watched, data.tasks, case.how, options.balance, eps=case.eps, steps=options.steps)
    before: list[float] = []
    after: list[float] = []

    def attacked(images: Tensor, targets: Mapping[str, Tensor]) -> Tensor:
        found: Tensor = attack(images, {**targets, DISAGREEMENT: torch.zeros(len(images))})
        with torch.no_grad(), mta.models.state.modes_kept(watched):
            watched.eval()
            before.extend(watched(images)[DISAGREEMENT].tolist())
            after.extend(watched(found)[DISAGREEMENT].tolist())
        return found

    with torch.random.fork_rng():
        torch.manual_seed(options.seed)
        found = mta.evaluation.measure(model.model, data.tasks, data.batches, data.metrics, attacked)
    arp = mta.evaluation.evaluation_of(data, clean, {"attack": found}).relative["attack"]
    return {"clean": before, "attacked": after, "arp": arp.per_task, "total": arp.total}


def evading(model: Any, tasks: mta.Tasks, how: str, balance: str, *, eps: float, steps: int) -> Any:
    """Auto-PGD on all tasks that preserves what the model says of its tasks' disagreement.

    Args:
        model: has the output ``disagreement`` beside the tasks'.
        tasks: the tasks to attack.
        how: ``"nothing"``, ``"a penalty"``, or ``"a budget"``.
        balance: the rule.
        eps, steps: of the attack.
    """
    mta.checks.one_of(how, "how", HOWS)
    if how == "nothing":
        return mta.APGD(model, tasks, balance, eps=eps, steps=steps)
    budget = 0.0 if how == "a budget" else None
    kept = mta.Task(mta.losses.OwnLoss(), role="preserve", budget=budget)
    return mta.APGD(model, mta.Tasks({**tasks, DISAGREEMENT: kept}), balance, eps=eps, steps=steps)


def disagreement(outputs: Mapping[str, Tensor]) -> Tensor:
    """How far the outlines of the two tasks are from lying in the same places, ``(N,)`` in [0, 1]; 0 if they do.

    One minus the cosine between the maps of how much each output changes from pixel to pixel.
    """
    first, second = PAIR
    labels = outlines(outputs[first].softmax(dim=1)).flatten(1)
    directions = outlines(torch.nn.functional.normalize(outputs[second], dim=1)).flatten(1)
    return 1 - torch.cosine_similarity(labels, directions, dim=1)


def outlines(output: Tensor) -> Tensor:
    """How much an output ``(N, C, H, W)`` changes to the right and down, ``(N, H - 1, W - 1)``."""
    here = output[..., 1:, 1:]
    right, down = here - output[..., 1:, :-1], here - output[..., :-1, 1:]
    return (right.square().sum(dim=1) + down.square().sum(dim=1) + _TINY).sqrt()


def seen(clean: list[float], attacked: list[float]) -> float:
    """The share of the attacked images above the value that one in twenty of the clean ones is above."""
    limit = torch.tensor(clean).quantile(1 - _FALSE_ALARMS)
    return float((torch.tensor(attacked) > limit).double().mean())


def area(clean: list[float], attacked: list[float]) -> float:
    """The area under the receiver operating characteristic: how often an attacked image is above a clean one."""
    from torchmetrics.functional.classification import binary_auroc

    labels = [0] * len(clean) + [1] * len(attacked)
    return float(binary_auroc(torch.tensor([*clean, *attacked]), torch.tensor(labels)))


def figure(result: Evasion) -> Figure:
    """For each radius a panel, harm against how many attacked images are seen: a colour for each model."""
    sizes = list(dict.fromkeys(case.eps for case in result.values))
    drawn = mta.report.new_figure(5 * len(sizes), 4)
    for axes, eps in zip(drawn.subplots(1, len(sizes), squeeze=False, sharey=True)[0], sizes, strict=True):
        _panel(axes, {case: value for case, value in result.values.items() if case.eps == eps})
        axes.set_title(f"radius {Radius(eps)}", fontsize=11)
    drawn.axes[0].set_ylim(0, None)
    drawn.axes[0].set_ylabel("average relative performance\nunder attack (%)")
    drawn.axes[-1].legend(frameon=False, fontsize=8, loc="lower right")
    drawn.tight_layout()
    return drawn


def _panel(axes: Axes, values: dict[Case, dict[str, Any]]) -> None:
    """Lines join what is preserved by nothing with the other two."""
    markers = dict(zip(HOWS, ("X", "s", "o"), strict=True))
    found = list(dict.fromkeys(case.model for case in values))
    for model, colour in zip(found, mta.figures.COLOURS * len(found), strict=False):
        at = {
            case.how: (100 * seen(value["clean"], value["attacked"]), value["total"])
            for case, value in values.items()
            if case.model == model
        }
        for how, point in at.items():
            axes.plot(*zip(at[HOWS[0]], point, strict=True), "-", color=colour, linewidth=1)
            axes.scatter(*point, marker=markers[how], color=colour, zorder=3)
        axes.plot([], [], color=colour, label=model)
    for how, marker in markers.items():
        axes.scatter([], [], marker=marker, color="black", label=f"disagreement preserved by {how}")
    axes.set_xlabel("attacked images that the detector sees (%)")
    axes.set_xlim(-5, 105)
    mta.figures.plain(axes)
