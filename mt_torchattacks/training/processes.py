"""The devices and processes of a training, by Lightning Fabric."""

from __future__ import annotations

import os
from typing import Any

import torch
from torch import Tensor

from mt_torchattacks import checks

PRECISIONS = ("32-true", "bf16-mixed", "16-mixed")


def make_fabric(precision: str = "32-true", accelerator: str | None = None) -> Any:
    """A launched ``lightning_fabric.Fabric`` for :func:`~mt_torchattacks.training.fit`.

    Under ``torchrun`` it has a device for each process, else one.

    Args:
        precision: ``"32-true"``, ``"bf16-mixed"`` or ``"16-mixed"`` (which scales the gradients; for GPUs).
        accelerator: ``"cpu"`` or ``"cuda"``; by default a GPU where there is one.

    Raises:
        ImportError: Lightning Fabric is not installed (extra ``train``).
        ValueError: an unknown precision, or ``"16-mixed"`` on a CPU.
    """
    checks.one_of(precision, "precision", PRECISIONS)
    accelerator = accelerator or ("cuda" if torch.cuda.is_available() else "cpu")
    checks.require((precision, accelerator) != ("16-mixed", "cpu"), "precision", "a GPU for '16-mixed'", "a CPU")
    fabrics = checks.optional("lightning_fabric", extra="train")
    strategies = checks.optional("lightning_fabric.strategies", extra="train")
    here, everywhere = (int(os.environ.get(name, "1")) for name in ("LOCAL_WORLD_SIZE", "WORLD_SIZE"))
    # Heads of ignored tasks get no gradient, always the same ones.
    strategy = strategies.DDPStrategy(static_graph=True) if everywhere > 1 else "auto"
    fabric = fabrics.Fabric(
        accelerator=accelerator,
        devices=here,
        num_nodes=everywhere // here,
        strategy=strategy,
        precision=precision,
    )
    fabric.launch()
    return fabric


def random_states(fabric: Any) -> dict[str, Tensor]:
    """The states of PyTorch's global random numbers, ``(processes, bytes)`` for the CPU and for a GPU."""
    states = {"cpu": torch.get_rng_state()}
    if fabric.device.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(fabric.device)
    return {name: _everyones(fabric, state) for name, state in states.items()}


def set_random_states(fabric: Any, states: dict[str, Tensor]) -> None:
    """Put back what :func:`random_states` gave."""
    # Copies, since PyTorch would read a view of a row from the start of the whole table.
    mine = {name: state[fabric.global_rank].clone() for name, state in states.items()}
    torch.set_rng_state(mine["cpu"])
    if fabric.device.type == "cuda" and "cuda" in mine:
        torch.cuda.set_rng_state(mine["cuda"], fabric.device)


def _everyones(fabric: Any, mine: Tensor) -> Tensor:
    """The vectors ``(n,)`` of all processes as ``(processes, n)``, on the CPU."""
    table = torch.zeros(fabric.world_size, len(mine), dtype=mine.dtype)
    table[fabric.global_rank] = mine
    summed: Tensor = fabric.all_reduce(table.to(fabric.device), reduce_op="sum")
    return summed.cpu()
