"""Stealthy attacks: what is left of the damage to some tasks when the others have to stay as they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import mt_torchattacks as mta
from mt_torchattacks.lazy import LazyModule
from mt_torchattacks.studies.base import Data, Models, Study, Table, one_model
from mt_torchattacks.studies.options import ModelOptions, Radius

if TYPE_CHECKING:
    import torch
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from pandas import DataFrame
    from torch import Tensor, nn

    from mt_torchattacks import Tasks
    from mt_torchattacks.attacks.host.attack import MultiTaskAttack
    from mt_torchattacks.evaluation import Evaluation, NamedData, NamedModel, Store
    from mt_torchattacks.types import Role
else:
    torch = LazyModule("torch")

LIMIT = 0.05  # relative loss increase up to which a task counts as unharmed


@dataclass
class StealthOptions(ModelOptions):
    """Options of the study ``stealth``.

    Args:
        task: the tasks to attack, several at once separated by commas; each task in turn by default
        eps: radius in the infinity norm, written 8/255, 0.03, or 8 for 8/255
        steps: of APGD
    """

    images: int = 16
    task: list[str] | None = None
    eps: Radius = Radius(8 / 255)
    steps: int = 100


class Preservation(NamedTuple):
    """How an attack is kept from harming other tasks.

    Attributes:
        form: ``"none"``; ``"penalty"``, the preserved tasks' relative losses are subtracted from the attacked ones';
            ``"budget"``, each preserved task's relative loss has a limit.
        size: the penalty's weight, or the budget.
    """

    form: str
    size: float = 0.0


PRESERVATIONS = (
    Preservation("none"),
    *(Preservation("penalty", weight) for weight in (0.3, 1.0, 3.0)),
    *(Preservation("budget", budget) for budget in (0.05, 0.2)),
)


class Stealth(Study[StealthOptions, "list[StealthCurve]"]):
    """Damage to the attacked tasks against harm to the preserved ones, under several ways to preserve."""

    name = "stealth"
    help = "attack some tasks and preserve the others: damage against harm"
    example = "--task depth normal,depth --eps 8/255 --steps 30"
    Options = StealthOptions

    def run(
        self, store: Store, models: Models, data: Data, options: StealthOptions, *, progress: bool = True
    ) -> list[StealthCurve]:
        model = one_model(models, options.model)
        images = data(model.name)
        own: dict[str, Any] = {"eps": options.eps, "steps": options.steps, "seed": options.seed, "progress": progress}
        return [
            stealth_curve(store, model, images, attacked.split(","), **own)
            for attacked in options.task or list(images.tasks)
        ]

    def tables(self, result: list[StealthCurve]) -> list[Table]:
        concat = mta.checks.optional("pandas", extra="plot").concat
        shown = [Table("_".join(curve.attacked), curve.title, curve.to_frame()) for curve in result]
        every = concat([table.frame for table in shown], ignore_index=True)
        return [*shown, Table("stealth", result[0].title, every, digits=2, shown=False)]

    def figures(self, result: list[StealthCurve]) -> dict[str, Figure]:
        return {"stealth": stealth_figure(result, result[0].title)}


def stealthy(
    model: nn.Module, tasks: Tasks, attacked: Sequence[str], preservation: Preservation, *, eps: float, steps: int
) -> MultiTaskAttack:
    """APGD from the clean image that raises some tasks' relative losses and preserves all others.

    Args:
        model: the model to attack.
        tasks: its tasks; their roles do not matter.
        attacked: names of the tasks to attack.
        preservation: how the others are preserved.
        eps: radius in the infinity norm.
        steps: number of steps.

    Raises:
        ValueError: no such task, none left to preserve, or an unknown form of preservation.

    Example:
        >>> import torch
        >>> tasks = mta.Tasks(depth=mta.losses.L1(), edges=mta.losses.L1())
        >>> within = Preservation("budget", 0.05)
        >>> stealthy(torch.nn.Conv2d(3, 1, 1), tasks, ["depth"], within, eps=8 / 255, steps=9).tasks
        Tasks(depth=L1(), edges=L1() (preserve within 0.05))
    """
    for name in attacked:
        mta.checks.one_of(name, "task", tasks)
    mta.checks.one_of(preservation.form, "preservation", ("none", "penalty", "budget"))
    others = [name for name in tasks if name not in attacked]
    mta.checks.require(bool(attacked and others), "task", "some of the tasks, not none and not all", list(attacked))
    role: Role = "ignore" if preservation.form == "none" else "preserve"
    budget = preservation.size if preservation.form == "budget" else None
    roles = {name: replace(tasks[name], role=role, budget=budget) for name in others}
    roles |= {name: replace(tasks[name], role="attack", budget=None) for name in attacked}
    weights = dict.fromkeys(attacked, 1.0) | dict.fromkeys(others, preservation.size)
    balance = mta.balancing.rules.WeightedRelative(weights) if preservation.form == "penalty" else "relative"
    ordered = mta.Tasks({name: roles[name] for name in tasks})
    made: MultiTaskAttack = mta.APGD(model, ordered, balance, eps=float(eps), steps=steps, random_start=False)
    return made


@dataclass(frozen=True)
class StealthCurve:
    """The trade-off between damage to the attacked tasks and harm to the preserved ones, on one set of images.

    Attributes:
        attacked: the tasks attacked.
        preservations: what was tried; the first is none.
        evaluation: the model on clean images and under each attack, in that order, with every sample's losses.
        title: in words of what.
    """

    attacked: tuple[str, ...]
    preservations: tuple[Preservation, ...]
    evaluation: Evaluation
    title: str = ""

    @property
    def clean(self) -> dict[str, Tensor]:
        """Per-sample losses ``(N,)`` of every task on the clean images."""
        return _tensors(self.evaluation.clean.sample_losses)

    @property
    def losses(self) -> list[dict[str, Tensor]]:
        """The same under each attack."""
        return [_tensors(found.sample_losses) for found in self.evaluation.attacked.values()]

    @property
    def preserved(self) -> tuple[str, ...]:
        """The preserved tasks."""
        return tuple(name for name in self.evaluation.clean.losses if name not in self.attacked)

    def damage(self, point: int) -> float:
        """Mean loss increase as a share of that without preservation, mean over the attacked tasks."""
        clean, losses = self.clean, self.losses
        means = [[(losses[i][name] - clean[name]).mean() for i in (point, 0)] for name in self.attacked]
        return float(torch.stack([mta.balancing.base.safe_divide(now, without) for now, without in means]).mean())

    def harm(self, point: int) -> Tensor:
        """Each sample's relative loss increase of the preserved tasks, ``(N, K)``."""
        clean, losses = self.clean, self.losses[point]
        rises = [
            mta.balancing.base.safe_divide(losses[name] - clean[name], clean[name].abs()) for name in self.preserved
        ]
        return torch.stack(rises, dim=1)

    def to_frame(self) -> DataFrame:
        """A row for each way to preserve, in percent: damage, then what happened to the preserved tasks.

        Returns:
            A frame with the columns attacked, preservation, size, damage (of the mean loss increase without
            preservation), ARP (of the attacked tasks), for each preserved task its mean relative loss increase and its
            ARP, worst (the largest increase of any sample and preserved task), and unharmed (share of the samples none
            of whose preserved losses rose by more than 5 %).

        Raises:
            ImportError: pandas is not installed.
        """
        rows = [self._row(i) for i in range(len(self.preservations))]
        return mta.checks.optional("pandas", extra="plot").DataFrame(rows)

    def _row(self, point: int) -> dict[str, object]:
        form, size = self.preservations[point]
        harm, arp = self.harm(point), list(self.evaluation.relative.values())[point].per_task
        row: dict[str, object] = {"attacked": "+".join(self.attacked), "preservation": form}
        row |= {"size": f"{size:g}" if form != "none" else "", "damage": 100 * self.damage(point)}
        row["ARP"] = sum(arp[name] for name in self.attacked) / len(self.attacked)
        for i, name in enumerate(self.preserved):
            row |= {f"{name} loss": 100 * float(harm[:, i].mean()), f"{name} ARP": arp[name]}
        unharmed = (harm <= LIMIT + 1e-4).all(dim=1).double().mean()
        return row | {"worst": 100 * float(harm.max()), "unharmed": 100 * float(unharmed)}


def stealth_curve(
    store: Store,
    model: NamedModel,
    data: NamedData,
    attacked: Sequence[str],
    preservations: Sequence[Preservation] = PRESERVATIONS,
    *,
    eps: float = 8 / 255,
    steps: int = 100,
    seed: int = 0,
    progress: bool = True,
) -> StealthCurve:
    """Attack some tasks of a model under several ways to preserve the others; each attack is a cell of a store.

    Args:
        store: where results are kept.
        model: the model.
        data: what it is measured on.
        attacked: names of the tasks to attack; all others are to be preserved.
        preservations: what to try; the attack that preserves nothing, which damage is a share of, is put first.
        eps: radius in the infinity norm.
        steps: number of steps of APGD.
        seed: of the random numbers, of which APGD from the clean image has none.
        progress: whether to show the progress.

    Raises:
        TypeError, KeyError, ValueError: see :func:`stealthy` and :func:`~mt_torchattacks.evaluate`.
    """
    tried = (Preservation("none"), *(found for found in preservations if found.form != "none"))
    attacks = {}
    for found in tried:
        attack = stealthy(model.model, data.tasks, attacked, found, eps=eps, steps=steps)
        key = {"attack": "stealthy", "attacked": list(attacked), **found._asdict(), "eps": float(eps), "steps": steps}
        attacks[f"{'+'.join(attacked)}/{found.form}/{found.size:g}"] = (key, attack)
    cells = mta.evaluation.attacked_cells
    evaluation = cells(store, model, data, attacks, seed=seed, per_sample=True, progress=progress)
    where = f"{model.name}, eps = {mta.evaluation.in_255(eps)}/255, {steps} steps, {len(data)} images"
    return StealthCurve(tuple(attacked), tried, evaluation, f"Stealthy APGD on {where}")


def _tensors(values: dict[str, list[float]] | None) -> dict[str, Tensor]:
    return {name: torch.tensor(value, dtype=torch.float64) for name, value in (values or {}).items()}


_COLOURS = {"budget": "#D55E00", "penalty": "#1F5F99", "none": "#000000"}
_GOAL = 80.0  # percent of the damage without preservation


def stealth_figure(curves: Sequence[StealthCurve], title: str = "Stealthy attacks") -> Figure:
    """One panel for each set of attacked tasks: damage against the harm to the preserved task that is harmed most.

    Shaded is where stealth costs less than a fifth of the damage and harms no preserved task by more than 5 %.

    Args:
        curves: of one model, for several sets of attacked tasks.
        title: heading of the figure.

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: there is no curve.
    """
    mta.checks.require(len(curves) > 0, "curves", "at least one", "none")
    figure = mta.report.new_figure(0.9 + 3.7 * len(curves), 4.3)
    panels = figure.subplots(1, len(curves), squeeze=False, sharex=True, sharey=True)[0]
    for axes, curve in zip(panels, curves, strict=True):
        _panel(axes, curve)
    left, top = panels[0].get_xlim()[0], 1.15 * max(100.0, *panels[0].dataLim.intervaly)
    lowest = min(float(axes.dataLim.ymin) for axes in panels)
    panels[0].set(xlim=(left, None), ylim=(min(0.0, lowest) - 0.05 * top, top))
    for axes in panels:
        axes.fill_between((left, 100 * LIMIT), _GOAL, top, color="#009E73", alpha=0.1, linewidth=0)
    panels[0].set_ylabel("damage, % of that without preservation", fontsize=10)
    mta.report.head(figure, title)
    return figure


def _panel(axes: Axes, curve: StealthCurve) -> None:
    for form, colour in _COLOURS.items():
        points = [i for i, preservation in enumerate(curve.preservations) if preservation.form == form]
        harm = [100 * float(curve.harm(i).mean(dim=0).amax()) for i in points]
        damage = [100 * curve.damage(i) for i in points]
        axes.plot(harm, damage, marker="o", markersize=4.5, color=colour, label=form)
        for i, x, y in zip(points, harm, damage, strict=True):
            label = f"{curve.preservations[i].size:g}" if form != "none" else ""
            axes.annotate(label, (x, y), xytext=(4, -9), textcoords="offset points", fontsize=7, color=colour)
    axes.set_xscale("symlog", linthresh=10)
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set_title(f"attacked: {', '.join(curve.attacked)}", fontsize=11)
    axes.set_xlabel("mean rise of the most harmed preserved loss, %", fontsize=9)
    mta.report.plain(axes)
