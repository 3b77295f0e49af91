"""Leave the user's model and random numbers as they were found, whatever happens in between."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


@contextmanager
def modes_kept(model: nn.Module) -> Iterator[None]:
    """Whatever happens inside, every submodule is in the mode (train or eval) afterwards in which it was before."""
    modes = [(module, module.training) for module in model.modules()]
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode


@contextmanager
def frozen(model: object) -> Iterator[None]:
    """Turn the parameters' ``requires_grad`` off, so that activations which only weight gradients need are not kept."""
    parameters = list(model.parameters()) if isinstance(model, nn.Module) else []
    trainable = [parameter for parameter in parameters if parameter.requires_grad]
    try:
        for parameter in trainable:
            parameter.requires_grad_(False)
        yield
    finally:
        for parameter in trainable:
            parameter.requires_grad_(True)


@contextmanager
def attacking(model: nn.Module) -> Iterator[None]:
    """Inside, gradients are on and the parameters' ``requires_grad`` is off; afterwards all is as before.

    Restored, also after an exception: every submodule's mode, every buffer (batch-norm statistics), every parameter's
    ``requires_grad``; after an exception also the random-number generators (a successful attack advances them as any
    random start does). Works under an outer ``torch.no_grad()`` or ``torch.inference_mode()``.
    """
    buffers = [(buffer, buffer.clone()) for buffer in model.buffers()]
    numbers = torch.get_rng_state()
    devices = [buffer.device for buffer, _ in buffers] + [parameter.device for parameter in model.parameters()]
    cuda = sorted({device for device in devices if device.type == "cuda"}, key=str)
    cuda_numbers = [torch.cuda.get_rng_state(device) for device in cuda]
    try:
        with modes_kept(model), torch.inference_mode(False), torch.enable_grad(), frozen(model):
            yield
    except BaseException:
        torch.set_rng_state(numbers)
        for device, state in zip(cuda, cuda_numbers, strict=True):
            torch.cuda.set_rng_state(state, device)
        raise
    finally:
        for buffer, value in buffers:
            buffer.data.copy_(value)
