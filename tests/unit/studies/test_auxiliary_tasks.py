"""Pairs of tasks: which models are trained, what their tables say of known numbers, and what is learned with them."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import pytest
import torch

import mt_torchattacks as mta
from mt_torchattacks.studies import auxiliary_tasks as study
from mt_torchattacks.studies.auxiliary_tasks import EARLY, FULL, SMALL, Auxiliary, AuxiliaryTasksOptions, Trained

TASKS = ["depth", "normal", "segmentation"]
REAL = {("depth", "depth"): 1.0, ("depth", "normal"): 2.0, ("depth", "segmentation"): 3.0,
        ("normal", "normal"): 6.0, ("normal", "depth"): 5.0, ("normal", "segmentation"): 4.0,
        ("segmentation", "segmentation"): 9.0, ("segmentation", "depth"): 8.0,
        ("segmentation", "normal"): 10.0}  # fmt: skip
"""Vulnerability by main and auxiliary task; a main task as its own auxiliary one is alone."""


def result() -> Auxiliary:
    """Proxies: a smaller encoder is half as vulnerable; early stopping has it the other way round; clean errors 1/v."""
    values: dict[Trained, dict[str, Any]] = {}
    for model in study.trainings(TASKS):
        value: dict[str, Any] = {"clean": {}, "vulnerability": {}, "weights": {}}
        for main in model.tasks:
            other = next((task for task in model.tasks if task != main), main)
            real = REAL[main, other]
            shown = {FULL: real, SMALL: real / 2, EARLY: 20 - real}[model.training]
            shown -= 0.5 * (model.weights == "weighted")
            value["vulnerability"][f"pgd/{main}"] = {main: shown} | ({other: 99.0} if other != main else {})
            value["clean"][main] = 1 / real
        if model.training == FULL:
            joint = {main: value["vulnerability"][f"pgd/{main}"][main] - 0.25 for main in model.tasks}
            value["vulnerability"] |= {"pgd/multi": joint, "apgd/multi": joint, "wgd/multi": joint}
        values[model] = value
    return Auxiliary(values, "made up")


def test_each_task_and_each_pair_is_trained() -> None:
    wanted = list(study.trainings(TASKS))
    assert len(wanted) == len(set(wanted)) == 3 * (3 + 3) + 3
    pairs = {model.tasks for model in wanted if model.weights == "weighted"}
    assert pairs == set(combinations(TASKS, 2))
    assert all(model.training == FULL for model in wanted if model.weights == "weighted")


def test_rows_have_the_main_task_s_own_number_and_the_one_of_being_alone() -> None:
    rows = study.vulnerabilities(result())
    assert len(rows) == 3 * 4 + 2 * 3 * 4 * 2  # alone, and of each pair both tasks with both kinds of weights
    single = {(row["main"], row["auxiliary"]): row["relative_task_vulnerability"] for row in rows
              if (row["attack"], row["attacked"], row["weights"]) == ("pgd", "single", "uniform")}  # fmt: skip
    assert single == REAL
    tables = {table.name: table.frame for table in study.AuxiliaryTasksStudy().tables(result())}
    for _, row in tables["pairs"].iterrows():
        off = 0.25 if row["attacked"] == "multi" else 0.0
        assert row["alone"] == REAL[row["main"], row["main"]] - off
    wide = tables["by_pair"].set_index(["attack", "attacked", "weights", "main"])
    assert wide.loc[("apgd", "multi", "weighted", "depth"), "normal"] == 2.0 - 0.5 - 0.25
    assert bool(torch.tensor(wide.loc[("pgd", "single", "weighted", "depth"), "depth"]).isnan())


def test_proxies_are_judged_over_all_pairs_and_within_main_tasks() -> None:
    values = study.proxy_values(result())
    found = study.proxies(values).set_index("proxy")
    assert found.loc[SMALL, ["pearson", "spearman", "within a main task"]].tolist() == pytest.approx([1, 1, 1])
    assert found.loc[EARLY, ["pearson", "spearman", "within a main task"]].tolist() == pytest.approx([-1, -1, -1])
    assert found.loc["clean performance", "spearman"] == pytest.approx(1)
    ranked = study.ranking(values).set_index("main")
    assert ranked.loc["normal", "in truth"] == "segmentation, depth, (alone)"
    assert ranked.loc["normal", "by early stopping"] == "(alone), depth, segmentation"


def test_weights_are_learned_and_the_attack_s_own_loss_has_them() -> None:
    options = AuxiliaryTasksOptions(task=["segmentation", "normal", "depth"], train_images=16)
    data = study.read(options, ("segmentation", "normal"), True)
    how: dict[str, Any] = {"epochs": 8, "width": 0.25}
    model, weights = study.trained(Trained(("segmentation", "normal"), "weighted", FULL), data, 0, **how)
    assert set(data.data[0][1]) == {"segmentation", "normal"}
    assert set(model(data.data.images[:1])) == {"segmentation", "normal"}
    assert sum(weights.values()) == pytest.approx(2)
    assert weights["normal"] > weights["segmentation"]  # the smaller loss gets the larger weight
    tasks = mta.standard_tasks(["segmentation", "normal"])
    given = dict(study.attacks(model, tasks, weights, AuxiliaryTasksOptions(), few=False))
    assert list(given) == ["pgd/segmentation", "pgd/normal", "pgd/multi", "apgd/multi", "wgd/multi"]
    assert given["apgd/multi"].balance.by_task == weights
    assert list(dict(study.attacks(model, tasks, weights, AuxiliaryTasksOptions(), few=True))) == list(given)[:2]
    depth = study.read(options, ("depth",), True)
    _, plain = study.trained(Trained(("depth",), "uniform", FULL), depth, 0, epochs=1, width=0.25)
    assert plain == {"depth": 1.0}


def test_tasks_that_are_no_tasks_of_rooms() -> None:
    run = study.AuxiliaryTasksStudy().run
    with pytest.raises(ValueError, match="task: expected two tasks at least"):
        run(None, None, None, AuxiliaryTasksOptions(task=["depth"]))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="task: expected one of 'segmentation'"):
        run(None, None, None, AuxiliaryTasksOptions(task=["depth", "smell"]))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="small_backbone: expected a smaller one than taskonomy_resnet50, found"):
        run(None, None, None, AuxiliaryTasksOptions(backbone="taskonomy_resnet50"))  # type: ignore[arg-type]
