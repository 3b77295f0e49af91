"""What an attack does, step by step: scores, losses, weights and moves, for whoever wants to look."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from itertools import count
from typing import TYPE_CHECKING, Any, TypeAlias

import torch
from torch import Tensor

from mt_torchattacks import checks
from mt_torchattacks.geometry.ball import length
from mt_torchattacks.objective.trace_figure import trace_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame


@dataclass(frozen=True)
class Step:
    """One look of an attack at some images: a forward pass, and mostly the direction that is taken from it.

    Attributes:
        run: number of the attack's call, or of a batch or component of it, in the order in which they began, from 0.
        number: of this look in its run; 0 is first.
        samples: numbers ``(M,)`` of the batch's samples that it is about; all, unless the attack is done with some.
        x: where it looks, ``(M, ...)``; with several copies of a sample, as noise-batch attacks have, the first one.
        images: the clean images ``(M, ...)``.
        scores: ``(M,)``, what iterates are compared by; of several copies the mean, as everywhere below.
        losses: each attacked task's signed loss ``(M,)``: minus the loss of a task that is driven to a goal.
        rises: each attacked task's relative loss increase ``(M,)``.
        weights: each attacked task's weight ``(M,)`` in the direction; empty for rules that look at gradients.
        gradient: whether a direction was taken here, and not the score alone.
    """

    run: int
    number: int
    samples: Tensor
    x: Tensor
    images: Tensor
    scores: Tensor
    losses: Mapping[str, Tensor]
    rises: Mapping[str, Tensor]
    weights: Mapping[str, Tensor]
    gradient: bool


Callback: TypeAlias = Callable[[Step], None]
"""What is told each step; its tensors are detached and on the attack's device."""

_WATCHERS: ContextVar[tuple[_Watcher, ...]] = ContextVar("watchers", default=())


@dataclass(repr=False)
class Trace:
    """The steps that were kept, see :func:`trace`.

    Attributes:
        steps: in the order in which they were made; their images are not kept.
        moves: for each step how far each sample has moved ``(M,)`` since its last look, the largest change of a pixel;
            at a sample's first look in a run from the clean image.
        distances: for each step how far each sample is ``(M,)`` from its clean image, likewise.
    """

    steps: list[Step] = field(default_factory=list)
    moves: list[Tensor] = field(default_factory=list)
    distances: list[Tensor] = field(default_factory=list)
    _seen: dict[int, Tensor] = field(default_factory=dict, repr=False)  # of the run at hand, each sample's last look
    _run: int = field(default=-1, repr=False)

    def __call__(self, step: Step) -> None:
        """Keep a step."""
        if step.run != self._run:
            self._run, self._seen = step.run, {}
        samples = step.samples.tolist()
        before = [self._seen.get(sample, image) for sample, image in zip(samples, step.images, strict=True)]
        self._seen |= dict(zip(samples, step.x, strict=True))
        self.moves.append(_largest(step.x - torch.stack(before)))
        self.distances.append(_largest(step.x - step.images))
        nothing = step.x.new_empty(0)
        self.steps.append(replace(step, x=nothing, images=nothing))

    def to_frame(self) -> DataFrame:
        """A row for each step, sample and task: ``run, step, sample, task, loss, rise, weight, score, move, distance``.

        Moves and distances are in the unit of the pixels within the attack, [0, 1]; weights are NaN for rules that look
        at gradients.

        Raises:
            ImportError: pandas is not installed.
        """
        pandas = checks.optional("pandas", extra="plot")
        frames = []
        for step, move, distance in zip(self.steps, self.moves, self.distances, strict=True):
            for task, loss in step.losses.items():
                weight = step.weights.get(task, torch.full_like(loss, torch.nan))
                values = {"loss": loss, "rise": step.rises[task], "weight": weight, "score": step.scores}
                values |= {"move": move, "distance": distance}
                columns = {name: value.double().tolist() for name, value in values.items()}
                where = {"run": step.run, "step": step.number, "sample": step.samples.tolist(), "task": task}
                frames.append(pandas.DataFrame(where | columns))
        return pandas.concat(frames, ignore_index=True) if frames else pandas.DataFrame()

    def plot(self, run: int = 0) -> Figure:
        """Means over the samples at each step of one run: relative loss increases, shares of the weights, moves.

        Args:
            run: which run, see :class:`Step`.

        Raises:
            ValueError: there is no such run.
            ImportError: matplotlib is not installed.
        """
        chosen = [i for i, step in enumerate(self.steps) if step.run == run]
        runs = {step.run for step in self.steps}
        checks.require(bool(chosen), "run", f"one of {sorted(runs)}" if runs else "a trace of an attack's steps", run)
        steps = [self.steps[i] for i in chosen]
        return trace_figure(
            [step.rises for step in steps],
            [step.weights for step in steps],
            [self.moves[i] for i in chosen],
            [self.distances[i] for i in chosen],
        )

    def __repr__(self) -> str:
        runs = len({step.run for step in self.steps})
        tasks = dict.fromkeys(task for step in self.steps for task in step.losses)
        return f"Trace({len(self.steps)} steps in {runs} run{'s' * (runs != 1)} of tasks {', '.join(tasks) or 'none'})"

    def write(self, writer: Any, prefix: str = "attack") -> None:
        """Log the means over the samples to TensorBoard.

        Args:
            writer: a ``SummaryWriter`` of tensorboardX or ``torch.utils.tensorboard``.
            prefix: of the names: ``prefix/score``, ``prefix/move``, ``prefix/loss/task``, ``prefix/weight/task``; the
                steps of all runs are counted through.
        """
        for i, (step, move) in enumerate(zip(self.steps, self.moves, strict=True)):
            found = {"score": step.scores, "move": move}
            found |= {f"loss/{task}": loss for task, loss in step.losses.items()}
            found |= {f"weight/{task}": weight for task, weight in step.weights.items()}
            for name, values in found.items():
                writer.add_scalar(f"{prefix}/{name}", float(values.double().mean()), i)


class _Watcher:
    """A callback, and the runs that it has seen."""

    def __init__(self, callback: Callback) -> None:
        self.callback = callback
        self.runs: dict[Hashable, tuple[int, Iterator[int]]] = {}

    def tell(self, run: Hashable, **values: Any) -> None:
        """Tell a step of the run, which is known by this object."""
        number, looks = self.runs.setdefault(run, (len(self.runs), count()))
        self.callback(Step(run=number, number=next(looks), **values))


@contextmanager
def trace(callback: Callback | None = None) -> Iterator[Trace]:
    """See what attacks do: within the context, each of their steps is told to a callback, or kept.

    It works for every attack that ascends an :class:`~mt_torchattacks.Objective`: all of this library, on torchattacks'
    and ART's side, and your own loop. What is computed stays as it is; it costs no pass.

    Args:
        callback: what to call at each step with a :class:`Step`; by default steps are kept, in what the context gives.

    Yields:
        The :class:`Trace`, which stays empty where there is a callback.

    Example:
        >>> import mt_torchattacks as mta
        >>> attack = mta.PGD(torch.nn.Conv2d(3, 1, 1), mta.Tasks(depth=mta.losses.L1()), eps=0.1, alpha=0.05, steps=3)
        >>> with mta.trace() as found:
        ...     _ = attack(torch.rand(2, 3, 8, 8), {"depth": torch.zeros(2, 1, 8, 8)})
        >>> len(found.steps), found.steps[0].losses["depth"].shape, found.to_frame().columns[:5].tolist()
        (3, torch.Size([2]), ['run', 'step', 'sample', 'task', 'loss'])
        >>> found, len(found.plot().axes)
        (Trace(3 steps in 1 run of tasks depth), 3)
    """
    checks.require(
        callback is None or callable(callback), "callback", "a function", checks.describe(callback), TypeError
    )
    kept = Trace()
    token = _WATCHERS.set((*_WATCHERS.get(), _Watcher(callback or kept)))
    try:
        yield kept
    finally:
        _WATCHERS.reset(token)


def watched() -> bool:
    """Whether anybody wants to know."""
    return bool(_WATCHERS.get())


def tell(run: Hashable, **values: Any) -> None:
    """Tell a step to all who want to know; see :class:`Step` for the values."""
    for watcher in _WATCHERS.get():
        watcher.tell(run, **values)


def _largest(change: Tensor) -> Tensor:
    """The largest absolute change of each sample ``(M,)``."""
    return length(change, math.inf).flatten()
