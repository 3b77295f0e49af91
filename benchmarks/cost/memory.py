"""What autograd keeps for the backward pass, with and without the parameters frozen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

import mt_torchattacks as mta
from benchmarks.cost.setting import Setting


@dataclass
class Memory:
    """Bytes kept for a backward pass by three ways to make the same losses, and bytes of the weights' gradients."""

    name: str
    frozen: int
    unfrozen: int
    ours: int
    weight_gradients: int


def memory(name: str, setting: Setting) -> Memory:
    """Measure a setting; its model's parameters end up as they were, not frozen."""
    model, x = setting.model, setting.images.clone().requires_grad_()
    unfrozen = kept_bytes(model, lambda: setting.plain_losses(model, x))
    model.requires_grad_(False)
    frozen = kept_bytes(model, lambda: setting.plain_losses(model, x))
    model.requires_grad_(True)
    score = mta.Objective(model, setting.tasks, "dgba").bind(setting.images, setting.targets)
    score(setting.images)  # takes the clean losses
    ours = kept_bytes(model, lambda: score(x))
    return Memory(name, frozen, unfrozen, ours, sum(p.numel() * p.element_size() for p in model.parameters()))


def kept_bytes(model: nn.Module, run: Callable[[], object]) -> int:
    """Bytes of the distinct storages kept for the backward passes of what ``run`` returns, the model's own left out."""
    own = {tensor.untyped_storage().data_ptr() for tensor in [*model.parameters(), *model.buffers()]}
    kept: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        result = run()  # holds the graph, so that no address is used twice
    del result
    return sum(kept.values())
