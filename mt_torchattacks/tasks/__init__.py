"""Tasks: what each output of a model is for, how its loss is measured, and what an attack means to do to it."""

from mt_torchattacks.tasks import kinds, losses
from mt_torchattacks.tasks.kinds.standard import error_tasks, standard_metrics, standard_tasks
from mt_torchattacks.tasks.tasks import Task, Tasks

__all__ = ["Task", "Tasks", "error_tasks", "kinds", "losses", "standard_metrics", "standard_tasks"]
