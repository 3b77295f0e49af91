"""The tasks of a model: what each one's loss is, and what an attack means to do to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, get_args

from torch import Tensor

from mt_torchattacks import checks
from mt_torchattacks.tasks.losses import as_loss
from mt_torchattacks.tasks.losses.adapters import per_sample
from mt_torchattacks.tasks.losses.base import Loss
from mt_torchattacks.tasks.outputs import outputs_by_task
from mt_torchattacks.types import LossFunction, Outputs, Place, Role, Targets

if TYPE_CHECKING:
    from mt_torchattacks.tasks.kinds.base import Kind


@dataclass(frozen=True)
class Task:
    """One task: its per-sample loss, its role, and the clean loss below which relative losses mean nothing.

    Args:
        loss: a loss of :mod:`mt_torchattacks.losses`, a ``torch.nn`` loss with ``reduction='none'``, or any callable
            ``(output, target) -> (N,)``.
        role: ``"attack"`` raises the loss, ``"target"`` lowers it towards the given target, ``"preserve"`` leaves it
            as it is (see ``budget``), ``"ignore"`` leaves the head out altogether.
        floor: a clean loss of at most this, in the loss's unit, counts as zero: rules that divide by the clean loss
            divide by the loss under noise instead, and the attack starts from that noise (see
            :class:`~mt_torchattacks.Objective`). None: at most 0.001 and at most a hundredth of the loss under noise,
            as for targets that are the model's own predictions.
        budget: only with ``"preserve"``: the loss may rise by at most this share of the clean loss (0.05: 5 %), which
            is a constraint on the attack, see :mod:`mt_torchattacks.objective.budgets`. None: no limit; the loss is
            a penalty, whose sign is turned before the balancing rule sees it.
        kind: what kind of task it is where its name does not say so, see :mod:`mt_torchattacks.tasks.kinds`; it is
            asked for the task's error and metrics.
        output: where the task's output is in what the model returns: its name in a mapping or dataclass, where that is
            not the task's; its position in a tuple or list, where these are not the tasks' outputs in their order.

    Raises:
        TypeError: the loss is not callable, or the output neither a name nor a position.
        ValueError: an unknown role, a negative floor, a loss that reduces over the batch, or a budget that is negative,
            not finite, or of a task that is not preserved.

    Example:
        >>> import mt_torchattacks as mta
        >>> mta.Tasks(depth=mta.Task(mta.losses.L1(), role="preserve", budget=0.05))
        Tasks(depth=L1() (preserve within 0.05))
    """

    loss: LossFunction
    role: Role = "attack"
    floor: float | None = None
    budget: float | None = None
    kind: Kind | str | None = None
    output: Place | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "loss", as_loss(self.loss))
        checks.one_of(self.role, "role", get_args(Role))
        checks.require(self.floor is None or self.floor >= 0, "floor", "a number >= 0 or None", self.floor)
        finite = self.budget is None or 0 <= self.budget < float("inf")
        checks.require(finite, "budget", "a finite number >= 0 or None", self.budget)
        fits = self.budget is None or self.role == "preserve"
        checks.require(fits, "budget", "None unless the role is 'preserve'", f"{self.budget} with role {self.role!r}")
        placed = self.output is None or (isinstance(self.output, (str, int)) and not isinstance(self.output, bool))
        checks.require(placed, "output", "a name, a position or None", repr(self.output), TypeError)

    @property
    def sign(self) -> int:
        """+1 where the attack raises the loss, -1 where it lowers it."""
        return 1 if self.role == "attack" else -1

    @property
    def goal(self) -> str:
        """The role in words, for a message: ``attack``, ``preserve within 0.05``."""
        return self.role if self.budget is None else f"{self.role} within {self.budget:g}"


class Tasks(Mapping[str, Task]):
    """The tasks of a multi-task model, by name; the names are the keys of its outputs and of the targets.

    Args:
        tasks: a mapping of names to losses or :class:`Task`, or the same as keyword arguments.

    Raises:
        TypeError: a loss that is not callable.
        ValueError: no task, or a loss that reduces over the batch.

    Example:
        >>> import torch, mt_torchattacks as mta
        >>> tasks = mta.Tasks(face=mta.losses.CrossEntropy(), box=mta.Task(mta.losses.L1(), role="preserve"))
        >>> tasks.active, tasks["box"].sign
        (('face', 'box'), -1)
        >>> tasks.with_roles(box="ignore").active
        ('face',)
    """

    def __init__(self, tasks: Mapping[str, Task | LossFunction] | None = None, /, **named: Task | LossFunction) -> None:
        given = {**(tasks or {}), **named}
        checks.require(bool(given), "tasks", "at least one task", "none")
        self._tasks: dict[str, Task] = {}
        for name, value in given.items():
            with _naming(name):
                self._tasks[name] = value if isinstance(value, Task) else Task(value)

    def __getitem__(self, name: str) -> Task:
        return self._tasks[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._tasks)

    def __len__(self) -> int:
        return len(self._tasks)

    def __repr__(self) -> str:
        return f"Tasks({', '.join(f'{name}={_shown(task)}' for name, task in self.items())})"

    @property
    def active(self) -> tuple[str, ...]:
        """The names of the tasks that are not ignored, in order."""
        return tuple(name for name, task in self.items() if task.role != "ignore")

    @property
    def balanced(self) -> tuple[str, ...]:
        """The names of the active tasks that balancing rules see: all but those preserved within a budget."""
        return tuple(name for name in self.active if self[name].budget is None)

    @property
    def preserved(self) -> tuple[str, ...]:
        """The names of the tasks that are preserved within a budget, in order."""
        return tuple(name for name in self.active if self[name].budget is not None)

    def with_roles(self, roles: Mapping[str, Role] | None = None, /, **named: Role) -> Tasks:
        """The same tasks with some roles changed; a task whose role changes loses its budget.

        Raises:
            ValueError: an unknown task or role.
        """
        roles = {**(roles or {}), **named}
        for name in roles:
            checks.one_of(name, "roles", self)
        changed = {name: role for name, role in roles.items() if role != self[name].role}
        same = {name: task for name, task in self.items() if name not in changed}
        return Tasks({name: same.get(name) or replace(self[name], role=changed[name], budget=None) for name in self})

    def with_outputs(self, outputs: Mapping[str, Place] | None = None, /, **named: Place) -> Tasks:
        """The same tasks with other places of their outputs in what the model returns, see :class:`Task`.

        A task may be called ``outputs``, so this is a method and no argument of :class:`Tasks`.

        Raises:
            TypeError: neither a name nor a position.
            ValueError: an unknown task.

        Example:
            >>> import torch, mt_torchattacks as mta
            >>> tasks = mta.Tasks(a=mta.losses.L1(), c=mta.losses.L1()).with_outputs(a=0, c=2)
            >>> tasks.by_task(torch.arange(3.0).unbind())
            {'a': tensor(0.), 'c': tensor(2.)}
        """
        outputs = {**(outputs or {}), **named}
        for name in outputs:
            checks.one_of(name, "outputs", self)
        return Tasks({name: replace(task, output=outputs.get(name, task.output)) for name, task in self.items()})

    def by_task(self, outputs: Outputs, wanted: Sequence[str] | None = None) -> dict[str, Tensor]:
        """The output tensor of each task, from whatever the model returned.

        Args:
            outputs: see :func:`~mt_torchattacks.tasks.outputs.outputs_by_task`, which also says what is raised.
            wanted: some of the tasks; all by default.
        """
        return outputs_by_task(outputs, {name: task.output for name, task in self.items()}, wanted)

    def targeted(self) -> Tasks:
        """The same tasks with given targets as goals: what would be attacked is lowered to its target."""
        return self.with_roles({name: "target" for name in self if self[name].role == "attack"})

    def only(self, names: Sequence[str]) -> Tasks:
        """The same tasks with all but ``names`` ignored."""
        return self.with_roles({name: "ignore" for name in self if name not in names})

    def without(self, covered: Tensor) -> Tasks:
        """The same tasks without some pixels of their targets; those whose target has no pixels stay as they are.

        Args:
            covered: ``(N, H, W)`` boolean, True where a pixel does not count, for targets of these N samples.

        Raises:
            TypeError: a task whose loss is not of this library, which has no mask of pixels.
        """
        for name in self.active:
            loss, expected = self[name].loss, "a loss of mt_torchattacks.losses, which can leave out pixels"
            checks.require(isinstance(loss, Loss), f"tasks[{name!r}]", expected, checks.describe(loss), TypeError)
        return Tasks({n: replace(t, loss=t.loss.without(covered)) if isinstance(t.loss, Loss) else t
                      for n, t in self.items()})  # fmt: skip

    def losses(self, outputs: Outputs, targets: Targets) -> dict[str, Tensor]:
        """Per-sample losses ``(N,)`` of the active tasks, differentiable, not signed by role.

        Args:
            outputs: what the model returned (see :func:`~mt_torchattacks.tasks.outputs.outputs_by_task`).
            targets: one tensor for each active task.

        Raises:
            KeyError: an output or a target is missing.
            TypeError, ValueError: an output or target does not fit its loss; the message names the task.
        """
        found = self.by_task(outputs, self.active)
        checks.keys(targets, "targets", self.active)
        result = {}
        for name in self.active:
            with _naming(name):
                result[name] = per_sample(self[name].loss(found[name], targets[name]), len(found[name]))
        return result

    def log_losses(self, outputs: Outputs, targets: Targets, names: Sequence[str]) -> dict[str, Tensor]:
        """Logarithms ``(N,)`` of the losses of those of the named tasks whose loss has one.

        Args:
            outputs, targets: as for :meth:`losses`.
            names: some of the active tasks.
        """
        chosen = [name for name in names if getattr(self[name].loss, "has_log", False)]
        if not chosen:
            return {}
        found = self.by_task(outputs, chosen)
        return {name: self[name].loss.log(found[name], targets[name]) for name in chosen}  # type: ignore[attr-defined]

    def check(self, outputs: Outputs, targets: Targets) -> None:
        """Check the targets' keys and, once an attack, their values (finite, labels in range).

        Raises:
            KeyError: a target of an active task is missing.
            TypeError, ValueError: a target's values do not fit.
        """
        checks.keys(targets, "targets", self.active)
        found = self.by_task(outputs, self.active)
        for name in self.active:
            loss = self[name].loss
            with _naming(name):
                if isinstance(loss, Loss):
                    loss.check_values(found[name], targets[name])
                else:
                    checks.finite(targets[name], "target")


def _shown(task: Task) -> str:
    """A task in the representation of all, which names results on disk: only what is not the default."""
    notes = [] if task.role == "attack" else [task.goal]
    notes += [] if task.output is None else [f"output {task.output!r}"]
    return f"{task.loss!r}" + (f" ({', '.join(notes)})" if notes else "")


@contextmanager
def _naming(task: str) -> Iterator[None]:
    """Put the task's name in front of the message of a ValueError or TypeError raised inside."""
    try:
        yield
    except (ValueError, TypeError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"task {task!r}: {error}") from error
