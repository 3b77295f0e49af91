"""Tasks: what each output of a model is for, how its loss is measured, and what an attack means to do to it."""

from typing import TYPE_CHECKING

from mt_torchattacks.lazy import lazily

if TYPE_CHECKING:
    from mt_torchattacks.tasks import kinds, losses
    from mt_torchattacks.tasks.kinds.standard import error_tasks, standard_metrics, standard_tasks
    from mt_torchattacks.tasks.tasks import Task, Tasks
else:
    lazily(__name__)

__all__ = ["Task", "Tasks", "error_tasks", "kinds", "losses", "standard_metrics", "standard_tasks"]
