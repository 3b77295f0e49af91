"""Adversarial attacks on all tasks of a model at once, through torchattacks' and ART's own loops."""

import importlib
from typing import TYPE_CHECKING, Any

from mt_torchattacks import attacks
from mt_torchattacks.attacks import Ensemble, MultiAttack, load, multitask
from mt_torchattacks.balancing import GradientRule, GramianRule, LossRule, Rule, Weighted
from mt_torchattacks.objective import Objective
from mt_torchattacks.tasks import Task, Tasks, error_tasks, kinds, losses, standard_metrics, standard_tasks

if TYPE_CHECKING:
    from mt_torchattacks import data, evaluation, metrics, models, report, studies, training
    from mt_torchattacks.evaluation.evaluate import evaluate
    from mt_torchattacks.report import paper_row

__version__ = "0.1.0"

__all__ = [
    "Ensemble",
    "GradientRule",
    "GramianRule",
    "LossRule",
    "MultiAttack",
    "Objective",
    "Rule",
    "Task",
    "Tasks",
    "Weighted",
    "data",
    "error_tasks",
    "evaluate",
    "evaluation",
    "kinds",
    "load",
    "losses",
    "metrics",
    "models",
    "multitask",
    "paper_row",
    "report",
    "standard_metrics",
    "standard_tasks",
    "studies",
    "training",
    *attacks.ATTACKS,
]


def __getattr__(name: str) -> Any:
    """What is imported on first use: attacks (``mta.PGD``), and the slower packages."""
    if name in attacks.ATTACKS:
        return getattr(attacks, name)
    if name in ("data", "evaluation", "metrics", "models", "report", "studies", "training"):
        return importlib.import_module(f"{__name__}.{name}")
    if name == "evaluate":
        return importlib.import_module(f"{__name__}.evaluation").evaluate
    if name == "paper_row":
        return importlib.import_module(f"{__name__}.report").paper_row
    reason = f": {attacks.REFUSED[name]}" if name in attacks.REFUSED else ""
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}{reason}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
