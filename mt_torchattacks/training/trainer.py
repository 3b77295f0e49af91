"""A model in training on the devices of a Fabric, and the state that it is resumed from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mt_torchattacks import checks
from mt_torchattacks.data.memory import Batch
from mt_torchattacks.tasks import Tasks
from mt_torchattacks.training.keep import Keeper
from mt_torchattacks.training.log import Row
from mt_torchattacks.training.processes import random_states, set_random_states
from mt_torchattacks.training.scheme import Scheme
from mt_torchattacks.training.state import load_state, save_state
from mt_torchattacks.training.step import Attack, TrainingStep
from mt_torchattacks.training.weighting import Weighting

STATE = "training.safetensors"
"""The name of the file that an interrupted training goes on from."""


class Trainer:
    """Trains a model epoch by epoch; every process has one.

    Args:
        fabric: devices, processes and precision.
        model: the model, moved to the device.
        tasks: its tasks.
        optimizer: holds the weights of the model and of the weighting.
        schedule: its learning-rate schedule; None for none.
        weighting: how the tasks are weighted.
        attack, ratio, scheme, steps: see :class:`~mt_torchattacks.training.step.TrainingStep`.

    Raises:
        ValueError: the weighting does not go with several processes or with scaled gradients, or the scheme not with
            the rest.
    """

    def __init__(
        self,
        fabric: Any,
        model: nn.Module,
        tasks: Tasks,
        optimizer: torch.optim.Optimizer,
        schedule: Any,
        weighting: Weighting,
        attack: Attack | None = None,
        ratio: float = 1.0,
        scheme: Scheme = Scheme(),  # noqa: B008 - it cannot change
        steps: int = 0,
    ) -> None:
        alone = fabric.world_size == 1 and not fabric.strategy.precision.state_dict()
        checks.require(
            weighting.linear or alone, "weights", "one process and no '16-mixed' for TorchJD", type(weighting).__name__
        )
        scheme.check(attack, ratio, linear=weighting.linear, processes=fabric.world_size)
        self.fabric, self.tasks, self.rows = fabric, tasks, list[Row]()
        self.wrapped, wrapped_optimizer = fabric.setup(model, optimizer)
        self.step = TrainingStep(
            self.wrapped, tasks, wrapped_optimizer, weighting, attack, ratio, schedule, self._backward, scheme, steps
        )
        self.keeper = None if scheme.keep is None else Keeper(scheme.keep, tasks)
        self.parts: dict[str, Any] = {"model": model, "optimizer": optimizer, "weighting": weighting}
        self.parts |= {"precision": fabric.strategy.precision} | ({} if schedule is None else {"schedule": schedule})
        self.parts |= {} if self.keeper is None else {"keeper": self.keeper}
        if fabric.global_rank:  # other dropout than the first process's
            torch.manual_seed(torch.initial_seed() + fabric.global_rank)

    def epoch(self, batches: Iterable[Batch]) -> Row:
        """A step on each of this process's batches; the new row: the epoch's number and the mean loss of each task."""
        self.wrapped.train()
        means = self.step.epoch(self.fabric.to_device(batch) for batch in batches)
        if self.fabric.world_size > 1:
            means = self.fabric.all_reduce(means.to(self.fabric.device), reduce_op="mean")
        self.rows.append({"epoch": len(self.rows), **dict(zip(self.tasks.active, means.tolist(), strict=True))})
        if self.keeper is not None:
            self.rows[-1] |= self.keeper.look(self.parts["model"])
        return self.rows[-1]

    def _backward(self, total: Tensor) -> None:
        """Fill the gradients, averaged over the processes: the model's by Fabric's strategy, the weighting's here."""
        self.fabric.backward(total)
        if self.fabric.world_size > 1:
            for parameter in self.step.weighting.parameters():
                parameter.grad = self.fabric.all_reduce(parameter.grad, reduce_op="mean")


class State:
    """Saves a training after an epoch, so that it can be resumed: whole or not at all.

    Args:
        trainer: the training.
        settings: what must be the same when it is resumed.
        folder: where its file is; None for none.
        resume: load the file now, if there is one.

    Raises:
        ValueError: the file is of a training with other settings, or an aggregator of TorchJD remembers what it saw.
    """

    def __init__(
        self, trainer: Trainer, settings: Mapping[str, Any], folder: Path | None, *, resume: bool = False
    ) -> None:
        self.trainer = trainer
        self.path = None if folder is None else folder / STATE
        precision = trainer.fabric.strategy.precision.precision
        self.settings = _as_read({**settings, "precision": precision, "processes": trainer.fabric.world_size})
        if resume and self.path is not None and self.path.exists():
            self._load(load_state(self.path))

    def save(self) -> None:
        """Write the file, if there is a folder; all processes call it."""
        if self.path is None:
            return
        numbers = random_states(self.trainer.fabric)
        if self.trainer.fabric.is_global_zero:
            parts = {name: part.state_dict() for name, part in self.trainer.parts.items()}
            state = {"settings": self.settings, "rows": self.trainer.rows, "random": numbers, **parts}
            save_state(state, self.path)

    def _load(self, state: Mapping[str, Any]) -> None:
        for name in self.settings | state["settings"]:  # what is as usual is in neither
            wanted, found = self.settings.get(name), state["settings"].get(name)
            checks.require(wanted == found, f"{self.path}: {name}", repr(wanted), repr(found))
        checks.require(self.trainer.step.weighting.resumable, "weights", "an aggregator without a memory", "another")
        for name, part in self.trainer.parts.items():
            part.load_state_dict(state[name])
        self.trainer.rows += state["rows"]
        set_random_states(self.trainer.fabric, state["random"])


def _as_read(value: Any) -> Any:
    """A setting as a saved state gives it back: tuples are lists."""
    if isinstance(value, Mapping):
        return {key: _as_read(item) for key, item in value.items()}
    return [_as_read(item) for item in value] if isinstance(value, (list, tuple)) else value
