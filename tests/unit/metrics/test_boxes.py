"""Overlap of boxes against a count of pixels, a loop and torchvision."""

from __future__ import annotations

import math

import pytest
import torch
from torchvision.ops import box_iou

from mt_torchattacks.dense import intersection_over_union
from mt_torchattacks.metrics import BoxMetrics


def boxes(count: int, seed: int) -> torch.Tensor:
    """Boxes of whole pixels in an image of 20 x 20."""
    corners = torch.randint(0, 20, (count, 2, 2), generator=torch.Generator().manual_seed(seed)).sort(dim=1).values
    return torch.cat([corners[:, 0], corners[:, 1] + 1], dim=1).float()


def pixels(box: torch.Tensor) -> set[tuple[int, int]]:
    left, top, right, bottom = (int(edge) for edge in box)
    return {(x, y) for x in range(left, right) for y in range(top, bottom)}


def test_overlap_is_that_of_the_pixels() -> None:
    for first, second in zip(boxes(30, 0), boxes(30, 1), strict=True):
        both, either = pixels(first) & pixels(second), pixels(first) | pixels(second)
        assert float(intersection_over_union(first, second)) == pytest.approx(len(both) / len(either))


def test_overlap_is_torchvisions() -> None:
    first, second = boxes(30, 2), boxes(30, 3)
    torch.testing.assert_close(intersection_over_union(first, second), box_iou(first, second).diagonal())
    swapped = first[:, [2, 3, 0, 1]]
    assert not intersection_over_union(swapped, second).any()


@pytest.mark.parametrize("several", [False, True])
def test_metrics_against_a_loop(several: bool) -> None:
    output, target = boxes(24, 4) + 0.25, boxes(24, 5)
    target[3], target[7] = 0, math.nan
    ious, errors = [], []
    for a, b in zip(output.double().tolist(), target.double().tolist(), strict=True):
        if b[2] > b[0] and b[3] > b[1]:
            width, height = (max(0.0, min(a[i + 2], b[i + 2]) - max(a[i], b[i])) for i in (0, 1))
            areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)]
            ious.append(width * height / (sum(areas) - width * height))
            errors.append(sum(abs(x - y) for x, y in zip(a, b, strict=True)) / 4)
    assert len(ious) == 22
    shape = (12, 2, 4) if several else (24, 4)
    metrics = BoxMetrics()
    for part, true in zip(output.view(shape).split(5), target.view(shape).split(5), strict=True):
        metrics.update(part, true)
    found = {name: float(value) for name, value in metrics.compute().items()}
    assert found == pytest.approx({"iou": sum(ious) / 22, "l1": sum(errors) / 22}, rel=1e-12)


def test_what_does_not_fit() -> None:
    with pytest.raises(ValueError, match=r"output: expected shape \(N, 4\) or \(N, M, 4\)"):
        BoxMetrics().update(torch.zeros(2, 5), torch.zeros(2, 5))
    with pytest.raises(ValueError, match=r"target: expected shape \(2, 4\)"):
        BoxMetrics().update(torch.zeros(2, 4), torch.zeros(2, 1, 4))
    with pytest.raises(ValueError, match="output: expected finite values"):
        BoxMetrics().update(torch.full((1, 4), math.nan), torch.tensor([[0.0, 0.0, 1.0, 1.0]]))
