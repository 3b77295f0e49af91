"""A model's row in the tables of the papers: its metrics on a benchmark, clean and under an attack."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from mt_torchattacks import checks
from mt_torchattacks.evaluation.evaluate import evaluate
from mt_torchattacks.evaluation.measure import AttackFunction
from mt_torchattacks.evaluation.result import Evaluation, Measurements
from mt_torchattacks.metrics.segmentation import Miou
from mt_torchattacks.tasks import standard_metrics, standard_tasks
from mt_torchattacks.tasks.kinds import Kind, all_kinds, find
from mt_torchattacks.types import Images, Targets

if TYPE_CHECKING:
    from pandas import DataFrame


@dataclass(frozen=True)
class Benchmark:
    """What the papers' table of a data set reports.

    Attributes:
        tasks: names of its tasks, in the table's order.
        num_classes: classes of its segmentation.
        losses: whether each task is reported by its loss alone.
    """

    tasks: tuple[str, ...]
    num_classes: int
    losses: bool = False


BENCHMARKS = {
    "nyuv2": Benchmark(("segmentation", "normal", "depth"), 40),
    "tiny_taskonomy": Benchmark(("segmentation", "normal", "depth", "keypoints2d", "edge_texture"), 17, losses=True),
    "cityscapes": Benchmark(("segmentation", "depth"), 19),
}


def paper_row(
    model: nn.Module,
    loader: Iterable[tuple[Images, Targets]],
    benchmark: str = "nyuv2",
    attack: AttackFunction | None = None,
    *,
    tasks: Sequence[str] | Mapping[str, str | Kind] | None = None,
    num_classes: int | Mapping[str, int] | None = None,
    class_weights: Tensor | Mapping[str, Tensor] | None = None,
    miou: Miou = "occurring",
    resize: str | None = None,
    device: torch.device | str | None = None,
    progress: bool = True,
) -> PaperRow:
    """A model's row in the papers' table of a benchmark, on clean images and, if there is one, under an attack.

    Source: 'Attacking All Tasks at Once'. ``"nyuv2"``: the twelve metrics of segmentation, normals and depth;
    ``"cityscapes"``: the seven of segmentation and depth; ``"tiny_taskonomy"``: the loss of each of five tasks. Any
    data set with these tasks has such a row.

    Args:
        model: images to outputs by task.
        loader: batches ``(images, targets)`` of the whole test set, see :func:`~mt_torchattacks.evaluate`.
        benchmark: ``"nyuv2"``, ``"tiny_taskonomy"`` or ``"cityscapes"``.
        attack: ``(images, targets) -> adversarial images``.
        tasks: the tasks' names where they are not the benchmark's, or a mapping of them to kinds, see
            :func:`~mt_torchattacks.tasks.standard_tasks`.
        num_classes: number of classes where it is not the benchmark's (40, 17 and 19), of all tasks or of each.
        class_weights: ``(K,)`` weights of segmentation's loss, as Tiny-Taskonomy's prior factor.
        miou: the classes that mIoU is the mean over: ``"occurring"``, the standard, or ``"true_positive"``, the
            papers' own, see :class:`~mt_torchattacks.metrics.SegmentationMetrics`.
        resize: how outputs of another size are brought to the targets', e.g. ``"bilinear"``; None: an error.
        device, progress: see :func:`~mt_torchattacks.evaluate`.

    Raises:
        TypeError, KeyError, ValueError: an argument, output or target does not fit, or a metric is undefined because
            no pixel of the set is valid.

    Example:
        >>> import mt_torchattacks as mta
        >>> from torch.utils.data import DataLoader
        >>> loader = DataLoader(mta.data.Rooms(length=4, seed=1), batch_size=4)
        >>> row = paper_row(mta.models.zoo("rooms3/all-shared"), loader, num_classes=13, progress=False)
        >>> list(row.clean)[:3], len(row.clean)
        (['seg_miou_up', 'seg_pixel_acc_up', 'normal_mean_down'], 12)
    """
    checks.one_of(benchmark, "benchmark", BENCHMARKS)
    chosen = BENCHMARKS[benchmark]
    names = chosen.tasks if tasks is None else tasks
    classes = chosen.num_classes if num_classes is None else num_classes
    evaluation = evaluate(
        model,
        standard_tasks(names, class_weights=class_weights, resize=resize),
        loader,
        {} if attack is None else {getattr(attack, "__name__", type(attack).__name__): attack},
        {} if chosen.losses else standard_metrics(names, classes, miou=miou, resize=resize),
        device=device,
        progress=progress,
    )
    return PaperRow(evaluation, next(iter(evaluation.attacked), None))


@dataclass(frozen=True)
class PaperRow:
    """An evaluation under the papers' column names, in their order and units.

    mIoU, accuracies and other shares are in percent, angles in degrees, absolute depth errors in metres; relative depth
    errors and losses are plain numbers. The tasks' kinds say which is which (:mod:`mt_torchattacks.tasks.kinds`).
    ``str(row)`` is a table of one line for each column.

    Args:
        evaluation: the metrics, as from :func:`~mt_torchattacks.evaluate`.
        attack: name of one of its attacks; None: the row of the clean images alone.

    Example:
        >>> clean, fooled = (Measurements({"depth": {"abs": e}}, {"depth": e}, 0.0, 8) for e in (0.5, 0.75))
        >>> row = PaperRow(Evaluation(clean, {"pgd": fooled}, {"depth": {"abs": False}}), "pgd")
        >>> row.clean, row.attacked
        ({'depth_abs_down': 0.5}, {'depth_abs_down': 0.75, 'ARP_t1': 50.0, 'ARP': 50.0})
        >>> print(row)
                         clean     pgd
        depth_abs_down  0.5000  0.7500
        ARP_t1                   50.00
        ARP                      50.00
    """

    evaluation: Evaluation
    attack: str | None = None

    @property
    def clean(self) -> dict[str, float]:
        """The clean metrics by column."""
        by_task = self._by_task(self.evaluation.clean)
        return {column: value for columns in by_task.values() for column, value in columns.items()}

    @property
    def attacked(self) -> dict[str, float]:
        """The metrics under the attack by column, after those of task number i its ``ARP_ti`` in percent, then ``ARP``.

        Empty without an attack. An ARP that is undefined is NaN.
        """
        if self.attack is None:
            return {}
        arp = self.evaluation.relative[self.attack]
        found: dict[str, float] = {}
        by_task = self._by_task(self.evaluation.attacked[self.attack])
        for number, (task, columns) in enumerate(by_task.items(), start=1):
            found |= columns | {f"ARP_t{number}": arp.per_task.get(task, math.nan)}
        return found | {"ARP": arp.total}

    def to_frame(self) -> DataFrame:
        """A line for the clean images, whose ARPs are NaN, and one for the attack, under the papers' columns.

        Raises:
            ImportError: pandas is not installed.
        """
        return _frame(self._lines)

    def __str__(self) -> str:
        lines = self._lines
        columns = list(self.attacked or self.clean)
        table = [["", *columns]]
        for name, values in lines.items():
            table.append([name, *(f"{values[c]:#.4g}" if c in values else "" for c in columns)])
        first, *rest = (max(map(len, line)) for line in table)
        rows = zip(*table, strict=True)
        return "\n".join(
            "  ".join([column.ljust(first), *(cell.rjust(width) for cell, width in zip(cells, rest, strict=True))])
            for column, *cells in rows
        )

    @property
    def _lines(self) -> dict[str, dict[str, float]]:
        return {"clean": self.clean} | ({} if self.attack is None else {self.attack: self.attacked})

    def _by_task(self, found: Measurements) -> dict[str, dict[str, float]]:
        directions = self.evaluation.directions
        return {
            task: {
                _column(task, metric, directions[task][metric]): 100 * value if _is_share(task, metric) else value
                for metric, value in metrics.items()
            }
            for task, metrics in found.metrics.items()
        }


def paper_table(evaluation: Evaluation) -> DataFrame:
    """The papers' table of a model: a line for the clean images and one for each attack, see :class:`PaperRow`.

    Raises:
        ImportError: pandas is not installed.

    Example:
        >>> clean, fooled = (Measurements({"depth": {"abs": e}}, {"depth": e}, 0.0, 8) for e in (0.5, 0.75))
        >>> paper_table(Evaluation(clean, {"fgsm": fooled, "pgd": fooled}, {"depth": {"abs": False}}))
                depth_abs_down  ARP_t1   ARP
        attack
        clean             0.50     NaN   NaN
        fgsm              0.75    50.0  50.0
        pgd               0.75    50.0  50.0
    """
    lines = {"clean": PaperRow(evaluation).clean}
    return _frame(lines | {attack: PaperRow(evaluation, attack).attacked for attack in evaluation.attacked})


def _frame(lines: dict[str, dict[str, float]]) -> DataFrame:
    """Lines by name under the columns of the last, which has most."""
    pandas = checks.optional("pandas", extra="plot")
    *_, longest = lines.values()
    frame: DataFrame = pandas.DataFrame.from_dict(lines, orient="index", columns=list(longest))
    return frame.rename_axis("attack")


def _column(task: str, metric: str, up: bool) -> str:
    """The papers' name of a metric, as ``normal_11.25_up``."""
    words = (kind.columns[metric] for kind in _asked(task) if metric in kind.columns)
    return f"{find(task).short or task}_{next(words, metric)}_{'up' if up else 'down'}"


def _is_share(task: str, metric: str) -> bool:
    """Whether a metric is a share in [0, 1], which the papers give in percent."""
    own = find(task).shares
    patterns = [pattern for kind in all_kinds() for pattern in kind.shares or ()] if own is None else own
    return any(fnmatchcase(metric, pattern) for pattern in patterns)


def _asked(task: str) -> list[Kind]:
    """The task's kind, then all others: a task may be measured as one of another kind is."""
    return [find(task), *all_kinds()]
