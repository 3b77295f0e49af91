"""Transfer: adversarial images made on one model, measured on others ('Attacking All Tasks at Once', appendix E.3)."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import mt_torchattacks as mta
from mt_torchattacks.studies.base import Data, Models, Study, Table
from mt_torchattacks.studies.options import GridOptions, grid, names

if TYPE_CHECKING:
    from pandas import DataFrame
    from torch import Tensor

    from mt_torchattacks.evaluation import AttackSpec, NamedData, NamedModel, Store

TRANSFER_ATTACKS = ("MIFGSM", "NIFGSM", "VMIFGSM", "VNIFGSM", "SINIFGSM", "DIFGSM", "TIFGSM")
"""torchattacks' attacks that are made to transfer."""


@dataclass
class TransferOptions(GridOptions):
    """Options of the study ``transfer``.

    Args:
        surrogate: the models that the attacks see, as --model of other studies
        targets: the models that are measured
    """

    surrogate: list[str] = names("rooms3/*")
    targets: list[str] = names("rooms3/*")
    attack: list[str] = names("pgd", "apgd", *(name.lower() for name in TRANSFER_ATTACKS))
    balance: list[str] = names("dgba", "total", "sign_total", "single")


class Transferred(NamedTuple):
    """What the study found: a row for each attack, surrogate and target, and in words on what."""

    frame: DataFrame
    images: str


class Transfer(Study[TransferOptions, Transferred]):
    """Attack surrogate models; measure the harm to them (white box) and to other models (black box).

    The images of each attack are made once and shown to all models, and not at all when no cell is missing. The frame
    has the columns surrogate, target, setting (``white_box`` or ``black_box``), attack, rule, eps (in 1/255), the ARP
    in percent for each task and in total, and, for a rule ``single:<task>``, the transferability to the other tasks
    (NaN where it is undefined).
    """

    name = "transfer"
    help = "attack one model and measure the harm to others"
    example = "--surrogate rooms3/all-shared --targets 'rooms3/*' --attack apgd vmi_fgsm --balance dgba total"
    Options = TransferOptions

    def run(
        self, store: Store, models: Models, data: Data, options: TransferOptions, *, progress: bool = True
    ) -> Transferred:
        surrogates, targets = models(options.surrogate), models(options.targets)
        mta.checks.require(bool(surrogates), "surrogate", "at least one model", "none")
        images = data(surrogates[0].name)
        specs = grid(options, list(images.tasks))
        for model in {model.name: model for model in (*surrogates, *targets)}.values():
            check_outputs(model, images)
        rows = [
            row
            for surrogate in surrogates
            for row in transferred(store, surrogate, targets, images, specs, seed=options.seed, progress=progress)
        ]
        frame = mta.checks.optional("pandas", extra="plot").DataFrame(rows)
        return Transferred(frame, f"{len(images)} images of {images.name}")

    def tables(self, result: Transferred) -> list[Table]:
        frame = result.frame
        shown = [
            Table(
                f"through_{surrogate.replace('/', '-')}",
                f"ARP (%) of the models below, attacked through {surrogate}",
                mta.report.by_target(frame[frame["surrogate"] == surrogate]),
            )
            for surrogate in dict.fromkeys(frame["surrogate"])
        ]
        if (frame["setting"] == "black_box").any():
            title = "Mean ARP (%) over all pairs of a surrogate and another model"
            shown.append(Table("summary", title, mta.report.transfer_summary(frame)))
        return [*shown, Table("transfer", "Every pair", frame, digits=2, shown=False)]

    def notes(self, result: Transferred) -> list[str]:
        return [result.images]


def transferred(
    store: Store,
    surrogate: NamedModel,
    targets: Sequence[NamedModel],
    data: NamedData,
    specs: Sequence[AttackSpec],
    *,
    seed: int = 0,
    progress: bool = True,
) -> list[dict[str, Any]]:
    """One surrogate's rows; it is measured first, whether it is among the targets or not."""
    evaluation = mta.evaluation
    models = {model.name: model for model in (surrogate, *targets)}
    clean = {name: evaluation.clean_cell(store, model, data, progress=progress) for name, model in models.items()}
    attacks = [spec.build(surrogate.model, data.tasks, seed) for spec in specs]

    @functools.lru_cache(maxsize=1)  # all cells of one attack are computed before those of the next
    def made(number: int) -> Sequence[Tensor]:
        return evaluation.make(attacks[number], data.on(surrogate.device), seed=seed, in_memory=data.in_memory)

    cells, pairs = [], []
    for number, spec in enumerate(specs):
        key = {"surrogate": surrogate.name, "surrogate_weights": surrogate.weights, **spec.key}
        for target in models.values():
            bar = f"{spec.name} on {target.name}" if progress else None
            shown = evaluation.replay(functools.partial(made, number))
            cells.append(evaluation.attack_cell(target, data, clean[target.name], key, shown, seed=seed, progress=bar))
            pairs.append((target, spec))
    values = store.cells(cells, progress=progress)
    return [_row(surrogate, target, spec, value["arp"]) for (target, spec), value in zip(pairs, values, strict=True)]


def check_outputs(model: NamedModel, data: NamedData) -> None:
    """Check that a model has the data's tasks, with outputs that fit their targets.

    Raises:
        TypeError, KeyError, ValueError: it has not; the message names the model.
    """
    checks = mta.checks
    images, targets = next(data.first(1).on(model.device))
    try:
        with mta.models.state.modes_kept(model.model):
            outputs = model.model.eval()(images)
        data.tasks.check(outputs, targets)
        data.tasks.losses(outputs, targets)
    except (TypeError, KeyError, ValueError) as error:
        kind = next(kind for kind in (TypeError, checks.MissingKeyError, ValueError) if isinstance(error, kind))
        raise kind(f"model {model.name!r}: {error}") from error


def _row(surrogate: NamedModel, target: NamedModel, spec: AttackSpec, arp: Mapping[str, float]) -> dict[str, Any]:
    setting = "white_box" if target.name == surrogate.name else "black_box"
    pair = {"surrogate": surrogate.name, "target": target.name, "setting": setting}
    parts = {"attack": spec.attack.lower(), "rule": spec.label, "eps": mta.evaluation.in_255(spec.eps)}
    return pair | parts | dict(arp) | {"transferability": _transferability(spec.rule, arp)}


def _transferability(rule: str, arp: Mapping[str, float]) -> float:
    """To the other tasks, for an attack on one task that hurts it; NaN otherwise."""
    by_task = {task: value for task, value in arp.items() if task != "total"}
    attacked = rule.removeprefix("single:")
    if attacked == rule or len(by_task) < 2 or by_task.get(attacked, 0.0) <= 0:
        return math.nan
    return mta.metrics.transferability(by_task, attacked)
