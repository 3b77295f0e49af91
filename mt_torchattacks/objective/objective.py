"""A model, its tasks and a balancing rule: what becomes a function to ascend."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from mt_torchattacks import checks
from mt_torchattacks.balancing import Rule, resolve
from mt_torchattacks.objective.bound import BoundObjective
from mt_torchattacks.tasks import Tasks
from mt_torchattacks.types import Images, Outputs, Targets


class Objective:
    """A model, its tasks and a balancing rule; bound to images and targets it is the function to ascend.

    The bound objective maps ``x (N, C, H, W)`` to ``s (N,)``: the **value** of s is the score to compare iterates by,
    its **gradient** with respect to x is the attack direction; the two are decoupled (straight-through). Anything that
    can ascend a differentiable function of x can attack all tasks with it.

    Args:
        model: the model to attack; its modes (train, eval) are used as they are.
        tasks: what its outputs are for, and what the attack means to do to each.
        balance: the rule: a name (``"dgba"``, ``"relative"``, ``"total"``, ``"single:<task>"``, ``"wgd"``,
            ``"sign_total"``, ...) or a :class:`~mt_torchattacks.Rule`.

    Raises:
        TypeError, ValueError: tasks or balance are not what they should be.

    Example:
        >>> import torch, mt_torchattacks as mta
        >>> model = torch.nn.Conv2d(3, 2, 1)
        >>> objective = mta.Objective(model, mta.Tasks(flow=mta.losses.L1()), balance="total")
        >>> images = torch.rand(4, 3, 8, 8)
        >>> score = objective.bind(images, {"flow": torch.zeros(4, 2, 8, 8)})
        >>> score(images.requires_grad_()).sum().backward()
        >>> images.grad.shape, model.weight.grad
        (torch.Size([4, 3, 8, 8]), None)
    """

    def __init__(self, model: Callable[[Tensor], Outputs], tasks: Tasks, balance: str | Rule = "dgba") -> None:
        checks.require(isinstance(tasks, Tasks), "tasks", "mta.Tasks(...)", checks.describe(tasks), TypeError)
        checks.require(bool(tasks.active), "tasks", "a task whose role is not 'ignore'", "none")
        checks.require(bool(tasks.balanced), "tasks", "a task to attack", f"only {tasks!r}")
        self.model = model
        self.all_tasks = tasks
        self.rule = resolve(balance)
        self.names = tuple(self.rule.select(tasks.balanced))
        self.kept = tasks.kept
        self.tasks = tasks.only((*self.names, *self.kept))

    def bind(
        self,
        images: Images,
        targets: Targets,
        *,
        noise: float = 8 / 255,
        bounds: tuple[float, float] = (0.0, 1.0),
        norm: str = "Linf",
    ) -> BoundObjective:
        """The objective for these clean images and targets.

        Args:
            images: ``(N, C, H, W)`` clean images within ``bounds``.
            targets: one tensor a task, each with N as its first dimension.
            noise: size of the uniform noise under which losses are taken where the clean loss is as good as 0.
            bounds: smallest and largest pixel value.
            norm: of the host's steps, which tasks preserved within a budget depend on: ``"Linf"`` for steps along
                the direction's sign, any other for the direction itself.

        Raises:
            TypeError, KeyError, ValueError: images or targets do not fit; the message names which.
        """
        return BoundObjective(self, images, targets, noise, bounds, norm)
