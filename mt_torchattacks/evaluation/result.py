"""What an evaluation found, as numbers, tables and a file."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mt_torchattacks import checks
from mt_torchattacks.evaluation.shown import ShownAsTable
from mt_torchattacks.files import write_whole
from mt_torchattacks.metrics import AverageRelativePerformance, average_relative_performance

if TYPE_CHECKING:
    from pandas import DataFrame


@dataclass(frozen=True)
class Measurements:
    """How a model did on one set of images.

    Attributes:
        metrics: ``{task: {metric: value}}`` of the whole set.
        losses: mean over the samples of each task's per-sample loss.
        seconds: time spent in the attack; 0 on clean images.
        samples: number of images.
        sample_losses: every sample's loss of each task, in the order of the data set; None where nobody asked.
    """

    metrics: dict[str, dict[str, float]]
    losses: dict[str, float]
    seconds: float
    samples: int
    sample_losses: dict[str, list[float]] | None = None

    def to_dict(self) -> dict[str, Any]:
        """What JSON can hold; without what nobody asked for."""
        return {name: value for name, value in asdict(self).items() if value is not None}


@dataclass(frozen=True, repr=False)
class Evaluation(ShownAsTable):
    """How a model did on clean images and under attacks; made by :func:`~mt_torchattacks.evaluate`.

    Printed, and at the end of a cell of a notebook, it is the table of :meth:`arp`; :meth:`plot` draws it.

    Attributes:
        clean: what was measured on the clean images.
        attacked: the same under each attack, by its name.
        directions: whether higher is better, ``{task: {metric: bool}}``.

    Example:
        >>> clean = Measurements({"depth": {"abs": 0.5}}, {"depth": 0.4}, seconds=0.0, samples=8)
        >>> fooled = Measurements({"depth": {"abs": 1.0}}, {"depth": 0.9}, seconds=1.5, samples=8)
        >>> evaluation = Evaluation(clean, {"pgd/dgba": fooled}, {"depth": {"abs": False}})
        >>> evaluation.relative["pgd/dgba"].total
        100.0
        >>> evaluation
        Evaluation of 8 samples, ARP in percent
        attack    depth  total
        pgd/dgba  100.0  100.0
    """

    clean: Measurements
    attacked: dict[str, Measurements]
    directions: dict[str, dict[str, bool]]

    @cached_property
    def relative(self) -> dict[str, AverageRelativePerformance]:
        """Average relative performance under each attack, per task and in all, in percent."""
        return {
            name: average_relative_performance(self.clean.metrics, found.metrics, self.directions)
            for name, found in self.attacked.items()
        }

    def to_frame(self) -> DataFrame:
        """One row for each attack, task and metric.

        Returns:
            A frame with the columns attack, task, metric, value (under the attack), clean, and relative_change in
            percent, worse positive; NaN where it is undefined (a clean value of 0).

        Raises:
            ImportError: pandas is not installed.
        """
        columns = ["attack", "task", "metric", "value", "clean", "relative_change"]
        rows = [
            (attack, task, metric, value, self.clean.metrics[task][metric], self._change(attack, task, metric))
            for attack, found in self.attacked.items()
            for task, metrics in found.metrics.items()
            for metric, value in metrics.items()
        ]
        return checks.optional("pandas", extra="plot").DataFrame(rows, columns=columns)

    def arp(self) -> DataFrame:
        """Average relative performance in percent: a row for each attack, a column for each task, and ``total``.

        Raises:
            ImportError: pandas is not installed.
        """
        frame = checks.optional("pandas", extra="plot").DataFrame.from_dict(
            self._arp(), orient="index", columns=[*self._tasks(), "total"]
        )
        return frame.rename_axis("attack")

    def _title(self) -> str:
        return f"Evaluation of {self.clean.samples} samples, ARP in percent"

    def _tasks(self) -> list[str]:
        return list(self.clean.metrics)

    def _arp(self) -> dict[str, dict[str, float]]:
        return {
            name: {task: arp.per_task.get(task, math.nan) for task in self._tasks()} | {"total": arp.total}
            for name, arp in self.relative.items()
        }

    def to_dict(self) -> dict[str, Any]:
        """Everything, as JSON can hold it."""
        attacked = {name: found.to_dict() for name, found in self.attacked.items()}
        return {"clean": self.clean.to_dict(), "attacked": attacked, "directions": self.directions}

    @classmethod
    def from_dict(cls, found: Mapping[str, Any]) -> Evaluation:
        """The evaluation that :meth:`to_dict` was made of."""
        attacked = {name: Measurements(**values) for name, values in found["attacked"].items()}
        return cls(Measurements(**found["clean"]), attacked, found["directions"])

    def to_json(self) -> str:
        """Everything as JSON."""
        return json.dumps(self.to_dict(), indent=2, allow_nan=False) + "\n"

    def save(self, path: str | Path) -> None:
        """Write everything as JSON; the file is replaced whole or not at all."""
        write_whole(path, self.to_json())

    @classmethod
    def load(cls, path: str | Path) -> Evaluation:
        """Read what :meth:`save` wrote.

        Raises:
            OSError: the file cannot be read.
            KeyError, ValueError: it does not hold an evaluation.
        """
        found = json.loads(Path(path).read_text(encoding="utf-8"))
        names = ("clean", "attacked", "directions")
        checks.keys(found, str(path), names, allowed=names)
        return cls.from_dict(found)

    def _change(self, attack: str, task: str, metric: str) -> float:
        return self.relative[attack].changes[task].get(metric, math.nan)
