"""Stealthy attacks: what is left of the damage to some tasks when the others have to stay as they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor, nn

from mt_torchattacks import attacks, checks
from mt_torchattacks.attacks.host.attack import MultiTaskAttack
from mt_torchattacks.balancing import Weighted
from mt_torchattacks.balancing.base import safe_divide
from mt_torchattacks.evaluation.cells import measure_attack
from mt_torchattacks.evaluation.named import NamedData, NamedModel
from mt_torchattacks.evaluation.store import Store
from mt_torchattacks.report.style import head, new_figure, plain
from mt_torchattacks.tasks import Tasks
from mt_torchattacks.types import Images, Role, Targets

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from pandas import DataFrame

LIMIT = 0.05  # relative loss increase up to which a task counts as unharmed


class Restraint(NamedTuple):
    """How an attack is kept from harming other tasks.

    Attributes:
        form: ``"none"``; ``"minus sign"``, the preserved tasks' relative losses subtracted from the attacked ones';
            ``"budget"``, a limit on each preserved task's relative loss.
        size: the weight of the minus sign, or the budget.
    """

    form: str
    size: float = 0.0


RESTRAINTS = (
    Restraint("none"),
    *(Restraint("minus sign", weight) for weight in (0.3, 1.0, 3.0)),
    *(Restraint("budget", budget) for budget in (0.05, 0.2)),
)


class Shares(Weighted):
    """``sum_i w_i grad L_i / |l_i|``: the rule ``relative`` with a weight for each task."""

    relative = True

    def weights(self, losses: Tensor, clean: Tensor) -> Tensor:
        return super().weights(losses, clean) * safe_divide(1.0, clean.abs())


def stealthy(
    model: nn.Module, tasks: Tasks, attacked: Sequence[str], restraint: Restraint, *, eps: float, steps: int
) -> MultiTaskAttack:
    """APGD from the clean image that raises some tasks' relative losses and preserves all others.

    Args:
        model: the model to attack.
        tasks: its tasks; their roles do not matter.
        attacked: names of the tasks to attack.
        restraint: how the others are preserved.
        eps: radius in the infinity norm.
        steps: number of steps.

    Raises:
        ValueError: no such task, none left to preserve, or an unknown form of restraint.

    Example:
        >>> import mt_torchattacks as mta
        >>> tasks = mta.Tasks(depth=mta.losses.L1(), edges=mta.losses.L1())
        >>> stealthy(nn.Conv2d(3, 1, 1), tasks, ["depth"], Restraint("budget", 0.05), eps=8 / 255, steps=9).tasks
        Tasks(depth=L1(), edges=L1() (preserve within 0.05))
    """
    for name in attacked:
        checks.one_of(name, "attacked", tasks)
    checks.one_of(restraint.form, "restraint", ("none", "minus sign", "budget"))
    kept = [name for name in tasks if name not in attacked]
    checks.require(bool(attacked and kept), "attacked", "some of the tasks, not none and not all", list(attacked))
    role: Role = "ignore" if restraint.form == "none" else "preserve"
    budget = restraint.size if restraint.form == "budget" else None
    roles = {name: replace(tasks[name], role=role, budget=budget) for name in kept}
    roles |= {name: replace(tasks[name], role="attack", budget=None) for name in attacked}
    shares = Shares(dict.fromkeys(attacked, 1.0) | dict.fromkeys(kept, restraint.size))
    balance = shares if restraint.form == "minus sign" else "relative"
    kind: Any = attacks.APGD
    made: MultiTaskAttack = kind(
        model, Tasks({name: roles[name] for name in tasks}), balance, eps=eps, steps=steps, random_start=False
    )
    return made


@dataclass(frozen=True)
class StealthCurve:
    """The trade-off between damage to the attacked tasks and harm to the preserved ones, on one set of scenes.

    Attributes:
        attacked: the tasks attacked.
        restraints: what was tried; the first is none.
        clean: per-sample losses ``(N,)`` of every task on the clean images.
        losses: the same under each attack, one mapping for each restraint.
        arp: average relative performance by task in percent under each attack.
    """

    attacked: tuple[str, ...]
    restraints: tuple[Restraint, ...]
    clean: dict[str, Tensor]
    losses: tuple[dict[str, Tensor], ...]
    arp: tuple[dict[str, float], ...]

    @property
    def kept(self) -> tuple[str, ...]:
        """The preserved tasks."""
        return tuple(name for name in self.clean if name not in self.attacked)

    def damage(self, point: int) -> float:
        """Mean loss increase as a share of that without restraint, mean over the attacked tasks."""
        means = [[(self.losses[i][name] - self.clean[name]).mean() for i in (point, 0)] for name in self.attacked]
        return float(torch.stack([safe_divide(now, without) for now, without in means]).mean())

    def harm(self, point: int) -> Tensor:
        """Each sample's relative loss increase of the preserved tasks, ``(N, K)``."""
        rises = [safe_divide(self.losses[point][name] - self.clean[name], self.clean[name].abs()) for name in self.kept]
        return torch.stack(rises, dim=1)

    def table(self) -> DataFrame:
        """A row for each restraint, in percent: damage, then what happened to the preserved tasks.

        Returns:
            A frame with the columns attacked, restraint, size, damage (of the mean loss increase without restraint),
            ARP (of the attacked tasks), for each preserved task its mean relative loss increase and its ARP, worst (the
            largest increase of any sample and preserved task), and unharmed (share of the samples none of whose
            preserved losses rose by more than 5 %).

        Raises:
            ImportError: pandas is not installed.
        """
        return checks.optional("pandas", extra="plot").DataFrame([self._row(i) for i in range(len(self.restraints))])

    def _row(self, point: int) -> dict[str, object]:
        form, size = self.restraints[point]
        harm, arp = self.harm(point), self.arp[point]
        row: dict[str, object] = {"attacked": "+".join(self.attacked), "restraint": form}
        row |= {"size": f"{size:g}" if form != "none" else "", "damage": 100 * self.damage(point)}
        row["ARP"] = sum(arp[name] for name in self.attacked) / len(self.attacked)
        for i, name in enumerate(self.kept):
            row |= {f"{name} loss": 100 * float(harm[:, i].mean()), f"{name} ARP": arp[name]}
        unharmed = (harm <= LIMIT + 1e-4).all(dim=1).double().mean()
        return row | {"worst": 100 * float(harm.max()), "unharmed": 100 * float(unharmed)}


def stealth_curve(
    store: Store,
    subject: NamedModel,
    scenes: NamedData,
    attacked: Sequence[str],
    restraints: Sequence[Restraint] = RESTRAINTS,
    *,
    eps: float = 8 / 255,
    steps: int = 100,
    progress: bool = True,
) -> StealthCurve:
    """Attack some tasks of a model under several restraints; each attack is a cell of a store.

    Args:
        store: where results are kept.
        subject: the model.
        scenes: what it is measured on.
        attacked: names of the tasks to attack; all others are to be preserved.
        restraints: what to try; the unrestrained attack, which damage is a share of, is added if it is not the first.
        eps: radius in the infinity norm.
        steps: number of steps of APGD.
        progress: whether to show a progress bar.

    Raises:
        TypeError, KeyError, ValueError: see :func:`stealthy` and :func:`~mt_torchattacks.evaluate`.
    """
    restraints = (Restraint("none"), *(restraint for restraint in restraints if restraint.form != "none"))
    cells = []
    for restraint in restraints:
        attack = stealthy(subject.model, scenes.tasks, attacked, restraint, eps=eps, steps=steps)
        key = {"model": subject.name, "attacked": list(attacked), **restraint._asdict(), "eps": eps, "steps": steps}
        cells.append(
            (key | scenes.key | {"weights": subject.weights}, partial(_measure, subject.model, scenes, attack))
        )
    values = store.cells(cells, progress=progress)
    clean, *_ = (_tensors(value["clean"]) for value in values)
    losses = tuple(_tensors(value["losses"]) for value in values)
    return StealthCurve(tuple(attacked), restraints, clean, losses, tuple(value["arp"] for value in values))


class _Recorder:
    """An attack that notes every sample's losses before and after."""

    def __init__(self, model: nn.Module, tasks: Tasks, attack: MultiTaskAttack) -> None:
        self.model, self.tasks, self.attack = model, tasks, attack
        self.clean: dict[str, list[float]] = {name: [] for name in tasks}
        self.losses: dict[str, list[float]] = {name: [] for name in tasks}

    def __call__(self, images: Images, targets: Targets) -> Tensor:
        adversarial = self.attack(images, targets)
        self._note(self.clean, images, targets)
        self._note(self.losses, adversarial, targets)
        return adversarial

    @torch.no_grad()
    def _note(self, where: dict[str, list[float]], images: Images, targets: Targets) -> None:
        for name, loss in self.tasks.losses(self.model(images), targets).items():
            where[name] += loss.tolist()


def _measure(model: nn.Module, scenes: NamedData, attack: MultiTaskAttack) -> dict[str, Any]:
    recorder = _Recorder(model, scenes.tasks, attack)
    arp = measure_attack(model, scenes, recorder, seed=0)["arp"]
    return {"clean": recorder.clean, "losses": recorder.losses, "arp": arp}


def _tensors(values: dict[str, list[float]]) -> dict[str, Tensor]:
    return {name: torch.tensor(value, dtype=torch.float64) for name, value in values.items()}


_COLOURS = {"budget": "#D55E00", "minus sign": "#1F5F99", "none": "#000000"}
_GOAL = 80.0  # percent of the damage without restraint


def stealth_figure(curves: Sequence[StealthCurve], title: str = "Stealthy attacks") -> Figure:
    """One panel for each set of attacked tasks: damage against the harm to the preserved task that is harmed most.

    Shaded is where stealth costs less than a fifth of the damage and harms no preserved task by more than 5 %.

    Args:
        curves: what :func:`~mt_torchattacks.studies.stealth_curve` returns.
        title: heading of the figure.

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: there is no curve.
    """
    checks.require(len(curves) > 0, "curves", "at least one", "none")
    figure = new_figure(0.9 + 3.7 * len(curves), 4.3)
    panels = figure.subplots(1, len(curves), squeeze=False, sharex=True, sharey=True)[0]
    for axes, curve in zip(panels, curves, strict=True):
        _panel(axes, curve)
    left, top = panels[0].get_xlim()[0], 1.15 * max(100.0, *panels[0].dataLim.intervaly)
    panels[0].set(xlim=(left, None), ylim=(0, top))
    for axes in panels:
        axes.fill_between((left, 100 * LIMIT), _GOAL, top, color="#009E73", alpha=0.1, linewidth=0)
    panels[0].set_ylabel("damage, % of that without restraint", fontsize=10)
    head(figure, title)
    return figure


def _panel(axes: Axes, curve: StealthCurve) -> None:
    for form, colour in _COLOURS.items():
        points = [i for i, restraint in enumerate(curve.restraints) if restraint.form == form]
        harm = [100 * float(curve.harm(i).mean(dim=0).amax()) for i in points]
        damage = [100 * curve.damage(i) for i in points]
        axes.plot(harm, damage, marker="o", markersize=4.5, color=colour, label=form)
        for i, x, y in zip(points, harm, damage, strict=True):
            label = f"{curve.restraints[i].size:g}" if form != "none" else ""
            axes.annotate(label, (x, y), xytext=(4, -9), textcoords="offset points", fontsize=7, color=colour)
    axes.set_xscale("symlog", linthresh=10)
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set_title(f"attacked: {', '.join(curve.attacked)}", fontsize=11)
    axes.set_xlabel("mean rise of the most harmed preserved loss, %", fontsize=9)
    plain(axes)
