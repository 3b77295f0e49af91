"""Models, scenes and folders as the commands that measure attacks take them."""

from __future__ import annotations

import argparse
import fnmatch
import inspect
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from mt_torchattacks import checks
from mt_torchattacks.data import READERS, Rooms
from mt_torchattacks.evaluation import NamedData, NamedModel, Store
from mt_torchattacks.models import zoo, zoo_names
from mt_torchattacks.models.checkpoint import load_checkpoint, load_record
from mt_torchattacks.models.zoo import zoo_record

MODEL_HELP = "a model of the zoo, or the path of a checkpoint that `mt-attack train` wrote"
MANY = "several separated by commas, 'rooms3/*' for all that fit"


def add_inputs(command: argparse.ArgumentParser, *, scenes: int, output: str) -> None:
    """Declare the options that say what is measured, on what, and where results go."""
    data = f"rooms (held-out ones), rooms:SEED for others, or {', '.join(f'{name}:ROOT' for name in READERS)}"
    command.add_argument("--data", default="rooms", help=f"{data} (default: rooms)")
    command.add_argument("--split", default="test", help="the split of a data set on disk (default: test)")
    command.add_argument("--scenes", type=int, default=scenes, help=f"number of images (default: {scenes})")
    command.add_argument("--batch-size", type=int, default=16, help="images at a time (default: 16)")
    command.add_argument("--device", default="cpu", help="where the models run, e.g. cuda (default: cpu)")
    help_output = f"folder for tables and results; a run that was interrupted goes on there (default: {output})"
    command.add_argument("--output", type=Path, default=Path(output), help=help_output)


def load_models(names: str, device: str) -> list[NamedModel]:
    """Models by name, by pattern (``"rooms3/*"``) or by the path of a checkpoint, separated by commas.

    Raises:
        ValueError: no such model; the message lists those of the zoo. Or no such device.
    """
    _check_device(device)
    found = (match for name in names.split(",") for match in fnmatch.filter(zoo_names(), name) or [name])
    return [_load(name, device) for name in dict.fromkeys(found)]


def load_model(name: str, device: str) -> NamedModel:
    """One model, as :func:`load_models` loads several."""
    subjects = load_models(name, device)
    checks.require(len(subjects) == 1, "model", "one model", f"{len(subjects)} for {name!r}")
    return subjects[0]


def load_data(options: argparse.Namespace, model: str) -> NamedData:
    """The images that ``--data``, ``--split``, ``--scenes`` and ``--batch-size`` ask for, with a model's tasks.

    Args:
        options: the command line's.
        model: name of a model or path of a checkpoint; the images have the size and classes that it was trained with.
    """
    record = _record(model)
    tasks, classes = tuple(record["heads"]), record["heads"].get("segmentation")
    size = {**record.get("data", {}), **record.get("test", {})}.get("size")
    name, _, where = options.data.partition(":")
    if name == "rooms":
        settings = {"size": size or 64, "seed": _seed(where), "classes": classes or 13}
        dataset: Any = Rooms(max(options.scenes, 0), tasks=tasks, **settings)
        label = f"rooms(seed={settings['seed']})"
    else:
        checks.one_of(name, "data", ["rooms", *READERS])
        checks.require(bool(where), "data", f"{name}:ROOT, with the folder that it is in", repr(options.data))
        reader = READERS[name]
        known = {"classes": classes} if "classes" in inspect.signature(reader).parameters else {}
        dataset, label = reader(where, options.split, tasks=tasks, size=size, **known), f"{name}({options.split})"
    return NamedData.of(label, dataset, options.scenes, options.batch_size)


def open_store(options: argparse.Namespace) -> Store:
    """The cells in the folder that ``--output`` names, which is made when the first one is written.

    Raises:
        ValueError: there is a file in the way.
    """
    there = next(path for path in (options.output, *options.output.parents) if path.exists())
    checks.require(there.is_dir(), "output", "a folder", f"the file {there}")
    return Store(options.output / "cells")


def file_name(subject: NamedModel) -> str:
    """A model's name as that of a file: ``rooms3-all-shared``."""
    return re.sub(r"[^A-Za-z0-9.]+", "-", subject.name).strip("-.")


def _load(name: str, device: str) -> NamedModel:
    _record(name)
    model = zoo(name) if name in zoo_names() else _load_checkpoint(_path(name))
    return NamedModel(name, model.to(device))


def _load_checkpoint(path: Path) -> torch.nn.Module:
    try:
        return load_checkpoint(path)
    except RuntimeError as error:
        reason = str(error).splitlines()[0]
        checks.fail("model", "weights of the model in the record beside them", f"others in {path} ({reason})")


def _record(name: str) -> Mapping[str, Any]:
    if name in zoo_names():
        return zoo_record(name)
    found = _path(name).with_name(f"{_path(name).name}.safetensors").is_file()
    checks.require(found, "model", f"one of {checks.listed(zoo_names())}, or the path of a checkpoint", repr(name))
    return load_record(_path(name))


def _path(name: str) -> Path:
    return Path(name.removesuffix(".safetensors"))


def _check_device(device: str) -> None:
    """Check that a tensor can be put on a device and read back."""
    try:
        torch.zeros(1, device=device).item()
    except (RuntimeError, AssertionError) as error:  # the latter where torch was built without CUDA
        checks.fail("device", "a device that is here, as cpu or cuda", f"{device!r} ({str(error).splitlines()[0]})")


def _seed(text: str) -> int:
    checks.require(not text or text.isdigit(), "data", "rooms or rooms:SEED", f"rooms:{text}")
    return int(text or 1)
