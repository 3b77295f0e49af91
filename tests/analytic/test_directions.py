"""Every rule's direction and score against an implementation with T backward passes, written from the equations."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import mt_torchattacks as mta
from tests import toys
from tests.references import REFERENCE, along, reference

EPS = 1e-12
WEIGHTS = {"classes": 0.1, "segmentation": 0.2, "normal": 0.3, "depth": 0.4}


def found(balance: str | mta.Rule, x: Tensor, images: Tensor, targets: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    bound = mta.Objective(toys.Toy(), toys.tasks(), balance).bind(images, targets)
    x = x.clone().requires_grad_()
    score = bound(x)
    return torch.autograd.grad(score.sum(), x)[0], score.detach()


@pytest.mark.parametrize("name", REFERENCE)
def test_direction_and_score(name: str) -> None:
    images, targets = toys.batch(5)
    x = (images + 0.03 * torch.randn_like(images)).clamp(0, 1)
    direction, score = found(name, x, images, targets)
    expected, expected_score = reference(REFERENCE[name], x, images, targets)
    torch.testing.assert_close(score.double(), expected_score, rtol=1e-5, atol=1e-5)
    if name == "sign_total":
        assert (direction.double() == expected).double().mean() > 0.9999
        return
    scale = expected.abs().amax(dim=(1, 2, 3), keepdim=True)
    assert ((direction - expected) / scale).abs().max() < 1e-5
    assert (direction.sign().double() == expected.sign()).double().mean() > 0.9999


def test_weighted() -> None:
    images, targets = toys.batch(3)
    x = (images + 0.03 * torch.randn_like(images)).clamp(0, 1)
    shuffled = {name: WEIGHTS[name] for name in reversed(WEIGHTS)}
    weights = torch.tensor(list(WEIGHTS.values()), dtype=torch.double)
    expected, expected_score = reference(lambda g, now, _: (along(weights, g), weights @ now), x, images, targets)
    direction, score = found(mta.Weighted(shuffled), x, images, targets)
    torch.testing.assert_close(score.double(), expected_score, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(direction.double(), expected, rtol=1e-4, atol=1e-7)


def test_roles_turn_signs() -> None:
    images, targets = toys.batch(3)
    x = (images + 0.03 * torch.randn_like(images)).clamp(0, 1)
    tasks = toys.tasks().with_roles(depth="preserve", normal="target", classes="ignore")
    bound = mta.Objective(toys.Toy(), tasks, "dgba").bind(images, targets)
    x.requires_grad_()
    score = bound(x)
    direction = torch.autograd.grad(score.sum(), x)[0]
    signs = torch.tensor([0.0, 1.0, -1.0, -1.0], dtype=torch.double)

    def rule(g: Tensor, now: Tensor, clean: Tensor) -> tuple[Tensor, Tensor]:
        return along(signs / now, g), (signs * (now - clean) / clean).sum()

    expected, expected_score = reference(rule, x.detach(), images, targets)
    torch.testing.assert_close(score.detach().double(), expected_score, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(direction.double(), expected, rtol=1e-4, atol=1e-7)


def test_one_forward_and_one_backward_pass_for_loss_rules() -> None:
    images, targets = toys.batch(2)
    counts = {"forward": 0, "backward": 0}
    model = toys.Toy()
    model.trunk.register_forward_hook(lambda *_: counts.__setitem__("forward", counts["forward"] + 1))
    model.trunk.register_full_backward_hook(lambda *_: counts.__setitem__("backward", counts["backward"] + 1))
    for balance, backward in (("dgba", 1), ("total", 1), ("single:depth", 1), ("sign_total", 4), ("normalized", 4)):
        bound = mta.Objective(model, toys.tasks(), balance).bind(images, targets)
        x = images.clone().requires_grad_()
        counts.update(forward=0, backward=0)
        torch.autograd.grad(bound(x).sum(), x)
        assert counts == {"forward": 1, "backward": backward}, balance


def test_parameters_are_frozen_while_the_graph_is_recorded() -> None:
    images, targets = toys.batch(2)
    model = toys.Toy()
    bound = mta.Objective(model, toys.tasks(), "dgba").bind(images, targets)
    x = images.clone().requires_grad_()
    score = bound(x)
    assert all(p.requires_grad for p in model.parameters())
    score.sum().backward()
    assert all(p.grad is None for p in model.parameters())
    assert x.grad is not None


def test_noise_copies_repeat_targets_and_references() -> None:
    images, targets = toys.batch(3)
    bound = mta.Objective(toys.Toy(), toys.tasks(), "dgba").bind(images, targets)
    x = (images + 0.02).clamp(0, 1)
    torch.testing.assert_close(bound(x.repeat_interleave(4, 0)), bound(x).repeat_interleave(4), rtol=1e-5, atol=1e-5)
    with pytest.raises(ValueError, match="x: expected 3 samples, or each of them k times in a row, found 4 samples"):
        bound(torch.rand(4, 3, 16, 16))
