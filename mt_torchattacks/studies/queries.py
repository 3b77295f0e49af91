"""How much harm a query attack does with how many queries, beside a white-box attack and random noise."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import torch
from torch import Tensor, nn
from tqdm import tqdm

from mt_torchattacks import attacks, checks
from mt_torchattacks.attacks.query import random_signs
from mt_torchattacks.evaluation.evaluate import AttackFunction, evaluate, replay
from mt_torchattacks.evaluation.named import NamedData, NamedModel
from mt_torchattacks.evaluation.result import Evaluation
from mt_torchattacks.evaluation.specs import parse_rule
from mt_torchattacks.geometry.ball import NORMS, Ball
from mt_torchattacks.metrics import TaskMetrics
from mt_torchattacks.report.style import head, new_figure, plain
from mt_torchattacks.tasks import Tasks
from mt_torchattacks.types import Images, Targets

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from pandas import DataFrame

    from mt_torchattacks.attacks.query import QueryAttack

QUERY_ATTACKS = ("Square", "SPSA")
"""The attacks that count queries."""

NOISE = ("uniform noise", "sign noise")
WHITE_BOX = "APGD (white box)"

_Found: TypeAlias = dict[str, tuple[Tensor, Tensor]]
"""Adversarial images ``(N, C, H, W)`` and their scores ``(N,)``, by name."""


@dataclass(frozen=True)
class QueryCurve:
    """What a query attack found after how many queries; made by :func:`query_curve`.

    Attributes:
        attack: the attack's name.
        queries: for each point of the curve, by its name, the queries allowed for each sample.
        evaluation: metrics and losses at each point and under the references, by name; its seconds mean nothing.
        scores: each sample's score ``(N,)``, by the same names.
    """

    attack: str
    queries: dict[str, int]
    evaluation: Evaluation
    scores: dict[str, Tensor]

    def above_noise(self, name: str) -> float:
        """Share of the samples, in percent, whose score is above those of both kinds of noise."""
        noise = torch.maximum(*(self.scores[kind] for kind in NOISE))
        return 100 * float((self.scores[name] > noise).double().mean())

    def to_frame(self) -> DataFrame:
        """One row for each point and reference.

        Returns:
            A frame with the columns attack, queries (0 for a reference), the ARP in percent for each task and in total,
            score (the samples' mean) and above_noise (see :meth:`above_noise`).

        Raises:
            ImportError: pandas is not installed.
        """
        frame = self.evaluation.arp()
        frame["score"] = [float(self.scores[name].mean()) for name in frame.index]
        frame["above_noise"] = [self.above_noise(name) for name in frame.index]
        frame.insert(0, "queries", [self.queries.get(name, 0) for name in frame.index])
        frame.insert(0, "attack", [self.attack if name in self.queries else name for name in frame.index])
        return frame.reset_index(drop=True)


def query_curve(
    model: nn.Module,
    tasks: Tasks,
    loader: Iterable[tuple[Images, Targets]],
    attack: QueryAttack,
    at: Sequence[int] = (100, 300, 1000),
    metrics: Mapping[str, TaskMetrics] | None = None,
    *,
    steps: int = 20,
    progress: bool = True,
) -> QueryCurve:
    """Run a query attack once and measure its best images after several numbers of queries.

    Beside it, with the same norm, radius and rule: APGD, which sees gradients, noise that is uniform in the ball, and
    noise of random signs, for Linf in the ball's corners, for L2 on its surface (both clipped to [0, 1]).

    Args:
        model: the model to evaluate; not necessarily the one that the attack asks.
        tasks: its tasks.
        loader: batches ``(images, targets)``, images ``(N, C, H, W)`` in [0, 1]; gone through once. All adversarial
            images are held in memory.
        attack: ``mta.Square`` or ``mta.SPSA``.
        at: numbers of queries for each sample, at most those that the attack has.
        metrics: one accumulator a task; a task without one gets the mean of its loss.
        steps: of APGD.
        progress: whether to show progress bars.

    Raises:
        ImportError: torchattacks is not installed.
        ValueError: ``at`` is empty or out of range, or the attack's images are not in [0, 1]; see also
            :func:`~mt_torchattacks.evaluate`.

    Example:
        >>> import mt_torchattacks as mta
        >>> model, tasks = torch.nn.Conv2d(3, 1, 3, padding=1), mta.Tasks(depth=mta.losses.L1())
        >>> loader = [(torch.rand(2, 3, 8, 8), {"depth": torch.full((2, 1, 8, 8), 9.0)})]
        >>> curve = query_curve(model, tasks, loader, mta.Square(model, tasks, n_queries=30), [10, 30], progress=False)
        >>> curve.to_frame()[["attack", "queries"]].values.tolist()[:2]
        [['Square', 10], ['Square', 30]]
    """
    asked = attack.n_queries * getattr(attack, "n_restarts", 1)
    expected = f"numbers of queries from 1 to the attack's {asked}"
    checks.require(len(at) > 0 and min(at) >= 1 and max(at) <= asked, "at", expected, list(at))
    unusual = attack.box.numbers != (0.0, 1.0) or attack._normalization_applied
    checks.require(not unusual, "attack", "one on images in [0, 1], not normalized", attack)
    points = {f"{type(attack).__name__}/{count}": count for count in at}
    references = _references(attack, steps)
    batches = list(loader)
    found: list[_Found] = []
    for images, targets in tqdm(batches, desc="queries", unit="batch", leave=False, disable=None if progress else True):
        made = {name: function(images, targets) for name, function in references.items()}
        scored = {name: (x, attack.scores(x, images, targets).cpu()) for name, x in made.items()}
        found.append(_watched(attack, images, targets, points) | scored)
    names = (*points, *references)
    shown = {name: replay([batch[name][0] for batch in found]) for name in names}
    evaluation = evaluate(model, tasks, batches, shown, metrics, progress=progress)
    scores = {name: torch.cat([batch[name][1] for batch in found]) for name in names}
    return QueryCurve(type(attack).__name__, points, evaluation, scores)


def query_cell(
    subject: NamedModel,
    scenes: NamedData,
    attack: str,
    at: Sequence[int],
    *,
    rule: str = "dgba",
    norm: str = "Linf",
    eps: float = 8 / 255,
    queries: int = 1000,
    seed: int = 0,
) -> tuple[dict[str, Any], Callable[[], dict[str, list[Any]]]]:
    """A query curve as a cell of a store: its key, and what computes the columns of :meth:`QueryCurve.to_frame`.

    Args:
        subject: the model.
        scenes: what it is measured on.
        attack: ``"Square"`` or ``"SPSA"``.
        at: numbers of queries for each sample, at most ``queries``.
        rule: as :class:`~mt_torchattacks.evaluation.AttackSpec` takes it; only its score is used.
        norm, eps, queries, seed: of the attack; eps in pixel values.

    Raises:
        TypeError, KeyError, ValueError: an argument does not fit.
    """
    checks.one_of(attack, "attack", QUERY_ATTACKS)
    own: dict[str, Any] = {"norm": norm, "eps": eps, "n_queries": queries, "seed": seed}
    made = attacks.attack_class(attack)(subject.model, scenes.tasks, parse_rule(rule), **own)
    key = {"model": subject.name, "attack": attack, "rule": rule, "at": list(at)} | own
    return key | {"weights": subject.weights} | scenes.key, partial(_columns, made, scenes, at)


def _columns(attack: QueryAttack, scenes: NamedData, at: Sequence[int]) -> dict[str, list[Any]]:
    curve = query_curve(attack.model, scenes.tasks, scenes.batches, attack, at, scenes.metrics)
    columns: dict[str, list[Any]] = curve.to_frame().dropna(axis="columns").to_dict("list")
    return columns  # without a task whose ARP is undefined


def _watched(attack: QueryAttack, images: Tensor, targets: Targets, points: Mapping[str, int]) -> _Found:
    """The best images at each point of one run: those of the last answer that it still allows."""
    kept: _Found = {}

    def watch(queries: Tensor, best: Tensor, scores: Tensor) -> None:
        asked = int(queries.max())
        kept.update({name: (best.to(images), scores.cpu()) for name, count in points.items() if asked <= count})

    attack(images, targets, watch=watch)
    return kept


def _references(attack: QueryAttack, steps: int) -> dict[str, AttackFunction]:
    generator = torch.Generator().manual_seed(attack.seed)
    same = {"norm": attack.norm, "eps": attack.eps, "seed": attack.seed}
    apgd = attacks.attack_class("APGD")(attack.model, attack.tasks, attack.balance, steps=steps, **same)

    def noise(draw: Callable[[Ball, torch.Generator], Tensor]) -> AttackFunction:
        def noisy(images: Images, targets: Targets) -> Tensor:
            ball = Ball(images.cpu(), attack.eps, NORMS[attack.norm], clip=(0.0, 1.0))
            return draw(ball, generator).to(images)

        return noisy

    uniform, signs = NOISE
    return {uniform: noise(Ball.random_point), signs: noise(_sign_noise), WHITE_BOX: apgd}


def _sign_noise(ball: Ball, generator: torch.Generator) -> Tensor:
    signs = random_signs(ball.images.shape, ball.images, generator)
    size = ball.eps if ball.norm == math.inf else ball.eps / ball.images[0].numel() ** 0.5
    return ball.project(ball.images + size * signs)


_OTHERS = ("attack", "queries", "score", "above_noise", "total")
_CURVES = ("#D55E00", "#1F5F99", "#009E73")
_REFERENCES = (("#8A8A8A", ":"), ("#8A8A8A", "-."), ("#000000", "--"))


def query_figure(table: DataFrame, title: str = "Harm by number of queries") -> Figure:
    """One panel for the ARP in total and one for each task: a curve for each attack, a level line for each reference.

    Args:
        table: what :meth:`~mt_torchattacks.studies.QueryCurve.to_frame` returns, of one attack or several below each
            other.
        title: heading of the figure.

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: the table has no point of a curve.
    """
    checks.require(bool((table["queries"] > 0).any()), "table", "at least one point of a curve", "none")
    measures = ["total", *(column for column in table.columns if column not in _OTHERS)]
    figure = new_figure(1.0 + 3.3 * len(measures), 4.2)
    panels = figure.subplots(1, len(measures), squeeze=False)[0]
    for axes, measure in zip(panels, measures, strict=True):
        _panel(axes, table, measure)
        axes.set_title("mean of tasks" if measure == "total" else measure, fontsize=11)
    panels[0].set_ylabel("ARP (%)", fontsize=10)
    head(figure, title)
    return figure


def _panel(axes: Axes, table: DataFrame, measure: str) -> None:
    points, references = table[table["queries"] > 0], table[table["queries"] == 0].drop_duplicates("attack")
    curves = list(dict.fromkeys(points["attack"]))
    for i, attack in enumerate(curves):
        rows = points[points["attack"] == attack]
        colour = _CURVES[i % len(_CURVES)]
        axes.plot(rows["queries"], rows[measure], marker="o", markersize=3.5, color=colour, label=attack)
    for i, (attack, level) in enumerate(zip(references["attack"], references[measure], strict=True)):
        colour, dashes = _REFERENCES[i % len(_REFERENCES)]
        axes.axhline(level, color=colour, linestyle=dashes, linewidth=1.2, label=attack)
    axes.set_xscale("log")
    axes.minorticks_off()
    ticks = sorted(set(points["queries"]))
    axes.set_xticks(ticks, [str(tick) for tick in ticks], fontsize=9)
    axes.set_xlabel("queries for each image", fontsize=10)
    axes.margins(y=0.06)
    plain(axes)
