"""Auto-SAGA beside APGD and the basic iterative method, at equal passes and at equal steps."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import mt_torchattacks as mta
from mt_torchattacks.lazy import LazyModule
from mt_torchattacks.studies.base import Data, Models, Study, Table
from mt_torchattacks.studies.options import ModelOptions, Radius, names

if TYPE_CHECKING:
    import torch
    from pandas import DataFrame

    from mt_torchattacks.evaluation import Evaluation, NamedData, NamedModel, Store
else:
    torch = LazyModule("torch")

PUBLISHED = {"learning_rate": 10.0, "fitting_factor": 50.0}  # of the code of [D], in the unit of its gradients


@dataclass
class AutoSagaOptions(ModelOptions):
    """Options of the study ``auto-saga``.

    Args:
        eps: radius, written 8/255, 0.03, or 8 for 8/255
        steps: numbers of steps of Auto-SAGA
    """

    model: list[str] = names("rooms3/all-shared", "rooms3/independent")
    eps: Radius = Radius(8 / 255)
    steps: list[int] = field(default_factory=lambda: [10, 40])


class Compared(NamedTuple):
    """What the study found for one model: the evaluation, and in words of what."""

    evaluation: Evaluation
    title: str


class AutoSagaStudy(Study[AutoSagaOptions, "dict[str, Compared]"]):
    """A step of Auto-SAGA costs T + 1 backward passes, so for each of its steps APGD takes T + 1."""

    name = "auto-saga"
    help = "Auto-SAGA beside APGD and the basic iterative method, at equal passes"
    example = "--model rooms3/all-shared --images 8 --steps 10"
    Options = AutoSagaOptions

    def run(
        self, store: Store, models: Models, data: Data, options: AutoSagaOptions, *, progress: bool = True
    ) -> dict[str, Compared]:
        found = {}
        for model in models(options.model):
            images = data(model.name)
            unit = median_unit(model, images)
            attacks = contenders(model, images, options, unit)
            evaluation = mta.evaluation.attacked_cells(
                store, model, images, attacks, seed=options.seed, progress=progress
            )
            title = f"{model.name}, eps {options.eps}, {len(images)} images. Median mean |G| of dgba: {unit:.2g}"
            found[model.name] = Compared(evaluation, title)
        return found

    def tables(self, result: dict[str, Compared]) -> list[Table]:
        return [
            Table(f"auto_saga_{model.replace('/', '-')}", found.title, _frame(found.evaluation))
            for model, found in result.items()
        ]


def contenders(
    model: NamedModel, data: NamedData, options: AutoSagaOptions, unit: float
) -> dict[str, tuple[dict[str, Any], Any]]:
    """The attacks, each with its key, by name, steps and backward passes."""
    tasks, made = data.tasks, dict[str, tuple[dict[str, Any], Any]]()

    def add(name: str, attack: str, rule: str, passes: int, **own: Any) -> None:
        arguments = {"eps": float(options.eps)} | own
        key = {"attack": attack, "rule": rule, "arguments": arguments}
        attacker = mta.create(attack, model.model, tasks, balance=rule, **arguments)
        made[f"{name}|{own['steps']}|{passes}"] = (key, attacker)

    for k in options.steps:
        passes = k * (len(tasks) + 1)
        for rule in ("baseline", "dgba"):
            plain = "total" if rule == "baseline" else rule
            add(f"BIM {plain}", "bim", plain, k, alpha=float(options.eps) / 4, steps=k)
            add(f"AutoSAGA {rule}", "auto_saga", rule, passes, steps=k)
            add(f"APGD {plain}", "apgd", plain, passes + 1, steps=passes, seed=options.seed)
        if k == min(options.steps):
            published = {key: value * unit for key, value in PUBLISHED.items()}
            add("AutoSAGA dgba, published factors", "auto_saga", "dgba", passes, steps=k, **published)
    return made


def median_unit(model: NamedModel, data: NamedData) -> float:
    """The median over the first batch of the mean absolute dgba direction on the clean image."""
    images, targets = next(data.on(model.device))
    x = images.clone().requires_grad_()
    score = mta.Objective(model.model, data.tasks, "dgba").bind(images, targets)(x)
    return float(torch.autograd.grad(score.sum(), x)[0].abs().mean(dim=(1, 2, 3)).median())


def _frame(evaluation: Evaluation) -> DataFrame:
    rows = []
    for name, arp in evaluation.relative.items():
        attack, steps, passes = name.split("|")
        rows.append({"attack": attack, "steps": steps, "backward passes": passes, "ARP": arp.total} | arp.per_task)
    return mta.checks.optional("pandas", extra="plot").DataFrame(rows)
