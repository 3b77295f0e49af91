"""Adversarial attacks on all tasks of a model at once, through torchattacks' and ART's own loops."""

from typing import Any

from mt_torchattacks import attacks
from mt_torchattacks.attacks import MultiAttack, load, multitask
from mt_torchattacks.balancing import GradientRule, GramianRule, LossRule, Rule, Weighted
from mt_torchattacks.objective import Objective
from mt_torchattacks.tasks import Task, Tasks, losses

__version__ = "0.1.0"

__all__ = [
    "GradientRule",
    "GramianRule",
    "LossRule",
    "MultiAttack",
    "Objective",
    "Rule",
    "Task",
    "Tasks",
    "Weighted",
    "load",
    "losses",
    "multitask",
    *attacks.HOSTED,
]


def __getattr__(name: str) -> Any:
    """torchattacks' classes on several tasks: ``mta.FGSM``, ``mta.PGD``, ``mta.APGD`` and so on."""
    if name in attacks.HOSTED:
        return getattr(attacks, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
