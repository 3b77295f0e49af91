"""With one cross-entropy task and the rule 'total' every attack is torchattacks' own, bit for bit."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torchattacks
from torch import Tensor, nn

import mt_torchattacks as mta
from mt_torchattacks.attacks import HOSTED, REFUSED, apgd

TASKS = mta.Tasks(label=mta.losses.CrossEntropy())


class Classifier(nn.Module):
    """A small classifier of ``(N, 3, 20, 20)`` images into 5 classes."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 8, 3, stride=2), nn.BatchNorm2d(8), nn.GELU(), nn.Flatten())
        self.head = nn.Linear(8 * 9 * 9, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x))


@pytest.fixture(name="case")
def _case() -> tuple[nn.Module, Tensor, Tensor]:
    return Classifier().eval(), torch.rand(6, 3, 20, 20), torch.randint(0, 5, (6,))


@pytest.fixture(autouse=True)
def _the_hosts_random_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    """APGD draws each sample's start from a generator of its own: here from the one of the host, one after another."""

    def generators(images: Tensor, seed: int) -> list[torch.Generator]:
        return [torch.Generator().manual_seed(seed)] * len(images)

    monkeypatch.setattr(apgd, "sample_generators", generators)


def host_result(attack: Any, images: Tensor, labels: Tensor) -> Tensor:
    """What the host returns; its APGD by the path that returns the best iterate."""
    torch.manual_seed(7)
    if isinstance(attack, torchattacks.APGD):
        return attack.perturb(images, labels, best_loss=True)[1].detach()
    return attack(images, labels)


def our_result(attack: Any, images: Tensor, labels: Tensor) -> Tensor:
    torch.manual_seed(7)
    return attack(images, {"label": labels})


def assert_same(name: str, found: Tensor, expected: Tensor) -> None:
    """Bit for bit. The two that take the softmax of logits, which are not there, to a rounding of the gradient.

    For PGDRSL2 that is one of float32; PGDRS steps along signs, and the sign of a gradient that is zero but for
    rounding may be either.
    """
    if name == "PGDRSL2":
        torch.testing.assert_close(found, expected, rtol=0, atol=2e-7)
    elif name == "PGDRS":
        assert float(((found - expected).abs() > 2e-7).float().mean()) < 1e-3
    else:
        assert torch.equal(found, expected)


@pytest.mark.parametrize("name", sorted(HOSTED))
def test_default_arguments(name: str, case: tuple[nn.Module, Tensor, Tensor]) -> None:
    model, images, labels = case
    seed = {"seed": 7} if name == "APGD" else {}
    expected = host_result(getattr(torchattacks, name)(model), images, labels)
    assert_same(name, our_result(getattr(mta, name)(model, TASKS, balance="total", **seed), images, labels), expected)
    assert not torch.equal(expected, images)


@pytest.mark.parametrize("name", [name for name in sorted(HOSTED) if name not in ("APGD", "PIFGSM")])
def test_targeted(name: str, case: tuple[nn.Module, Tensor, Tensor]) -> None:
    model, images, labels = case
    host, ours = getattr(torchattacks, name)(model), getattr(mta, name)(model, TASKS, balance="total")
    for attack in (host, ours):
        attack.set_mode_targeted_by_label(quiet=True)
    goals = (labels + 1) % 5
    assert_same(name, our_result(ours, images, goals), host_result(host, images, goals))


@pytest.mark.parametrize("name", sorted(HOSTED))
def test_normalization(name: str, case: tuple[nn.Module, Tensor, Tensor]) -> None:
    model, images, labels = case
    mean, std = [0.4, 0.5, 0.6], [0.2, 0.25, 0.3]
    seed = {"seed": 7} if name == "APGD" else {}
    host, ours = getattr(torchattacks, name)(model), getattr(mta, name)(model, TASKS, balance="total", **seed)
    for attack in (host, ours):
        attack.set_normalization_used(mean, std)
    normalized = ours.normalize(images)
    if name == "APGD":  # perturb() takes pixels and normalizes in get_logits, as its __call__ would have it
        host._set_normalization_applied(False)
        expected = host.normalize(host_result(host, host.inverse_normalize(normalized), labels))
    else:
        expected = host_result(host, normalized, labels)
    found = our_result(ours, normalized, labels)
    torch.testing.assert_close(found, expected, rtol=0, atol=2e-6 if name == "PGDRSL2" else 0)


@pytest.mark.parametrize("arguments", [
    {"steps": 1},
    {"steps": 40},
    {"steps": 23, "rho": 0.5, "eps": 16 / 255},
    {"norm": "L2", "eps": 0.7, "steps": 25},
    {"n_restarts": 3, "steps": 12},
    {"eot_iter": 2, "steps": 15},
])  # fmt: skip
def test_apgd_arguments(arguments: dict[str, Any], case: tuple[nn.Module, Tensor, Tensor]) -> None:
    model, images, labels = case
    expected = host_result(torchattacks.APGD(model, **arguments), images, labels)
    assert torch.equal(our_result(mta.APGD(model, TASKS, "total", seed=7, **arguments), images, labels), expected)


@pytest.mark.parametrize("arguments", [{"random_start": False}, {"steps": 4, "eps": 0.1, "alpha": 0.05}])
def test_arguments_by_position_and_keyword(arguments: dict[str, Any], case: tuple[nn.Module, Tensor, Tensor]) -> None:
    model, images, labels = case
    expected = host_result(torchattacks.PGD(model, **arguments), images, labels)
    assert torch.equal(our_result(mta.PGD(model, TASKS, "total", **arguments), images, labels), expected)
    positional = mta.PGD(model, TASKS, "total", 0.1, 0.05, 4)
    assert (positional.eps, positional.alpha, positional.steps) == (0.1, 0.05, 4)


def test_every_class_of_torchattacks_is_supported_or_refused_with_a_reason() -> None:
    assert set(torchattacks.__all__) == set(HOSTED) | set(REFUSED)
    for name, reason in REFUSED.items():
        with pytest.raises(TypeError, match=name):
            mta.multitask(getattr(torchattacks, name))
        assert len(reason) > 20


def test_multitask_is_the_class_of_the_same_name() -> None:
    for name in HOSTED:
        cls = mta.multitask(getattr(torchattacks, name))
        assert cls is getattr(mta, name)
        assert issubclass(cls, getattr(torchattacks, name))
        assert "(N, C, H, W)" in (cls.__doc__ or "")
    with pytest.raises(TypeError, match="expected a torchattacks class among"):
        mta.multitask(nn.Linear)


def test_noise_batch_attacks_split_the_batch_as_the_host_does(case: tuple[nn.Module, Tensor, Tensor]) -> None:
    model, images, labels = case
    host = torchattacks.PGDRS(model, steps=3, batch_max=12, noise_batch_size=5)
    ours = mta.PGDRS(model, TASKS, "total", steps=3, batch_max=12, noise_batch_size=5)
    assert torch.equal(our_result(ours, images, labels), host_result(host, images, labels))
