"""Evaluations as cells of a store: each attack on each model once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

import torch
from torch import nn

from mt_torchattacks import checks
from mt_torchattacks.evaluation.evaluate import AttackFunction, evaluate
from mt_torchattacks.evaluation.named import NamedData, NamedModel
from mt_torchattacks.evaluation.result import Evaluation, Measurements
from mt_torchattacks.evaluation.specs import AttackSpec
from mt_torchattacks.evaluation.store import Store


def evaluate_cells(
    store: Store,
    subject: NamedModel,
    scenes: NamedData,
    plans: Sequence[AttackSpec],
    *,
    seed: int = 0,
    progress: bool = True,
) -> Evaluation:
    """As :func:`~mt_torchattacks.evaluate`, with each attack a cell of a store; those that are there are not run again.

    Args:
        store: where results are kept.
        subject: the model.
        scenes: what it is measured on.
        plans: the attacks; they are all built before the first one runs, so what does not fit is said at once.
        seed: of the random numbers that each attack starts with.
        progress: whether to show a progress bar.

    Returns:
        The evaluation; its attacks are named ``attack/rule/eps``.

    Raises:
        TypeError, KeyError, ValueError: see :func:`~mt_torchattacks.evaluate`; no plan.

    Example:
        >>> import tempfile, mt_torchattacks as mta
        >>> subject = NamedModel("rooms3/all-shared", mta.models.zoo("rooms3/all-shared"))
        >>> scenes = NamedData.of("rooms(seed=1)", mta.data.Rooms(length=4, seed=1), 4)
        >>> store = Store(tempfile.mkdtemp())
        >>> evaluate_cells(store, subject, scenes, [AttackSpec("fgsm")], progress=False).attacked.keys()
        dict_keys(['fgsm/dgba/8'])
        >>> len(store.frame())
        1
    """
    checks.require(len(plans) > 0, "plans", "at least one attack", "none")
    cells = []
    for plan in plans:
        compute = partial(measure_attack, subject.model, scenes, plan.build(subject.model, scenes.tasks, seed), seed)
        cells.append((cell_key(plan, subject, scenes, seed), compute))
    values = store.cells(cells, progress=progress)
    return evaluation_of({plan.name: value for plan, value in zip(plans, values, strict=True)})


def cell_key(plan: AttackSpec, subject: NamedModel, scenes: NamedData, seed: int) -> dict[str, Any]:
    """All that determines an attack's effect on a model."""
    return {"model": subject.name} | plan.key | scenes.key | {"weights": subject.weights, "seed": seed}


def measure_attack(model: nn.Module, scenes: NamedData, attack: AttackFunction, seed: int) -> dict[str, Any]:
    """A cell's value: ARP by task and in all, and the scores it follows from.

    Args:
        model: the model to measure, not necessarily the one that the attack uses.
        scenes: what it is measured on.
        attack: ``(images, targets) -> adversarial images``.
        seed: of the global random numbers, which come back as they were.
    """
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        found = evaluate(model, scenes.tasks, scenes.batches, {"": attack}, scenes.metrics, progress=False)
    arp = found.relative[""].per_task | {"total": found.relative[""].total}
    scores = {"clean": asdict(found.clean), "attacked": asdict(found.attacked[""])}
    return {"arp": arp, **scores, "directions": found.directions}


def evaluation_of(values: Mapping[str, Mapping[str, Any]]) -> Evaluation:
    """The evaluation that cells of one model on the same scenes make up; ``values`` by the attack's name."""
    first = next(iter(values.values()))
    attacked = {name: Measurements(**value["attacked"]) for name, value in values.items()}
    return Evaluation(Measurements(**first["clean"]), attacked, first["directions"])
