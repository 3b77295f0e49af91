"""The cost of a step, made small: what is counted and printed (times are not looked at)."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from benchmarks.cost.measure import Cost
from benchmarks.cost.memory import Memory, kept_bytes
from benchmarks.cost_per_step import main

STEPS, TASKS = 2, 3
ONE_CLEAN_PASS = 1 / STEPS


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cost")


@pytest.fixture(scope="module")
def measured(folder: Path) -> tuple[dict[str, dict[str, Cost]], list[Memory]]:
    tiny = ["--model", "tiny_resnet", "--tasks", "3", "--threads", "1", "--batch", "1", "--size", "32", "--rounds", "1"]
    results, memories = main([*tiny, "--steps", str(STEPS), "--out", str(folder)])
    return {setting: {cost.name: cost for cost in costs} for setting, costs in results.items()}, memories


@pytest.fixture(scope="module")
def several(measured: tuple[dict[str, dict[str, Cost]], list[Memory]]) -> dict[str, Cost]:
    return measured[0][f"{TASKS} tasks"]


@pytest.mark.parametrize("rule", ["dgba", "total", "relative", "wgd", "single:segmentation"])
def test_a_loss_rule_makes_one_pass_each_way_a_step(several: dict[str, Cost], rule: str) -> None:
    cost = several[f"mta.PGD, {rule}"]
    assert cost.backward_passes == 1
    assert 1 <= cost.forward_passes <= 1 + ONE_CLEAN_PASS


def test_sign_total_makes_one_backward_pass_a_task(several: dict[str, Cost]) -> None:
    cost = several["mta.PGD, sign_total"]
    assert cost.backward_passes == TASKS
    assert 1 <= cost.forward_passes <= 1 + ONE_CLEAN_PASS


@pytest.mark.parametrize(("start", "clean_passes"), [("clean", 0), ("random", 1)])
def test_apgd_evaluates_its_start_and_every_step(several: dict[str, Cost], start: str, clean_passes: int) -> None:
    cost = several[f"mta.APGD, dgba, {start} start"]
    assert cost.backward_passes * STEPS == STEPS + 1
    assert cost.forward_passes * STEPS == STEPS + 1 + clean_passes


def test_fgsm_takes_the_clean_losses_from_its_only_pass(several: dict[str, Cost]) -> None:
    cost = several["mta.FGSM, dgba"]
    assert (cost.forward_passes, cost.backward_passes) == (1, 1)
    assert cost.operations == pytest.approx(1, rel=1e-6)


def test_by_hand_pays_a_backward_pass_a_task_and_more_for_weight_gradients(several: dict[str, Cost]) -> None:
    to_images = several["by hand: dgba, T backward passes"]
    to_weights = several["by hand: the same, weight gradients too"]
    assert (to_images.forward_passes, to_images.backward_passes) == (1, TASKS)
    assert (to_weights.forward_passes, to_weights.backward_passes) == (1, TASKS)
    assert to_weights.operations > 1.5 * to_images.operations


def test_every_time_is_measured_once_a_round(measured: tuple[dict[str, dict[str, Cost]], list[Memory]]) -> None:
    costs = [cost for setting in measured[0].values() for cost in setting.values()]
    assert all(len(cost.wall) == len(cost.cpu) == 1 and cost.wall[0] > 0 for cost in costs)


def test_our_objective_keeps_no_more_than_frozen_parameters_need(
    measured: tuple[dict[str, dict[str, Cost]], list[Memory]],
) -> None:
    _, (residual, transformer) = measured
    assert residual.ours < 1.05 * residual.frozen
    assert transformer.ours < 1.05 * transformer.frozen < transformer.unfrozen


def test_kept_bytes_of_a_known_graph() -> None:
    layer, x = nn.Linear(8, 4), torch.rand(2, 8)
    assert kept_bytes(layer, lambda: layer(x)) == 4 * x.numel()  # the input, for the weight's gradient
    assert kept_bytes(layer, lambda: layer(x).exp()) == 4 * (x.numel() + 2 * 4)  # and the result of exp


def test_the_tables_are_written(folder: Path, several: dict[str, Cost]) -> None:
    assert "| mta.PGD, dgba | " in (folder / "cost_per_step.md").read_text("utf-8")
    lines = (folder / "cost_per_step.csv").read_text("utf-8").splitlines()
    assert lines[0].startswith("setting,attack,wall_units")
    assert sum(line.startswith("3 tasks,") for line in lines) == len(several)
