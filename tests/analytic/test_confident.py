"""Confident classifiers: heads whose cross-entropy is exactly 0 in float32 are attacked like any other.

The model is linear: head k has the scores (m_k + <a_k, x - x0>, 0), so its margin at the clean input is m_k, its loss
is log(1 + exp(-margin)), and everything has a closed form in float64.
"""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

import mt_torchattacks as mta

MARGINS = (-3.0, 0.0, 5.0, 12.0, 17.0, 20.0, 60.0, 89.0, 105.0, 150.0, 200.0)
NAMES = ("left", "right")


class Heads(nn.Module):
    """Two heads of two classes on inputs ``(N, 3, 4, 4)``; a sample's margins at ``x0`` are in its first two pixels."""

    def __init__(self, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        slopes = torch.randn(2, 48, generator=generator, dtype=torch.float64)
        self.register_buffer("slopes", slopes.to(dtype))
        self.offsets = torch.zeros(1, 2)

    def margins(self, x: Tensor) -> Tensor:
        offsets = self.offsets.to(x)
        return offsets.repeat_interleave(len(x) // len(offsets), dim=0) + (x - 0.5).flatten(1) @ self.slopes.to(x).T

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        margins = self.margins(x)
        return {
            name: torch.stack([m, torch.zeros_like(m)], 1) for name, m in zip(NAMES, margins.unbind(1), strict=True)
        }


def pairs() -> Tensor:
    """Every pair of margins, ``(N, 2)``."""
    return torch.cartesian_prod(torch.tensor(MARGINS), torch.tensor(MARGINS))


def setting(dtype: torch.dtype = torch.float32) -> tuple[Heads, mta.Tasks, Tensor, dict[str, Tensor]]:
    model = Heads(dtype)
    model.offsets = pairs()
    images = torch.full((len(model.offsets), 3, 4, 4), 0.5, dtype=dtype)
    tasks = mta.Tasks({name: mta.losses.CrossEntropy() for name in NAMES})
    return model, tasks, images, {name: torch.zeros(len(images), dtype=torch.int64) for name in NAMES}


def log_slopes(margins: Tensor) -> Tensor:
    """``d log L / d margin = -sigmoid(-m) / softplus(-m)`` in float64; -1 where that is 0/0."""
    m = margins.double()
    exact = -torch.sigmoid(-m) / torch.log1p(torch.exp(-m))
    return torch.where(m > 30, -1.0, exact)


def direction_of(rule: str, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Heads]:
    model, tasks, images, targets = setting(dtype)
    bound = mta.Objective(model, tasks, rule).bind(images, targets)
    x = images.clone().requires_grad_()
    (found,) = torch.autograd.grad(bound(x).sum(), x)
    return found.double().flatten(1), model


def test_dgba_is_the_gradient_of_the_sum_of_logarithms() -> None:
    found, model = direction_of("dgba")
    wanted = log_slopes(pairs()) @ model.slopes.double()
    torch.testing.assert_close(found, wanted, rtol=2e-4, atol=2e-5)


def test_the_same_in_half_precision() -> None:
    found, model = direction_of("dgba", torch.bfloat16)
    wanted = log_slopes(pairs()) @ model.slopes.double()
    cosine = nn.functional.cosine_similarity(found, wanted)
    assert float(cosine.min()) > 0.999


@pytest.mark.parametrize("rule", ["single:left", "total", "relative", "wgd", "sign_total", "normalized", "dgba"])
def test_every_rule_points_down_the_margin_of_a_head_that_is_all_there_is(rule: str) -> None:
    """With one task every rule follows that task's gradient, whose direction is minus the margin's."""
    model, tasks, images, targets = setting()
    alone = mta.Tasks(left=tasks["left"])
    bound = mta.Objective(lambda x: {"left": model(x)["left"]}, alone, rule).bind(images, targets)
    x = images.clone().requires_grad_()
    (found,) = torch.autograd.grad(bound(x).sum(), x)
    wanted = -model.slopes[0].double().expand_as(found.flatten(1))
    wanted = wanted.sign() if rule == "sign_total" else wanted
    cosine = nn.functional.cosine_similarity(found.double().flatten(1), wanted)
    assert float(cosine.min()) > 0.99


@pytest.mark.parametrize("rule", ["dgba", "normalized", "sign_total"])
def test_scale_free_rules_attack_both_heads(rule: str) -> None:
    """Equal margins weigh equally, however large they are."""
    found, model = direction_of(rule)
    equal = pairs()[:, 0] == pairs()[:, 1]
    slopes = model.slopes.double()
    parts = (
        slopes.sign()
        if rule == "sign_total"
        else slopes / (slopes.norm(dim=1, keepdim=True) if rule == "normalized" else 1)
    )
    cosine = nn.functional.cosine_similarity(found[equal], -parts.sum(dim=0, keepdim=True))
    assert float(cosine.min()) > 0.99


def test_a_confident_head_does_not_outvote_the_others_in_the_score() -> None:
    """From margin 200 to margin -3 counts as little more than from margin 1 to margin -3."""
    model, tasks, images, targets = setting()
    bound = mta.Objective(model, tasks, "dgba").bind(images, targets)
    bound(images)  # takes the clean losses
    model.offsets = torch.full_like(model.offsets, -3.0)
    rises = bound(images)
    left = rises[pairs()[:, 1] == -3.0]  # the right head's loss stays as it was
    lost = math.log1p(math.exp(3.0))
    from_200 = lost - 1e-3 * (1 - 200 - math.log(1e-3))  # of the tangent that scores see
    assert float(left.max()) == pytest.approx(from_200 / math.log(2), rel=1e-4)
    assert float(left[MARGINS.index(0.0)]) == pytest.approx(lost / math.log(2) - 1, rel=1e-4)
    assert float(bound(images)[0]) == 0


@pytest.mark.parametrize("attack", ["FGSM", "PGD", "MIFGSM", "APGD", "AutoSAGA"])
@pytest.mark.parametrize("rule", ["dgba", "total", "relative", "wgd"])
def test_each_margin_falls_as_far_as_torchattacks_takes_it_alone(attack: str, rule: str) -> None:
    """At least: for heads that do not look at the same pixels, attacking both costs neither anything."""
    import torchattacks

    model, tasks, images, targets = setting()
    model.slopes[0, :24] = 0
    model.slopes[1, 24:] = 0
    own = {} if attack == "FGSM" else {"steps": 3}
    more = {"random_start": False} if attack in ("PGD", "APGD") else {}
    found = getattr(mta, attack)(model, tasks, balance=rule, eps=8 / 255, **own, **more)(images, targets)
    fall = model.margins(images) - model.margins(found)
    if rule == "dgba":
        full = 8 / 255 * model.slopes.abs().sum(dim=1) * (0.5 if attack in ("MIFGSM", "AutoSAGA", "PGD") else 0.99)
        assert bool((fall >= full).all())
    if attack not in ("FGSM", "PGD", "MIFGSM"):
        return
    for k, name in enumerate(NAMES):
        host = getattr(torchattacks, attack)(_One(model, name), eps=8 / 255, **own, **more)
        alone = host(images, targets[name])
        gained = (model.margins(images) - model.margins(alone))[:, k]
        better = fall[:, k] >= gained - 1e-3
        assert bool(better[(pairs()[:, 0] == pairs()[:, 1]) | (rule == "dgba")].all())


class _One(nn.Module):
    def __init__(self, model: Heads, name: str) -> None:
        super().__init__()
        self.model, self.name = model, name

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x)[self.name]
