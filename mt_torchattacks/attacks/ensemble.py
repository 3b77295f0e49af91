"""Several models as one model with a task for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from torch import Tensor, nn

from mt_torchattacks import checks
from mt_torchattacks.types import Images

T = TypeVar("T")


class Ensemble(nn.Module):
    """Models that see the same images, as one multi-task model: every attack and rule then attacks all of them.

    Args:
        models: the models by name, or in a list, where they are called ``model0``, ``model1`` ...; each returns one
            tensor.

    Raises:
        ValueError: there is no model.
        TypeError: a model is not a ``torch.nn.Module`` or does not return a tensor.

    Example:
        >>> import torch, mt_torchattacks as mta
        >>> pair = mta.Ensemble([nn.Sequential(nn.Flatten(), nn.Linear(48, 3)) for _ in range(2)])
        >>> tasks = mta.Tasks(pair.each(mta.losses.CrossEntropy()))
        >>> attack = mta.AutoSAGA(pair, tasks, balance="baseline", steps=2)
        >>> attack(torch.rand(5, 3, 4, 4), pair.each(torch.tensor([0, 1, 2, 1, 0]))).shape
        torch.Size([5, 3, 4, 4])
    """

    def __init__(self, models: Mapping[str, nn.Module] | Sequence[nn.Module]) -> None:
        super().__init__()
        named = models if isinstance(models, Mapping) else {f"model{i}": model for i, model in enumerate(models)}
        checks.require(len(named) > 0, "models", "at least one model", "none")
        for name, model in named.items():
            expected = "a torch.nn.Module"
            checks.require(
                isinstance(model, nn.Module), f"models[{name!r}]", expected, checks.describe(model), TypeError
            )
        self.models = nn.ModuleDict(named)

    def forward(self, x: Images) -> dict[str, Tensor]:
        """Each model's output, by the model's name."""
        outputs = {name: model(x) for name, model in self.models.items()}
        for name, output in outputs.items():
            found = checks.describe(output)
            checks.require(isinstance(output, Tensor), f"output of model {name!r}", "one tensor", found, TypeError)
        return outputs

    def each(self, value: T) -> dict[str, T]:
        """The same loss, or the same targets, for every model."""
        return dict.fromkeys(self.models, value)
