"""How many steps an attack needs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import mt_torchattacks as mta
from mt_torchattacks.studies.base import Data, Models, Study, Table
from mt_torchattacks.studies.options import ModelOptions, Radius, names

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from mt_torchattacks.evaluation import AttackSpec, NamedData, NamedModel, Store


@dataclass
class ConvergenceOptions(ModelOptions):
    """Options of the study ``convergence``.

    Args:
        attack: attacks that have steps, by name
        balance: balancing rules, 'single' for each task alone, or weights as depth=0.8,normal=0.2
        eps: radius, written 8/255, 0.03, or 8 for 8/255
        attack_loss: what attacks raise: the tasks' losses, or the errors that metrics count
        steps: numbers of steps; each is a run of its own, since schedules follow from the number
    """

    model: list[str] = names("rooms3/all-shared", "rooms3-robust/pgd-dgba-0")
    images: int = 16
    attack: list[str] = names("pgd", "apgd", "acg")
    balance: list[str] = names("dgba")
    eps: Radius = Radius(4 / 255)
    attack_loss: Literal["losses", "errors"] = "errors"
    steps: list[int] = field(default_factory=lambda: [10, 30, 100, 300])


class Case(NamedTuple):
    """What is measured: an attack under a rule on a model, with so many steps."""

    model: str
    attack: str
    rule: str
    steps: int


class Convergence(NamedTuple):
    """What the study found: by case the average relative performance in percent, and on what."""

    values: dict[Case, float]
    title: str


class ConvergenceStudy(Study[ConvergenceOptions, Convergence]):
    """The harm of attacks by their number of steps: when more of them bring no more, it can be taken for their most."""

    name = "convergence"
    help = "what attacks do with 10, 30, 100 and 300 steps"
    example = "--model rooms3/all-shared --attack apgd acg --steps 5 10 20 --images 8"
    Options = ConvergenceOptions

    def run(
        self, store: Store, models: Models, data: Data, options: ConvergenceOptions, *, progress: bool = True
    ) -> Convergence:
        mta.checks.require(len(options.steps) > 0, "steps", "at least one number", "none")
        values: dict[Case, float] = {}
        images = ""
        for model in models(options.model):
            there = data(model.name)
            images = f"{len(there)} images of {there.name}"
            attacks = dict(_attacks(model, there, options))
            described = {_name(case): (spec.key, spec.build(model.model, there.tasks, options.seed))
                         for case, spec in attacks.items()}  # fmt: skip
            found = mta.evaluation.attacked_cells(store, model, there, described, seed=options.seed, progress=progress)
            values |= {case: found.relative[_name(case)].total for case in attacks}
        return Convergence(values, f"{options.attack_loss}, eps {options.eps}, {images}")

    def tables(self, result: Convergence) -> list[Table]:
        rows: dict[tuple[str, str, str], dict[str, Any]] = {}
        for (model, attack, rule, steps), arp in result.values.items():
            head = {"model": model, "attack": attack, "rule": rule}
            rows.setdefault((model, attack, rule), head)[f"{steps} steps"] = arp
        frame = mta.checks.optional("pandas", extra="plot").DataFrame(list(rows.values()))
        return [Table("convergence", f"ARP (%) by number of steps, on {result.title}", frame)]

    def figures(self, result: Convergence) -> dict[str, Figure]:
        return {"convergence": figure(result)}


def _attacks(model: NamedModel, data: NamedData, options: ConvergenceOptions) -> Iterator[tuple[Case, AttackSpec]]:
    for steps in sorted(options.steps):
        for spec in mta.evaluation.attack_specs(
            options.attack, options.balance, [options.eps], data.tasks, [options.attack_loss], steps=steps
        ):
            mta.checks.require("steps" in spec.arguments(), "attack", "attacks that have steps", spec.attack)
            yield Case(model.name, spec.attack.lower(), spec.rule, steps), spec


def _name(case: Case) -> str:
    return f"{case.attack}/{case.rule} of {case.steps} steps"


def figure(result: Convergence) -> Figure:
    """For each model a panel: the harm by the number of steps, a colour for each attack, a line for each rule."""
    found = list(dict.fromkeys(case.model for case in result.values))
    drawn = mta.report.new_figure(5 * len(found), 4)
    for axes, model in zip(drawn.subplots(1, len(found), squeeze=False)[0], found, strict=True):
        _panel(axes, {case: arp for case, arp in result.values.items() if case.model == model})
        axes.set_title(model, fontsize=11)
    drawn.axes[0].set_ylabel("average relative performance\nunder attack (%)")
    drawn.axes[-1].legend(frameon=False, fontsize=8)
    drawn.tight_layout()
    return drawn


def _panel(axes: Axes, values: dict[Case, float]) -> None:
    style = mta.figures
    lines = list(dict.fromkeys((case.attack, case.rule) for case in values))
    attacks, rules = (list(dict.fromkeys(line[i] for line in lines)) for i in (0, 1))
    for attack, rule in lines:
        points = sorted((case.steps, arp) for case, arp in values.items() if (case.attack, case.rule) == (attack, rule))
        colour = style.COLOURS[attacks.index(attack) % len(style.COLOURS)]
        axes.plot(*zip(*points, strict=True), style.LINES[rules.index(rule) % 4], marker="o", color=colour,
                  label=f"{attack}/{rule}")  # fmt: skip
    ticks = sorted({case.steps for case in values})
    axes.set_xscale("log")
    axes.set_xticks(ticks, [str(tick) for tick in ticks])
    axes.minorticks_off()
    axes.set_xlabel("steps")
    style.plain(axes)
