"""Transfer: adversarial images made on one model, measured on others ([D] appendix E.3)."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from tqdm import tqdm

from mt_torchattacks import checks
from mt_torchattacks.evaluation.cells import cell_key, measure_attack
from mt_torchattacks.evaluation.evaluate import AttackFunction, replay
from mt_torchattacks.evaluation.named import NamedData, NamedModel
from mt_torchattacks.evaluation.specs import AttackSpec
from mt_torchattacks.evaluation.store import Store
from mt_torchattacks.metrics.relative import transferability

if TYPE_CHECKING:
    from pandas import DataFrame

TRANSFER_ATTACKS = ("MIFGSM", "NIFGSM", "VMIFGSM", "VNIFGSM", "SINIFGSM", "DIFGSM", "TIFGSM")
"""torchattacks' attacks that are made to transfer."""


def transfer(
    store: Store,
    surrogate: NamedModel,
    targets: Sequence[NamedModel],
    scenes: NamedData,
    plans: Sequence[AttackSpec],
    *,
    seed: int = 0,
    progress: bool = True,
) -> DataFrame:
    """Attack a surrogate model and measure the harm to it (white box) and to other models (black box).

    The images of each attack are made once and shown to all models; each model's result is a cell of the store, and no
    images are made when no cell is missing.

    Args:
        store: where results are kept.
        surrogate: the model that the attacks see.
        targets: the models to measure; the surrogate itself, measured first, need not be among them.
        scenes: what they are measured on.
        plans: the attacks.
        seed: of the random numbers that each attack starts with.
        progress: whether to show a progress bar over the attacks.

    Returns:
        A frame with the columns surrogate, target, setting (``"white_box"`` or ``"black_box"``), attack, rule, eps (in
        1/255), the ARP in percent for each task and in total, and, for a rule ``single:<task>``, the transferability to
        the other tasks (NaN where it is undefined).

    Raises:
        ImportError: pandas is not installed.
        TypeError, KeyError, ValueError: a model does not have the scenes' tasks, or an argument does not fit.

    Example:
        >>> import tempfile, mt_torchattacks as mta
        >>> one, other = (NamedModel(n, mta.models.zoo(n)) for n in ("rooms3/all-shared", "rooms3/independent"))
        >>> scenes = NamedData.of("rooms(seed=1)", mta.data.Rooms(length=4, seed=1), 4)
        >>> frame = transfer(Store(tempfile.mkdtemp()), one, [other], scenes, [AttackSpec("fgsm")], progress=False)
        >>> frame["setting"].tolist(), bool(frame["total"][0] > frame["total"][1])
        (['white_box', 'black_box'], True)
    """
    checks.require(len(plans) > 0, "plans", "at least one attack", "none")
    subjects = {subject.name: subject for subject in (surrogate, *targets)}
    for subject in subjects.values():
        _check(subject, scenes)
    attacks = [(plan, plan.build(surrogate.model, scenes.tasks, seed)) for plan in plans]
    rows = []
    for plan, attack in tqdm(attacks, desc="attacks", unit="attack", disable=None if progress else True):
        made = functools.cache(functools.partial(_adversarial, surrogate, scenes, attack, seed))
        for target in subjects.values():
            key = {"surrogate": surrogate.name} | cell_key(plan, target, scenes, seed)
            key |= {"surrogate_weights": surrogate.weights}
            value = store.cell(key, functools.partial(_measure, target, scenes, made, seed))
            rows.append(_row(surrogate, target, plan, value["arp"]))
    return checks.optional("pandas", extra="plot").DataFrame(rows)


def _adversarial(surrogate: NamedModel, scenes: NamedData, attack: AttackFunction, seed: int) -> list[Tensor]:
    """Each batch's adversarial images, from the random numbers that :func:`measure_attack` would start with."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return [attack(images, targets) for images, targets in scenes.on(surrogate.device)]


def _measure(target: NamedModel, scenes: NamedData, made: Callable[[], list[Tensor]], seed: int) -> dict[str, Any]:
    return measure_attack(target.model, scenes, replay(made()), seed)


def _check(subject: NamedModel, scenes: NamedData) -> None:
    """Check that a model has the scenes' tasks, with outputs that fit their targets."""
    images, targets = next(scenes.first(1).on(subject.device))
    try:
        with torch.no_grad():
            outputs = subject.model(images)
            scenes.tasks.check(outputs, targets)
            scenes.tasks.losses(outputs, targets)
    except (TypeError, KeyError, ValueError) as error:
        kind = next(kind for kind in (TypeError, checks.MissingKeyError, ValueError) if isinstance(error, kind))
        raise kind(f"model {subject.name!r}: {error}") from error


def _row(surrogate: NamedModel, target: NamedModel, plan: AttackSpec, arp: Mapping[str, float]) -> dict[str, Any]:
    setting = "white_box" if target.name == surrogate.name else "black_box"
    names = {"surrogate": surrogate.name, "target": target.name, "setting": setting}
    parts = {"attack": plan.attack.lower(), "rule": plan.label, "eps": f"{plan.eps:g}"}
    return names | parts | dict(arp) | {"transferability": _transferability(plan.rule, arp)}


def _transferability(rule: str, arp: Mapping[str, float]) -> float:
    """To the other tasks, for an attack on one task that hurts it; NaN otherwise."""
    by_task = {task: value for task, value in arp.items() if task != "total"}
    attacked = rule.removeprefix("single:")
    if attacked == rule or len(by_task) < 2 or by_task.get(attacked, 0.0) <= 0:
        return math.nan
    return transferability(by_task, attacked)
