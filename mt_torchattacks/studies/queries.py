"""How much harm a query attack does with how many queries, beside a white-box attack and random noise."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import mt_torchattacks as mta
from mt_torchattacks.lazy import LazyModule
from mt_torchattacks.studies.base import Data, Models, Study, Table, one_model
from mt_torchattacks.studies.options import ModelOptions, Radius

if TYPE_CHECKING:
    import torch
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from pandas import DataFrame
    from torch import Tensor

    from mt_torchattacks.attacks.query import QueryAttack
    from mt_torchattacks.evaluation import AttackFunction, Evaluation, Measurements, NamedData, NamedModel, Store
    from mt_torchattacks.geometry import Ball
    from mt_torchattacks.types import Images, Targets
else:
    torch = LazyModule("torch")

NOISE = ("uniform noise", "sign noise")
WHITE_BOX = "APGD (white box)"
_POINTS = (1, 3, 10, 30, 100, 300, 1000, 3000, 10000)


@dataclass
class QueryOptions(ModelOptions):
    """Options of the study ``queries``.

    Args:
        attack: the attacks
        balance: a rule, of which only the score is used
        norm: of the perturbation
        eps: radius, written 8/255, 0.03, or 8 for 8/255
        rms: for L2, eps is the root of the mean square per pixel value, so that the ball reaches the corners of Linf's
        queries: for each image
        steps: of APGD beside it
    """

    attack: list[Literal["square", "spsa"]] = field(default_factory=lambda: ["square"])
    balance: str = "dgba"
    norm: Literal["Linf", "L2"] = "Linf"
    eps: Radius = Radius(8 / 255)
    rms: bool = False
    queries: int = 1000
    steps: int = 20


class QueryCurves(NamedTuple):
    """What the study found: a row for each point and reference, and in words of what."""

    frame: DataFrame
    title: str


class Queries(Study[QueryOptions, QueryCurves]):
    """Harm by number of queries of attacks that see scores only; each attack's curve is a cell."""

    name = "queries"
    help = "attack a model without gradients: harm by number of queries"
    example = "--attack square spsa --queries 300 --eps 8/255"
    Options = QueryOptions

    def run(
        self, store: Store, models: Models, data: Data, options: QueryOptions, *, progress: bool = True
    ) -> QueryCurves:
        model = one_model(models, options.model)
        images = data(model.name)
        clean = mta.evaluation.clean_cell(store, model, images, progress=progress)
        chosen = dict.fromkeys(options.attack)
        cells = [query_cell(model, images, clean, attack, options, progress=progress) for attack in chosen]
        curves = store.cells(cells, progress=progress)
        pandas = mta.checks.optional("pandas", extra="plot")
        frame = pandas.concat([pandas.DataFrame(curve) for curve in curves], ignore_index=True)
        size = f"{'rms' if options.rms else 'eps'} = {options.eps}"
        title = f"{model.name}, {options.balance}, {options.norm}, {size}, {len(images)} images"
        return QueryCurves(frame.drop_duplicates(["attack", "queries"]), title)

    def tables(self, result: QueryCurves) -> list[Table]:
        return [Table("queries", f"ARP (%) by number of queries: {result.title}", result.frame, digits=2)]

    def figures(self, result: QueryCurves) -> dict[str, Figure]:
        return {"queries": query_figure(result.frame, result.title)}


def query_cell(
    model: NamedModel,
    data: NamedData,
    clean: Measurements,
    attack: str,
    options: QueryOptions,
    *,
    progress: bool = True,
) -> tuple[dict[str, Any], Callable[[], dict[str, list[Any]]]]:
    """A query curve as a cell of a store: its key, and what computes the columns of :meth:`QueryCurve.to_frame`."""
    values = data.batches[0][0][0].numel()
    eps = float(options.eps) * (values**0.5 if options.rms and options.norm == "L2" else 1)
    at = [*(point for point in _POINTS if point < options.queries), options.queries]
    own = {"norm": options.norm, "eps": eps, "n_queries": options.queries, "seed": options.seed}
    made = mta.create(attack, model.model, data.tasks, balance=options.balance, **own)
    called = type(made).__name__
    key = {"model": model.name, "attack": called, "rule": options.balance, "at": at, "steps": options.steps}

    def compute() -> dict[str, list[Any]]:
        curve = query_curve(model, data, clean, made, at, options.steps, progress=progress)
        defined: dict[str, list[Any]] = curve.to_frame().dropna(axis="columns").to_dict("list")
        return defined  # without a task whose ARP is undefined

    return key | own | data.key | {"weights": model.weights}, compute


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
        noise = self.scores[NOISE[0]].maximum(self.scores[NOISE[1]])
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
    model: NamedModel,
    data: NamedData,
    clean: Measurements,
    attack: QueryAttack,
    at: Sequence[int] = (100, 300, 1000),
    steps: int = 20,
    *,
    progress: bool = True,
) -> QueryCurve:
    """Run a query attack once and measure its best images after several numbers of queries.

    Beside it, with the same norm, radius and rule: APGD, which sees gradients, noise that is uniform in the ball, and
    noise of random signs, for Linf in the ball's corners, for L2 on its surface (both clipped to [0, 1]).

    Args:
        model: the model to evaluate; not necessarily the one that the attack asks.
        data: what it is measured on.
        clean: the model on the clean images.
        attack: ``mta.Square`` or ``mta.SPSA``, on images in [0, 1].
        at: numbers of queries for each sample, at most those that the attack has.
        steps: of APGD.
        progress: whether to show progress bars.

    Raises:
        ImportError: torchattacks is not installed.
        ValueError: ``at`` is empty or out of range, or the attack's images are not in [0, 1]; see also
            :func:`~mt_torchattacks.evaluate`.
    """
    check_points(attack, at)
    points = {f"{type(attack).__name__}/{count}": count for count in at}
    references = _references(attack, steps)
    names = (*points, *references)
    made = {name: mta.evaluation.MadeImages(in_memory=data.in_memory) for name in names}
    parts: dict[str, list[Tensor]] = {name: [] for name in names}
    for images, targets in data.on(mta.evaluation.device_of(attack.model)):
        found = _referred(attack, images, targets, references) | _watched(attack, images, targets, points)
        for name in names:
            adversarial, scores = found[name]
            made[name].append(adversarial)
            parts[name].append(scores)
    measured = {
        name: mta.evaluation.measure_made(model.model, data, made[name], progress=name if progress else None)
        for name in names
    }
    evaluation = mta.evaluation.evaluation_of(data, clean, measured)
    scores_of = {name: torch.cat(of) for name, of in parts.items()}
    return QueryCurve(type(attack).__name__, points, evaluation, scores_of)


def check_points(attack: QueryAttack, at: Sequence[int]) -> None:
    """Check that a curve's points are within what the attack may ask, and that its images are in [0, 1].

    Raises:
        ValueError: they are not.
    """
    asked = attack.n_queries * getattr(attack, "n_restarts", 1)
    expected = f"numbers of queries from 1 to the attack's {asked}"
    mta.checks.require(len(at) > 0 and min(at) >= 1 and max(at) <= asked, "at", expected, list(at))
    unusual = attack.box.numbers != (0.0, 1.0) or attack._normalization_applied
    mta.checks.require(not unusual, "attack", "one on images in [0, 1], not normalized", attack)


def _referred(
    attack: QueryAttack, images: Images, targets: Targets, references: Mapping[str, AttackFunction]
) -> dict[str, tuple[Tensor, Tensor]]:
    """One batch's images of each reference, by its name, with their scores."""
    made = {name: reference(images, targets) for name, reference in references.items()}
    return {name: (x, attack.scores(x, images, targets).cpu()) for name, x in made.items()}


def _watched(
    attack: QueryAttack, images: Images, targets: Targets, points: Mapping[str, int]
) -> dict[str, tuple[Tensor, Tensor]]:
    """One batch's best images at each point, by its name, with their scores: those of the last answer within it."""
    best_at: dict[str, tuple[Tensor, Tensor]] = {}

    def watch(queries: Tensor, best: Tensor, scores: Tensor) -> None:
        asked = int(queries.max())
        best_at.update({name: (best.to(images), scores.cpu()) for name, count in points.items() if asked <= count})

    attack(images, targets, watch=watch)
    return best_at


def _references(attack: QueryAttack, steps: int) -> dict[str, AttackFunction]:
    """What stands beside a query attack, with its norm, radius, rule and seed."""
    generator = torch.Generator().manual_seed(attack.seed)
    same = {"norm": attack.norm, "eps": attack.eps, "seed": attack.seed}
    uniform, signs = NOISE
    return {
        uniform: partial(_noisy, attack, lambda ball: ball.random_point(generator)),
        signs: partial(_noisy, attack, lambda ball: _with_random_signs(ball, generator)),
        WHITE_BOX: mta.create("apgd", attack.model, attack.tasks, balance=attack.balance, steps=steps, **same),
    }


def _noisy(attack: QueryAttack, draw: Callable[[Ball], Tensor], images: Images, targets: Targets) -> Tensor:
    """Images with noise that is drawn in the attack's ball around each, on the CPU so that it is the same anywhere."""
    norm = mta.geometry.NORMS[attack.norm]
    return draw(mta.geometry.Ball(images.cpu(), attack.eps, norm, clip=(0.0, 1.0))).to(images)


def _with_random_signs(ball: Ball, generator: torch.Generator) -> Tensor:
    """Each value moved up or down by the same size, as far as the ball allows."""
    signs = mta.attacks.query.random_signs(ball.images.shape, ball.images, generator)
    size = ball.eps if ball.norm == math.inf else ball.eps / ball.images[0].numel() ** 0.5
    return ball.project(ball.images + size * signs)


_OTHERS = ("attack", "queries", "score", "above_noise", "total")
_CURVES = ("#D55E00", "#1F5F99", "#009E73")
_REFERENCES = (("#8A8A8A", ":"), ("#8A8A8A", "-."), ("#000000", "--"))


def query_figure(table: DataFrame, title: str = "Harm by number of queries") -> Figure:
    """One panel for the ARP in total and one for each task: a curve for each attack, a level line for each reference.

    Args:
        table: what :meth:`QueryCurve.to_frame` returns, of one attack or several below each other.
        title: heading of the figure.

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: the table has no point of a curve.
    """
    mta.checks.require(bool((table["queries"] > 0).any()), "table", "at least one point of a curve", "none")
    measures = ["total", *(column for column in table.columns if column not in _OTHERS)]
    figure = mta.report.new_figure(1.0 + 3.3 * len(measures), 4.2)
    panels = figure.subplots(1, len(measures), squeeze=False)[0]
    for axes, measure in zip(panels, measures, strict=True):
        _panel(axes, table, measure)
        axes.set_title("mean of tasks" if measure == "total" else measure, fontsize=11)
    panels[0].set_ylabel("ARP (%)", fontsize=10)
    mta.report.head(figure, title)
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
    mta.report.plain(axes)
