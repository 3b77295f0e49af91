"""Evaluations as cells of a store: a model's clean images once, each attack on it once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import torch

from mt_torchattacks import checks
from mt_torchattacks.evaluation.measure import AttackFunction, directions
from mt_torchattacks.evaluation.named import NamedData, NamedModel
from mt_torchattacks.evaluation.processes import processes
from mt_torchattacks.evaluation.result import Evaluation, Measurements
from mt_torchattacks.evaluation.specs import AttackSpec
from mt_torchattacks.evaluation.store import Store
from mt_torchattacks.evaluation.together import measure_together

Key: TypeAlias = dict[str, Any]
"""All that determines a cell's value, as JSON can hold it."""

Cell: TypeAlias = tuple[Key, Callable[[], Any]]
"""A key, and what computes the value."""


def evaluate_cells(
    store: Store,
    model: NamedModel,
    data: NamedData,
    specs: Sequence[AttackSpec],
    *,
    seed: int = 0,
    per_sample: bool = False,
    progress: bool = True,
) -> Evaluation:
    """As :func:`~mt_torchattacks.evaluate`, with each attack a cell of a store; those that are there are not run again.

    Args:
        store: where results are kept.
        model: the model.
        data: what it is measured on.
        specs: the attacks; they are all built before the first one runs, so what does not fit is said at once.
        seed: of the random numbers that each attack starts with.
        per_sample: keep every sample's losses, too.
        progress: whether to show the progress.

    Returns:
        The evaluation; its attacks are named ``attack/rule/eps``.

    Raises:
        TypeError, KeyError, ValueError: see :func:`~mt_torchattacks.evaluate`; no attack.

    Example:
        >>> import tempfile, mt_torchattacks as mta
        >>> model = NamedModel("rooms3/all-shared", mta.models.zoo("rooms3/all-shared"))
        >>> data = NamedData.of("rooms(seed=1)", mta.data.Rooms(length=4, seed=1), 4)
        >>> store = Store(tempfile.mkdtemp())
        >>> evaluate_cells(store, model, data, [AttackSpec("fgsm")], progress=False).attacked.keys()
        dict_keys(['fgsm/dgba/8'])
        >>> len(store.to_frame())  # the clean images, and the attack
        2
    """
    checks.require(len(specs) > 0, "specs", "at least one attack", "none")
    attacks = {spec.name: (spec.key, spec.build(model.model, data.tasks, seed)) for spec in specs}
    return attacked_cells(store, model, data, attacks, seed=seed, per_sample=per_sample, progress=progress)


def attacked_cells(
    store: Store,
    model: NamedModel,
    data: NamedData,
    attacks: Mapping[str, tuple[Mapping[str, Any], AttackFunction]],
    *,
    seed: int = 0,
    per_sample: bool = False,
    progress: bool = True,
) -> Evaluation:
    """The evaluation of a model under attacks that are described by a key each.

    Args:
        store, model, data, seed, per_sample, progress: see :func:`evaluate_cells`.
        attacks: by name, all that determines the attack as JSON can hold it, and the attack.
    """
    clean = clean_cell(store, model, data, per_sample=per_sample, progress=progress)
    cells = [
        attack_cell(model, data, clean, key, attack, seed=seed, progress=name if progress else None)
        for name, (key, attack) in attacks.items()
    ]
    values = store.cells(cells, progress=progress)
    found = {name: Measurements(**value["attacked"]) for name, value in zip(attacks, values, strict=True)}
    return evaluation_of(data, clean, found)


def clean_cell(
    store: Store, model: NamedModel, data: NamedData, *, per_sample: bool = False, progress: bool = True
) -> Measurements:
    """A model on clean images, a cell that all attacks on it share."""
    key = _key(model, data, {"attack": "clean"} | ({"per_sample": True} if per_sample else {}))
    bar = "clean" if progress else None

    def compute() -> dict[str, Any]:
        return measure_together(model, data, per_sample=per_sample, progress=bar).to_dict()

    return Measurements(**store.cell(key, compute))


def attack_cell(
    model: NamedModel,
    data: NamedData,
    clean: Measurements,
    key: Mapping[str, Any],
    attack: AttackFunction,
    *,
    seed: int = 0,
    progress: str | None = None,
) -> Cell:
    """A model under an attack, as a cell: the ARP by task and in all, and the measurements.

    Args:
        model: the model to measure, not necessarily the one that the attack uses.
        data: what it is measured on.
        clean: the model on the same images without an attack; if it has every sample's losses, so has the cell.
        key: all that determines the attack, as JSON can hold it.
        attack: ``(images, targets) -> adversarial images``.
        seed: of the global random numbers when the attack starts; they come back as they were.
        progress: name of the bar over the batches; None for none.
    """
    each = clean.sample_losses is not None
    own = {**key, "seed": seed} | ({"per_sample": True} if each else {})

    def compute() -> dict[str, Any]:
        with torch.random.fork_rng():
            torch.manual_seed(seed + processes()[0])
            found = measure_together(model, data, attack, per_sample=each, progress=progress)
        relative = evaluation_of(data, clean, {"": found}).relative[""]
        return {"arp": relative.per_task | {"total": relative.total}, "attacked": found.to_dict()}

    return _key(model, data, own), compute


def evaluation_of(data: NamedData, clean: Measurements, attacked: Mapping[str, Measurements]) -> Evaluation:
    """The evaluation of a model that was measured on the data, clean and under attacks by name."""
    return Evaluation(clean, dict(attacked), directions(data.tasks, data.metrics, clean.metrics))


def _key(model: NamedModel, data: NamedData, more: Mapping[str, Any]) -> Key:
    return {"model": model.name, **more, **data.key, "weights": model.weights}
