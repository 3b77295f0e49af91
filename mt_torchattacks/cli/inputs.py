"""Models, scenes and attacks as the commands that measure attacks take them."""

from __future__ import annotations

import argparse
import fnmatch
import inspect
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mt_torchattacks import checks
from mt_torchattacks.data import READERS, Rooms
from mt_torchattacks.evaluation import Scenes, Subject
from mt_torchattacks.models import zoo, zoo_names
from mt_torchattacks.models.checkpoint import load_checkpoint, load_record
from mt_torchattacks.models.zoo import zoo_record

MODEL_HELP = "a model of the zoo, or the path of a checkpoint that `mt-attack train` wrote"


def add_inputs(command: argparse.ArgumentParser, *, scenes: int, output: str) -> None:
    """Declare the options that say what is measured, on what, and where results go."""
    data = f"rooms (held-out ones), rooms:SEED for others, or {', '.join(f'{name}:ROOT' for name in READERS)}"
    command.add_argument("--data", default="rooms", help=f"{data} (default: rooms)")
    command.add_argument("--split", default="test", help="the split of a data set on disk (default: test)")
    command.add_argument("--scenes", type=int, default=scenes, help=f"number of images (default: {scenes})")
    command.add_argument("--batch-size", type=int, default=16, help="images at a time (default: 16)")
    command.add_argument("--seed", type=int, default=0, help="of the attacks' random numbers (default: 0)")
    command.add_argument("--device", default="cpu", help="where the models run, e.g. cuda (default: cpu)")
    help_output = f"folder for tables and results; a run that was interrupted goes on there (default: {output})"
    command.add_argument("--output", type=Path, default=Path(output), help=help_output)


def add_attack(command: argparse.ArgumentParser) -> None:
    """Declare the options that all attacks have."""
    command.add_argument("--steps", type=int, default=10, help="of attacks that have steps (default: 10)")
    command.add_argument("--queries", type=int, help="of attacks that have queries (default: the attack's own)")


def load_subjects(names: Sequence[str], device: str) -> list[Subject]:
    """Models by name, by pattern (``"rooms3/*"``) or by the path of a checkpoint.

    Raises:
        ValueError: no such model; the message lists those of the zoo.
    """
    found = (match for name in names for match in fnmatch.filter(zoo_names(), name) or [name])
    return [_load(name, device) for name in dict.fromkeys(found)]


def load_scenes(options: argparse.Namespace, model: str) -> Scenes:
    """The images that ``--data``, ``--split``, ``--scenes`` and ``--batch-size`` ask for, with a model's tasks.

    Args:
        options: the command line's.
        model: name of a model or path of a checkpoint; the images have the size and classes that it was trained with.
    """
    record = _record(model)
    tasks, classes = tuple(record["heads"]), record["heads"].get("segmentation")
    size = record.get("data", {}).get("size")
    name, _, where = options.data.partition(":")
    if name == "rooms":
        settings = {"size": size or 64, "seed": _seed(where), "classes": classes or 13}
        dataset: Any = Rooms(options.scenes, tasks=tasks, **settings)
        label = f"rooms(seed={settings['seed']})"
    else:
        checks.one_of(name, "data", ["rooms", *READERS])
        reader = READERS[name]
        known = {"classes": classes} if "classes" in inspect.signature(reader).parameters else {}
        dataset, label = reader(where, options.split, tasks=tasks, size=size, **known), f"{name}({options.split})"
    return Scenes.of(label, dataset, options.scenes, options.batch_size)


def _load(name: str, device: str) -> Subject:
    _record(name)
    model = zoo(name) if name in zoo_names() else load_checkpoint(_path(name))
    return Subject(name, model.to(device))


def _record(name: str) -> Mapping[str, Any]:
    if name in zoo_names():
        return zoo_record(name)
    found = _path(name).with_name(f"{_path(name).name}.safetensors").is_file()
    checks.require(found, "model", f"one of {checks.listed(zoo_names())}, or the path of a checkpoint", repr(name))
    return load_record(_path(name))


def _path(name: str) -> Path:
    return Path(name.removesuffix(".safetensors"))


def _seed(text: str) -> int:
    checks.require(not text or text.isdigit(), "data", "rooms or rooms:SEED", f"rooms:{text}")
    return int(text or 1)
