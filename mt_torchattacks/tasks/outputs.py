"""A model's outputs by task name, whatever the model returns."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

from torch import Tensor

from mt_torchattacks import checks
from mt_torchattacks.types import Place

_HOW = "give each task its place, tasks.with_outputs({name}=0, ...) or mta.Task(loss, output=0)"


def outputs_by_task(
    outputs: object, places: Sequence[str] | Mapping[str, Place | None], wanted: Iterable[str] | None = None
) -> dict[str, Tensor]:
    """The output tensor of each wanted task.

    Args:
        outputs: a mapping, a dataclass, named tuple or ``ModelOutput``, a tuple or list, or, for one task, its tensor.
        places: all tasks, in their order, and where their outputs are: a name in a mapping, dataclass or named tuple,
            the task's own by default; a position in a tuple or list. Without positions a tuple has to be as long as
            there are tasks and is in their order. Outputs of no task are ignored.
        wanted: the tasks to return; all by default.

    Raises:
        KeyError: an output is missing; the message lists what is there.
        ValueError: a tuple of another length, or without one of the positions.
        TypeError: none of these forms, a position in what has names, or an output that is not a tensor.

    Example:
        >>> import torch
        >>> sorted(outputs_by_task((torch.zeros(1), torch.ones(1)), ["box", "face"]))
        ['box', 'face']
        >>> outputs_by_task((torch.zeros(1), torch.ones(1)), {"face": 1})
        {'face': tensor([1.])}
    """
    known = places if isinstance(places, Mapping) else dict.fromkeys(places)
    names = list(known if wanted is None else wanted)
    found = _found(outputs, known, names)
    for name, output in found.items():
        expected, described = "a tensor", checks.describe(output)
        checks.require(isinstance(output, Tensor), f"model output {name!r}", expected, described, TypeError)
    return found


def _found(outputs: object, places: Mapping[str, Place | None], wanted: Sequence[str]) -> dict[str, Tensor]:
    named = _as_mapping(outputs)
    if named is not None:
        return _by_name(named, places, wanted)
    if isinstance(outputs, (tuple, list)):
        return _by_position(outputs, places, wanted)
    if isinstance(outputs, Tensor) and len(places) == 1:
        return dict.fromkeys(wanted, outputs)
    expected = f"a mapping, dataclass or tuple with {checks.listed(places)}"
    checks.fail("model output", expected, checks.describe(outputs), TypeError)


def _as_mapping(outputs: object) -> Mapping[str, Tensor] | None:
    """Outputs that have names; None for others."""
    if isinstance(outputs, Mapping):
        return outputs
    if dataclasses.is_dataclass(outputs) and not isinstance(outputs, type):
        return {field.name: getattr(outputs, field.name) for field in dataclasses.fields(outputs)}
    return dict(outputs._asdict()) if hasattr(outputs, "_asdict") else None


def _by_name(
    outputs: Mapping[str, Tensor], places: Mapping[str, Place | None], wanted: Sequence[str]
) -> dict[str, Tensor]:
    keys = {name: name if places[name] is None else places[name] for name in wanted}
    for name, key in keys.items():
        found = f"the position {key!r} among {checks.listed(outputs)}"
        checks.require(isinstance(key, str), f"output of task {name!r}", "a name", found, TypeError)
    wanted_keys = [str(key) for key in keys.values()]
    missing = [key for key in wanted_keys if key not in outputs]
    left = [key for key in outputs if key not in wanted_keys]
    if missing and left:
        name = next(name for name, key in keys.items() if key in missing)
        raise checks.MissingKeyError(
            f"model output: expected the keys {checks.listed(wanted_keys)}; {checks.listed(missing)} missing among "
            f"{checks.listed(outputs)}. If it has another name: {name}=mta.Task(loss, output={left[0]!r})."
        )
    checks.keys(outputs, "model output", wanted_keys)
    return {name: outputs[str(key)] for name, key in keys.items()}


def _by_position(
    outputs: Sequence[Tensor], places: Mapping[str, Place | None], wanted: Sequence[str]
) -> dict[str, Tensor]:
    if all(place is None for place in places.values()):
        expected = f"one for each of the tasks {checks.listed(places)}, in their order"
        how = f"{len(outputs)} of them; {_HOW.format(name=next(iter(places)))}"
        checks.require(len(outputs) == len(places), "model outputs", expected, how)
        places = {name: position for position, name in enumerate(places)}
    found = {}
    for name in wanted:
        place = places[name]
        inside = isinstance(place, int) and -len(outputs) <= place < len(outputs)
        where = f"output of task {name!r}"
        checks.require(inside, where, f"a position in the model's {len(outputs)} outputs", repr(place))
        found[name] = outputs[place]  # type: ignore[index]
    return found
