"""Accuracy and F1 of labels against a loop and scikit-learn."""

from __future__ import annotations

import math

import pytest
import torch
from sklearn.metrics import f1_score

from mt_torchattacks.metrics import MultilabelMetrics


def batch(samples: int = 40, labels: int = 5) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(4)
    target = torch.randint(2, (samples, labels), generator=generator).float()
    scores = torch.randn(samples, labels, generator=generator) + target - 0.5
    target[:, 4], scores[:, 4] = 0, -1  # nobody has the last label, nobody is said to
    return scores, target


def by_loop(scores: torch.Tensor, target: torch.Tensor) -> dict[str, float]:
    accuracies, f1s = [], []
    for said, true in zip(scores.double().T.tolist(), target.T.tolist(), strict=True):
        pairs = [(s > 0, t == 1) for s, t in zip(said, true, strict=True) if not math.isnan(t)]
        if pairs:
            accuracies.append(sum(s == t for s, t in pairs) / len(pairs))
        hits, claims, there = (
            sum(f(s, t) for s, t in pairs) for f in (lambda s, t: s and t, lambda s, t: s, lambda s, t: t)
        )
        if claims + there:
            precision, recall = hits / max(claims, 1), hits / max(there, 1)
            f1s.append(2 * precision * recall / (precision + recall) if hits else 0.0)
    return {"accuracy": sum(accuracies) / len(accuracies), "f1": sum(f1s) / len(f1s)}


def measured(scores: torch.Tensor, target: torch.Tensor) -> dict[str, float]:
    metrics = MultilabelMetrics(scores.shape[1])
    for part, true in zip(scores.split(9), target.split(9), strict=True):
        metrics.update(part, true)
    return {name: float(value) for name, value in metrics.compute().items()}


@pytest.mark.parametrize("unknown", [False, True])
def test_against_a_loop(unknown: bool) -> None:
    scores, target = batch()
    if unknown:
        target[::3, 0], target[:, 1] = math.nan, math.nan
    assert measured(scores, target) == pytest.approx(by_loop(scores, target), rel=1e-12)


def test_against_scikit_learn() -> None:
    scores, target = batch()
    found, said = measured(scores, target), (scores > 0).numpy()
    assert found["accuracy"] == pytest.approx((said == target.numpy()).mean(), rel=1e-12)
    expected = f1_score(target.numpy(), said, average="macro", zero_division=math.nan)
    assert found["f1"] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("scores", "target", "message"),
    [
        (torch.zeros(2, 4), torch.zeros(2, 4), r"output: expected shape \(N, 3\)"),
        (torch.zeros(2, 3), torch.zeros(2), r"target: expected shape \(2, 3\)"),
        (torch.zeros(2, 3), torch.full((2, 3), -1.0), "target: expected 1, 0 or NaN for each label"),
        (torch.full((2, 3), math.inf), torch.zeros(2, 3), "output: expected finite values"),
    ],
)
def test_what_does_not_fit(scores: torch.Tensor, target: torch.Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MultilabelMetrics(3).update(scores, target)
