"""What people who know other libraries write, and what to write instead."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

from mt_torchattacks import checks
from mt_torchattacks.names import hint

_ELSEWHERE = {
    "epsilon": "eps",
    "max_iter": "steps",
    "iterations": "steps",
    "num_steps": "steps",
    "eps_step": "alpha",
    "step_size": "alpha",
    "n_iter": "steps",
    "loss_fn": "tasks",
}
"""Names of arguments in other libraries (ART, foolbox, adv-lib), and here."""


def check_call(cls: type[Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
    """Say what is wrong with the arguments of an attack in words that Python has not.

    Raises:
        TypeError: no tasks, a radius in the place of the rule, or an argument that there is not.
    """
    name = cls.__name__
    if len(args) < 2 and "tasks" not in kwargs:
        example = f"mta.{name}(model, mta.Tasks(depth=mta.losses.L1()))"
        raise TypeError(f"tasks: expected after the model, as in {example}, found none.")
    if len(args) > 2 and isinstance(args[2], (int, float)):
        expected = f"a name or a Rule (a radius is given by its name: eps={args[2]:.4g})"
        checks.fail("balance", expected, args[2], TypeError)
    takes = inspect.signature(cls).parameters
    if any(one.kind is inspect.Parameter.VAR_KEYWORD for one in takes.values()):
        return
    for given in kwargs:
        if given not in takes:
            known = _ELSEWHERE.get(given)
            meant = f" (here it is {known!r})" if known in takes else hint(given, takes)
            raise TypeError(f"{name}: expected the arguments {checks.listed(takes)}, found {given!r}{meant}.")
