"""ART's summary writers: each task's loss at every step, from ART's loops and the plugin's."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from art.attacks import evasion
from art.summary_writer import SummaryWriter

from art_plugins import ProjectedGradientDescent
from tests import toys
from tests.hosts.art import cases


class Recorder(SummaryWriter):
    """Keeps what an attack reports."""

    def __init__(self) -> None:
        self.reports: list[dict[str, Any]] = []
        self.resets = 0

    def update(self, batch_id: int, global_step: int, **report: Any) -> None:
        losses = report["estimator"].compute_losses(x=report["x"], y=report["y"])
        self.reports.append({"batch": batch_id, "step": global_step, "losses": losses, **report})

    def reset(self) -> None:
        self.resets += 1


@pytest.mark.parametrize("name", sorted(cases.ATTACKS))
def test_summary_writer_sees_every_tasks_loss_at_every_step(name: str) -> None:
    (x, y), estimator, writer = cases.arrays(5), cases.estimator(), Recorder()
    adversarial = cases.attack(name, estimator, batch_size=3, summary_writer=writer).generate(x, y)
    steps = {"FastGradientMethod": 1, "AutoProjectedGradientDescent": 4}.get(name, 3)
    assert [(r["batch"], r["step"]) for r in writer.reports] == [(b, s) for b in (0, 1) for s in range(steps)]
    first, clean = writer.reports[0], estimator.compute_losses(x, y)
    assert sorted(first["losses"]) == sorted(toys.NAMES)
    for task, losses in clean.items():
        np.testing.assert_allclose(first["losses"][task], losses[:3], rtol=1e-4)
    np.testing.assert_allclose(first["grad"], estimator.loss_gradient(x, y)[:3], rtol=1e-3, atol=1e-8)
    assert writer.resets == 1
    np.testing.assert_array_equal(adversarial, cases.attack(name, estimator, batch_size=3).generate(x, y))


class Tags:
    """Stands in for tensorboardX's writer, which takes minutes: the tags that were written."""

    written: set[str] = set()  # noqa: RUF012 - shared by all that ART makes

    def __init__(self, **arguments: Any) -> None:
        pass

    def add_scalars(self, tag: str, values: dict[str, float], global_step: int) -> None:
        self.written.add(f"{tag} at {global_step} for {len(values)} images")

    def flush(self) -> None:
        pass


@pytest.mark.parametrize("host", [evasion.ProjectedGradientDescent, ProjectedGradientDescent])
def test_tensorboard(host: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("tensorboardX")
    module.SummaryWriter = Tags  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "tensorboardX", module)
    monkeypatch.setattr(Tags, "written", set())
    (x, y), estimator = cases.arrays(), cases.estimator()
    host(estimator, summary_writer="runs", **cases.QUICK).generate(x, estimator.labels(x, y))
    expected = {f"loss/{task}/batch-0 at {step} for 4 images" for task in toys.NAMES for step in (0, 1)}
    assert {tag for tag in Tags.written if tag.startswith("loss")} == expected


def test_the_loop_of_art_reports_to_the_same_writer() -> None:
    (x, y), estimator, writer = cases.arrays(), cases.estimator(), Recorder()
    evasion.ProjectedGradientDescent(estimator, summary_writer=writer, **cases.QUICK).generate(
        x, estimator.labels(x, y)
    )
    assert [sorted(report["losses"]) for report in writer.reports] == [sorted(toys.NAMES)] * 2
    assert isinstance(writer.reports[0]["losses"]["depth"], np.ndarray)
    assert torch.is_tensor(torch.from_numpy(writer.reports[0]["grad"]))
