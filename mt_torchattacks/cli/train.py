"""``mt-attack train``."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import mt_torchattacks as mta
from mt_torchattacks.cli.command import Command
from mt_torchattacks.cli.printing import PrintOptions, show
from mt_torchattacks.cli.words import dashed
from mt_torchattacks.studies.options import Radius


@dataclass
class HowToTrain:
    """How to train.

    Args:
        recipe: a recipe's name, FAMILY/VARIANT, as rooms3/all-shared; for an unknown one the message lists all
        data: the data set's folder; rooms need none
        output: folder for what it writes; results/train/RECIPE by default
        resume: go on where an interrupted training stopped
        epochs: train for this long instead of what the recipe says
        rooms: train on this many rooms instead of what the recipe says
        weights: weighting of the tasks: equal, uncertainty, torchjd:UPGrad ...
        start: model of the zoo, or path of a checkpoint, to start from in place of random weights
        attack: train on images that this attack makes of the model at each step, as friendly_pgd or pgd
        balance: the attack's balancing rule
        eps: the attack's radius, written 8/255, 0.03, or 8 for 8/255
        steps: the attack's steps; their length is eps / 4, or 1.25 eps for a single one
        tau: of friendly_pgd, steps from images that are broken
        broken: of friendly_pgd, the sum of relative loss increases from which on an image is broken
        ratio: share of each batch that is attacked
        ramp: share of the training over which the attack's radius grows from nothing
        statistics: of batch normalization, of clean and attacked images together, or apart (with a ratio below 1)
        replays: steps on each batch, whose gradients move the images in place of the attack (free adversarial training)
        keep: keep the epoch that is best on held-out images; the share of the losses under attack in the mix, 0 to 1
        held_out: of --keep, the last training images, which are not trained on
        seed: of the weights, the order of the samples and the augmentation; the recipe's by default
        precision: of the numbers; 16-mixed needs a GPU
        device: auto (a GPU if there is one), cpu or cuda
        workers: processes that load the data
        tensorboard: write events for TensorBoard
    """

    recipe: str
    data: Path | None = None
    output: Path | None = None
    resume: bool = False
    epochs: int | None = None
    rooms: int | None = None
    weights: str | None = None
    start: str | None = None
    attack: str | None = None
    balance: str = "dgba"
    eps: Radius = Radius(4 / 255)
    steps: int = 5
    tau: int = 1
    broken: float = 1.0
    ratio: float = 1.0
    ramp: float = 0.0
    statistics: Literal["together", "apart"] = "together"
    replays: int = 1
    keep: float | None = None
    held_out: int = 256
    seed: int | None = None
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = "32-true"
    device: Literal["auto", "cpu", "cuda"] = "auto"
    workers: int = 0
    tensorboard: bool = False


_OF_THE_ATTACK = (
    "balance",
    "eps",
    "steps",
    "tau",
    "broken",
    "ratio",
    "ramp",
    "statistics",
    "replays",
    "keep",
    "held_out",
)
"""The options that say nothing without an attack."""


@dataclass
class TrainOptions(PrintOptions, HowToTrain):
    """How to train, and what to print."""


def train(options: TrainOptions) -> None:
    """Train a branched model by its recipe and measure it."""
    training = mta.training
    for name in ("epochs", "rooms"):
        value = getattr(options, name)
        mta.checks.require(value is None or value >= 1, f"--{name}", "a number >= 1", value)
    mta.checks.require(options.workers >= 0, "--workers", "a number >= 0", options.workers)
    recipe = training.Recipe.named(options.recipe).shortened(epochs=options.epochs, rooms=options.rooms)
    if options.weights is not None:
        recipe = replace(recipe, fit=recipe.fit | {"weights": options.weights})
    if options.seed is not None:
        recipe = replace(recipe, fit=recipe.fit | {"seed": options.seed})
    recipe = replace(recipe, attack=attack_arguments(options), start=options.start or "")
    output = options.output or Path("results/train", *options.recipe.split("/"))
    device = None if options.device == "auto" else mta.evaluation.usable_device(options.device).type
    fabric = training.make_fabric(options.precision, device)
    record = training.train(
        recipe,
        output,
        root=options.data,
        fabric=fabric,
        workers=options.workers,
        resume=options.resume,
        tensorboard=options.tensorboard,
        progress=not options.quiet,
    )
    if fabric.is_global_zero:
        show(options, _described(recipe.name, record, output), lambda: record)


def _described(name: str, record: Mapping[str, Any], output: Path) -> Iterator[str]:
    yield f"{name}: {record['training_seconds']} s; on {record['samples']['test']} held-out images:"
    yield _table({"model": record["metrics"], "mean prediction": record["baseline"]})
    yield f"written to {output}"


def attack_arguments(options: TrainOptions) -> dict[str, Any]:
    """What a recipe says of the attack; nothing for training on clean images."""
    if options.attack is None:
        for option in _OF_THE_ATTACK:
            usual = getattr(options, option) == getattr(HowToTrain, option)
            mta.checks.require(usual, "--attack", "an attack", f"none beside --{dashed(option)}")
        return {}
    from mt_torchattacks.attacks.create import attack_name

    eps, steps, name = float(options.eps), options.steps, attack_name(options.attack)
    takes = inspect.signature(mta.attacks.attack_class(name)).parameters
    length = eps / 4 if steps > 1 else 1.25 * eps
    every = {"eps": eps, "alpha": length, "steps": steps, "tau": options.tau, "broken": options.broken}
    own = {key: value for key, value in every.items() if key in takes}
    scheme = {field: getattr(options, field) for field in ("ramp", "statistics", "replays")}
    scheme = {field: value for field, value in scheme.items() if value != getattr(HowToTrain, field)}
    kept = {} if options.keep is None else {"keep": options.keep, "held_out": options.held_out}
    return {"name": name, "balance": options.balance, "ratio": options.ratio} | own | scheme | kept


def _table(columns: Mapping[str, Mapping[str, Mapping[str, float]]]) -> str:
    """Metrics by column, task and name as aligned text."""
    rows = [f"{'':26}" + "".join(f"{name:>17}" for name in columns)]
    first = next(iter(columns.values()))
    for task, metrics in first.items():
        for metric in metrics:
            values = "".join(f"{column[task][metric]:17.3f}" for column in columns.values())
            rows.append(f"{task:13}{metric:13}{values}")
    return "\n".join(rows)


COMMANDS = (
    Command("train", "train a branched model by its recipe and measure it", "rooms3/all-shared --epochs 2",
            TrainOptions, train),
)  # fmt: skip
