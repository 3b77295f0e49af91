"""The members of a reliable evaluation of segmentation beside SEA, which the benchmark writes from its paper."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

import mt_torchattacks as mta
from benchmarks import sea

GENERATOR = torch.Generator().manual_seed(0)


@pytest.mark.parametrize(("model", "eps"), [("rooms3/all-shared", 4), ("rooms3-robust/pgd-dgba-0", 8)])
def test_no_more_is_left_right_than_by_sea_at_the_same_passes(model: str, eps: int) -> None:
    row = sea.compared(model, eps / 255, images=12, steps=30)
    assert row["our passes"] <= row["SEA passes"]
    assert row["our accuracy"] <= row["SEA accuracy"] < row["accuracy"]
    assert row["our mIoU"] <= row["SEA mIoU"] < row["mIoU"]


def test_its_losses_are_the_paper_s() -> None:
    """As far as this library has them too, written another way."""
    logits = 2 * torch.randn(3, 5, 6, 6, generator=GENERATOR)
    labels = torch.randint(0, 5, (3, 6, 6), generator=GENERATOR)
    labels[:, 0] = sea.IGNORED
    counted = (labels != sea.IGNORED).flatten(1).sum(1)
    by_sample = sea.jensen_shannon(logits, labels).flatten(1).sum(1) / counted
    torch.testing.assert_close(by_sample, mta.losses.JensenShannon(ignore_index=255)(logits, labels))
    rate = mta.losses.ErrorRate(ignore_index=255)(logits, labels)
    torch.testing.assert_close(sea.wrong_share(logits, labels), rate)
    right = logits.argmax(1) == labels
    plain = F.cross_entropy(logits, labels, ignore_index=255, reduction="none")
    torch.testing.assert_close(sea.masked(logits, labels), torch.where(right, plain, 0))


def test_its_verdicts_are_the_metrics() -> None:
    predicted = torch.randint(0, 5, (4, 6, 6), generator=GENERATOR)
    labels = torch.randint(0, 5, (4, 6, 6), generator=GENERATOR)
    labels[:, 0] = sea.IGNORED
    metric = mta.metrics.SegmentationMetrics(5, sea.IGNORED)
    metric.update(F.one_hot(predicted, 5).movedim(-1, 1).float(), labels)
    expected = {name: float(value) for name, value in metric.compute().items()}
    accuracy, miou = sea.verdicts([predicted], labels, 5)
    assert accuracy == pytest.approx(100 * expected["pixel_acc"], rel=1e-5)
    assert miou == pytest.approx(100 * expected["miou"], rel=1e-5)
