"""An evaluation with made-up numbers: two attacks, three rules, two sizes."""

from __future__ import annotations

import pytest

from mt_torchattacks.evaluation import Evaluation, Measurements

UP = {"segmentation": {"miou": True}, "depth": {"abs": False, "delta": True}}


def scores(miou: float, absolute: float, delta: float) -> Measurements:
    metrics = {"segmentation": {"miou": miou}, "depth": {"abs": absolute, "delta": delta}}
    return Measurements(metrics, {"segmentation": 1 - miou, "depth": absolute}, seconds=1.0, samples=4)


@pytest.fixture
def evaluation() -> Evaluation:
    """ARP (segmentation, depth, total): dgba wins at 4; at 8 total is ahead of it for PGD, both others for APGD."""
    attacked = {
        "pgd/total/4": scores(0.2, 1.0, 0.8),  # 50, 50: 50
        "pgd/sign_total/4": scores(0.2, 1.0, 0.8),  # 50, 50: 50
        "pgd/dgba/4": scores(0.2, 1.5, 0.8),  # 50, 100: 75
        "pgd/total/8": scores(0.1, 2.0, 0.4),  # 75, 175: 125
        "pgd/sign_total/8": scores(0.0, 1.0, 0.8),  # 100, 50: 75
        "pgd/dgba/8": scores(0.0, 1.0, 0.4),  # 100, 75: 87.5
        "apgd/total/8": scores(0.0, 1.0, 0.4),  # 100, 75: 87.5
        "apgd/sign_total/8": scores(0.0, 1.0, 0.8),  # 100, 50: 75
        "apgd/dgba/8": scores(0.2, 1.0, 0.8),  # 50, 50: 50
    }
    return Evaluation(scores(0.4, 0.5, 0.8), attacked, UP)
