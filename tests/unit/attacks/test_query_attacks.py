"""What holds for every attack that sees scores only: no gradient, counted queries, monotone scores, early stop."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from torch import Tensor

import mt_torchattacks as mta
from tests import toys

ATTACKS = ("Square", "SPSA")
QUERIES = 64  # SPSA: three steps of 21 queries, one left over


class Counting(toys.Toy):
    """Counts the images that it sees, and takes no gradient."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[int] = []

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        assert torch.is_inference_mode_enabled()
        assert not torch.is_grad_enabled()
        assert not x.requires_grad
        self.seen.append(len(x))
        return super().forward(x)


def watched(attack: Any, images: Tensor, targets: dict[str, Tensor]) -> tuple[Tensor, list[Tensor], list[Tensor]]:
    """Adversarial images, and after each forward pass the samples' queries and best scores."""
    queries, scores = [], []

    def watch(asked: Tensor, best: Tensor, score: Tensor) -> None:
        queries.append(asked)
        scores.append(score)

    return attack(images, targets, watch=watch), queries, scores


@pytest.mark.parametrize("name", ATTACKS)
def test_no_gradient_and_as_many_queries_as_were_allowed(name: str) -> None:
    model, (images, targets) = Counting(), toys.batch()
    adversarial = getattr(mta, name)(model, toys.tasks(), n_queries=QUERIES)(images, targets)
    spent = {"Square": QUERIES, "SPSA": 63}[name]
    assert sum(model.seen) == len(images) * (1 + spent)  # the clean images, and the queries
    if name == "Square":
        assert model.seen == [len(images)] * (1 + QUERIES)
    assert not adversarial.is_inference()
    adversarial.requires_grad_()


@pytest.mark.parametrize("outer", [torch.no_grad, torch.inference_mode, torch.enable_grad])
@pytest.mark.parametrize("name", ATTACKS)
def test_contexts_around_it_change_nothing(name: str, outer: Any) -> None:
    images, targets = toys.batch()
    attack = getattr(mta, name)(toys.Toy(), toys.tasks(), n_queries=30)
    with outer():
        found = attack(images, targets)
    assert torch.equal(found, attack(images, targets))


@pytest.mark.parametrize("norm", ["Linf", "L2"])
@pytest.mark.parametrize("name", ATTACKS)
def test_scores_never_fall_and_the_last_is_that_of_the_result(name: str, norm: str) -> None:
    images, targets = toys.batch()
    model, tasks = toys.Toy().double(), toys.tasks()
    attack = getattr(mta, name)(model, tasks, norm=norm, eps=0.1, n_queries=QUERIES)
    adversarial, queries, scores = watched(attack, images.double(), targets)
    assert all(bool((later >= former).all()) for former, later in itertools.pairwise(scores))
    assert all(bool((later >= former).all()) for former, later in itertools.pairwise(queries))
    assert queries[0].tolist() == [0] * len(images)
    torch.testing.assert_close(scores[0], torch.zeros(len(images), dtype=torch.float64))
    judge = mta.Objective(model, tasks, "dgba").bind(images.double(), targets)
    torch.testing.assert_close(judge(adversarial), scores[-1])
    assert bool((scores[-1] > 0).all())


@pytest.mark.parametrize(("name", "arguments"), [("Square", {}), ("SPSA", {"nb_sample": 3})])
def test_samples_that_reached_the_score_are_asked_about_no_more(name: str, arguments: dict[str, Any]) -> None:
    model, (images, targets) = Counting(), toys.batch(6)
    attack = getattr(mta, name)(model, toys.tasks(), eps=0.05, n_queries=QUERIES, **arguments)
    free, _, scores = watched(attack, images, targets)
    attack.stop_at = float(scores[-1].sort().values[2]) - 1e-6
    reached = scores[-1] >= attack.stop_at
    assert int(reached.sum()) == 4
    model.seen.clear()
    stopped, queries, early = watched(attack, images, targets)
    assert torch.equal(early[-1] >= attack.stop_at, reached)
    asked, before = torch.stack(queries).diff(dim=0), torch.stack(early)[:-1]
    assert bool(((asked == 0) == (before >= attack.stop_at)).all())
    assert int(queries[-1].min()) < int(queries[-1].max())
    assert sum(model.seen) == len(images) + int(queries[-1].sum())  # only active samples went through the model
    torch.testing.assert_close(stopped[~reached], free[~reached])  # the others are attacked as if nobody had stopped


def test_a_restart_does_not_ask_about_samples_that_are_done() -> None:
    images, targets = toys.batch()
    attack = mta.Square(toys.Toy(), toys.tasks(), n_queries=1, n_restarts=3, stop_at=1e-6)
    _, queries, scores = watched(attack, images, targets)
    done = scores[1] >= attack.stop_at
    assert done.any()
    assert queries[-1][done].tolist() == [1] * int(done.sum())


@pytest.mark.parametrize("name", ATTACKS)
def test_a_stop_that_all_clean_images_reach_costs_no_query(name: str) -> None:
    model, (images, targets) = Counting(), toys.batch()
    attack = getattr(mta, name)(model, toys.tasks(), n_queries=QUERIES, stop_at=0.0)
    assert torch.equal(attack(images, targets), images)
    assert model.seen == [len(images)]


@pytest.mark.parametrize("stop_at", [None, 1.0])
@pytest.mark.parametrize("name", ATTACKS)
def test_own_predictions_as_targets(name: str, stop_at: float | None) -> None:
    """Each clean loss of a regression head is 0 then, and the clean images score as noise does."""
    model, (images, _) = toys.Toy(), toys.batch()
    with torch.no_grad():
        targets = {task: output for task, output in model(images).items() if task in ("normal", "depth")}
    tasks = mta.Tasks(normal=mta.losses.CosineDistance(), depth=mta.losses.L1())
    attack = getattr(mta, name)(model, tasks, eps=0.05, n_queries=QUERIES, stop_at=stop_at)
    adversarial, _, scores = watched(attack, images, targets)
    with torch.no_grad():
        after = tasks.losses(model(adversarial), targets)
    assert all(bool((loss > 1e-4).all()) for loss in after.values())
    judge = attack.bind(images, targets)
    judge(images)
    torch.testing.assert_close(judge(adversarial).detach(), scores[-1])


@pytest.mark.parametrize("name", ATTACKS)
@pytest.mark.parametrize("shape", [(3, 4, 9), (1, 2, 3), (3, 1, 1), (2, 17, 5)])
@pytest.mark.parametrize("norm", ["Linf", "L2"])
def test_images_of_any_shape(name: str, shape: tuple[int, int, int], norm: str) -> None:
    g = torch.Generator().manual_seed(0)
    images = torch.rand(3, *shape, generator=g)
    model = toys.Linear({"a": torch.randn(shape, generator=g)})
    attack = getattr(mta, name)(model, mta.Tasks(a=mta.losses.L1()), norm=norm, eps=0.1, n_queries=40)
    adversarial = attack(images, {"a": torch.full((3,), 9.0)})
    assert bool(torch.isfinite(adversarial).all())
    assert not torch.equal(adversarial, images)


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("Square", {"norm": "L1"}, "norm: expected one of 'Linf', 'L2', found 'L1'"),
        ("Square", {"n_queries": 0}, "n_queries: expected a number > 0, found 0"),
        ("Square", {"p_init": 0.0}, "p_init: expected a share of the pixels in (0, 1], found 0.0"),
        ("Square", {"eps": 8}, "eps: expected a radius of at most 1"),
        ("SPSA", {"n_queries": 2}, "n_queries: expected at least 3"),
        ("SPSA", {"tile": 0}, "tile: expected a number > 0, found 0"),
    ],
)
def test_bad_arguments(name: str, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message.replace("(", r"\(").replace(".", r"\.").replace("]", r"\]")):
        getattr(mta, name)(toys.Toy(), toys.tasks(), **arguments)
