"""Every rule's direction and score against an implementation with T backward passes, written from the equations."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

import mt_torchattacks as mta
from tests import toys

EPS = 1e-12


def reference_losses(outputs: dict[str, Tensor], targets: dict[str, Tensor], i: int) -> Tensor:
    """The four losses of sample i, pixel by pixel where it matters, without the library."""
    logits = outputs["classes"][i]
    classes = torch.logsumexp(logits, 0) - logits[targets["classes"][i]]
    pixel = F.log_softmax(outputs["segmentation"][i], 0)
    label = targets["segmentation"][i]
    counted = label != 255
    segmentation = -pixel.gather(0, label.clamp(max=3).unsqueeze(0))[0][counted].mean()
    n, t = outputs["normal"][i], targets["normal"][i]
    there = t.abs().sum(0) > 0
    cosine = (n * t).sum(0) / (n.norm(dim=0).clamp_min(1e-8) * t.norm(dim=0).clamp_min(1e-8))
    normal = (1 - cosine)[there].mean()
    d = targets["depth"][i]
    depth = (outputs["depth"][i] - d).abs()[d > 0].mean()
    return torch.stack([classes, segmentation, normal, depth])


# gradients (T, C, H, W), losses (T,), clean losses (T,) -> direction, score
Rule = Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]


def along(weights: Tensor, gradients: Tensor) -> Tensor:
    return torch.einsum("t,tchw->chw", weights, gradients)


def relative(losses: Tensor, clean: Tensor) -> Tensor:
    return ((losses - clean) / clean.abs()).sum()


REFERENCE: dict[str, Rule] = {
    "total": lambda g, now, clean: (g.sum(0), now.sum()),
    "single:normal": lambda g, now, clean: (g[2], now[2]),
    "dgba": lambda g, now, clean: (along(1 / now.abs(), g), relative(now, clean)),
    "relative": lambda g, now, clean: (along(1 / clean.abs(), g), relative(now, clean)),
    "wgd": lambda g, now, clean: (along((now / clean) / (now / clean).mean(), g), now.sum()),
    "sign_total": lambda g, now, clean: (g.sign().sum(0), now.sum()),
    "normalized": lambda g, now, clean: (along(1 / g.flatten(1).norm(dim=1), g), relative(now, clean)),
}
WEIGHTS = {"classes": 0.1, "segmentation": 0.2, "normal": 0.3, "depth": 0.4}


def reference(rule: Rule, x: Tensor, images: Tensor, targets: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    """Directions ``(N, C, H, W)`` and scores ``(N,)`` in float64, one sample and one task at a time."""
    model = toys.Toy().double()
    targets = {k: v.double() if v.is_floating_point() else v for k, v in targets.items()}
    directions, scores = [], []
    for i in range(len(x)):
        point = x[i : i + 1].double().requires_grad_()
        one = {k: v[i : i + 1] for k, v in targets.items()}
        losses = reference_losses(model(point), one, 0)
        gradients = torch.stack([torch.autograd.grad(loss, point, retain_graph=True)[0][0] for loss in losses])
        clean = reference_losses(model(images[i : i + 1].double()), one, 0).detach()
        direction, score = rule(gradients, losses.detach(), clean)
        directions.append(direction)
        scores.append(score)
    return torch.stack(directions), torch.stack(scores)


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
