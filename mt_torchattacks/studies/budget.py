"""Attacks with the same number of passes: what each has found after how many."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import mt_torchattacks as mta
from mt_torchattacks.lazy import LazyModule
from mt_torchattacks.studies.base import Data, Models, Study, Table
from mt_torchattacks.studies.options import ModelOptions, Radius, names

if TYPE_CHECKING:
    import torch
    from matplotlib.figure import Figure
    from torch import Tensor

    from mt_torchattacks.evaluation import AttackSpec, Measurements, NamedData, NamedModel, Store
else:
    torch = LazyModule("torch")


@dataclass
class BudgetOptions(ModelOptions):
    """Options of the study ``budget``.

    Args:
        attack: attacks by name, as auto_saga
        balance: balancing rules, 'single' for each task alone, or weights as depth=0.8,normal=0.2
        eps: radius, written 8/255, 0.03, or 8 for 8/255
        passes: forward and backward passes that each attack has for a sample; of half as many steps
    """

    attack: list[str] = names("fgsm", "pgd", "mifgsm", "apgd")
    balance: list[str] = names("dgba", "total")
    eps: Radius = Radius(8 / 255)
    passes: int = 40


class Spendings(NamedTuple):
    """What the study found: by model and attack the cell's value, and in words on what."""

    values: dict[tuple[str, str], dict[str, Any]]
    title: str


class BudgetStudy(Study[BudgetOptions, Spendings]):
    """Each attack is stopped when it has made its passes; the best image that the model saw by then is its result.

    The score is dgba's, the sum of the tasks' relative loss increases. The *optimality* of an attack is the area below
    its curve of the mean score against passes, over the area below the curve of each sample's best of all attacks; the
    idea is that of AttackBench (Cina et al., 2024, https://arxiv.org/abs/2404.19460), there with distances.
    """

    name = "budget"
    help = "attacks with the same number of passes: what each has found after how many"
    example = "--model rooms3/all-shared --attack pgd apgd --passes 20"
    Options = BudgetOptions

    def run(
        self, store: Store, models: Models, data: Data, options: BudgetOptions, *, progress: bool = True
    ) -> Spendings:
        mta.checks.require(options.passes >= 2, "passes", "a number >= 2", options.passes)
        grid, cells, images = [], [], ""
        for model in models(options.model):
            there = data(model.name)
            images = f"{len(there)} images of {there.name}"
            clean = mta.evaluation.clean_cell(store, model, there, progress=progress)
            for spec in mta.evaluation.attack_specs(
                options.attack, options.balance, [options.eps], there.tasks, steps=options.passes // 2
            ):
                grid.append((model.name, f"{spec.attack.lower()}/{spec.label}"))
                cells.append(budget_cell(model, there, clean, spec, options))
        title = f"{options.passes} passes a sample, eps {options.eps}, {images}"
        return Spendings(dict(zip(grid, store.cells(cells, progress=progress), strict=True)), title)

    def tables(self, result: Spendings) -> list[Table]:
        rows = []
        for (model, attack), value in result.values.items():
            curve, best = _curve(value), _best(result, model)
            at = {f"score at {p} passes": float(curve[p - 1]) for p in _marks(len(curve))}
            optimality = 100 * float(curve.sum() / best.sum())
            row = {"model": model, "attack": attack} | at | {"optimality (%)": optimality, "ARP (%)": value["arp"]}
            rows.append(row | {"passes made": value["passes"], "stopped": value["stopped"]})
        frame = mta.checks.optional("pandas", extra="plot").DataFrame(rows)
        return [Table("budget", f"Mean of the best relative loss increases so far, {result.title}", frame, 2)]

    def figures(self, result: Spendings) -> dict[str, Figure]:
        models = list(dict.fromkeys(model for model, _ in result.values))
        return {f"budget_{model.replace('/', '-')}": figure(result, model) for model in models}


def budget_cell(
    model: NamedModel, data: NamedData, clean: Measurements, spec: AttackSpec, options: BudgetOptions
) -> tuple[dict[str, Any], Callable[[], dict[str, Any]]]:
    """An attack within the budget as a cell of a store: its key, and what computes the curve of every sample."""
    attack = spec.build(model.model, data.tasks, options.seed)
    key = {"model": model.name, **spec.key, "passes": options.passes, "seed": options.seed}

    def compute() -> dict[str, Any]:
        own: dict[str, Any] = {"passes": options.passes, "eps": spec.eps}
        limited = mta.evaluation.Budgeted(attack, model.model, data.tasks, **own)
        images = mta.evaluation.MadeImages(in_memory=data.in_memory)
        scores, made, stopped = [], [], False
        with torch.random.fork_rng():
            torch.manual_seed(options.seed)
            for batch in data.on(model.device):
                images.append(limited(*batch))
                scores.append(by_passes(limited.curve, options.passes).cpu())
                made.append(limited.counted.of_samples)
                stopped |= limited.stopped
        found = mta.evaluation.measure_made(model.model, data, images)
        arp = mta.evaluation.evaluation_of(data, clean, {"": found}).relative[""].total
        return {
            "scores": torch.cat(scores, dim=1).tolist(),
            "arp": arp,
            "passes": sum(made) / len(data),
            "stopped": stopped,
        }

    return key | data.key | {"weights": model.weights}, compute


def by_passes(curve: list[Any], passes: int) -> Tensor:
    """Each sample's best score after 1, 2, ... passes, ``(passes, N)``; 0, the clean image's, before the first.

    Args:
        curve: of :class:`~mt_torchattacks.evaluation.Budgeted`.
        passes: the budget.
    """
    found = torch.zeros(passes, len(curve[0].scores))
    for spent in curve:
        found[int(spent.passes + 0.5) - 1 :] = spent.scores.cpu()
    return found


def _curve(value: dict[str, Any]) -> Tensor:
    """Mean score by passes, ``(passes,)``."""
    return torch.tensor(value["scores"]).mean(dim=1)


def _best(result: Spendings, model: str) -> Tensor:
    """Mean by passes of each sample's best score of all attacks on a model, ``(passes,)``."""
    scores = [torch.tensor(value["scores"]) for (of, _), value in result.values.items() if of == model]
    return torch.stack(scores).amax(dim=0).mean(dim=1)


def _marks(passes: int) -> list[int]:
    """The numbers of passes that the table shows."""
    return sorted({max(passes // part, 1) for part in (8, 4, 2, 1)})


def figure(result: Spendings, model: str) -> Figure:
    """A curve for each attack on a model, and that of the best of all."""
    drawn = mta.report.new_figure(8, 5)
    axes = drawn.subplots()
    curves = {attack: _curve(value) for (of, attack), value in result.values.items() if of == model}
    rules = mta.figures.rule_colours(list(dict.fromkeys(name.split("/")[1] for name in curves)))
    styles = dict(zip(dict.fromkeys(name.split("/")[0] for name in curves), ("-", "--", ":", "-.") * 9, strict=False))
    passes = range(1, len(_best(result, model)) + 1)
    axes.plot(passes, _best(result, model).tolist(), color="#BBBBBB", linewidth=4, label="best of all")
    for name, curve in curves.items():
        attack, rule = name.split("/", 1)
        axes.plot(passes, curve.tolist(), color=rules[rule.split("/")[0]], linestyle=styles[attack], label=name)
    axes.set_xlabel("forward and backward passes a sample")
    axes.set_ylabel("sum of relative loss increases,\nmean of the best so far")
    axes.set_title(f"{model}: what has been found after so many passes", fontsize=12)
    axes.legend(frameon=False, fontsize=9)
    mta.figures.plain(axes)
    drawn.tight_layout()
    return drawn
