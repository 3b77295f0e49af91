"""The one object that every attack ascends: a differentiable score per sample for a model with several tasks."""

from typing import TYPE_CHECKING

from mt_torchattacks.lazy import lazily

if TYPE_CHECKING:
    from mt_torchattacks.objective.direction import separate_gradients
    from mt_torchattacks.objective.guards import check_targets
    from mt_torchattacks.objective.objective import BoundObjective, Objective
    from mt_torchattacks.objective.trace import Step, Trace, trace
else:
    lazily(__name__)

__all__ = ["BoundObjective", "Objective", "Step", "Trace", "check_targets", "separate_gradients", "trace"]
