"""Save adversarial images with their targets, and load them again; any attack, any number of tasks."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from mt_torchattacks import checks
from mt_torchattacks.files import whole
from mt_torchattacks.geometry.box import Bounds, Box
from mt_torchattacks.geometry.shape import spread_channels
from mt_torchattacks.models.inputs import other_inputs
from mt_torchattacks.models.state import attacking
from mt_torchattacks.objective.labelled import measured
from mt_torchattacks.types import Targets

Batch = Tensor | dict[str, Tensor]


class SaveReport(NamedTuple):
    """What ``save(..., return_verbose=True)`` returns.

    Attributes:
        losses: each task's mean loss on the clean and on the adversarial images, over those that have a valid element
            for the task (pixel, label); NaN if none has.
        l2: mean L2 norm of the perturbations.
        elapsed_time: mean seconds a batch.
    """

    losses: dict[str, tuple[float, float]]
    l2: float
    elapsed_time: float


def save(
    self: Any,
    data_loader: Iterable[tuple[Tensor, Targets]],
    save_path: str | os.PathLike[str] | None = None,
    verbose: bool = True,
    return_verbose: bool = False,
    save_predictions: bool = False,
    save_clean_inputs: bool = False,
    save_type: str = "float",
) -> SaveReport | None:
    """Attack every batch of a loader and save the adversarial images with their targets.

    The file is written once, at the end, under another name first: an interrupted run leaves an old file as it was.
    Images are saved un-normalized, within the attack's ``bounds``, which the file holds too.

    Args:
        data_loader: batches ``(images, targets)``.
        save_path: the file; None to save nothing.
        verbose: show a progress bar with each task's mean loss before and after.
        return_verbose: return those numbers.
        save_predictions: save the model's outputs for the adversarial images too.
        save_clean_inputs: save the clean images too.
        save_type: ``"float"``, or ``"int"`` for images as uint8, 0 to 255 within the bounds (rounded; a quarter of the
            size).

    Raises:
        ValueError: an unknown ``save_type``, or an empty loader.
    """
    checks.one_of(save_type, "save_type", ("float", "int"))
    record = _Record(tuple(self.tasks.active))
    bar = tqdm(data_loader, desc=f"save {type(self).__name__}", disable=None if verbose else True)
    for inputs, targets in bar:
        begin = time.perf_counter()
        adversarial = self(inputs, targets)
        record.seconds.append(time.perf_counter() - begin)
        clean, attacked = self.pixels(inputs), self.pixels(adversarial)
        _, before = _evaluate(self, clean, targets)
        predictions, after = _evaluate(self, attacked, targets)
        record.count(before, after, measured(self.tasks, targets, len(inputs)))
        record.measure((self.restored(attacked) - self.restored(clean)).flatten(1).norm(dim=1))
        record.keep("adv_inputs", _stored(self, attacked, save_type))
        record.keep("labels", {name: target for name, target in targets.items() if isinstance(target, Tensor)})
        if save_predictions:
            record.keep("preds", predictions)
        if save_clean_inputs:
            record.keep("clean_inputs", _stored(self, clean, save_type))
        bar.set_postfix_str(record.summary())
    checks.require(bool(record.seconds), "data_loader", "at least one batch", "none")
    if save_path is not None:
        record.write(Path(save_path), save_type, self.box.numbers)
    return record.report() if return_verbose else None


def load(
    load_path: str | os.PathLike[str],
    batch_size: int = 128,
    shuffle: bool = False,
    normalize: Mapping[str, Sequence[float]] | None = None,
    load_predictions: bool = False,
    load_clean_inputs: bool = False,
) -> DataLoader[tuple[Batch, ...]]:
    """A loader over what an attack's ``save`` wrote.

    Args:
        load_path: the file.
        batch_size: samples a batch.
        shuffle: in a new random order at each pass.
        normalize: ``{"mean": ..., "std": ...}``, one number a channel, to normalize the images with.
        load_predictions: give the saved outputs too.
        load_clean_inputs: give the saved clean images too.

    Returns:
        A loader of ``(adversarial images, targets[, predictions][, clean images])``; targets and predictions are
        dicts by task.

    Raises:
        ValueError: the file lacks what is asked for.
    """
    saved = torch.load(load_path, map_location="cpu", weights_only=True)
    wanted = ["adv_inputs", "labels"] + ["preds"] * load_predictions + ["clean_inputs"] * load_clean_inputs
    missing = [key for key in wanted if key not in saved]
    expected = f"a file saved with {checks.listed(wanted)}"
    checks.require(not missing, "load_path", expected, f"no {checks.listed(missing)}")
    for key in ("adv_inputs", "clean_inputs"):
        if key in saved:
            saved[key] = _restored(saved[key], Box.of(saved.get("bounds", (0.0, 1.0))), normalize)
    return DataLoader(_Saved([saved[key] for key in wanted]), batch_size=batch_size, shuffle=shuffle)


class _Saved(Dataset[tuple[Batch, ...]]):
    def __init__(self, columns: list[Batch]) -> None:
        self.columns = columns

    def __len__(self) -> int:
        return len(self.columns[0])

    def __getitem__(self, index: int) -> tuple[Batch, ...]:
        return tuple(
            {name: value[index] for name, value in column.items()} if isinstance(column, dict) else column[index]
            for column in self.columns
        )


class _Record:
    """What accumulates over a loader: the tensors to save, and the sums behind the report."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self.tensors: dict[str, list[Batch]] = {}
        self.totals = {name: [0.0, 0.0] for name in names}
        self.counts = dict.fromkeys(names, 0)
        self.distance = 0.0
        self.samples = 0
        self.seconds: list[float] = []

    def count(self, before: dict[str, Tensor], after: dict[str, Tensor], measured: dict[str, Tensor]) -> None:
        """Add losses by task ``(N,)``; only samples that were measured count, booleans ``(N,)`` by task."""
        for name, total in self.totals.items():
            total[0] += float(before[name].sum())
            total[1] += float(after[name].sum())
            self.counts[name] += int(measured[name].sum())

    def measure(self, distances: Tensor) -> None:
        """Add the perturbations' sizes ``(N,)``."""
        self.distance += float(distances.sum())
        self.samples += len(distances)

    def keep(self, key: str, value: Batch) -> None:
        on_cpu = {n: v.detach().cpu() for n, v in value.items()} if isinstance(value, dict) else value.detach().cpu()
        self.tensors.setdefault(key, []).append(on_cpu)

    def report(self) -> SaveReport:
        losses = {name: (_mean(first, n), _mean(second, n)) for name, (first, second) in self.totals.items()
                  for n in [self.counts[name]]}  # fmt: skip
        return SaveReport(losses, self.distance / self.samples, sum(self.seconds) / len(self.seconds))

    def summary(self) -> str:
        return ", ".join(f"{name} {a:.3g} -> {b:.3g}" for name, (a, b) in self.report().losses.items())

    def write(self, path: Path, save_type: str, bounds: Bounds) -> None:
        joined: dict[str, object] = {key: _joined(values) for key, values in self.tensors.items()}
        with whole(path) as temporary:
            torch.save({**joined, "save_type": save_type, "bounds": bounds}, temporary)


def _mean(total: float, count: int) -> float:
    return total / count if count else math.nan


def _evaluate(attack: Any, images: Tensor, targets: Targets) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Outputs and losses in evaluation mode, by task, without gradients."""
    goals = {name: targets[name].to(images.device) for name in attack.tasks.active}
    with attacking(attack.model), torch.no_grad():
        attack.model.eval()
        others = {name: other.to(images.device) for name, other in other_inputs(attack.model, targets).items()}
        outputs = attack.model_outputs(images, **others)
    return attack.tasks.by_task(outputs, attack.tasks.active), attack.tasks.losses(outputs, goals)


def _stored(attack: Any, pixels: Tensor, save_type: str) -> Tensor:
    if save_type == "int":
        return (pixels.clamp(0, 1) * 255).round().to(torch.uint8)
    restored: Tensor = attack.restored(pixels)
    return restored


def _restored(images: Tensor, box: Box, normalize: Mapping[str, Sequence[float]] | None) -> Tensor:
    images = box.restored(images.float() / 255) if images.dtype == torch.uint8 else images
    if normalize is None:
        return images
    mean, std = (
        spread_channels(torch.as_tensor(normalize[key], dtype=images.dtype), images) for key in ("mean", "std")
    )
    return (images - mean) / std


def _joined(values: list[Batch]) -> Batch:
    if isinstance(values[0], dict):
        return {name: torch.cat([value[name] for value in values]) for name in values[0]}  # type: ignore[index]
    return torch.cat(values)  # type: ignore[arg-type]
