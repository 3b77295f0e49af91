"""What attacks share that see nothing of a model but scores: counting, each sample's best, early stop, a hook."""

from __future__ import annotations

import copy
from abc import abstractmethod
from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor

from mt_torchattacks import checks
from mt_torchattacks.attacks.arguments import argument, no_argument
from mt_torchattacks.attacks.best import finite_scores, first_best
from mt_torchattacks.attacks.native import NativeAttack
from mt_torchattacks.balancing import Rule
from mt_torchattacks.geometry.ball import Ball
from mt_torchattacks.objective import BoundObjective
from mt_torchattacks.types import Images, Targets

Watch: TypeAlias = Callable[[Tensor, Tensor, Tensor], None]
"""``watch(queries, images, scores)``: queries asked for each sample ``(N,)``, its best image so far ``(N, ...)`` in
[0, 1], and that image's score ``(N,)``. The tensors are made under ``torch.inference_mode``: clone those that gradients
are to be taken of."""


class Search:
    """A batch of images under a query attack: asks for scores, counts, and keeps each sample's best image.

    The clean image, whose score the objective needs anyway, is the first best one and no query (noise near it where the
    attack starts there). Samples whose best
    score has reached ``stop_at`` are left out by :meth:`keep_active`; ``active``, ``ball`` and ``bound`` are of the
    others, A in number.

    Args:
        bound: the objective.
        ball: where candidates may be.
        stop_at: score at which a sample is done, or None.
        watch: called with the clean images and after each forward pass, or None.
    """

    def __init__(self, bound: BoundObjective, ball: Ball, stop_at: float | None, watch: Watch | None) -> None:
        self.bound, self.ball = bound, ball
        self.active = torch.arange(len(ball.images), device=ball.images.device)
        self.queries = torch.zeros_like(self.active)
        self.best = first_best(bound)
        self._stop_at, self._watch = stop_at, watch
        self._show()
        self.keep_active()

    @property
    def done(self) -> bool:
        """Whether no sample is active any more."""
        return len(self.active) == 0

    @property
    def start(self) -> Tensor:
        """Where steps start: the clean images, with noise for the samples whose losses are as good as 0 there."""
        return self.ball.project(self.bound.start)

    def probe(self, points: Tensor) -> Tensor:
        """Scores ``(A, k)`` of k points for each active sample ``(A, k, ...)``, in one forward pass.

        They are counted as queries but are no candidates for the best, so they may be outside the ball.
        """
        scores = self.bound(points.flatten(0, 1)).reshape(points.shape[:2])
        self.queries[self.active] += points.shape[1]
        self._show()
        return scores

    def ask(self, candidates: Tensor) -> Tensor:
        """Scores ``(A,)`` of a candidate in the ball for each active sample ``(A, ...)``; the best stay in ``best``."""
        scores = finite_scores(self.bound(candidates))
        self.best.add(candidates, scores, at=self.active)
        self.queries[self.active] += 1
        self._show()
        return scores

    def keep_active(self, *states: Tensor) -> tuple[Tensor, ...]:
        """Leave out the samples that are done; returns the states ``(A, ...)`` of those that are not."""
        if self._stop_at is None or self.done:
            return states
        keep = self.best.scores[self.active] < self._stop_at
        if not keep.all():
            self.active = self.active[keep]
            self.ball = self.ball.part(keep)
            self.bound = self.bound.part(keep)
        return tuple(state[keep] for state in states)

    def _show(self) -> None:
        if self._watch is not None:
            self._watch(self.queries.clone(), self.best.images.clone(), self.best.scores.clone())


def _number_or_none(value: object, name: str) -> None:
    checks.require(value is None or checks.is_number(value), name, "a number or None", repr(value), TypeError)


class QueryAttack(NativeAttack):
    """An attack that sees scores only and never a gradient: all of it runs under ``torch.inference_mode``.

    A subclass says in :meth:`search` which images it asks about. Called as ``attack(images, targets, watch=function)``
    it shows its best images after every forward pass (see :data:`Watch`).
    """

    balance: str | Rule = argument("dgba", "balancing rule or its name; only its score is used.")
    steps = no_argument()  # queries are counted instead
    n_queries: int = argument(5000, "queries for each sample >= 1; the clean image is not counted.", checks.whole)
    seed: int = NativeAttack.seed
    stop_at: float | None = argument(
        None,
        "score at which a sample is asked about no more; None asks ``n_queries`` times about each.",
        _number_or_none,
    )

    @abstractmethod
    def search(self, search: Search, generator: torch.Generator) -> None:
        """Ask ``search`` until each sample has had its queries or is done.

        Random numbers are drawn once for all samples, so that none depends on who else is in the batch.
        """

    def __call__(
        self,
        inputs: Images | None = None,
        labels: Targets | None = None,
        watch: Watch | None = None,
        *,
        images: Images | None = None,
        targets: Targets | None = None,
    ) -> Tensor:
        """As :meth:`mt_torchattacks.MultiTaskAttack.__call__`; ``watch`` sees the best images, see :data:`Watch`."""
        runner = copy.copy(self)
        runner.__dict__["_watch"] = watch  # torchattacks' __setattr__ would look for attacks in it
        return super(QueryAttack, runner).__call__(inputs, labels, images=images, targets=targets)

    def run(self, bound: BoundObjective, ball: Ball, generator: torch.Generator) -> Tensor:
        """The best images asked about, the clean ones among them."""
        with torch.inference_mode():
            search = Search(bound, ball, self.stop_at, self.__dict__.get("_watch"))
            self.search(search, generator)
        return search.best.images.clone()


def random_signs(shape: tuple[int, ...], like: Tensor, generator: torch.Generator) -> Tensor:
    """-1 or 1 at random, with the dtype of ``like``."""
    drawn = torch.rand(shape, generator=generator, device=like.device)
    return torch.where(drawn < 0.5, -1.0, 1.0).to(like.dtype)
