"""What a balancing rule is: the three families, the score that they share, and their registry.

A rule sees *signed* losses: raised by the attack, whatever the task's role (see
:attr:`~mt_torchattacks.tasks.Task.sign`). All quantities are per sample.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor

from mt_torchattacks import checks


def safe_divide(numerator: Tensor | float, denominator: Tensor) -> Tensor:
    """``numerator / denominator`` where the quotient can be meant, 0 where the denominator is (as good as) 0.

    Example:
        >>> safe_divide(1.0, torch.tensor([2.0, 0.0]))
        tensor([0.5000, 0.0000])
    """
    usable = denominator.abs() >= torch.finfo(denominator.dtype).tiny
    quotient = numerator / torch.where(usable, denominator, 1)
    return torch.where(usable, quotient, 0)


def relative_increase(losses: Tensor, clean: Tensor) -> Tensor:
    """Sum over tasks of ``(L_i - l_i) / |l_i|``, the score of [D] eq. 7 and algorithm 1: ``(N, T) -> (N,)``."""
    return safe_divide(losses - clean, clean.abs()).sum(dim=1)


class Rule:
    """A way to balance tasks. Subclass one of the three families, which say which gradients are computed.

    A concrete subclass with a ``name`` can from then on be asked for by that name everywhere (``balance="name"``),
    if it can be built without arguments.

    Attributes:
        name: the name for ``balance=``; empty for a rule that has none.
        relative: the rule divides by clean losses, so a clean loss below the task's floor is replaced by the loss
            under noise.
        scale_free: the direction does not depend on how large a task's gradient is, only on where it points.
    """

    name: ClassVar[str] = ""
    relative: ClassVar[bool] = True
    scale_free: ClassVar[bool] = False
    registry: ClassVar[dict[str, type[Rule]]] = {}

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        if "name" in vars(cls) and cls.name:
            known = Rule.registry.setdefault(cls.name, cls)
            same = (known.__module__, known.__qualname__) == (cls.__module__, cls.__qualname__)
            checks.require(same, "name", "a name that no other rule has", f"{cls.name!r} of {known.__qualname__}")
            Rule.registry[cls.name] = cls

    def score(self, losses: Tensor, clean: Tensor) -> Tensor:
        """The number to compare iterates by.

        Args:
            losses: ``(N, T)`` signed losses at the iterate.
            clean: ``(N, T)`` signed losses at the clean image.

        Returns:
            ``(N,)``; by default the sum of the relative increases, [D] algorithm 1.
        """
        return relative_increase(losses, clean)

    def select(self, names: Sequence[str]) -> Sequence[str]:
        """The tasks that the rule looks at, in the order of its losses' columns; all by default.

        The heads of the others are not differentiated.

        Raises:
            ValueError: the rule speaks of a task that is not there.
        """
        return names

    def __repr__(self) -> str:
        return repr(self.name) if self.name else f"{type(self).__name__}()"


class LossRule(Rule, ABC):
    """A rule that needs the losses only: ``direction = sum_i w_i grad L_i``, one backward pass.

    Example:
        >>> from mt_torchattacks.balancing import resolve
        >>> class Loudest(LossRule):
        ...     name = "loudest"
        ...     def weights(self, losses, clean):
        ...         return (losses == losses.amax(1, keepdim=True)).to(losses.dtype)
        >>> resolve("loudest").weights(torch.tensor([[1.0, 3.0]]), torch.ones(1, 2))
        tensor([[0., 1.]])
    """

    @abstractmethod
    def weights(self, losses: Tensor, clean: Tensor) -> Tensor:
        """The tasks' weights.

        Args:
            losses: ``(N, T)`` signed losses at the iterate, detached.
            clean: ``(N, T)`` signed losses at the clean image.

        Returns:
            ``(N, T)``; 0 where a weight would be infinite or 0/0.
        """


class GramianRule(Rule, ABC):
    """A rule that needs the inner products of the tasks' gradients: ``direction = sum_i w_i grad L_i``."""

    @abstractmethod
    def weights(self, gramian: Tensor) -> Tensor:
        """The tasks' weights ``(N, T)`` from the Gramian ``(N, T, T)`` of their gradients."""


class GradientRule(Rule, ABC):
    """A rule that needs the tasks' gradients themselves; T backward passes."""

    @abstractmethod
    def direction(self, gradients: Tensor) -> Tensor:
        """The attack direction ``(N, ...)`` from the gradients ``(N, T, ...)`` of the signed losses."""
