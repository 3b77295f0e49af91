"""Adversarial attacks on all tasks of a model at once, through torchattacks' and ART's own loops."""

from typing import TYPE_CHECKING

from mt_torchattacks.attacks import classes
from mt_torchattacks.attacks.host.catalogue import REFUSED
from mt_torchattacks.lazy import lazily

if TYPE_CHECKING:
    from mt_torchattacks import (
        attacks,
        balancing,
        data,
        evaluation,
        geometry,
        metrics,
        models,
        objective,
        published,
        report,
        studies,
        tasks,
        training,
    )
    from mt_torchattacks.attacks.adversarial_patch import AdversarialPatch
    from mt_torchattacks.attacks.classes import *  # noqa: F403
    from mt_torchattacks.attacks.create import create
    from mt_torchattacks.attacks.ensemble import Ensemble
    from mt_torchattacks.attacks.host.attack import MultiTaskAttack
    from mt_torchattacks.attacks.host.catalogue import multitask
    from mt_torchattacks.attacks.host.saving import load
    from mt_torchattacks.attacks.multi import MultiAttack
    from mt_torchattacks.attacks.native import NativeAttack
    from mt_torchattacks.attacks.universal_perturbation import UniversalPerturbation
    from mt_torchattacks.balancing import GradientRule, GramianRule, LossRule, Rule, Weighted
    from mt_torchattacks.evaluation.audit import audit
    from mt_torchattacks.evaluation.benchmark import benchmark
    from mt_torchattacks.evaluation.evaluate import evaluate
    from mt_torchattacks.evaluation.worst_case import worst_case
    from mt_torchattacks.models.features import features
    from mt_torchattacks.models.inputs import inputs
    from mt_torchattacks.objective.objective import Objective
    from mt_torchattacks.objective.trace import trace
    from mt_torchattacks.report.paper import paper_row
    from mt_torchattacks.tasks import error_tasks, kinds, losses, standard_metrics, standard_tasks
    from mt_torchattacks.tasks.tasks import Task, Tasks
else:
    lazily(__name__, find=classes.find, reasons=REFUSED)

__version__ = "0.1.0"

__all__ = [
    "AdversarialPatch",
    "Ensemble",
    "GradientRule",
    "GramianRule",
    "LossRule",
    "MultiAttack",
    "MultiTaskAttack",
    "NativeAttack",
    "Objective",
    "Rule",
    "Task",
    "Tasks",
    "UniversalPerturbation",
    "Weighted",
    "attacks",
    "audit",
    "balancing",
    "benchmark",
    "create",
    "data",
    "error_tasks",
    "evaluate",
    "evaluation",
    "features",
    "geometry",
    "inputs",
    "kinds",
    "load",
    "losses",
    "metrics",
    "models",
    "multitask",
    "objective",
    "paper_row",
    "published",
    "report",
    "standard_metrics",
    "standard_tasks",
    "studies",
    "tasks",
    "trace",
    "training",
    "worst_case",
]
__all__ += classes.__all__
