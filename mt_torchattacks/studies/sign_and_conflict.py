"""What the sign does to rules that promise to lower no task's loss."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import mt_torchattacks as mta
from mt_torchattacks.lazy import LazyModule
from mt_torchattacks.studies.base import Data, Models, Study, Table
from mt_torchattacks.studies.options import ModelOptions, names

if TYPE_CHECKING:
    import torch
    from matplotlib.figure import Figure
    from pandas import DataFrame, Series
    from torch import Tensor, nn

    from mt_torchattacks import Rule
    from mt_torchattacks.evaluation import Evaluation, NamedData, NamedModel, Store
    from mt_torchattacks.types import Images, Targets
else:
    torch = LazyModule("torch")

EPS, STEP, STEPS = 8 / 255, 1 / 255, 10
PLAIN = ("total", "sign_total", "dgba", "relative", "normalized")
TOLERANCE = 5e-3  # a cosine above minus this is no conflict: some rules solve their problem to such an accuracy
_SLOW = "nash_mtl"  # its solver takes longer than all the rest


@dataclass
class ConflictOptions(ModelOptions):
    """Options of the study ``sign-and-conflict``.

    Args:
        arp: also attack with each rule
    """

    model: list[str] = names("rooms3/all-shared", "rooms3/independent")
    arp: bool = True


class Conflicts(NamedTuple):
    """What the study found: shares by place and rule, and the evaluation of each model."""

    shares: dict[str, dict[str, Shares]]
    evaluations: dict[str, Evaluation]


class SignAndConflict(Study[ConflictOptions, Conflicts]):
    """For every rule the share of (image, task) pairs whose loss rises.

    To first order along the rule's direction d (<d, grad L_i> >= 0) and along sign(d), which is what attacks in the
    Linf norm step along; and measured, after a step of 1/255 along sign(d), and after one along d of the same L2
    length. Once on clean images, once after 10 steps of PGD with dgba, where tasks conflict more. Then what an attack
    by each rule does: ARP of PGD at the same number of steps.
    """

    name = "sign-and-conflict"
    help = "what the sign does to rules that promise to lower no task's loss"
    example = "--model rooms3/all-shared --images 4 --arp false"
    Options = ConflictOptions

    def run(
        self, store: Store, models: Models, data: Data, options: ConflictOptions, *, progress: bool = True
    ) -> Conflicts:
        found: dict[str, dict[str, Shares]] = {}
        evaluations = {}
        rules = dict(available())
        for model in models(options.model):
            images = data(model.name)
            for place in ("clean images", f"after {STEPS} steps of PGD, dgba"):
                where = f"{model.name}, {place}"
                key = {"study": self.name, "model": model.name, "place": place, "rules": list(rules)}
                compute = partial(_shares_of_all, model, images, rules, place != "clean images")
                values = store.cell(key | images.key | {"weights": model.weights}, compute)
                found[where] = {rule: Shares(*value) for rule, value in values.items()}
            if options.arp:
                attacks = _attacks(model, images, rules)
                evaluations[model.name] = mta.evaluation.attacked_cells(
                    store, model, images, attacks, seed=options.seed, progress=progress
                )
        return Conflicts(found, evaluations)

    def tables(self, result: Conflicts) -> list[Table]:
        shares = [
            Table(f"shares_{i}", f"{where}: percent of (image, task) pairs whose loss rises", shares_frame(found))
            for i, (where, found) in enumerate(result.shares.items())
        ]
        arps = [
            Table(f"arp_{model.replace('/', '-')}", f"{model}: ARP of PGD, {STEPS} steps, eps 8/255, percent", frame)
            for model, frame in ((model, _arp_frame(found)) for model, found in result.evaluations.items())
        ]
        return [*shares, *arps]

    def figures(self, result: Conflicts) -> dict[str, Figure]:
        arps = {model: _arp_frame(found).set_index("rule")["ARP"] for model, found in result.evaluations.items()}
        return {"jacobian_rules": figure(arps)} if arps else {}


class Point(NamedTuple):
    """Where rules are compared: images ``(N, C, H, W)``, losses ``(N, T)`` there and on the clean images, gradients."""

    x: Tensor
    targets: Targets
    losses: Tensor
    clean: Tensor
    gradients: Tensor


class Shares(NamedTuple):
    """Shares of pairs whose loss rises, and the processor's seconds that the rule took for an image."""

    along: float
    along_sign: float
    step: float
    step_sign: float
    seconds: float


def available() -> Iterator[tuple[str, Rule]]:
    """The rules by name; without those whose solver is not installed."""
    for name in PLAIN:
        yield name, mta.balancing.resolve(name)
    for name, rule in sorted(mta.Rule.registry.items()):
        if issubclass(rule, mta.balancing.JacobianRule):
            try:
                yield name, rule()
                yield f"{name}, unit", rule(unit=True)
            except ImportError:
                continue  # its solver is not installed
    yield "graddrop", mta.balancing.resolve("graddrop")


def point(model: nn.Module, data: NamedData, batch: tuple[Images, Targets], attacked: bool) -> Point:
    """Losses and gradients on the clean images, or where an attack led."""
    images, targets = batch
    tasks = data.tasks
    attack = mta.PGD(model, tasks, balance="dgba", eps=EPS, alpha=2 / 255, steps=STEPS, random_start=False)
    x = (attack(images, targets) if attacked else images.clone()).requires_grad_()
    losses = losses_of(model, tasks, x, targets)
    with torch.no_grad():
        clean = losses_of(model, tasks, images, targets)
    return Point(x.detach(), targets, losses.detach(), clean, mta.objective.separate_gradients(losses, x))


def losses_of(model: nn.Module, tasks: mta.Tasks, x: Tensor, targets: Targets) -> Tensor:
    """The tasks' losses ``(N, T)`` at x."""
    return torch.stack(list(tasks.losses(model(x), targets).values()), dim=1)


def shares(model: nn.Module, data: NamedData, rule: Rule, points: Sequence[Point]) -> Shares:
    """The rule's shares over all images."""
    rose: list[list[Tensor]] = [[], [], [], []]
    seconds = 0.0
    for at in points:
        start = time.process_time()
        found = direction(rule, at)
        seconds += time.process_time() - start
        for k, moved in enumerate((of_one_length(found), STEP * found.sign())):
            rose[k].append(cosine(moved.unsqueeze(1), at.gradients) >= -TOLERANCE)
            with torch.no_grad():
                rose[k + 2].append(losses_of(model, data.tasks, at.x + moved, at.targets) >= at.losses)
    images = sum(len(at.x) for at in points)
    along, along_sign, step, step_sign = (float(torch.cat(part).double().mean()) for part in rose)
    return Shares(along, along_sign, step, step_sign, seconds / images)


def of_one_length(found: Tensor) -> Tensor:
    """The direction as a step as long as one of 1/255 along its sign."""
    length = STEP * found.sign().flatten(1).norm(dim=1) / found.flatten(1).norm(dim=1).clamp_min(1e-30)
    step: Tensor = found * length.reshape(-1, 1, 1, 1)
    return step


def direction(rule: Rule, at: Point) -> Tensor:
    """The rule's direction from gradients that are there already."""
    if isinstance(rule, mta.GradientRule):
        return rule.direction(at.gradients)
    flat = at.gradients.flatten(2)
    if isinstance(rule, mta.GramianRule):
        weights = rule.weights(flat @ flat.mT)
    else:
        assert isinstance(rule, mta.LossRule)
        weights = rule.weights(at.losses, at.clean)
    return (weights.unsqueeze(2) * flat).sum(dim=1).reshape(at.x.shape)


def cosine(directions: Tensor, gradients: Tensor) -> Tensor:
    """Cosines between each sample's direction and its tasks' gradients, ``(N, T)``."""
    flat = directions.flatten(2).double(), gradients.flatten(2).double()
    cosines: Tensor = torch.nn.functional.cosine_similarity(*flat, dim=2)
    return cosines


def _shares_of_all(
    model: NamedModel, data: NamedData, rules: dict[str, Rule], attacked: bool
) -> dict[str, list[float]]:
    points = [point(model.model, data, batch, attacked) for batch in data.on(model.device)]
    return {name: list(shares(model.model, data, rule, points)) for name, rule in rules.items()}


def _attacks(model: NamedModel, data: NamedData, rules: dict[str, Rule]) -> dict[str, tuple[dict[str, Any], Any]]:
    own: dict[str, Any] = {"eps": EPS, "alpha": 2 / 255, "steps": STEPS, "random_start": False}
    return {
        name: ({"attack": "pgd", "rule": name, "arguments": own}, mta.PGD(model.model, data.tasks, rule, **own))
        for name, rule in rules.items()
        if not name.startswith(_SLOW)
    }


def shares_frame(found: dict[str, Shares]) -> DataFrame:
    """A row for each rule, shares in percent."""
    rows = [
        {
            "rule": rule,
            "along d": 100 * of.along,
            "along sign(d)": 100 * of.along_sign,
            "after a step along d": 100 * of.step,
            "after a step along sign(d)": 100 * of.step_sign,
            "ms an image": 1000 * of.seconds,
        }
        for rule, of in found.items()
    ]
    return mta.checks.optional("pandas", extra="plot").DataFrame(rows)


def _arp_frame(evaluation: Evaluation) -> DataFrame:
    rules, rows = dict(available()), []
    for rule, arp in evaluation.relative.items():
        passes = 1 if isinstance(rules[rule], mta.LossRule) else len(arp.per_task)
        rows.append({"rule": rule, "backward passes a step": str(passes), "ARP": arp.total} | arp.per_task)
    return mta.checks.optional("pandas", extra="plot").DataFrame(rows)


def figure(arps: Mapping[str, Series]) -> Figure:
    """ARP by rule: a row for each rule, the strongest in the mean first, a mark for each model.

    Args:
        arps: by model, ARP in percent by rule.
    """
    means = mta.checks.optional("pandas", extra="plot").DataFrame(dict(arps)).mean(axis=1).sort_values(ascending=False)
    drawn = mta.report.new_figure(7.5, 1.6 + 0.26 * len(means))
    axes = drawn.subplots()
    for i, (model, found) in enumerate(arps.items()):
        (marks,) = axes.plot(found[means.index], range(len(means)), linestyle="", label=model)
        marks.set(marker=mta.figures.MARKERS[i % 7], color=mta.figures.COLOURS[i % 7])
    axes.set_yticks(range(len(means)), means.index)
    for label in axes.get_yticklabels():
        label.set_fontweight("bold" if label.get_text() in PLAIN else "normal")
    axes.invert_yaxis()
    axes.set_xlabel("ARP (%)")
    axes.set_title("Harm by rule; in bold the rules that are no Jacobian aggregators", fontsize=12)
    axes.legend(frameon=False, loc="lower right")
    mta.figures.plain(axes, values="x")
    drawn.tight_layout()
    return drawn
