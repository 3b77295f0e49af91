"""ARP, transferability and vulnerability: closed forms, and the numbers that the papers published."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import pytest
import torch

from mt_torchattacks import published as published_tables
from mt_torchattacks.metrics import average_relative_performance, relative_task_vulnerability, transferability

PAPER = Path(__file__).parents[2] / "data" / "paper"
SHIPPED = Path(published_tables.__file__).parent
GROUPS = {"ARP_t1": "seg_", "ARP_t2": "normal_", "ARP_t3": "depth_"}
ROUNDING = 0.005  # the published numbers have two decimals


def rows(name: str) -> list[dict[str, str]]:
    with (PAPER / name if (PAPER / name).exists() else SHIPPED / name).open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def metrics_in(row: dict[str, str]) -> dict[str, dict[str, float]]:
    return {group: {k: float(v) for k, v in row.items() if k.startswith(start)} for group, start in GROUPS.items()}


def interval(before: dict[str, float], after: dict[str, float], up: dict[str, bool]) -> tuple[float, float]:
    """Smallest and largest ARP of a task that metrics which round to the published ones can have."""
    low = high = 0.0
    for metric in before:
        ratios = [
            (after[metric] + a) / (before[metric] + b) for a in (-ROUNDING, ROUNDING) for b in (-ROUNDING, ROUNDING)
        ]
        changes = [1 - ratio if up[metric] else ratio - 1 for ratio in ratios]
        low, high = low + 100 * min(changes) / len(before), high + 100 * max(changes) / len(before)
    return low, high


CLEAN, *ATTACKED = rows("adv_training_metrics_pgd.csv")
UP = {group: {name: name.endswith("_up") for name in names} for group, names in metrics_in(CLEAN).items()}


@pytest.mark.parametrize("row", ATTACKED, ids=lambda row: row["adv_train"])
def test_every_published_arp_follows(row: dict[str, str]) -> None:
    before, after = metrics_in(CLEAN), metrics_in(row)
    arp = average_relative_performance(before, after, UP)
    for group, closest in (("ARP_t1", 0.02), ("ARP_t2", 0.02), ("ARP_t3", 1.3)):
        published = float(row[group])
        low, high = interval(before[group], after[group], UP[group])
        assert low - ROUNDING <= published <= high + ROUNDING
        assert low <= arp.per_task[group] <= high
        assert arp.per_task[group] == pytest.approx(published, abs=closest)


@pytest.mark.parametrize("row", ATTACKED, ids=lambda row: row["adv_train"])
def test_the_published_total_is_the_mean_over_tasks(row: dict[str, str]) -> None:
    """From the published ARP of each task, so that only their rounding is between."""
    tasks = {group: {"arp": float(row[group])} for group in GROUPS}
    nothing = {group: {"arp": 100.0} for group in GROUPS}
    worse = {group: {"arp": 100 + value["arp"]} for group, value in tasks.items()}
    arp = average_relative_performance(nothing, worse, {group: {"arp": False} for group in GROUPS})
    assert arp.total == pytest.approx(float(row["ARP"]), abs=2 * ROUNDING)


def test_a_change_for_the_better_is_negative() -> None:
    arp = average_relative_performance(
        {"t": {"a": 2.0, "b": 0.5}}, {"t": {"a": 1.0, "b": 0.6}}, {"t": {"a": 0, "b": 1}}
    )
    assert arp.changes == {"t": {"a": pytest.approx(-50), "b": pytest.approx(-20)}}
    assert arp.total == pytest.approx(-35)


def test_tasks_count_alike_whatever_their_number_of_metrics() -> None:
    before = {"one": {"m": 1.0}, "two": {"m": 1.0, "n": 1.0, "o": 1.0}}
    after = {"one": {"m": 2.0}, "two": {"m": 1.0, "n": 1.0, "o": 1.0}}
    arp = average_relative_performance(before, after, {k: dict.fromkeys(v, False) for k, v in before.items()})
    assert (arp.total, arp.per_task) == (50.0, {"one": 100.0, "two": 0.0})


def test_tensors_are_numbers_too() -> None:
    arp = average_relative_performance({"t": {"m": torch.tensor(0.5)}}, {"t": {"m": 0.25}}, {"t": {"m": True}})
    assert arp.total == 50.0
    assert isinstance(arp.total, float)


@pytest.mark.parametrize(("clean", "attacked"), [(0.0, 1.0), (0.0, 0.0), (math.nan, 1.0), (1.0, math.inf)])
def test_an_undefined_change_is_left_out_by_name(clean: float, attacked: float) -> None:
    before, after = {"t": {"m": clean, "n": 2.0}}, {"t": {"m": attacked, "n": 3.0}}
    with pytest.warns(UserWarning, match=r"t/m: the relative change .* undefined"):
        arp = average_relative_performance(before, after, {"t": {"m": False, "n": False}})
    assert (arp.total, arp.changes) == (50.0, {"t": {"n": 50.0}})


def test_a_task_without_a_defined_change_is_left_out() -> None:
    before, up = {"t": {"m": 0.0}, "u": {"m": 1.0}}, {"t": {"m": False}, "u": {"m": False}}
    with pytest.warns(UserWarning, match="t/m"):
        arp = average_relative_performance(before, {"t": {"m": 1.0}, "u": {"m": 1.5}}, up)
    assert (arp.total, arp.per_task) == (50.0, {"u": 50.0})


def test_nothing_to_average_is_an_error() -> None:
    with pytest.warns(UserWarning, match="t/m"), pytest.raises(ValueError, match="before: expected a task with"):
        average_relative_performance({"t": {"m": 0.0}}, {"t": {"m": 1.0}}, {"t": {"m": True}})


GOOD = {"t": {"m": 1.0}}


@pytest.mark.parametrize(
    ("after", "directions", "error", "message"),
    [
        ({}, {"t": {"m": True}}, KeyError, "after: expected the keys 't'; 't' missing"),
        ({"t": {}}, {"t": {"m": True}}, KeyError, r"after\['t'\]: expected the keys 'm'"),
        ({"t": {"m": 1.0, "n": 1.0}}, {"t": {"m": True}}, ValueError, r"after\['t'\]: expected only the keys 'm'"),
        (
            {"t": {"m": 1.0}, "u": {}},
            {"t": {"m": True}},
            ValueError,
            "after: expected only the keys 't', found also 'u'",
        ),
        (GOOD, {"t": {}}, KeyError, r"higher_is_better\['t'\]: expected the keys 'm'"),
    ],
)
def test_keys_must_match(after: dict, directions: dict, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        average_relative_performance(GOOD, after, directions)


def test_transferability_is_the_mean_of_the_others_over_the_attacked() -> None:
    assert transferability({"a": 40.0, "b": 10.0, "c": 0.0}, attacked="a") == 0.125
    assert transferability({"a": 40.0, "b": -10.0}, attacked="a") == -0.25


def test_published_transferabilities_imply_possible_segmentation_arps() -> None:
    """Total and transferability give the attacked task's ARP, which a sum over the other tasks would put above 100 %.

    For segmentation it is at most 100 %, because mIoU and accuracy cannot fall below 0, and it should hardly depend on
    whether layers are shared.
    """
    total = {
        r["model"]: float(r["arp_percent"]) for r in rows("white_box_arp_single_apgd.csv") if "segm" in r["variant"]
    }
    published = {
        r["sharing"]: float(r["transferability"])
        for r in rows("transferability_by_sharing.csv")
        if "segm" in r["attacked"]
    }
    own = {}
    for model, sharing in (("AS", "AS/5L"), ("IND", "IND/0L")):
        own[model] = 3 * total[model] / (1 + 2 * published[sharing])
        others = (3 * total[model] - own[model]) / 2
        per_task = {"segmentation": own[model], "normal": others, "depth": others}
        assert transferability(per_task, attacked="segmentation") == pytest.approx(published[sharing])
    assert own["AS"] == pytest.approx(own["IND"], abs=1)
    assert max(own.values()) < 100 < 3 * total["AS"] / (1 + published["AS/5L"])


@pytest.mark.parametrize(
    ("arp", "error", "message"),
    [
        ({"b": 1.0}, KeyError, "arp_per_task: expected the keys 'a'"),
        ({"a": 1.0}, ValueError, "arp_per_task: expected another task beside 'a'"),
        ({"a": 0.0, "b": 1.0}, ValueError, r"arp_per_task\['a'\]: expected a number > 0"),
    ],
)
def test_transferability_refuses(arp: dict[str, float], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        transferability(arp, attacked="a")


def test_vulnerability_is_a_mean_of_ratios_not_a_ratio_of_means() -> None:
    clean, attacked = torch.tensor([1.0, 0.1]), torch.tensor([1.0, 0.3])
    assert relative_task_vulnerability(clean, attacked) == pytest.approx((0 + 2) / 2)
    assert relative_task_vulnerability({"t": clean}, {"t": attacked}) == {"t": pytest.approx(1.0)}
    assert relative_task_vulnerability(0.5, 0.25) == -0.5


def test_vulnerability_leaves_out_samples_without_an_error() -> None:
    with pytest.warns(UserWarning, match=r"clean_errors\['t'\]: 1 of 2 are 0"):
        assert relative_task_vulnerability({"t": [0.0, 1.0]}, {"t": [5.0, 2.0]}) == {"t": 1.0}


@pytest.mark.parametrize(
    ("clean", "attacked", "error", "message"),
    [
        ({"t": [1.0]}, {}, KeyError, "attacked_errors: expected the keys 't'"),
        ({"t": [1.0]}, {"t": [1.0], "u": [1.0]}, ValueError, "attacked_errors: expected only the keys 't'"),
        ({"t": [1.0]}, {"t": [1.0, 2.0]}, ValueError, r"clean_errors\['t'\]: expected 2 samples"),
        ([1.0], {"t": [1.0]}, ValueError, "attacked_errors: expected errors without tasks"),
        ([0.0], [1.0], ValueError, "clean_errors: expected a clean error other than 0"),
    ],
)
def test_vulnerability_refuses(clean: object, attacked: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        relative_task_vulnerability(clean, attacked)
