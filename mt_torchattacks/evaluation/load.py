"""Models and data by the names that people give them: of the zoo, in files, made by functions of theirs."""

from __future__ import annotations

import fnmatch
import glob
import importlib
import importlib.util
import inspect
import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from mt_torchattacks import checks
from mt_torchattacks.data import DATASETS, dataset_names
from mt_torchattacks.evaluation.named import NamedData, NamedModel
from mt_torchattacks.models import zoo, zoo_names
from mt_torchattacks.models.checkpoint import checkpoint_path, is_checkpoint, load_checkpoint, load_record
from mt_torchattacks.models.zoo import zoo_record
from mt_torchattacks.names import at_commas
from mt_torchattacks.tasks import kinds


def load_models(
    names: Sequence[str], device: str = "auto", *, known: Mapping[str, NamedModel] | None = None
) -> list[NamedModel]:
    """Models by name, by pattern, by the path of a checkpoint, or made by a function.

    Args:
        names: of the zoo; folders that ``mt-attack train`` wrote, or paths of checkpoints in them; both also as
            patterns (``"rooms3/*"``, ``"results/train/nyuv2/*"``); ``"package.module:function"`` or
            ``"path/file.py:function"``, which is called without arguments and returns a ``torch.nn.Module``. Each may
            be several, separated by commas.
        device: where they are put; ``"auto"`` for a GPU if there is one.
        known: models that are there already, by name.

    Raises:
        ValueError: no such model; the message lists those of the zoo. Or no such device.
        TypeError: a function returned something else.
    """
    place = usable_device(device)
    found = (match for name in at_commas(names) for match in _matches(name))
    there = known or {}
    return [there.get(name) or NamedModel(name, _model(name).to(place)) for name in dict.fromkeys(found)]


def load_data(
    source: str, model: str, *, split: str = "test", images: int = 32, batch_size: int = 16, workers: int = 0
) -> NamedData:
    """Images with the tasks of a model, in the size that it was trained with.

    Args:
        source: ``"rooms"``, ``"rooms:SEED"``, ``"nyuv2:ROOT"`` and the like, or ``"package.module:function"`` or
            ``"path/file.py:function"``, which is called without arguments and returns a data set, see
            :meth:`NamedData.of`, or a :class:`NamedData`.
        model: name of the model, as for :func:`load_models`. Of a model that a function makes nothing is known: its
            data have to be made by a function, too.
        split: of a data set on disk.
        images: how many.
        batch_size: how many at a time.
        workers: processes that read ahead, of data that are not held in memory.

    Raises:
        TypeError, ValueError: no such data, or too few images.
    """
    if is_function(source):
        made = call(source, "data")
        if isinstance(made, NamedData):
            return made.first(images)
        return NamedData.of(source, made, images, batch_size, workers=workers)
    expected = f"package.module:function for {model!r}, of whose tasks nothing is known"
    checks.require(not is_function(model), "data", expected, repr(source))
    record = _record(model)
    tasks, classes = tuple(record["heads"]), kinds.number_of_classes(record["heads"])
    size = {**record.get("data", {}), **record.get("test", {})}.get("size")
    known: dict[str, Any] = {"length": max(images, 0), "split": split, "tasks": tasks, "classes": classes, "size": size}
    label, dataset = _dataset(source, {key: value for key, value in known.items() if value is not None})
    return NamedData.of(label, dataset, images, batch_size, workers=workers)


def open_dataset(source: str, **known: Any) -> Any:
    """A data set by the name that people give it.

    Args:
        source: as for :func:`load_data`, but for functions: ``"rooms:SEED"``, ``"nyuv2:ROOT"``.
        known: arguments of data sets: ``split``, ``length``, ``tasks``, ``classes``, ``size``; those that this one has
            are given to it.

    Raises:
        ValueError: no such data set, or the data set's own errors.

    Example:
        >>> len(open_dataset("rooms:3", length=5, split="test"))
        5
    """
    return _dataset(source, known)[1]


def usable_device(name: str) -> torch.device:
    """The device of a name, ``"auto"`` for a GPU if there is one; a tensor can be put on it and read back.

    Raises:
        ValueError: it is not here.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        torch.zeros(1, device=name).item()
    except (RuntimeError, AssertionError) as error:  # the latter where torch was built without CUDA
        checks.fail("device", "a device that is here, as cpu or cuda", f"{name!r} ({str(error).splitlines()[0]})")
    return torch.device(name)


def is_function(name: str) -> bool:
    """Whether a name is ``package.module:function`` or ``path/file.py:function``."""
    module, colon, function = name.rpartition(":")
    return bool(colon) and function.isidentifier() and (module.endswith(".py") or "." in module)


def call(name: str, argument: str) -> Any:
    """What a function of the user returns.

    Args:
        name: ``package.module:function`` or ``path/file.py:function``.
        argument: for messages, what the function was given for.

    Raises:
        ValueError: there is no such module or function.
    """
    where, _, function = name.rpartition(":")
    try:
        module = _module_in(Path(where)) if where.endswith(".py") else importlib.import_module(where)
        found = getattr(module, function)
    except (ImportError, AttributeError, OSError) as error:
        checks.fail(argument, "package.module:function or file.py:function", f"{name!r} ({error})")
    checks.require(callable(found), argument, "a function", f"{checks.describe(found)} for {name!r}", TypeError)
    return found()


def _module_in(path: Path) -> Any:
    name = f"_mt_attack_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise FileNotFoundError(f"no Python file {path}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _matches(name: str) -> list[str]:
    """The models that a name or a pattern stands for: of the zoo, or else on the disk.

    Raises:
        ValueError: nothing matches a pattern.
    """
    if not glob.has_magic(name) or is_checkpoint(name):
        return [name]
    on_disk = sorted(glob.glob(name))  # noqa: PTH207 - the path may be absolute
    found = fnmatch.filter(zoo_names(), name) or [path for path in on_disk if is_checkpoint(path)]
    expected = f"one of {checks.listed(zoo_names())}, or folders that `mt-attack train` wrote"
    checks.require(bool(found), "model", expected, f"none that match {name!r}")
    return found


def _model(name: str) -> nn.Module:
    if is_function(name):
        made = call(name, "model")
        expected = "a torch.nn.Module"
        checks.require(isinstance(made, nn.Module), f"model {name!r}", expected, checks.describe(made), TypeError)
        found: nn.Module = made
        return found.eval()
    _record(name)
    return zoo(name) if name in zoo_names() else _load_checkpoint(checkpoint_path(name))


def _load_checkpoint(path: Path) -> nn.Module:
    try:
        return load_checkpoint(path)
    except RuntimeError as error:
        reason = str(error).splitlines()[0]
        checks.fail("model", "weights of the model in the record beside them", f"others in {path} ({reason})")


def _record(name: str) -> Mapping[str, Any]:
    if name in zoo_names():
        return zoo_record(name)
    expected = f"one of {checks.listed(zoo_names())}, the path of a checkpoint, or package.module:function"
    checks.require(is_checkpoint(name), "model", expected, repr(name))
    return load_record(checkpoint_path(name))


def _dataset(source: str, known: Mapping[str, Any]) -> tuple[str, Any]:
    """A data set by ``NAME``, ``NAME:SEED`` or ``NAME:ROOT``, and what tables call it.

    Args:
        source: its name, and which or where it is.
        known: arguments; those that the data set has are given to it.
    """
    name, _, where = source.partition(":")
    checks.one_of(name, "data", dataset_names())
    takes = inspect.signature(DATASETS[name]).parameters
    given = {key: value for key, value in known.items() if key in takes}
    if "root" in takes:
        checks.require(bool(where), "data", f"{name}:ROOT, with the folder that it is in", repr(source))
        return f"{name}({given.get('split', '')})", DATASETS[name](**given, root=where)
    checks.require(not where or ("seed" in takes and where.isdigit()), "data", _written(name, takes), source)
    seed = {"seed": int(where or 1)} if "seed" in takes else {}
    return f"{name}(seed={seed['seed']})" if seed else name, DATASETS[name](**given, **seed)


def _written(name: str, takes: Collection[str]) -> str:
    return f"{name} or {name}:SEED" if "seed" in takes else name
