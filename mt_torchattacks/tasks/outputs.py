"""A model's outputs by task name, whatever the model returns."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from torch import Tensor

from mt_torchattacks import checks


def outputs_by_task(outputs: object, names: Sequence[str], wanted: Sequence[str] | None = None) -> dict[str, Tensor]:
    """The output tensor of each wanted task.

    Args:
        outputs: a mapping, a dataclass or ``ModelOutput`` with the tasks' names, a tuple or list in the tasks' order,
            or, for one task, its tensor. Outputs beyond the tasks are ignored.
        names: all tasks, in their order.
        wanted: the tasks to return; all by default.

    Raises:
        KeyError: an output is missing; the message lists what is there.
        TypeError: none of these forms, or an output that is not a tensor.

    Example:
        >>> import torch
        >>> sorted(outputs_by_task((torch.zeros(1), torch.ones(1)), ["box", "face"]))
        ['box', 'face']
    """
    wanted = names if wanted is None else wanted
    found = _as_mapping(outputs, names)
    checks.keys(found, "model output", wanted)
    for name in wanted:
        checks.require(
            isinstance(found[name], Tensor),
            f"model output {name!r}",
            "a tensor",
            checks.describe(found[name]),
            TypeError,
        )
    return {name: found[name] for name in wanted}


def _as_mapping(outputs: object, names: Sequence[str]) -> Mapping[str, Tensor]:
    if isinstance(outputs, Mapping):
        return outputs
    if dataclasses.is_dataclass(outputs) and not isinstance(outputs, type):
        return {field.name: getattr(outputs, field.name) for field in dataclasses.fields(outputs)}
    if hasattr(outputs, "_asdict"):
        return dict(outputs._asdict())
    if isinstance(outputs, (tuple, list)):
        return dict(zip(names, outputs, strict=False))
    if isinstance(outputs, Tensor) and len(names) == 1:
        return {names[0]: outputs}
    checks.fail(
        "model output",
        f"a mapping, dataclass or tuple with {checks.listed(names)}",
        checks.describe(outputs),
        TypeError,
    )
