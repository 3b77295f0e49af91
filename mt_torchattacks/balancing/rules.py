"""The rules: from the losses (one backward pass a step), from the Gramian or the gradients (T backward passes)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from mt_torchattacks import checks
from mt_torchattacks.balancing.base import GradientRule, GramianRule, LossRule, safe_divide

_LEAST = 0.1  # share of its clean value that a loss counts as at least, where a weight is the inverse of the loss


class Total(LossRule):
    """``sum_i grad L_i``, scored by ``sum_i L_i`` ([D] eq. 4)."""

    name = "total"
    relative = False

    def weights(self, losses: Tensor, clean: Tensor) -> Tensor:
        return torch.ones_like(losses)

    def score(self, losses: Tensor, clean: Tensor) -> Tensor:
        return losses.sum(dim=1)


class Single(Total):
    """``grad L_j`` of one task, scored by ``L_j`` ([D] section 2.2, eq. 3); the other heads are not differentiated.

    Args:
        task: the task's name; ``balance="single:<task>"`` is the same.

    Raises:
        ValueError: there is no active task of that name.
    """

    name = "single"

    def __init__(self, task: str) -> None:
        self.task = task

    def select(self, names: Sequence[str]) -> Sequence[str]:
        checks.one_of(self.task, "balance='single:<task>'", names)
        return [self.task]

    def __repr__(self) -> str:
        return f"'single:{self.task}'"


class Weighted(LossRule):
    """``sum_i w_i grad L_i`` with given weights, scored by ``sum_i w_i L_i`` (WeightedTotal of [D]).

    Args:
        by_task: one finite weight for each active task.

    Raises:
        ValueError: a weight that is negative or not finite, a task without a weight, or a weight without a task.

    Example:
        >>> rule = Weighted({"depth": 0.8, "normal": 0.2})
        >>> rule.score(torch.tensor([[2.0, 1.0]]), torch.ones(1, 2))
        tensor([1.8000])
    """

    relative = False

    def __init__(self, by_task: Mapping[str, float]) -> None:
        for task, weight in by_task.items():
            checks.require(0 <= weight < float("inf"), f"weight of {task!r}", "a finite number >= 0", weight)
        self.by_task = dict(by_task)

    def select(self, names: Sequence[str]) -> Sequence[str]:
        checks.keys(self.by_task, "balance=Weighted(...)", names, allowed=names)
        return list(self.by_task)

    def weights(self, losses: Tensor, clean: Tensor) -> Tensor:
        return losses.new_tensor(list(self.by_task.values())).expand_as(losses)

    def score(self, losses: Tensor, clean: Tensor) -> Tensor:
        return (self.weights(losses, clean) * losses).sum(dim=1)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.by_task})"


class WeightedRelative(Weighted):
    """``sum_i w_i grad L_i / |l_i|`` with given weights, scored by ``sum_i w_i L_i / |l_i|``.

    It is :class:`Relative` where the tasks do not all count the same.

    Args:
        by_task: one finite weight for each active task.

    Raises:
        ValueError: as of :class:`Weighted`.

    Example:
        >>> WeightedRelative({"depth": 0.8, "normal": 0.2}).weights(torch.ones(1, 2), torch.tensor([[2.0, 0.5]]))
        tensor([[0.4000, 0.4000]])
    """

    relative = True

    def weights(self, losses: Tensor, clean: Tensor) -> Tensor:
        return super().weights(losses, clean) * safe_divide(1.0, clean.abs())


class DGBA(LossRule):
    """``sum_i grad L_i / |L_i(x_k)|`` ([D] eq. 9, algorithm 1): each task's gradient relative to its present loss.

    It is the gradient of the sum of the losses' logarithms. A loss that is lowered, to a goal, shrinks as the goal is
    reached, and its weight would grow without bound although hardly anything is left to gain: such a loss counts as at
    least a tenth of the clean one, so no weight exceeds ten times its first value.

    Example:
        >>> DGBA().weights(torch.tensor([[4.0, -0.001]]), torch.tensor([[2.0, -1.0]]))
        tensor([[ 0.2500, 10.0000]])
    """

    name = "dgba"

    def weights(self, losses: Tensor, clean: Tensor) -> Tensor:
        least = torch.where(losses < 0, _LEAST * clean.abs(), 0)
        return safe_divide(1.0, torch.maximum(losses.abs(), least))


class Relative(LossRule):
    """``sum_i grad L_i / |l_i|``: the exact gradient of the relative increase ([D] eq. 7), which DGBA approaches."""

    name = "relative"

    def weights(self, losses: Tensor, clean: Tensor) -> Tensor:
        return safe_divide(1.0, clean.abs())


class MaxMin(LossRule):
    """``sum_i p_i grad L_i / |l_i|`` with ``p = softmax(-gamma r)`` of the relative increases r: the least harmed task.

    It is the exact gradient of the soft minimum of the relative increases, ``-log(mean_i exp(-gamma r_i)) / gamma``,
    which is the score. Where the sum of the increases is raised, one task with an unbounded loss may make up for all
    others; the minimum rises only if every task is harmed. Large gamma: the hard minimum; gamma near 0: the mean, whose
    direction is that of :class:`Relative`. One backward pass.

    Args:
        gamma: sharpness > 0.

    Raises:
        TypeError, ValueError: gamma is not a number > 0.

    Example:
        >>> rule, clean = MaxMin(gamma=2.0), torch.tensor([[1.0, 1.0]])
        >>> rule.weights(torch.tensor([[1.5, 3.5]]), clean)
        tensor([[0.9820, 0.0180]])
        >>> rule.score(torch.tensor([[1.5, 1.5]]), clean)
        tensor([0.5000])
    """

    name = "max_min"

    def __init__(self, gamma: float = 3.0) -> None:
        checks.positive(gamma, "gamma")
        self.gamma = gamma

    def weights(self, losses: Tensor, clean: Tensor) -> Tensor:
        rises = safe_divide(losses - clean, clean.abs())
        return (-self.gamma * rises).softmax(dim=1) * safe_divide(1.0, clean.abs())

    def score(self, losses: Tensor, clean: Tensor) -> Tensor:
        rises = safe_divide(losses - clean, clean.abs())
        return (math.log(rises.shape[1]) - (-self.gamma * rises).logsumexp(dim=1)) / self.gamma

    def __repr__(self) -> str:
        return f"MaxMin(gamma={self.gamma:g})"


class Capped(LossRule):
    """``sum_i grad L_i / |l_i|`` over the tasks whose relative increase is below its cap; once none is, over all.

    Where the sum of the increases is raised, one task with an unbounded loss may make up for all others; here it counts
    until its goal is reached, and then the others' turn comes. The score is the sum of the increases, each up to its
    cap; of a sample whose tasks have all reached theirs it is the whole sum, which is never less. So of two images that
    which reaches all goals is the better one. One backward pass.

    Goals that leave the direction when they are reached are the idea of 'Generating Adversarial Examples with Task
    Oriented Multi-Objective Optimization' (Bui et al., TMLR 2023, https://arxiv.org/abs/2304.13229).

    Args:
        cap: relative increase from which on a task has reached its goal, > 0 (1: the loss has doubled); one number, or
            one for each attacked task.

    Raises:
        TypeError, ValueError: a cap that is no number > 0, or caps that are not for the attacked tasks.

    Example:
        >>> rule, clean = Capped({"depth": 1.0, "normal": 0.5}), torch.tensor([[2.0, 1.0]])
        >>> rule.weights(torch.tensor([[6.0, 1.2]]), clean), rule.score(torch.tensor([[6.0, 1.2]]), clean)
        (tensor([[0., 1.]]), tensor([1.2000]))
        >>> rule.weights(torch.tensor([[6.0, 1.6]]), clean), rule.score(torch.tensor([[6.0, 1.6]]), clean)
        (tensor([[0.5000, 1.0000]]), tensor([2.6000]))
    """

    name = "capped"

    def __init__(self, cap: float | Mapping[str, float] = 1.0) -> None:
        for task, value in cap.items() if isinstance(cap, Mapping) else [("", cap)]:
            checks.positive(value, f"cap of {task!r}" if task else "cap")
        self.cap = dict(cap) if isinstance(cap, Mapping) else cap

    def select(self, names: Sequence[str]) -> Sequence[str]:
        if not isinstance(self.cap, dict):
            return names
        checks.keys(self.cap, "balance=Capped(...)", names, allowed=names)
        return list(self.cap)

    def _rises(self, losses: Tensor, clean: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Relative increases, their caps, and whether a task still counts, ``(N, T)`` each."""
        rises = safe_divide(losses - clean, clean.abs())
        caps = rises.new_tensor(list(self.cap.values()) if isinstance(self.cap, dict) else self.cap).expand_as(rises)
        below = (rises < caps) & (clean != 0)
        return rises, caps, below | ~below.any(dim=1, keepdim=True)

    def weights(self, losses: Tensor, clean: Tensor) -> Tensor:
        return torch.where(self._rises(losses, clean)[2], safe_divide(1.0, clean.abs()), 0)

    def score(self, losses: Tensor, clean: Tensor) -> Tensor:
        rises, caps, counts = self._rises(losses, clean)
        return torch.where(counts, rises, caps).sum(dim=1)

    def __repr__(self) -> str:
        return f"Capped({self.cap})"


class WGD(Total):
    """``sum_i r_i grad L_i`` with relative inverse training rates ``r_i`` ([G] definition 5), scored by ``sum_i L_i``.

    ``r_i = (L_i / l_i) / mean_j (L_j / l_j)``: the task whose loss has grown most weighs most.
    """

    name = "wgd"
    relative = True

    def weights(self, losses: Tensor, clean: Tensor) -> Tensor:
        growth = safe_divide(losses.abs(), clean.abs())
        return safe_divide(growth, growth.mean(dim=1, keepdim=True))


class Normalized(GramianRule):
    """``sum_i grad L_i / ||grad L_i||``: every task's gradient at unit L2 length, whatever its loss's scale.

    The Gramian family's plainest member: the weights are the inverse square roots of the Gramian's diagonal.

    Example:
        >>> Normalized().weights(torch.diag(torch.tensor([4.0, 0.25])).unsqueeze(0))
        tensor([[0.5000, 2.0000]])
    """

    name = "normalized"
    scale_free = True

    def weights(self, gramian: Tensor) -> Tensor:
        return safe_divide(1.0, torch.diagonal(gramian, dim1=1, dim2=2).sqrt())


class SignTotal(GradientRule):
    """``sum_i sign(grad L_i)``, scored by ``sum_i L_i`` (SignTotal of [D]): every task has one vote a pixel."""

    name = "sign_total"
    relative = False
    scale_free = True

    def direction(self, gradients: Tensor) -> Tensor:
        return gradients.sign().sum(dim=1)

    def score(self, losses: Tensor, clean: Tensor) -> Tensor:
        return losses.sum(dim=1)
