"""Targets that are the model's own predictions: clean losses of exactly 0, which no rule may divide by."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

import mt_torchattacks as mta
from tests import toys

EPS = 8 / 255


def predictions(model: torch.nn.Module, images: torch.Tensor) -> dict[str, torch.Tensor]:
    with torch.no_grad():
        outputs = model(images)
    return {
        "classes": outputs["classes"].argmax(1),
        "segmentation": outputs["segmentation"].argmax(1),
        "normal": outputs["normal"],
        "depth": outputs["depth"],
    }


def tasks() -> mta.Tasks:
    return mta.Tasks(
        classes=mta.losses.CrossEntropy(),
        segmentation=mta.losses.CrossEntropy(),
        normal=mta.losses.CosineDistance(),
        depth=mta.losses.L1(),
    )


ATTACKS = {
    "FGSM": {},
    "PGD": {"steps": 5},
    "APGD": {"steps": 10, "random_start": False},
    "MIFGSM": {"steps": 5},
    "PIFGSM": None,
}


@pytest.mark.parametrize("name", ATTACKS)
@pytest.mark.parametrize("balance", ["dgba", "relative", "total", "wgd", "sign_total", "single:depth"])
def test_every_head_is_attacked(name: str, balance: str) -> None:
    model, (images, _) = toys.Toy(), toys.batch()
    targets = predictions(model, images)
    arguments = {"max_epsilon": EPS} if ATTACKS[name] is None else {"eps": EPS, **ATTACKS[name]}
    adversarial = getattr(mta, name)(model, tasks(), balance=balance, **arguments)(images, targets)
    assert (adversarial - images).abs().max() <= EPS + 1e-6
    noise = (images + EPS * (2 * torch.rand_like(images) - 1)).clamp(0, 1)
    heads = ["depth"] if balance == "single:depth" else ["depth", "normal"]
    with torch.no_grad():
        attacked = tasks().losses(model(adversarial), targets)
        shaken = tasks().losses(model(noise), targets)
    for head in heads:
        assert bool((attacked[head] > 1.2 * shaken[head]).all()), head


def test_the_reference_is_the_loss_under_the_same_noise_for_every_sample() -> None:
    model, (images, _) = toys.Toy(), toys.batch()
    targets = predictions(model, images)
    bound = mta.Objective(model, tasks(), "dgba").bind(images, targets, ball=toys.ball(images, EPS))
    noise = 2 * torch.rand((1, *images.shape[1:]), generator=torch.Generator().manual_seed(0)) - 1
    with torch.no_grad():
        noisy = tasks().losses(model((images + EPS * noise).clamp(0, 1)), targets)
        clean = tasks().losses(model(images), targets)
        moved = (images * 0.9).requires_grad_(False)
        now = tasks().losses(model(moved), targets)
    reference = {**clean, "depth": noisy["depth"], "normal": noisy["normal"]}
    assert clean["depth"].abs().max() == 0
    expected = sum((now[n] - reference[n]) / reference[n] for n in now)
    torch.testing.assert_close(bound(moved), expected, rtol=1e-4, atol=1e-4)


def test_floor_says_when_a_clean_loss_is_as_good_as_zero() -> None:
    """An explicit floor is taken at its word: below it the reference is the loss under noise."""
    model, (images, targets) = toys.Toy(), toys.batch()
    floored = mta.Tasks({n: mta.Task(t.loss, floor=1e9 if n == "depth" else 0.0) for n, t in toys.tasks().items()})
    bound = mta.Objective(model, floored, "relative").bind(images, targets, ball=toys.ball(images, EPS))
    noise = 2 * torch.rand((1, *images.shape[1:]), generator=torch.Generator().manual_seed(0)) - 1
    with torch.no_grad():
        reference = toys.tasks().losses(model(images), targets)
        reference["depth"] = toys.tasks().losses(model((images + EPS * noise).clamp(0, 1)), targets)["depth"]
        now = toys.tasks().losses(model(images * 0.9), targets)
    expected = sum((now[n] - reference[n]) / reference[n] for n in now)
    torch.testing.assert_close(bound(images * 0.9), expected, rtol=1e-4, atol=1e-4)


def test_ordinary_small_losses_keep_their_own_reference() -> None:
    """Below 0.001 a clean loss counts as zero only if noise raises it a hundredfold."""
    model, (images, targets) = toys.Toy(), toys.batch()
    small = mta.Tasks(depth=lambda output, target: 1e-4 * (output - target).abs().flatten(1).mean(1))
    depth = {"depth": targets["depth"]}
    bound = mta.Objective(model, small, "relative").bind(images, depth, ball=toys.ball(images, EPS))
    with torch.no_grad():
        clean = small.losses(model(images), depth)["depth"]
        now = small.losses(model(images * 0.9), depth)["depth"]
    torch.testing.assert_close(bound(images * 0.9), (now - clean) / clean, rtol=1e-4, atol=1e-5)
    assert bound.start is bound.images


@pytest.mark.parametrize("balance", ["dgba", "relative", "total"])
def test_rounding_of_the_predictions_does_not_become_the_reference(balance: str) -> None:
    """Predictions made in another batch differ in their last bits: still as good as zero, still attacked alike."""
    model, (images, _) = toys.Toy(), toys.batch()
    exact = predictions(model, images)
    rounded = {n: t + 1e-6 * torch.randn_like(t) if t.is_floating_point() else t for n, t in exact.items()}
    attack = mta.APGD(model, tasks(), balance=balance, eps=EPS, steps=10, random_start=False)
    with torch.no_grad():
        first, second = (tasks().losses(model(attack(images, t)), exact) for t in (exact, rounded))
    for name in first:
        torch.testing.assert_close(first[name], second[name], rtol=0.05, atol=1e-3)


@pytest.mark.parametrize("name", ["FGSM", "PGD", "APGD"])
def test_a_classifier_too_sure_for_float32_is_attacked_at_least_as_well_as_by_the_host(name: str) -> None:
    """Its cross-entropy rounds to 0, and of its gradient the part of the true class; the logarithm's has both."""
    import torchattacks

    class Sure(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head = torch.nn.Linear(3 * 16 * 16, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.head(x.flatten(1)) + torch.tensor([40.0, 0.0, 0.0])

    model, (images, _) = Sure(), toys.batch()
    labels = torch.zeros(len(images), dtype=torch.long)
    assert torch.nn.functional.cross_entropy(model(images), labels).item() == 0
    host, ours = (
        getattr(torchattacks, name)(model),
        getattr(mta, name)(model, mta.Tasks(a=mta.losses.CrossEntropy()), "total"),
    )
    torch.manual_seed(0)
    expected = host.perturb(images, labels, best_loss=True)[1] if name == "APGD" else host(images, labels)
    torch.manual_seed(0)
    found = ours(images, {"a": labels})
    fall = margins(model, images) - margins(model, found)
    assert bool((fall > margins(model, images) - margins(model, expected)).all())
    assert bool((fall > 0.5).all())


def margins(model: torch.nn.Module, images: Tensor) -> Tensor:
    """By how much the score of class 0 is above the others' log-sum-exp, ``(N,)``."""
    scores: Tensor = model(images)
    return (scores[:, 0] - scores[:, 1:].logsumexp(dim=1)).detach()


def test_samples_with_ordinary_losses_are_not_moved() -> None:
    """Only the sample whose targets are its own predictions starts from noise."""
    model, (images, targets) = toys.Toy(), toys.batch()
    own = predictions(model, images)
    targets["depth"][0] = own["depth"][0].abs() + 1e-3
    loss = mta.Tasks(depth=lambda output, target: (output.abs() + 1e-3 - target).abs().flatten(1).mean(1))
    mixed = {"depth": targets["depth"]}
    bound = mta.Objective(model, loss, "total").bind(images, mixed, ball=toys.ball(images, EPS))
    x = images.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(bound(x).sum(), x)
    assert gradient[0].abs().max() > 0
    plain = images.clone().requires_grad_()
    (expected,) = torch.autograd.grad(loss.losses(model(plain), mixed)["depth"].sum(), plain)
    assert torch.equal(gradient[1:], expected[1:])
    assert expected[0].abs().max() == 0


def test_a_sample_alone_gets_what_it_gets_in_a_batch() -> None:
    model, (images, _) = toys.Toy().double(), toys.batch()
    images = images.double()
    targets = predictions(model, images)
    attack = mta.APGD(model, tasks(), eps=EPS, steps=8, random_start=False)
    together = attack(images, targets)
    for i in range(len(images)):
        alone = attack(images[i : i + 1], {key: t[i : i + 1] for key, t in targets.items()})
        torch.testing.assert_close(alone[0], together[i], rtol=0, atol=1e-9)


KEEPING_THE_BEST = {
    "APGD": {"steps": 2, "random_start": False},
    "AutoSAGA": {"steps": 2},
    "Square": {"n_queries": 3},
    "SPSA": {"n_queries": 5, "lr": 0.2},
    "WorstCase": {"steps": 1, "n_queries": 2},
}


class OnlyNearby(torch.nn.Module):
    """A depth that depends on the image only as far as the noise that attacks start from goes, and less beyond."""

    def __init__(self, images: torch.Tensor, start: torch.Tensor) -> None:
        super().__init__()
        self.images, self.peak = images, start

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        copies = len(x) // len(self.images)
        images, peak = (where.repeat_interleave(copies, dim=0) for where in (self.images, self.peak))
        far, size = ((y - peak).flatten(1).square().sum(dim=1) for y in (x, images))
        return {"depth": torch.exp(-far / size) - torch.exp(torch.tensor(-1.0))}


@pytest.mark.parametrize("name", KEEPING_THE_BEST)
def test_the_best_so_far_begins_where_the_attack_does(name: str) -> None:
    """No iterate scores as high as the noise at the start: it is that which is returned, not the clean image."""
    images = toys.batch(3)[0] * 0.5 + 0.25
    noise = 2 * torch.rand((1, *images.shape[1:]), generator=torch.Generator().manual_seed(0)) - 1
    model = OnlyNearby(images, images + EPS * noise + 1e-5)
    targets = {"depth": model(images)["depth"]}
    attack = getattr(mta, name)(model, mta.Tasks(depth=mta.losses.L1()), "total", eps=EPS, **KEEPING_THE_BEST[name])
    found = attack(images, targets)
    assert model(found)["depth"].tolist() == pytest.approx([1 - math.exp(-1)] * 3, abs=1e-3)
