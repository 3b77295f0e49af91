"""Tasks: what each output of a model is for, how its loss is measured, and what an attack means to do to it."""

from mt_torchattacks.tasks import losses
from mt_torchattacks.tasks.standard import error_tasks, standard_tasks
from mt_torchattacks.tasks.standard_metrics import standard_metrics
from mt_torchattacks.tasks.tasks import Task, Tasks

__all__ = ["Task", "Tasks", "error_tasks", "losses", "standard_metrics", "standard_tasks"]
