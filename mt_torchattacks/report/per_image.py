"""Every image's losses: as a file in columns, and to compare attacks image by image."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from mt_torchattacks import checks
from mt_torchattacks.evaluation import Evaluation, Measurements
from mt_torchattacks.metrics import holm, paired_test
from mt_torchattacks.report.tables import AttackName

if TYPE_CHECKING:
    from pandas import DataFrame


def per_image_table(evaluation: Evaluation) -> DataFrame:
    """A row for each attack, image and task, ``attack, image, task, loss, clean``.

    Args:
        evaluation: with every sample's losses, as ``evaluate_cells(..., per_sample=True)`` returns it.

    Returns:
        A frame whose losses are in float32 and whose names are categories; ``clean`` is the loss without an attack.

    Raises:
        ImportError: pandas is not installed.
        ValueError: the evaluation has no sample's losses.
    """
    pandas = checks.optional("pandas", extra="plot")
    clean = _losses(evaluation.clean)
    parts = []
    for name, measured in evaluation.attacked.items():
        for task, losses in _losses(measured).items():
            columns = {"image": range(len(losses)), "task": task, "loss": losses.numpy(), "clean": clean[task].numpy()}
            parts.append(pandas.DataFrame({"attack": name} | columns))
    frame = pandas.concat(parts, ignore_index=True)
    kinds = {"attack": "category", "task": "category", "image": "int32", "loss": "float32", "clean": "float32"}
    result: DataFrame = frame.astype(kinds)
    return result


def compared_table(evaluation: Evaluation) -> DataFrame:
    """The strongest attack at each radius beside each other one, image by image.

    An image's harm is the increase of its loss over the task's mean loss on the clean images, in percent, the mean over
    the tasks; so the mean of the images' harm is how much the mean losses rise.

    Args:
        evaluation: see :func:`per_image_table`; two images at least.

    Returns:
        A row for each attack: ``eps, attack, harm (%)``, how much less that is than the strongest attack's, ``less``,
        with its 95 % interval ``low, high``, and the p-value of a paired permutation test, ``p``, corrected for the
        number of attacks at that radius after Holm. The strongest attack's own are NaN.

    Raises:
        ImportError: pandas or SciPy is not installed.
        ValueError: the evaluation has no sample's losses, or of one image alone.
    """
    clean = _losses(evaluation.clean)
    harm = {name: _harm(clean, _losses(measured)) for name, measured in evaluation.attacked.items()}
    by_eps: dict[str, list[str]] = {}
    for name in harm:
        by_eps.setdefault(AttackName.parse(name).eps, []).append(name)
    rows = []
    for eps, names in by_eps.items():
        names.sort(key=lambda name: -float(harm[name].mean()))
        strongest, others = names[0], names[1:]
        tests = [paired_test(harm[strongest].tolist(), harm[name].tolist()) for name in others]
        corrected = [math.nan, *holm([test.p_value for test in tests])]
        for name, p, test in zip(names, corrected, [None, *tests], strict=True):
            less = (math.nan,) * 3 if test is None else test[:3]
            rows.append((eps, name.removesuffix(f"/{eps}"), float(harm[name].mean()), *less, p))
    columns = ["eps", "attack", "harm (%)", "less", "low", "high", "p"]
    return checks.optional("pandas", extra="plot").DataFrame(rows, columns=columns)


def to_parquet(frame: DataFrame) -> bytes:
    """A table as a Parquet file, which pandas, Polars, DuckDB, Arrow and R read.

    Raises:
        ImportError: pyarrow is not installed (extra ``parquet``).

    Example:
        >>> import pandas
        >>> to_parquet(pandas.DataFrame({"image": [0, 1], "loss": [0.5, 0.25]}))[:4]
        b'PAR1'
    """
    checks.optional("pyarrow", extra="parquet")
    written = io.BytesIO()
    frame.to_parquet(written, engine="pyarrow", index=False)
    return written.getvalue()


def _losses(measured: Measurements) -> dict[str, Tensor]:
    """Each task's losses ``(N,)``, float64."""
    found = measured.sample_losses
    checks.require(found is not None, "evaluation", "every sample's losses (per_sample=True)", "none")
    return {task: torch.tensor(losses, dtype=torch.float64) for task, losses in (found or {}).items()}


def _harm(clean: Mapping[str, Tensor], attacked: Mapping[str, Tensor]) -> Tensor:
    """Each image's harm in percent ``(N,)``; a task whose clean loss is 0 on all images does not count."""
    rises = [100 * (attacked[task] - losses) / losses.mean().abs() for task, losses in clean.items() if losses.any()]
    checks.require(bool(rises), "evaluation", "a task whose mean loss on the clean images is not 0", "none")
    return torch.stack(rises).mean(dim=0)
