from __future__ import annotations

import pytest
import torch
from torch import Tensor

import mt_torchattacks as mta
from mt_torchattacks.attacks.best import BestOf, finite_scores
from tests import toys

EPS = 8 / 255


def make(**more) -> mta.WorstCase:
    return mta.WorstCase(toys.Toy(), toys.tasks(), eps=EPS, steps=4, n_queries=15, **more)


def test_components_are_the_fixed_set() -> None:
    singles = [f"apgd/single:{task}" for task in toys.NAMES]
    assert list(make().components) == ["apgd/dgba", "apgd/relative", "apgd/total", *singles, "square"]


def test_each_sample_gets_its_worst_component() -> None:
    def erratic(output: Tensor, target: Tensor) -> Tensor:
        return 2 + (1e5 * output.flatten(1).mean(1)).cos()  # so that every component wins somewhere

    attack, (images, targets) = make(judge=mta.Tasks(depth=erratic), balance="total"), toys.batch(6)
    by_hand = [images, *(component(images, targets) for component in attack.components.values())]
    scores = torch.stack([erratic(attack.model(found)["depth"], targets["depth"]) for found in by_hand])
    best = scores.argmax(dim=0)
    assert len(best.unique()) > 2
    assert torch.equal(attack(images, targets), torch.stack(by_hand)[best, torch.arange(6)])


def test_a_judge_without_gradient_decides() -> None:
    """Components raise the losses; the judge only counts: here wrong pixels of one task."""

    def wrong(output: Tensor, target: Tensor) -> Tensor:
        counted = target != 255
        return ((output.argmax(1) != target) & counted).flatten(1).sum(1) / counted.flatten(1).sum(1)

    judge = mta.Tasks(segmentation=wrong)
    attack, (images, targets) = make(judge=judge, balance="total"), toys.batch(4)

    def share(x: Tensor) -> Tensor:
        return wrong(attack.model(x)["segmentation"], targets["segmentation"])

    shares = torch.stack([share(images), *(share(c(images, targets)) for c in attack.components.values())])
    assert torch.equal(share(attack(images, targets)), shares.amax(dim=0))


def test_a_judge_in_a_targeted_attack_looks_for_what_is_nearest_to_the_goals() -> None:
    images, goals = toys.batch(4, seed=5)
    found = []
    for judge in (None, toys.tasks()):
        attack = make(judge=judge, balance="total")
        attack.set_mode_targeted_by_label(quiet=True)
        found.append(attack(images, goals))
    assert torch.equal(*found)
    assert not torch.equal(found[0], images)


@pytest.mark.parametrize("samples", [[1], [0, 1, 2]])
def test_a_sample_without_a_target_for_one_task_is_attacked_through_the_others(samples: list[int]) -> None:
    """Its component ``single:depth`` has nothing to raise there, which is no error of the images or the model."""
    images, targets = toys.batch(3)
    targets["depth"][samples] = 0
    attack = make()
    found = attack(images, targets)
    assert bool((attack.scores(found, images, targets) > 0).all())
    without = {task: target for task, target in targets.items() if task != "depth"}
    others = mta.WorstCase(attack.model, toys.tasks().with_roles(depth="ignore"), eps=EPS, steps=4, n_queries=15)
    assert torch.equal(found[samples], others(images, without)[samples])
    assert bool(torch.isfinite(attack.only("apgd/single:depth")(images, targets)).all())


def test_only_gives_a_component_as_it_is() -> None:
    attack, (images, targets) = make(), toys.batch()
    for name, component in attack.components.items():
        assert torch.equal(attack.only(name)(images, targets), component(images, targets)), name
    with pytest.raises(ValueError, match="component: expected one of 'apgd/dgba'"):
        attack.only("apgd")


def test_bounds_and_normalization_reach_the_components() -> None:
    plain, (images, targets) = make(), toys.batch(3)

    class Bytes(toys.Toy):
        def forward(self, x: Tensor) -> dict[str, Tensor]:
            return super().forward(x / 255)

    model = Bytes()
    model.load_state_dict(plain.model.state_dict())
    wide = mta.WorstCase(model.eval(), toys.tasks(), eps=8.0, steps=4, n_queries=15, bounds=(0, 255))
    found = wide(images * 255, targets) / 255
    assert ((found - plain(images, targets)).abs() > 1e-5).double().mean() < 0.02


def test_nan_never_wins() -> None:
    assert finite_scores(torch.tensor([torch.nan, -torch.inf, 1.0])).tolist() == [-torch.inf, -torch.inf, 1.0]


def test_the_best_of_several_is_the_first_of_equals() -> None:
    best = BestOf(torch.zeros(2, 1, 1, 1), torch.zeros(2), name="clean")
    for name in "ab":
        best.add(torch.ones(2, 1, 1, 1), torch.tensor([1.0, 0.0]), name=name)
    assert best.winners == ["a", "clean"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_queries": 0}, "n_queries: expected a number > 0, found 0"),
        ({"norm": "L7"}, "norm: expected one of 'Linf', 'L2'"),
        ({"judge": {"depth": 1}}, "tasks: expected mta.Tasks"),
    ],
)
def test_bad_input(arguments, message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=message):
        mta.WorstCase(toys.Toy(), toys.tasks(), **arguments)
