"""A model with further outputs, which follow from its own: what an attack is to keep an eye on, too."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import Tensor, nn

from mt_torchattacks import checks
from mt_torchattacks.types import Images


class WithOutputs(nn.Module):
    """A model that returns what another one does, and what functions make of it.

    A task of an attack can then be anything that follows from the model's outputs, for example how well two of them
    agree, which a detector of attacks may look at.

    Args:
        model: returns a mapping of tensors.
        outputs: for each further output a function of that mapping.

    Raises:
        TypeError: no model, or no function; when called, a model that returns no mapping.
        ValueError: when called, a further output that has the name of one of the model's own.

    Example:
        >>> import torch, mt_torchattacks as mta
        >>> model = mta.models.zoo("rooms3/all-shared")
        >>> further = WithOutputs(model, mean_depth=lambda outputs: outputs["depth"].flatten(1).mean(dim=1))
        >>> further(torch.rand(2, 3, 64, 64))["mean_depth"].shape
        torch.Size([2])
    """

    def __init__(self, model: nn.Module, **outputs: Callable[[Mapping[str, Tensor]], Tensor]) -> None:
        super().__init__()
        checks.require(isinstance(model, nn.Module), "model", "a torch.nn.Module", checks.describe(model), TypeError)
        for name, function in outputs.items():
            checks.require(callable(function), name, "a function of the outputs", checks.describe(function), TypeError)
        self.model = model
        self.outputs = outputs

    def forward(self, images: Images, **others: Tensor) -> dict[str, Tensor]:
        """The model's own outputs and the further ones, by name."""
        found = self.model(images, **others)
        checks.require(isinstance(found, Mapping), "model output", "a mapping", checks.describe(found), TypeError)
        both = [name for name in self.outputs if name in found]
        checks.require(not both, "outputs", "names that the model's own outputs do not have", checks.listed(both))
        return {**found, **{name: function(found) for name, function in self.outputs.items()}}
