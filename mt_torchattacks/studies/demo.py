"""The demo: every rule with three attacks on a trained model, as tables and figures."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import mt_torchattacks as mta
from mt_torchattacks.lazy import LazyModule
from mt_torchattacks.studies.base import Data, Models, Study, Table, one_model
from mt_torchattacks.studies.options import ModelOptions

if TYPE_CHECKING:
    import torch
    from matplotlib.figure import Figure
    from torch import nn

    from mt_torchattacks import Tasks
    from mt_torchattacks.evaluation import Evaluation, NamedData, NamedModel, Store
else:
    torch = LazyModule("torch")

_SHOWN = "apgd/dgba/8"  # the attack in the figure of predictions


@dataclass
class DemoOptions(ModelOptions):
    """Options of the study ``demo``.

    Args:
        steps: of PGD and APGD
    """

    steps: int = 10


class Demonstrated(NamedTuple):
    """What the demo found: the evaluation, the metrics of a constant prediction, and what figures are made from."""

    evaluation: Evaluation
    baseline: dict[str, dict[str, float]]
    model: NamedModel
    data: NamedData
    options: DemoOptions


class Demo(Study[DemoOptions, Demonstrated]):
    """FGSM, PGD and APGD with every rule at eps 4/255 and 8/255.

    Beside the model stands a constant prediction (majority class, mean normal, mean depth) of the same images; the
    notes say where ``dgba`` is not the strongest rule and why.
    """

    name = "demo"
    help = "attack a small trained model with every rule: tables and figures"
    example = "--images 8"
    Options = DemoOptions

    def run(
        self, store: Store, models: Models, data: Data, options: DemoOptions, *, progress: bool = True
    ) -> Demonstrated:
        model = one_model(models, options.model)
        images = data(model.name)
        key = {"study": self.name, "model": model.name, "steps": options.steps, "seed": options.seed}
        key |= images.key | {"weights": model.weights}
        value = store.cell(key, partial(_measured, model, images, options, progress))
        evaluation = mta.evaluation.Evaluation.from_dict(value["evaluation"])
        return Demonstrated(evaluation, value["baseline"], model, images, options)

    def tables(self, result: Demonstrated) -> list[Table]:
        report, found = mta.report, result.evaluation
        arp = report.arp_table(found)
        tables = [Table("clean", "Clean metrics", report.clean_table(found, result.baseline), digits=3)]
        for measured in ("total", *found.clean.metrics):
            of = "mean of all tasks" if measured == "total" else measured
            title = f"ARP, {of} (%; higher is the stronger attack)"
            tables.append(Table(f"arp_{measured}", title, report.by_rule(arp, measured)))
        tables.append(Table("arp", "ARP by attack", arp, digits=2, shown=False))
        return [*tables, Table("metrics", "Every metric", found.to_frame(), digits=4, shown=False)]

    def notes(self, result: Demonstrated) -> list[str]:
        count = f"{result.evaluation.clean.samples} images, {len(result.evaluation.attacked)} attacks"
        return [*mta.report.explain(result.evaluation), count]

    def files(self, result: Demonstrated) -> dict[str, str]:
        return {"evaluation.json": result.evaluation.to_json()}

    def figures(self, result: Demonstrated) -> dict[str, Figure]:
        found = result.evaluation
        title = f"Average relative performance under attack, {found.clean.samples} images of {result.data.name}"
        arp = mta.report.arp_figure(mta.report.arp_table(found), title)
        return {"arp": arp, "predictions": _predictions(result)}


def demo_attacks(model: nn.Module, tasks: Tasks, steps: int = 10, seed: int = 0) -> dict[str, Any]:
    """FGSM, PGD and APGD with every rule of the papers and ``relative``, at eps 4/255 and 8/255.

    Args:
        model: the model to attack.
        tasks: its tasks.
        steps: steps of PGD (of size eps / 4, as in 'Attacking All Tasks at Once') and of APGD.
        seed: of the random numbers that APGD has of its own.

    Returns:
        The attacks by name, ``attack/rule/eps``.
    """
    hosts, rules = ("fgsm", "pgd", "apgd"), ("single", "total", "sign_total", "dgba", "relative")
    specs = [
        spec
        for eps in (4 / 255, 8 / 255)
        for spec in mta.evaluation.attack_specs(hosts, rules, [eps], tasks, steps=steps)
    ]
    return {spec.name: spec.build(model, tasks, seed) for spec in specs}


def _measured(model: NamedModel, data: NamedData, options: DemoOptions, progress: bool) -> dict[str, Any]:
    """The evaluation, all attacks with one stream of random numbers, and the metrics of the constant prediction."""
    attacks = demo_attacks(model.model, data.tasks, options.steps, options.seed)
    with torch.random.fork_rng():
        torch.manual_seed(options.seed)
        found = mta.evaluate(model.model, data.tasks, data.batches, attacks, data.metrics, progress=progress)
    constant = mta.training.MeanPrediction(list(data.samples()), len(data.class_names))
    baseline = mta.evaluation.measure(constant, data.tasks, data.batches, data.metrics)
    return {"evaluation": found.to_dict(), "baseline": baseline.metrics}


def _predictions(result: Demonstrated) -> Figure:
    model, data = result.model.model, result.data
    images, targets = next(data.first(2).on(result.model.device))
    adversarial = demo_attacks(model, data.tasks, result.options.steps, result.options.seed)[_SHOWN](images, targets)
    with torch.no_grad(), mta.models.state.modes_kept(model):
        before, after = model.eval()(images), model(adversarial)
    name = mta.report.AttackName.parse(_SHOWN)
    title = f"Predictions before and after {name.attack.upper()} with {name.rule}, eps = {name.eps}/255"
    return mta.report.prediction_figure(
        images, adversarial, targets, before, after, title=title, class_names=data.class_names
    )
