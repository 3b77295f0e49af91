"""How the tasks' losses become the step of the weights: one class per way, by name or as an object."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from mt_torchattacks import checks

Backward: TypeAlias = Callable[[Tensor], None]


class Weighting(nn.Module):
    """Base of the weightings; what it learns are its parameters, which the optimizer trains with the model's."""

    linear = True
    """Whether the losses become one number, so that gradients may be scaled (fp16) and averaged over processes."""

    resumable = True
    """Whether its state dict is all that it remembers."""

    def total(self, losses: Tensor) -> Tensor:
        """The tasks' losses ``(T,)`` as one number."""
        raise NotImplementedError

    def backward(self, losses: Tensor, parameters: Sequence[Tensor], backward: Backward) -> None:
        """Fill the gradients of the parameters that the losses ``(T,)`` depend on; ``backward`` does it for a number.

        Args:
            losses: the tasks' losses.
            parameters: all that is trained.
            backward: fills the gradients of one number.
        """
        backward(self.total(losses))


class Equal(Weighting):
    """The sum of the losses.

    Example:
        >>> Equal().total(torch.tensor([1.0, 2.0]))
        tensor(3.)
    """

    def total(self, losses: Tensor) -> Tensor:
        return losses.sum()


class Static(Weighting):
    """The sum of the losses, each times a weight that never changes.

    Args:
        weights: ``(T,)``, >= 0.

    Example:
        >>> Static([4.0, 1.0]).total(torch.tensor([1.0, 2.0]))
        tensor(6.)
    """

    weights: Tensor

    def __init__(self, weights: Any) -> None:
        super().__init__()
        self.register_buffer("weights", torch.as_tensor(weights, dtype=torch.float32))
        checks.finite(self.weights, "weights")
        checks.require(bool((self.weights >= 0).all()), "weights", "numbers >= 0", self.weights.tolist())

    def total(self, losses: Tensor) -> Tensor:
        return (self.weights * losses).sum()


class Uncertainty(Weighting):
    """Learned weights: ``sum_i exp(-s_i) L_i / 2 + s_i / 2``, with ``s_i`` the logarithm of a task's variance.

    Kendall et al., 2018, 'Multi-task learning using uncertainty to weigh losses', equation 7, with the factor of a
    regression task for all tasks. Where ``L_i`` stays the same, ``s_i`` tends to its logarithm.

    Args:
        num_tasks: the number of tasks; every ``s_i`` starts at 0.

    Example:
        >>> Uncertainty(2).total(torch.tensor([1.0, 2.0])).item()
        1.5
    """

    def __init__(self, num_tasks: int) -> None:
        super().__init__()
        self.log_variances = nn.Parameter(torch.zeros(num_tasks))

    def total(self, losses: Tensor) -> Tensor:
        return ((-self.log_variances).exp() * losses + self.log_variances).sum() / 2


class Aggregated(Weighting):
    """The tasks' gradients combined by an aggregator of TorchJD (extra ``torchjd``), over all of the model's weights.

    Args:
        aggregator: a ``torchjd.aggregation.Aggregator``, e.g. ``UPGrad()``; it costs a backward pass a task.
    """

    linear = False

    def __init__(self, aggregator: Any) -> None:
        super().__init__()
        self.aggregator = aggregator
        self.resumable = not hasattr(aggregator, "reset")  # TorchJD's name for forgetting what it saw

    def backward(self, losses: Tensor, parameters: Sequence[Tensor], backward: Backward) -> None:
        autojac = checks.optional("torchjd.autojac", extra="torchjd")
        autojac.backward(losses, parallel_chunk_size=1)
        reached = [parameter for parameter in parameters if getattr(parameter, "jac", None) is not None]
        autojac.jac_to_grad(reached, self.aggregator)
        for parameter in reached:  # fused optimizers read a weight and its gradient as they lie in memory
            if parameter.grad is not None:
                parameter.grad = torch.empty_like(parameter).copy_(parameter.grad)


def resolve_weighting(weights: str | Mapping[str, float] | Weighting | None, tasks: Sequence[str]) -> Weighting:
    """The weighting of a name, of weights by task, or the one given.

    Args:
        weights: ``"equal"`` or None, ``"uncertainty"``, ``"torchjd:"`` and the name of an aggregator, a mapping of
            tasks to weights (1 for tasks not named), or a weighting.
        tasks: the tasks' names, in the order of the losses.

    Raises:
        ImportError: TorchJD is not installed.
        TypeError: none of these.
        ValueError: an unknown name, a weight of no task or below 0.

    Example:
        >>> resolve_weighting({"depth": 3.0}, ("normal", "depth")).weights
        tensor([1., 3.])
    """
    if isinstance(weights, Weighting):
        return weights
    if isinstance(weights, Mapping):
        checks.keys(weights, "weights", (), allowed=tasks)
        return Static([weights.get(task, 1.0) for task in tasks])
    if weights is None or weights == "equal":
        return Equal()
    if weights == "uncertainty":
        return Uncertainty(len(tasks))
    if isinstance(weights, str) and weights.startswith("torchjd:"):
        return Aggregated(_aggregator(weights.removeprefix("torchjd:")))
    expected = "'equal', 'uncertainty', 'torchjd:' and an aggregator's name, weights by task or a Weighting"
    return checks.fail("weights", expected, repr(weights), ValueError if isinstance(weights, str) else TypeError)


def _aggregator(name: str) -> Any:
    module = checks.optional("torchjd.aggregation", extra="torchjd")
    kinds = {key: kind for key in module.__all__ if _is_aggregator(kind := getattr(module, key), module.Aggregator)}
    checks.one_of(name, "weights", kinds)
    return kinds[name]()


def _is_aggregator(kind: Any, base: type) -> bool:
    return isinstance(kind, type) and issubclass(kind, base) and kind is not base
