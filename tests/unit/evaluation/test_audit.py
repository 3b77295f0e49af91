"""The audit names each planted fault of broken models, and nothing in healthy ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import mt_torchattacks as mta
from mt_torchattacks.evaluation import NamedData
from tests import toys

EPS = 8 / 255


class Changed(nn.Module):
    """A net whose images and outputs pass through functions that break it."""

    def __init__(
        self,
        net: nn.Module,
        images: Callable[[Tensor], Tensor] = lambda x: x,
        left: Callable[[Tensor], Tensor] = lambda scores: scores,
    ) -> None:
        super().__init__()
        self.net, self.images, self.left = net, images, left

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        found = self.net(self.images(x))
        return {"left": self.left(found["left"]), "right": found["right"]}


def shattered(x: Tensor) -> Tensor:
    """Waves far shorter than eps, with slopes far steeper than the image's own."""
    phase = torch.arange(x[0].numel()).view(x.shape[1:]) * 1.7
    return x + 0.05 * (2000 * x + phase).sin()


class Counting(nn.Module):
    """Its batch norm goes on learning in evaluation mode."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net
        self.register_buffer("mean", torch.zeros(1))
        self.register_buffer("variance", torch.ones(1))

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        F.batch_norm(x.detach(), self.mean, self.variance, training=True)
        found: dict[str, Tensor] = self.net(x)
        return found


@pytest.fixture(name="net", scope="module")
def _net() -> nn.Module:
    net: nn.Module = mta.models.two_digits.trained(images=1500, epochs=8)
    return net


DATA = NamedData.of("digits", mta.data.TwoDigits(), 32, 32)


def audit(model: nn.Module, tasks: mta.Tasks = DATA.tasks, **more: Any) -> mta.evaluation.audit.Audit:
    own: dict[str, Any] = {"eps": EPS, "images": 24, "queries": 60} | more
    return mta.audit(model, tasks, DATA.batches, **own)


BROKEN: dict[str, tuple[Callable[[nn.Module], nn.Module], str, str]] = {
    "dropout": (lambda net: Changed(net, left=lambda s: F.dropout(s, 0.2, training=True)), "random", "left"),
    "noise": (lambda net: Changed(net, lambda x: x + 0.05 * torch.randn_like(x)), "random", "right"),
    "rounded images": (lambda net: Changed(net, lambda x: (8 * x).round() / 8), "blocked", "right"),
    "argmax": (lambda net: Changed(net, left=lambda s: F.one_hot(s.argmax(1), 10).float()), "probabilities", "left"),
    "detached": (lambda net: Changed(net, left=lambda s: s.detach()), "blocked", "left"),
    "rounded scores": (lambda net: Changed(net, left=lambda s: (100 * s).round() / 100), "blocked", "left"),
    "softmax": (lambda net: Changed(net, left=lambda s: s.softmax(dim=1)), "probabilities", "left"),
    "deaf": (lambda net: Changed(net, left=lambda s: torch.zeros_like(s) + 1), "ignores the image", "left"),
    "saturated": (lambda net: Changed(net, left=lambda s: 5 * (4000 * s).tanh()), "vanishing", "left"),
    "shattered": (lambda net: Changed(net, shattered), "misleading", "right"),
    "counting": (Counting, "changing", ""),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_planted_fault_is_named(name: str, net: nn.Module) -> None:
    broken, expected, task = BROKEN[name]
    found = audit(broken(net))
    named = [(finding.name, finding.task) for finding in found.findings]
    assert (expected, task) in named, str(found)
    if task == "left" and "images" not in name and name != "shattered":
        assert all(of in ("left", "") for _, of in named), str(found)  # the other head is healthy


def autoattack_flags(model: nn.Module, task: str) -> set[str]:
    """What AutoAttack warns of for one head, written from the descriptions in its documentation (flags_doc.md).

    Outputs that differ from call to call, outputs that are probabilities, images whose gradient of the cross-entropy is
    zero.
    """
    images, targets = DATA.batches[0]
    first, second = (model(images)[task].detach() for _ in range(2))
    x = images.clone().requires_grad_()
    loss = F.cross_entropy(model(x)[task], targets[task], reduction="sum")
    gradient = torch.autograd.grad(loss, x, allow_unused=True)[0] if loss.requires_grad else None
    lost = gradient is None or bool((gradient.flatten(1).abs().sum(dim=1) == 0).any())
    found = {"random"} if float((first - second).abs().max()) > 1e-4 else set()
    sums_to_one = float((first.sum(dim=1) - 1).abs().max()) < 1e-5
    found |= {"probabilities"} if sums_to_one and float(first.min()) >= 0 and float(first.max()) <= 1 else set()
    return found | ({"zero gradients"} if lost else set())


SAME = {
    "random": {"random"},
    "probabilities": {"probabilities"},
    "zero gradients": {"blocked", "vanishing", "ignores the image"},
}


@pytest.mark.parametrize("name", ["healthy", *BROKEN])
@pytest.mark.parametrize("task", ["left", "right"])
def test_autoattack_s_flags_agree(name: str, task: str, net: nn.Module) -> None:
    """Where it warns the audit names the same; what the audit names of random and of probabilities it warns of, too."""
    model = net if name == "healthy" else BROKEN[name][0](net)
    flags = autoattack_flags(model, task)
    named = {finding.name for finding in audit(model).findings if finding.task == task}
    for flag in flags:
        assert named & SAME[flag], f"{flag}: {named}"
    assert named & {"random", "probabilities"} <= flags


def test_a_task_that_is_the_whole_direction(net: nn.Module) -> None:
    def large(output: Tensor, target: Tensor) -> Tensor:
        return 1000 * F.cross_entropy(output, target, reduction="none")

    tasks = mta.Tasks(left=large, right=mta.losses.CrossEntropy())
    found = [(finding.name, finding.task) for finding in audit(net, tasks, balance="total").findings]
    assert ("dominance", "left") in found


def test_a_radius_at_which_nothing_can_be_ranked() -> None:
    """Of a linear model one step finds the worst image, so a strong attack has nothing to add."""
    generator = torch.Generator().manual_seed(0)
    model = toys.Linear({name: torch.randn(1, 6, 6, generator=generator) for name in "ab"})
    tasks = mta.Tasks(a=lambda output, target: (output + 1).abs(), b=lambda output, target: (output + 1).abs())
    batch = (0.4 + 0.2 * torch.rand(8, 1, 6, 6, generator=generator), {name: torch.zeros(8) for name in "ab"})
    found = {
        eps: [one.name for one in mta.audit(model, tasks, [batch], eps=eps, queries=20).findings] for eps in (0.01, 0.3)
    }
    assert "saturation" in found[0.3]
    assert "saturation" not in found[0.01]


def test_nothing_is_found_in_a_healthy_classifier(net: nn.Module) -> None:
    report = audit(net)
    assert report.ok, str(report)
    assert str(report).startswith("Nothing found; looked for: random, changing, blocked")


@pytest.mark.parametrize("name", ["rooms3/all-shared", "rooms3-resnet34/3-shared"])
def test_nothing_is_found_in_healthy_models_of_the_zoo(name: str) -> None:
    rooms = NamedData.of("rooms", mta.data.Rooms(length=4, size=64, seed=1), 4)
    report = mta.audit(mta.models.zoo(name), rooms.tasks, rooms.batches, eps=2 / 255, images=4, queries=20)
    assert report.ok, str(report)


def test_the_model_and_the_random_numbers_are_as_before() -> None:
    model, (images, targets) = toys.Toy(), toys.batch(4)
    model.train()
    model.trunk.weight.requires_grad_(False)
    state = {name: value.clone() for name, value in model.state_dict().items()}
    numbers = torch.get_rng_state()
    mta.audit(model, toys.tasks(), [(images, targets)], steps=2, queries=5)
    assert torch.equal(torch.get_rng_state(), numbers)
    assert model.training
    assert model.trunk.bias.requires_grad
    assert not model.trunk.weight.requires_grad
    assert all(parameter.grad is None for parameter in model.parameters())
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())


def test_bad_input() -> None:
    model, batch = toys.Toy(), toys.batch(2)
    with pytest.raises(ValueError, match="loader: expected at least one batch, found none"):
        mta.audit(model, toys.tasks(), [])
    with pytest.raises(TypeError, match=r"tasks: expected mta.Tasks\(...\)"):
        mta.audit(model, {}, [batch])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="eps: expected a number > 0, found 0"):
        mta.audit(model, toys.tasks(), [batch], eps=0)
