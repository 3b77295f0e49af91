"""Attacks as a grid names them: attack, balancing rule, radius, steps, and the loss that is attacked."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from torch import nn

from mt_torchattacks import attacks, checks
from mt_torchattacks.attacks.create import attack_name
from mt_torchattacks.balancing import parse_rule
from mt_torchattacks.tasks import Tasks, error_tasks

ATTACK_LOSSES = ("losses", "errors")
"""What an attack can raise: the losses of its tasks, or the errors that the tasks' metrics count."""


@dataclass(frozen=True)
class AttackSpec:
    """What is needed to build an attack on any model, and to name it in a file.

    Args:
        attack: name of an attack; upper and lower case and underscores do not matter (``"auto_saga"``).
        rule: a balancing rule: a name, or WeightedTotal's weights as ``"segmentation=0.1,normal=0.1,depth=0.8"``.
        eps: radius, as a share of the range of pixel values, for any norm.
        steps: number of steps, if the attack has steps; their size is then eps / 4, as in 'Attacking All Tasks at
            Once', where the attack does not choose it.
        queries: number of queries, if the attack has queries; None: its own default.
        attack_loss: what the attack raises: ``"losses"``, those of the tasks, or ``"errors"``, see
            :func:`with_errors`.

    Raises:
        ValueError: no such attack; the message lists those there are, or says why torchattacks' one is not. Or no
            such attack loss.

    Example:
        >>> spec = AttackSpec("vmi_fgsm", "total", eps=8 / 255, steps=20)
        >>> spec.name, spec.arguments()
        ('vmifgsm/total/8', {'eps': 0.0314, 'steps': 20, 'alpha': 0.0078})
    """

    attack: str
    rule: str = "dgba"
    eps: float = 8 / 255
    steps: int = 10
    queries: int | None = None
    attack_loss: str = "losses"

    def __post_init__(self) -> None:
        checks.one_of(self.attack_loss, "attack_loss", ATTACK_LOSSES)
        object.__setattr__(self, "attack", attack_name(self.attack))
        object.__setattr__(self, "eps", float(self.eps))

    @property
    def name(self) -> str:
        """``attack/rule/eps``, as ``report`` reads it, eps in 1/255."""
        return f"{self.attack.lower()}/{self.label}/{in_255(self.eps)}"

    @property
    def label(self) -> str:
        """The rule as tables show it: ``dgba``, ``dgba on errors``."""
        return self.rule if self.attack_loss == "losses" else f"{self.rule} on {self.attack_loss}"

    @property
    def key(self) -> dict[str, Any]:
        """What a store's key needs of it."""
        arguments = {name: value for name, value in self.arguments().items() if name not in ("eps", "max_epsilon")}
        key = {"attack": self.attack.lower(), "rule": self.rule, "eps": self.eps, "arguments": arguments}
        return key if self.attack_loss == "losses" else key | {"attack_loss": self.attack_loss}

    def arguments(self) -> dict[str, Any]:
        """The attack's arguments beside model, tasks and rule."""
        takes, eps = self._takes(), self.eps
        found: dict[str, Any] = {"eps" if "eps" in takes else "max_epsilon": eps}
        found |= {name: self.steps for name in ("steps", "num_iter_set") if name in takes}
        if "steps" in found and "alpha" in takes:
            found["alpha"] = eps / 4
        if self.queries is not None and "n_queries" in takes:
            found["n_queries"] = self.queries
        return found

    def build(self, model: nn.Module, tasks: Tasks, seed: int = 0) -> Any:
        """The attack on a model; ``seed`` is for attacks that have random numbers of their own.

        Raises:
            TypeError, KeyError, ValueError: an argument is not what it should be.
        """
        cls: Any = attacks.attack_class(self.attack)
        own = {"seed": seed} if "seed" in self._takes() else {}
        raised = tasks if self.attack_loss == "losses" else with_errors(tasks)
        return cls(model, raised, balance=parse_rule(self.rule), **self.arguments(), **own)

    def _takes(self) -> Mapping[str, inspect.Parameter]:
        return inspect.signature(attacks.attack_class(self.attack)).parameters


def in_255(eps: float) -> str:
    """A radius in 1/255 of the range of pixel values, as tables show it.

    Example:
        >>> in_255(8 / 255), in_255(0.03)
        ('8', '7.65')
    """
    return f"{eps * 255:g}"


def with_errors(tasks: Tasks) -> Tasks:
    """The same tasks and roles with the errors that metrics count in place of losses.

    See :func:`~mt_torchattacks.tasks.error_tasks`.

    Raises:
        ValueError: a task that is none of the data sets'.

    Example:
        >>> from mt_torchattacks.tasks import standard_tasks
        >>> with_errors(standard_tasks(["normal", "depth"]).with_roles(depth="preserve"))
        Tasks(normal=Angle(valid=nonzero), depth=RelativeError(valid=positive) (preserve))
    """
    errors = error_tasks(tasks)
    return Tasks({name: replace(task, loss=errors[name].loss, floor=None) for name, task in tasks.items()})


def attack_specs(
    names: Iterable[str],
    rules: Iterable[str],
    sizes: Iterable[float],
    tasks: Iterable[str],
    attack_losses: Iterable[str] = ("losses",),
    **more: Any,
) -> list[AttackSpec]:
    """Every attack with every rule, at every radius and with every attack loss, each once.

    Args:
        names, rules, sizes, attack_losses: see :class:`AttackSpec`; the rule ``"single"`` stands for
            ``"single:<task>"`` of each task.
        tasks: the model's tasks.
        more: steps and queries.

    Example:
        >>> [spec.name for spec in attack_specs(["fgsm"], ["single", "dgba"], [4 / 255, 8 / 255], ["normal", "depth"])]
        ['fgsm/single:normal/4', 'fgsm/single:depth/4', 'fgsm/dgba/4', 'fgsm/single:normal/8', ...]
    """
    tasks, sizes, attack_losses, expanded = list(tasks), list(sizes), list(attack_losses), []
    for rule in rules:
        expanded += [f"single:{task}" for task in tasks] if rule == "single" else [rule]
    specs = [
        AttackSpec(name, rule, eps, attack_loss=attack_loss, **more)
        for name in names
        for eps in sizes
        for attack_loss in attack_losses
        for rule in expanded
    ]
    return list(dict.fromkeys(specs))


def weighted_rule(weights: Mapping[str, float]) -> str:
    """WeightedTotal's weights as :class:`AttackSpec` takes them.

    Example:
        >>> weighted_rule({"normal": 0.2, "depth": 0.8})
        'normal=0.2,depth=0.8'
    """
    return ",".join(f"{task}={weight!r}" for task, weight in weights.items())
