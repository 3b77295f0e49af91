"""How a model does on clean and on adversarial images."""

from __future__ import annotations

from mt_torchattacks.evaluation.cells import evaluate_cells
from mt_torchattacks.evaluation.evaluate import evaluate
from mt_torchattacks.evaluation.named import NamedData, NamedModel
from mt_torchattacks.evaluation.result import Evaluation, Measurements
from mt_torchattacks.evaluation.specs import AttackSpec, attack_specs, with_errors
from mt_torchattacks.evaluation.store import Store, fingerprint

__all__ = [
    "AttackSpec",
    "Evaluation",
    "Measurements",
    "NamedData",
    "NamedModel",
    "Store",
    "attack_specs",
    "evaluate",
    "evaluate_cells",
    "fingerprint",
    "with_errors",
]
