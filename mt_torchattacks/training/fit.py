"""Multi-task training."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

from torch import nn
from tqdm.auto import tqdm

from mt_torchattacks import checks
from mt_torchattacks.attacks.host.attack import MultiTaskAttack
from mt_torchattacks.data.augment import RandomMirror
from mt_torchattacks.data.batches import Augmentation, batches
from mt_torchattacks.data.memory import Batch, loaded
from mt_torchattacks.tasks import Tasks
from mt_torchattacks.training.log import Log, Row
from mt_torchattacks.training.optimization import Choice, make_optimizer, make_schedule
from mt_torchattacks.training.processes import make_fabric
from mt_torchattacks.training.scheme import Scheme
from mt_torchattacks.training.step import Attack
from mt_torchattacks.training.trainer import State, Trainer
from mt_torchattacks.training.weighting import Weighting, resolve_weighting

MIRROR = RandomMirror()
"""The default augmentation."""


def fit(
    model: nn.Module,
    tasks: Tasks,
    dataset: Any,
    *,
    epochs: int,
    batch_size: int = 32,
    steps_per_epoch: int | None = None,
    optimizer: Choice = "adamw",
    lr: float = 3e-3,
    weight_decay: float = 1e-4,
    schedule: Choice = "one_cycle",
    weights: str | Mapping[str, float] | Weighting | None = None,
    augment: Augmentation | None = MIRROR,
    attack: Attack | None = None,
    ratio: float = 1.0,
    scheme: Scheme = Scheme(),  # noqa: B008 - it cannot change
    seed: int = 0,
    fabric: Any = None,
    workers: int = 0,
    folder: Path | None = None,
    resume: bool = False,
    tensorboard: bool = False,
    progress: bool = True,
) -> list[Row]:
    """Train a model on all its tasks.

    A step minimizes the weighted sum over the tasks of the mean per-sample loss of a batch. With the same seed, number
    of threads, initial weights and state of PyTorch's random numbers (dropout) the result on a CPU is the same, also
    if it was interrupted and resumed.

    Args:
        model: maps images ``(N, 3, H, W)`` to a dict of outputs; it is changed in place and left in evaluation mode.
        tasks: the tasks' losses.
        dataset: map-style, ``(image, targets)`` samples; in an :class:`~mt_torchattacks.training.InMemory` they are
            loaded once, which is the default for rooms.
        epochs: how many; the log has a row and the state is saved after each.
        batch_size: samples per step, all processes' together.
        steps_per_epoch: steps between two rows of the log; by default those of a pass over the data set, without the
            last, smaller batch.
        optimizer: a name of :data:`~mt_torchattacks.training.optimization.OPTIMIZERS`, or its name and options.
        lr: the learning rate, the highest or the first of the schedule.
        weight_decay: the optimizer's.
        schedule: a name of :data:`~mt_torchattacks.training.optimization.SCHEDULES`, or its name and options.
        weights: how the tasks are weighted, see :func:`~mt_torchattacks.training.weighting.resolve_weighting`; the sum
            of the losses by default.
        augment: applied to each sample; None for none.
        attack: on this model, ``(images, targets) -> adversarial images``, for adversarial training.
        ratio: share in (0, 1] of each batch's images that are attacked.
        scheme: how the attack is used: a radius that grows, free training, which epoch is kept.
        seed: of the order of the samples and of the augmentation.
        fabric: devices, processes and precision, see :func:`~mt_torchattacks.training.make_fabric`, which is the
            default.
        workers: processes that load the data; 0 for none.
        folder: where ``log.csv`` and the state of an unfinished training are written; None for neither.
        resume: go on from the state in the folder, if there is one.
        tensorboard: write events for TensorBoard into the folder, too.
        progress: show a progress bar.

    Returns:
        For each epoch its number and the mean of each task's loss; with a scheme that keeps the best epoch also what it
        saw.

    Raises:
        ImportError: Lightning Fabric (extra ``train``) or another package that was asked for is not installed.
        ValueError: a name that there is not, a weight of no task, numbers that are not positive, fewer samples than a
            batch holds, a state that is another training's.
    """
    fabric = make_fabric() if fabric is None else fabric
    dataset = loaded(dataset)
    steps = _checked_steps(len(dataset), epochs, batch_size, steps_per_epoch, fabric.world_size)
    weighting = resolve_weighting(weights, tasks.active).to(fabric.device)
    inner = make_optimizer(optimizer, _groups(model, weighting), lr, weight_decay)
    rates = make_schedule(schedule, inner, epochs * steps * scheme.replays)
    trainer = Trainer(fabric, model, tasks, inner, rates, weighting, attack, ratio, scheme, epochs * steps)
    settings = {
        "samples": len(dataset), "epochs": epochs, "batch_size": batch_size, "steps_per_epoch": steps,
        "optimizer": optimizer, "lr": lr, "weight_decay": weight_decay, "schedule": schedule,
        "weights": weights if isinstance(weights, (str, Mapping)) else None, "ratio": ratio, "seed": seed,
        "attack": repr(attack) if isinstance(attack, MultiTaskAttack) else None, **scheme.settings,
    }  # fmt: skip
    state = State(trainer, settings, folder, resume=resume)
    skip, share = len(trainer.rows) * steps, (fabric.global_rank, fabric.world_size)
    trainer.step.number = skip
    source = batches(dataset, batch_size, seed=seed, augment=augment, skip=skip, share=share, workers=workers)
    first = fabric.is_global_zero
    log = Log(folder if first else None, tensorboard=tensorboard)
    _run(trainer, state, log, source, epochs, steps, progress=progress and first)
    if trainer.keeper is not None:
        trainer.keeper.restore(model)
    model.eval()
    return trainer.rows


def _run(
    trainer: Trainer, state: State, log: Log, source: Iterator[Batch], epochs: int, steps: int, *, progress: bool
) -> None:
    """Train for the epochs that are left."""
    bar = tqdm(
        total=epochs * steps, initial=len(trainer.rows) * steps, desc="steps", disable=None if progress else True
    )
    with closing(log), bar:
        log.update(trainer.rows)
        while len(trainer.rows) < epochs:
            row = trainer.epoch(_counted(islice(source, steps), bar))
            bar.set_postfix({task: f"{loss:.3f}" for task, loss in row.items() if task != "epoch"})
            state.save()
            log.update(trainer.rows)


def _checked_steps(samples: int, epochs: int, batch_size: int, steps: int | None, processes: int) -> int:
    """The steps of an epoch."""
    checks.positive(epochs, "epochs")
    checks.positive(batch_size, "batch_size")
    expected = f"a multiple of the {processes} processes"
    checks.require(batch_size % processes == 0, "batch_size", expected, batch_size)
    checks.require(samples >= batch_size, "dataset", f"at least one batch of {batch_size}", f"{samples} samples")
    if steps is None:
        return samples // batch_size
    checks.positive(steps, "steps_per_epoch")
    return steps


def _groups(model: nn.Module, weighting: Weighting) -> list[dict[str, Any]]:
    """What the optimizer trains; the weight decay is for the model alone."""
    learned = list(weighting.parameters())
    return [{"params": list(model.parameters())}, *([{"params": learned, "weight_decay": 0.0}] if learned else [])]


def _counted(given: Iterator[Batch], bar: Any) -> Iterator[Batch]:
    for batch in given:
        yield batch
        bar.update()
