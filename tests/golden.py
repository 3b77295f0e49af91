"""The numbers of this version: ``python -m tests.golden`` writes them anew, for a raised RESULTS_VERSION."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from mt_torchattacks.evaluation.version import RESULTS_VERSION
from mt_torchattacks.tasks import standard_metrics
from tests import toys
from tests.attack_cases import ALL, make

FILE = Path(__file__).with_name("golden.json")
RULES = ("dgba", "total", "relative", "wgd", "max_min", "sign_total", "single:depth")


def numbers() -> dict[str, Any]:
    """Losses under every attack with dgba, under PGD with every rule, and metrics of the clean toy."""
    model, (images, targets) = toys.Toy().double(), toys.batch()
    images = images.double()
    found: dict[str, Any] = {"results": RESULTS_VERSION}
    for name, rule in [*((name, "dgba") for name in ALL), *(("PGD", rule) for rule in RULES)]:
        torch.manual_seed(0)
        adversarial = make(name, model, balance=rule)(images, targets)
        with torch.no_grad():
            losses = toys.tasks().losses(model(adversarial), targets)
        found[f"{name} {rule}"] = {task: round(float(loss.mean()), 6) for task, loss in losses.items()}
    with torch.no_grad():
        outputs = model(images)
    for task, meter in standard_metrics(["segmentation", "normal", "depth"], toys.CLASSES).items():
        meter.update(outputs[task], targets[task])
        found[f"metrics {task}"] = {name: round(float(value), 6) for name, value in meter.compute().items()}
    return found


if __name__ == "__main__":
    FILE.write_text(json.dumps(numbers(), indent=1) + "\n", "utf-8")
