"""What each process of the test with two processes runs: ``torchrun -m tests.unit.training.shared FOLDER``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from mt_torchattacks.metrics import DepthMetrics, NormalMetrics, TaskMetrics
from mt_torchattacks.training import fit, make_fabric, measure
from mt_torchattacks.training.processes import random_states
from tests.unit.training.models import TASKS, fresh, samples

OPTIONS: dict[str, dict[str, Any]] = {
    "equal": {"epochs": 3, "batch_size": 6},
    "uncertainty": {"epochs": 3, "batch_size": 4, "weights": "uncertainty", "optimizer": "sgd", "lr": 0.1},
}
"""Arguments of ``fit``, by the names of the tests' cases."""


def metrics() -> dict[str, TaskMetrics]:
    """Fresh accumulators."""
    return {"depth": DepthMetrics(), "normal": NormalMetrics()}


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    fabric = make_fabric(accelerator="cpu")
    assert fabric.world_size == 2
    found: dict[str, Any] = {}
    for name, options in OPTIONS.items():
        model = fresh(plain=True)
        rows = fit(model, TASKS, samples(), fabric=fabric, folder=folder / name, progress=False, **options)
        again = fresh(plain=True)
        resumed = fit(
            again, TASKS, samples(), fabric=fabric, folder=folder / name, resume=True, progress=False, **options
        )
        assert resumed == rows
        assert all(torch.equal(value, again.state_dict()[key]) for key, value in model.state_dict().items())
        # 21 samples: the first process has one more than the second.
        values = measure(model, TASKS, samples(21), metrics(), batch_size=4, fabric=fabric)
        found[name] = {"rows": rows, "metrics": values}
        if fabric.is_global_zero:
            save_file({k: v.contiguous() for k, v in model.state_dict().items()}, folder / f"{name}.safetensors")
    states = random_states(fabric)["cpu"]
    assert not torch.equal(states[0], states[1])
    found["errors"] = [error(fabric, batch_size=5), error(fabric, batch_size=4, weights="torchjd:Sum")]
    if fabric.is_global_zero:
        (folder / "found.json").write_text(json.dumps(found))
    fabric.barrier()


def error(fabric: Any, **options: Any) -> str:
    """The message of the error that these arguments are."""
    try:
        fit(fresh(), TASKS, samples(), epochs=1, fabric=fabric, progress=False, **options)
    except ValueError as found:
        return str(found)
    return "none"


if __name__ == "__main__":
    main(Path(sys.argv[1]))
