"""A step asks the device for no value: on a GPU the steps are queued one after another without waiting for results."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

import mt_torchattacks as mta
from tests import toys
from tests.attack_cases import EPS

WAITING = {"_local_scalar_dense", "nonzero", "masked_select", "equal", "is_nonzero", "_unique2", "repeat_interleave"}
"""Operators of torch whose result, or its shape, has to be known to the program."""


class Waits(TorchDispatchMode):
    """Counts the operators that wait for the device."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func._schema.name.split("::")[1]
        chosen = args[1] if name in ("index", "index_put_") else ()
        by_mask = any(index is not None and index.dtype == torch.bool for index in chosen)
        self.count += name in WAITING or by_mask
        return func(*args, **(kwargs or {}))


def waits(attack: Any) -> int:
    images, targets = toys.batch()
    with Waits() as found:
        attack(images, targets)
    return found.count


@pytest.mark.parametrize("balance", ["dgba", "total", "relative", "wgd", "max_min", "sign_total", "single:depth"])
@pytest.mark.parametrize("name", ["PGD", "APGD", "MIFGSM", "PGDL2"])
def test_more_steps_wait_no_more_often(name: str, balance: str) -> None:
    few, many = (getattr(mta, name)(toys.Toy(), toys.tasks(), balance, steps=steps) for steps in (3, 9))
    assert 0 < waits(few) == waits(many)


def test_auto_saga_waits_no_more_often_with_more_steps() -> None:
    few, many = (mta.AutoSAGA(toys.Toy(), toys.tasks(), eps=EPS, steps=steps) for steps in (3, 9))
    assert 0 < waits(few) == waits(many)
