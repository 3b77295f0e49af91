"""What every balancing rule keeps to, parametrised by the registry."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import mt_torchattacks as mta
from mt_torchattacks.balancing import DGBA, GradientRule, GramianRule, LossRule, Rule, resolve, rule_names
from tests import toys

NAMES = ["single:depth" if name == "single" else name for name in rule_names()]
RULES = [*NAMES, "weighted"]
SOLVED = {"nash_mtl"}  # by iterations that stop at an accuracy: the last bits of the gradients count


def rule(name: str) -> Rule:
    try:
        return mta.Weighted(dict.fromkeys(toys.NAMES, 0.25)) if name == "weighted" else resolve(name)
    except ImportError as missing:
        pytest.skip(str(missing))


def bind(name: str, model: torch.nn.Module, images: Tensor, targets: dict[str, Tensor]):
    return mta.Objective(model, toys.tasks(), rule(name)).bind(images, targets)


def direction(bound, x: Tensor) -> Tensor:
    x = x.clone().requires_grad_()
    return torch.autograd.grad(bound(x).sum(), x)[0]


@pytest.mark.parametrize("name", RULES)
def test_score_and_direction_have_their_shapes(name: str) -> None:
    images, targets = toys.batch(3)
    bound = bind(name, toys.Toy(), images, targets)
    assert bound(images).shape == (3,)
    assert direction(bound, images).shape == images.shape


@pytest.mark.parametrize("name", RULES)
def test_a_sample_does_not_depend_on_its_batch(name: str) -> None:
    images, targets = toys.batch(4)
    model, images = toys.Toy().double(), images.double()
    x = (images + 0.02 * torch.randn_like(images)).clamp(0, 1)
    bound = bind(name, model, images, targets)
    score, together = bound(x), direction(bound, x)
    for i in range(4):
        one = bind(name, model, images[i : i + 1], {key: t[i : i + 1] for key, t in targets.items()})
        torch.testing.assert_close(one(x[i : i + 1]), score[i : i + 1], rtol=1e-12, atol=1e-12)
        accuracy = {"rtol": 1e-5, "atol": 1e-9} if name in SOLVED else {"rtol": 1e-9, "atol": 1e-12}
        torch.testing.assert_close(direction(one, x[i : i + 1]), together[i : i + 1], **accuracy)


@pytest.mark.parametrize("name", RULES)
def test_a_small_step_from_the_clean_image_raises_the_score(name: str) -> None:
    images, targets = toys.batch(3)
    model, images = toys.Toy().double(), images.double() * 0.8 + 0.1
    bound = bind(name, model, images, targets)
    step = direction(bound, images)
    step = 1e-4 * step / step.flatten(1).norm(dim=1).reshape(-1, 1, 1, 1)
    assert bool((bound(images + step) > bound(images)).all())


@pytest.mark.parametrize("name", [n for n in RULES if n != "single:depth"])
def test_a_loss_of_exactly_zero_leaves_the_other_tasks_attacked(name: str) -> None:
    images, targets = toys.batch(3)
    targets["depth"] = torch.zeros_like(targets["depth"])  # no valid pixel: the loss is 0 wherever the image is
    bound = bind(name, toys.Toy(), images, targets)
    found = direction(bound, images)
    assert bool(torch.isfinite(bound(images)).all())
    assert bool(torch.isfinite(found).all())
    without = mta.Objective(toys.Toy(), toys.tasks().with_roles(depth="ignore"), _without_depth(name))
    expected = direction(without.bind(images, {k: v for k, v in targets.items() if k != "depth"}), images)
    scale = (found.flatten(1).norm(dim=1) / expected.flatten(1).norm(dim=1)).reshape(-1, 1, 1, 1)
    torch.testing.assert_close(found, expected * scale, rtol=1e-3, atol=1e-8)


def _without_depth(name: str) -> Rule:
    return mta.Weighted({n: 0.25 for n in toys.NAMES if n != "depth"}) if name == "weighted" else resolve(name)


@pytest.mark.parametrize("name", RULES)
def test_negative_losses_are_raised_too(name: str) -> None:
    """A loss below zero (a likelihood, minus a cosine): relative to its absolute value, so that up stays up."""
    w = torch.linspace(-1, 1, 12).reshape(3, 2, 2)
    model = toys.Linear(dict.fromkeys(toys.NAMES, w))
    tasks = mta.Tasks({n: lambda output, target: output - target for n in toys.NAMES})
    images, targets = torch.full((2, 3, 2, 2), 0.5), dict.fromkeys(toys.NAMES, torch.full((2,), 10.0))
    found = direction(mta.Objective(model, tasks, rule(name)).bind(images, targets), images)
    assert bool((found.sign() == w.sign()).all())


def test_names_are_unique_and_a_new_rule_is_one_class() -> None:
    class Loudest(LossRule):
        name = "loudest for this test"

        def weights(self, losses: Tensor, clean: Tensor) -> Tensor:
            return (losses == losses.amax(dim=1, keepdim=True)).to(losses.dtype)

    images, targets = toys.batch(2)
    try:
        adversarial = mta.PGD(toys.Toy(), toys.tasks(), balance="loudest for this test", steps=2)(images, targets)
        assert not torch.equal(adversarial, images)
        with pytest.raises(ValueError, match="name: expected a name that no other rule has, found 'dgba' of DGBA"):
            type("Thief", (DGBA,), {"name": "dgba"})
    finally:
        del Rule.registry["loudest for this test"]


def test_unknown_names_list_those_there_are() -> None:
    with pytest.raises(ValueError, match="balance: expected one of 'aligned_mtl', .*'wgd', found 'dbga'"):
        resolve("dbga")
    with pytest.raises(ValueError, match="balance: expected 'single:<task>', found 'single'"):
        resolve("single")
    with pytest.raises(ValueError, match="balance: expected 'dgba', found 'dgba:depth'"):
        resolve("dgba:depth")
    with pytest.raises(TypeError, match="balance: expected a name or a Rule, found None"):
        resolve(None)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="expected one of 'classes', 'segmentation', 'normal', 'depth', found 'dept'"):
        mta.PGD(toys.Toy(), toys.tasks(), balance="single:dept")


def test_weighted_needs_a_weight_for_every_task() -> None:
    with pytest.raises(KeyError, match="'depth' missing among 'classes', 'segmentation', 'normal'"):
        mta.PGD(toys.Toy(), toys.tasks(), balance=mta.Weighted({n: 1.0 for n in toys.NAMES if n != "depth"}))
    with pytest.raises(ValueError, match="found also 'edges'"):
        mta.PGD(toys.Toy(), toys.tasks(), balance=mta.Weighted(dict.fromkeys([*toys.NAMES, "edges"], 1.0)))
    with pytest.raises(ValueError, match="weight of 'depth': expected a finite number >= 0, found -1"):
        mta.Weighted({"depth": -1.0})


@pytest.mark.parametrize("family", [LossRule, GramianRule, GradientRule])
def test_a_rule_that_gives_the_wrong_shape_is_told_so(family: type) -> None:
    method = "direction" if family is GradientRule else "weights"
    wrong = type("Wrong", (family,), {method: lambda self, *given: torch.zeros(1)})
    images, targets = toys.batch(2)
    bound = mta.Objective(toys.Toy(), toys.tasks(), wrong()).bind(images, targets)
    with pytest.raises(ValueError, match=f"{method}: expected .*, found float32 of shape \\(1,\\)"):
        bound(images.requires_grad_())
