"""The worst case over a data set: against all choices by brute force, and against images that are measured anew."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torchmetrics import Metric
from torchmetrics.classification import MulticlassAccuracy

import mt_torchattacks as mta
from mt_torchattacks.evaluation import ENVELOPE, WORST, measure, select
from mt_torchattacks.evaluation.pooling import Pool, PooledImages, total_of
from mt_torchattacks.metrics import ClassificationMetrics, DepthMetrics, NormalMetrics, SegmentationMetrics
from tests import toys

MODEL, TASKS = toys.Toy(), toys.tasks()
with torch.no_grad():
    MODEL.depth.bias += 2  # so that no clean metric is 0
BATCHES = [toys.batch(3), toys.batch(2, seed=7)]
METRICS: dict[str, Metric] = {
    "classes": ClassificationMetrics(toys.CLASSES),
    "segmentation": SegmentationMetrics(toys.CLASSES, ignore_index=255),
    "normal": NormalMetrics(),
    "depth": DepthMetrics(),
}


def noise(seed: int) -> Any:
    """An attack that is random and the same each time, strong enough to change every metric."""

    def attack(images: Tensor, targets: Any) -> Tensor:
        generator = torch.Generator().manual_seed(seed + len(images))
        return (images + torch.randn(images.shape, generator=generator)).clamp(0, 1)

    return attack


ATTACKS = {f"noise {seed}": noise(seed) for seed in (1, 2, 3)}


@pytest.fixture(name="found", scope="module")
def _found() -> mta.evaluation.WorstCaseEvaluation:
    return mta.worst_case(MODEL, TASKS, BATCHES, ATTACKS, METRICS, progress=False)


def chosen_images(chosen: list[str]) -> list[Tensor]:
    """The images of a choice, batch after batch, made anew."""
    made, start = [], 0
    for images, targets in BATCHES:
        by_name = {"clean": images, **{name: attack(images, targets) for name, attack in ATTACKS.items()}}
        names = chosen[start : start + len(images)]
        made.append(torch.stack([by_name[name][i] for i, name in enumerate(names)]))
        start += len(images)
    return made


def measured_anew(chosen: list[str]) -> mta.evaluation.Measurements:
    loader = [(made, targets) for made, (_, targets) in zip(chosen_images(chosen), BATCHES, strict=True)]
    return measure(MODEL, TASKS, loader, METRICS)


def test_the_verdicts_are_what_the_model_does_on_the_chosen_images(found: mta.evaluation.WorstCaseEvaluation) -> None:
    anew = measured_anew(found.joint.chosen)
    worst = found.evaluation.attacked[WORST]
    assert len(set(found.joint.chosen)) > 1
    for task in TASKS:
        assert worst.metrics[task] == pytest.approx(anew.metrics[task], rel=1e-9)
        assert worst.losses[task] == pytest.approx(anew.losses[task], rel=1e-6)
        own = measured_anew(found.by_task[task].chosen)
        assert found.evaluation.attacked[ENVELOPE].metrics[task] == pytest.approx(own.metrics[task], rel=1e-9)


def test_no_attack_is_above_the_worst_case_and_no_choice_far_above(found: mta.evaluation.WorstCaseEvaluation) -> None:
    relative = found.evaluation.relative
    assert all(relative[WORST].total >= relative[name].total for name in ATTACKS)
    assert found.joint.harm == pytest.approx(relative[WORST].total)
    every = [found.relative(chosen).total for chosen in itertools.product(["clean", *ATTACKS], repeat=5)]
    assert max(relative[name].total for name in ATTACKS) < found.joint.harm <= max(every) + 1e-9
    assert sum(total > found.joint.harm + 1e-9 for total in every) <= 5  # of 1,024: a local maximum is near the best


def test_each_task_alone_is_at_least_as_bad_in_the_envelope(found: mta.evaluation.WorstCaseEvaluation) -> None:
    relative = found.evaluation.relative
    for task in TASKS:
        assert all(
            relative[ENVELOPE].per_task[task] >= relative[name].per_task[task] - 1e-9 for name in (WORST, *ATTACKS)
        )


def test_the_table_counts_whose_images_were_chosen(found: mta.evaluation.WorstCaseEvaluation) -> None:
    table = found.to_frame()
    assert list(table.index) == [*ATTACKS, WORST, ENVELOPE]
    assert list(table.columns) == ["wins", *TASKS, "total"]
    assert sum(found.wins.values()) == 5 == table.loc[WORST, "wins"]
    assert found.wins["noise 1"] == found.joint.chosen.count("noise 1")


def two_heads(images: Tensor) -> dict[str, Tensor]:
    scores = images.flatten(1)
    return {"left": scores[:, :2], "right": scores[:, 2:]}


class TwoHeads(nn.Module):
    """The image's four numbers are two scores of each head."""

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        return two_heads(images)


HEADS = mta.standard_tasks({"left": "classification", "right": "classification"})
RIGHT = torch.tensor([1.0, 0.0, 1.0, 0.0])
BOTH, LEFT, OTHER = 1 - RIGHT, torch.tensor([0.0, 1.0, 1.0, 0.0]), torch.tensor([1.0, 0.0, 0.0, 1.0])
"""Images on which both heads, the left one and the right one are wrong; both are right on ``RIGHT``."""


def constant(*images: Tensor) -> Any:
    return lambda given, targets: torch.stack(images).view_as(given)


def heads_case(goal: str, metrics: dict[str, Metric] | None = None, **attacks: Any) -> Any:
    images = RIGHT.repeat(3, 1).view(3, 4, 1, 1)
    targets = {"left": torch.zeros(3, dtype=torch.long), "right": torch.zeros(3, dtype=torch.long)}
    metrics = metrics or {task: ClassificationMetrics(2) for task in HEADS}
    return mta.worst_case(TwoHeads(), HEADS, [(images, targets)], attacks, metrics, goal=goal, progress=False)


@pytest.mark.parametrize(
    ("goal", "harm"),
    [("heads/all_wrong", 1 / 3), ("heads/any_wrong", 1.0), ("left/accuracy", -1 / 3), ("arp", 100 * 2 / 3)],
)
def test_goals_on_a_classifier_with_two_heads(goal: str, harm: float) -> None:
    found = heads_case(goal, a=constant(BOTH, LEFT, RIGHT), b=constant(OTHER, OTHER, OTHER))
    assert found.joint.harm == pytest.approx(harm)
    assert found.joint.harm >= max(found.joint.harms.values())
    envelope = found.evaluation.relative[ENVELOPE].per_task
    assert envelope == pytest.approx({"left": 100 * 2 / 3, "right": 100.0})


def test_a_goal_of_ones_own_and_accuracies_of_torchmetrics() -> None:
    def harm(metrics: Any) -> float:
        return -min(metrics[task]["MulticlassAccuracy"] for task in HEADS)

    metrics = {task: MulticlassAccuracy(2, average="micro") for task in HEADS}
    found = heads_case(harm, metrics, a=constant(BOTH, LEFT, RIGHT), b=constant(OTHER, OTHER, OTHER))
    assert found.joint.harm == 0
    assert found.joint.metrics["right"] == {"MulticlassAccuracy": 0.0}


def test_samples_without_a_label_for_any_head_are_in_no_share() -> None:
    pool = Pool(HEADS, {task: ClassificationMetrics(2, ignore_index=-1) for task in HEADS})
    seen = PooledImages(pool)
    labels = {"left": torch.tensor([0, -1, -1]), "right": torch.tensor([1, 1, -1])}
    seen.add(two_heads(RIGHT.repeat(3, 1)), labels)
    assert pool.metrics(seen.total(["heads"]))["heads"] == {"all_wrong": 0.5, "any_wrong": 1.0}


def test_an_undefined_metric_is_never_chosen() -> None:
    pool = Pool(HEADS, {task: ClassificationMetrics(2, ignore_index=-1) for task in HEADS})
    members = {name: PooledImages(pool) for name in ("a", "b")}
    for member in members.values():
        member.add(two_heads(BOTH.repeat(2, 1)), {"left": torch.tensor([0, -1]), "right": torch.tensor([0, 0])})
    assert select(members, lambda metrics: 1 - metrics["left"]["accuracy"]).harm == 1.0
    with pytest.raises(ValueError, match="harm: expected a number for at least one member, found none"):
        select(members, lambda metrics: float("nan"))


class Listed(Metric):
    """Keeps a list of everything, which does not add up."""

    higher_is_better = True
    full_state_update = False

    def __init__(self) -> None:
        super().__init__()
        self.add_state("seen", [], dist_reduce_fx="cat")

    def update(self, output: Tensor, target: Tensor) -> None:
        """Nothing."""

    def compute(self) -> Tensor:
        return torch.tensor(0.0)


class Shuffled:
    """A loader with another order each time."""

    turn = 0

    def __iter__(self) -> Iterator[Any]:
        self.turn += 1
        return iter(BATCHES if self.turn % 2 else BATCHES[::-1])


def test_bad_input() -> None:
    def case(**more: Any) -> None:
        given: dict[str, Any] = {"loader": BATCHES, "attacks": ATTACKS, "metrics": METRICS, "goal": "arp"} | more
        mta.worst_case(MODEL, TASKS, progress=False, **given)

    with pytest.raises(ValueError, match="attacks: expected at least one attack"):
        case(attacks={})
    with pytest.raises(ValueError, match="attacks: expected another name than 'worst case'"):
        case(attacks={"worst case": noise(0)})
    with pytest.raises(TypeError, match="attacks: expected a mapping"):
        case(attacks=[noise(0)])
    with pytest.raises(ValueError, match=r"goal: expected one of .*'heads/all_wrong'.*did you mean 'depth/rel'"):
        case(goal="depth/absrel")
    with pytest.raises(TypeError, match="goal: expected a name or a function"):
        case(goal=3)
    with pytest.raises(ValueError, match="loader: expected the same images in the same order each time"):
        case(loader=Shuffled())
    with pytest.raises(ValueError, match=r"metrics\['depth'\]: expected a metric whose states are sums"):
        case(metrics=METRICS | {"depth": Listed()})


def test_sums_of_other_images_are_not_mixed() -> None:
    pool = Pool(TASKS, METRICS)
    members = {name: PooledImages(pool) for name in ("a", "b")}
    for member, (images, targets) in zip(members.values(), (toys.batch(2), toys.batch(2, seed=5)), strict=True):
        member.add(MODEL(images), targets)
    with pytest.raises(ValueError, match=r"members\['b'\]: expected the same images"):
        select(members, lambda metrics: 0.0)


def test_the_pool_gives_the_metrics_of_the_set() -> None:
    pool = Pool(TASKS, METRICS)
    seen = PooledImages(pool)
    expected = measure(MODEL, TASKS, BATCHES, METRICS, watch=seen.add)
    assert {task: pytest.approx(of, rel=1e-9) for task, of in expected.metrics.items()} == {
        task: of for task, of in pool.metrics(seen.total()).items() if task != "heads"
    }
    twice = pool.metrics(total_of([seen] * 10, [*range(5), *range(5)]))
    assert twice["depth"] == pytest.approx(expected.metrics["depth"], rel=1e-9)
