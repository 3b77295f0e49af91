"""The metrics once more, in NumPy and float64 on all pixels of a set at once, written from their definitions."""

from __future__ import annotations

import math

import numpy as np
from torch import Tensor


def _array(tensor: Tensor) -> np.ndarray:
    return tensor.detach().double().numpy()


def _mean(values: np.ndarray | list[float]) -> float:
    return float(np.mean(values)) if len(values) else math.nan


def segmentation(output: Tensor, target: Tensor, *, miou: str = "occurring") -> dict[str, float]:
    """Scores (N, K, ...) and labels (N, ...), 255 ignored; IoU by the sets of pixels of each class."""
    scores, labels = _array(output), _array(target)
    predicted = scores.argmax(axis=1)[labels != 255]
    labels = labels[labels != 255]
    ious = []
    for k in range(scores.shape[1]):
        both, either = ((labels == k) & (predicted == k)).sum(), ((labels == k) | (predicted == k)).sum()
        if (either if miou == "occurring" else both) > 0:
            ious.append(both / either)
    return {"miou": _mean(ious) if len(ious) or not len(labels) else 0.0, "pixel_acc": _mean(labels == predicted)}


def normal(output: Tensor, target: Tensor) -> dict[str, float]:
    """Vectors (N, 3, ...); a target that is zero or not a number is invalid, a prediction of length 0 is 90 degrees."""
    predicted, true = (np.moveaxis(_array(vectors), 1, -1).reshape(-1, 3) for vectors in (output, target))
    valid = np.linalg.norm(true, axis=1) > 0  # False for NaN
    predicted, true = predicted[valid], true[valid]
    lengths = np.linalg.norm(predicted, axis=1) * np.linalg.norm(true, axis=1)
    cosine = np.divide((predicted * true).sum(axis=1), lengths, out=np.zeros(len(lengths)), where=lengths > 0)
    angle = np.degrees(np.arccos(np.clip(cosine, -1, 1)))
    within = {f"within_{limit:g}": _mean(angle < limit) for limit in (11.25, 22.5, 30)}
    return {"mean": _mean(angle), "median": float(np.median(angle)) if len(angle) else math.nan, **within}


def depth(output: Tensor, target: Tensor) -> dict[str, float]:
    """Depths (N, ...); a target that is not > 0 is invalid, a prediction that is not > 0 is within no ratio."""
    predicted, true = _array(output), _array(target)
    valid = true > 0
    predicted, true = predicted[valid], true[valid]
    errors = {"abs": _mean(abs(predicted - true)), "rel": _mean(abs(predicted - true) / true)}
    for power, name in enumerate(("delta_1.25", "delta_1.25^2", "delta_1.25^3"), start=1):
        limit = 1.25**power
        errors[name] = _mean((predicted > 0) & (predicted < limit * true) & (true < limit * predicted))
    return errors


def bilinear(values: Tensor, height: int, width: int) -> np.ndarray:
    """(..., h, w) at another size: pixels are squares, the value is the middle's, constant beyond the last middles."""
    result = _array(values)
    for axis, size in ((-2, height), (-1, width)):
        old = result.shape[axis]
        place = np.clip((np.arange(size) + 0.5) * old / size - 0.5, 0, old - 1)
        low = np.floor(place).astype(int)
        high, share = np.minimum(low + 1, old - 1), (place - low).reshape(-1, *[1] * (-1 - axis))
        result = np.take(result, low, axis) * (1 - share) + np.take(result, high, axis) * share
    return result
