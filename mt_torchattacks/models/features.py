"""Outputs of a model's inner layers as outputs of the model, by name."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

import torch
from torch import Tensor, nn

from mt_torchattacks import checks
from mt_torchattacks.models.state import modes_kept
from mt_torchattacks.types import Images


class Features(nn.Module):
    """A model that returns its inner layers' outputs, and its own where these have names; made by :func:`features`.

    Attributes:
        model: the model itself.
        layers: the layers' dotted names in it, by task.
    """

    def __init__(self, model: nn.Module, layers: Mapping[str, str]) -> None:
        super().__init__()
        self.model = model
        self.layers = dict(layers)

    @property
    def other_inputs(self) -> tuple[str, ...]:
        """The inputs that come along, those of the model; see :func:`~mt_torchattacks.inputs`."""
        return getattr(self.model, "other_inputs", ())

    def forward(self, x: Images, **others: Tensor) -> dict[str, Any]:
        """Features and outputs by task, in one pass of the whole model."""
        found: dict[str, Tensor] = {}
        with ExitStack() as hooks:
            for task, layer in self.layers.items():
                hooks.enter_context(self.model.get_submodule(layer).register_forward_hook(_Keep(found, task)))
            outputs = self.model(x, **others)
        for task, layer in self.layers.items():
            where = f"layer {layer!r}"
            checks.require(task in found, where, "a layer that the forward pass calls", "no call of it", RuntimeError)
            described = checks.describe(found[task])
            checks.require(isinstance(found[task], Tensor), where, "a tensor as its output", described, TypeError)
        return {**(outputs if isinstance(outputs, Mapping) else {}), **found}

    @torch.no_grad()
    def clean(self, x: Images, **others: Tensor) -> dict[str, Tensor]:
        """The layers' outputs for clean inputs, detached: targets for :class:`~mt_torchattacks.losses.FeatureDistance`.

        They are taken in evaluation mode, in which attacks use the model; afterwards it is in the mode it was in.
        """
        with modes_kept(self):
            outputs = self.eval()(x, **others)
        return {task: outputs[task].clone() for task in self.layers}


class _Keep:
    """A hook that keeps a layer's output; of a tuple, as transformers' blocks return, the first."""

    def __init__(self, found: dict[str, Tensor], task: str) -> None:
        self.found, self.task = found, task

    def __call__(self, layer: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        self.found[self.task] = output[0] if isinstance(output, tuple) and output else output


def features(model: nn.Module, layers: Mapping[str, str] | None = None, /, **named: str) -> Features:
    """A model whose inner layers' outputs are outputs by name, to be attacked as tasks.

    A forward pass of the result is one of the model. Each layer is hooked during that pass only, and the hook is
    removed whatever happens in it. A layer that is called several times in a pass counts with its last output.

    Args:
        model: any model. Outputs that are a mapping stay; any other output is left out.
        layers, named: the layers' dotted names, as ``model.named_modules()`` has them, by task.

    Raises:
        TypeError: not a ``torch.nn.Module``.
        ValueError: no layer, or none of that name; the message suggests one.

    Example:
        >>> import mt_torchattacks as mta
        >>> encoder = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Tanh(), nn.Flatten(), nn.Linear(144, 5)).eval()
        >>> model, images = features(encoder, edges="1", embedding="3"), torch.rand(2, 3, 8, 8)
        >>> tasks = mta.Tasks(edges=mta.losses.FeatureDistance(), embedding=mta.losses.FeatureDistance())
        >>> adversarial = mta.PGD(model, tasks, eps=8 / 255)(images, model.clean(images))
        >>> sorted(tasks.losses(model(adversarial), model.clean(images)))
        ['edges', 'embedding']
    """
    checks.require(isinstance(model, nn.Module), "model", "a torch.nn.Module", checks.describe(model), TypeError)
    layers = {**(layers or {}), **named}
    checks.require(bool(layers), "layers", "the name of at least one layer", "none")
    known = [name for name, _ in model.named_modules() if name]
    for layer in layers.values():
        checks.one_of(layer, "layer", known)
    return Features(model, layers)
