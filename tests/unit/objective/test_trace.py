"""A trace of an attack against what a plain loop sees, and that looking changes nothing."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import mt_torchattacks as mta
from art_plugins import PyTorchMultiTaskEstimator
from mt_torchattacks.objective import Step
from tests import toys

MODEL, TASKS = toys.Toy().eval(), toys.tasks()
IMAGES, TARGETS = toys.batch(3)
EPS = 8 / 255


def test_each_step_of_pgd_with_dgba() -> None:
    attack = mta.PGD(MODEL, TASKS, eps=EPS, alpha=2 / 255, steps=4, random_start=False)
    plain = attack(IMAGES, TARGETS)
    with mta.trace() as trace:
        traced = attack(IMAGES, TARGETS)
    assert torch.equal(traced, plain)
    assert [(step.run, step.number, step.gradient) for step in trace.steps] == [(0, i, True) for i in range(4)]
    x, clean = IMAGES.clone(), TASKS.losses(MODEL(IMAGES), TARGETS)
    for step, move, distance in zip(trace.steps, trace.moves, trace.distances, strict=True):
        x.requires_grad_()
        losses = TASKS.losses(MODEL(x), TARGETS)
        total = 0.0
        for task, loss in losses.items():
            torch.testing.assert_close(step.losses[task].float(), loss.detach())
            torch.testing.assert_close(step.weights[task].float(), 1 / loss.detach())
            rise = ((loss - clean[task]) / clean[task]).detach()
            torch.testing.assert_close(step.rises[task].float(), rise, atol=1e-5, rtol=1e-4)
            total = total + rise
        torch.testing.assert_close(step.scores, total, atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(distance, (x - IMAGES).detach().abs().flatten(1).amax(1), atol=1e-6, rtol=0)
        [gradient] = torch.autograd.grad(sum(loss.log().sum() for loss in losses.values()), x)
        assert float(move.max()) <= 2 / 255 + 1e-6
        x = x.detach() + 2 / 255 * gradient.sign()
        x = torch.clamp(IMAGES + torch.clamp(x - IMAGES, -EPS, EPS), 0, 1)


def test_the_frame_has_a_row_for_each_step_sample_and_task() -> None:
    with mta.trace() as trace:
        mta.PGD(MODEL, TASKS, steps=3)(IMAGES, TARGETS)
        mta.PGD(MODEL, TASKS, "sign_total", steps=2)(IMAGES, TARGETS)
    frame = trace.to_frame()
    assert len(frame) == (3 + 2) * 3 * 4
    assert frame.groupby("run")["step"].max().tolist() == [2, 1]
    assert sorted(frame["task"].unique()) == sorted(TASKS)
    assert frame.loc[frame["run"] == 1, "weight"].isna().all() and frame.loc[frame["run"] == 0, "weight"].gt(0).all()
    chosen = frame.query("run == 0 and step == 1 and task == 'depth'")
    assert chosen["sample"].tolist() == [0, 1, 2]
    torch.testing.assert_close(torch.tensor(chosen["loss"].to_numpy()), trace.steps[1].losses["depth"].double())
    assert mta.objective.Trace().to_frame().empty


def test_samples_that_are_done_are_missed_and_the_others_keep_their_numbers() -> None:
    with mta.trace() as trace:
        mta.FriendlyPGD(MODEL, TASKS, alpha=4 / 255, steps=8, tau=0, broken=lambda o, y: y["classes"] > 1)(
            IMAGES, TARGETS | {"classes": torch.tensor([1, 3, 0])}
        )
    seen = [step.samples.tolist() for step in trace.steps]
    assert seen[0] == [0, 1, 2] and len(seen[-1]) < 3
    assert all(set(after) <= set(before) for before, after in itertools.pairwise(seen))
    last = {sample for samples in seen[1:] for sample in samples}
    frame = trace.to_frame()
    assert set(frame.loc[frame["step"] > 0, "sample"]) == last
    assert float(frame.loc[frame["step"] > 0, "move"].max()) <= 4 / 255 + 1e-6


def test_copies_count_as_their_mean_and_queries_have_no_gradient() -> None:
    with mta.trace() as trace:
        mta.PGDRS(MODEL, TASKS, steps=2, noise_batch_size=4)(IMAGES, TARGETS)
        mta.SPSA(MODEL, TASKS, n_queries=8, nb_sample=4)(IMAGES, TARGETS)
    assert all(len(step.scores) == 3 for step in trace.steps)
    assert {step.gradient for step in trace.steps if step.run == 0} == {True}


def test_art_s_attacks_and_one_s_own_loops_are_seen_too() -> None:
    estimator = PyTorchMultiTaskEstimator(MODEL, TASKS, input_shape=(3, 16, 16), clip_values=(0.0, 1.0))
    from art.attacks.evasion import ProjectedGradientDescent

    attack = ProjectedGradientDescent(estimator, eps=EPS, eps_step=2 / 255, max_iter=3, verbose=False)
    targets: dict[str, np.ndarray[Any, Any]] = {name: target.numpy() for name, target in TARGETS.items()}
    with mta.trace() as trace:
        attack.generate(IMAGES.numpy(), estimator.labels(IMAGES.numpy(), targets))
    assert len(trace.steps) == 3
    objective = mta.Objective(MODEL, TASKS).bind(IMAGES, TARGETS)
    with mta.trace() as trace:
        x = IMAGES.clone().requires_grad_()
        torch.autograd.grad(objective(x).sum(), x)
        objective(x.detach())
    assert [step.gradient for step in trace.steps] == [True, False]


def test_a_callback_gets_the_iterates_and_contexts_nest() -> None:
    seen: list[Tensor] = []

    def keep(step: Step) -> None:
        assert not step.x.requires_grad
        seen.append(step.x)

    with mta.trace() as outer, mta.trace(keep) as inner:
        adversarial = mta.APGD(MODEL, TASKS, steps=3)(IMAGES, TARGETS)
    mta.PGD(MODEL, TASKS, steps=1)(IMAGES, TARGETS)
    assert len(outer.steps) == len(seen) == 4 and not inner.steps
    assert any(torch.equal(adversarial[0], x[0]) for x in seen)
    with pytest.raises(TypeError, match="callback: expected a function, found"), mta.trace(3):  # type: ignore[arg-type]
        pass


def test_nothing_is_told_after_a_callback_that_fails() -> None:
    def fails(step: Step) -> None:
        raise OSError("full")

    with pytest.raises(OSError, match="full"), mta.trace(fails):
        mta.PGD(MODEL, TASKS, steps=1)(IMAGES, TARGETS)
    mta.PGD(MODEL, TASKS, steps=1)(IMAGES, TARGETS)


def test_means_are_logged_to_tensorboard_and_drawn(tmp_path: Path) -> None:
    class Writer:
        def __init__(self) -> None:
            self.seen: dict[str, list[tuple[float, int]]] = {}

        def add_scalar(self, name: str, value: float, step: int) -> None:
            self.seen.setdefault(name, []).append((value, step))

    with mta.trace() as trace:
        mta.PGD(MODEL, TASKS, steps=3)(IMAGES, TARGETS)
    writer = Writer()
    trace.write(writer)
    assert {"attack/score", "attack/move", "attack/loss/depth", "attack/weight/normal"} <= set(writer.seen)
    assert writer.seen["attack/loss/depth"][1] == (pytest.approx(float(trace.steps[1].losses["depth"].mean())), 1)
    figure = trace.plot()
    drawn = figure.axes[0].get_lines()[0].get_ydata()
    task = figure.axes[0].get_lines()[0].get_label()
    assert drawn[2] == pytest.approx(100 * float(trace.steps[2].rises[str(task)].mean()))
    mta.report.save_figure(figure, tmp_path / "trace.png")
    with pytest.raises(ValueError, match=r"run: expected one of \[0\], found 1"):
        trace.plot(run=1)
