"""Losses that steer: their value is the plain loss, their gradient each pixel's own times what the papers say."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

import mt_torchattacks as mta
from mt_torchattacks.tasks.losses.progress import progress, progress_is

GENERATOR = torch.Generator().manual_seed(0)
SCORES = 3 * torch.randn(3, 5, 4, 4, generator=GENERATOR).double()
LABELS = torch.randint(0, 5, (3, 4, 4), generator=GENERATOR)
LABELS[:, 0] = 255
WEIGHT = torch.tensor([1.0, 2.0, 0.5, 3.0, 1.0]).double()


def reference(counts: Callable[[Tensor, int, float], float], weight: Tensor | None, t: float) -> Tensor:
    """The gradient by the scores, pixel by pixel: of each one's cross-entropy (p - onehot), times what it counts."""
    gradient = torch.zeros_like(SCORES)
    for n in range(3):
        places = [(i, j) for i in range(1, 4) for j in range(4)]
        shares = [1.0 if weight is None else float(weight[LABELS[n, i, j]]) for i, j in places]
        for (i, j), share in zip(places, shares, strict=True):
            label, p = int(LABELS[n, i, j]), SCORES[n, :, i, j].softmax(dim=0)
            plain = p - F.one_hot(torch.tensor(label), 5)
            gradient[n, :, i, j] = share / sum(shares) * counts(p, label, t) * plain
    return gradient


def masked(p: Tensor, label: int, t: float) -> float:
    return float(int(p.argmax()) == label)


def seg_pgd(p: Tensor, label: int, t: float) -> float:
    return 1 - t / 2 if int(p.argmax()) == label else t / 2


def tsallis(p: Tensor, label: int, t: float) -> float:
    return float(p[label] ** (1 - (-2 + 3 * t)))


def cosine(p: Tensor, label: int, t: float) -> float:
    return float(p[label] / p.square().sum().sqrt())


STEERED: list[tuple[Callable[..., Any], Callable[[Tensor, int, float], float]]] = [
    (mta.losses.MaskedCrossEntropy, masked),
    (mta.losses.SegPGD, seg_pgd),
    (mta.losses.Tsallis, tsallis),
    (lambda **options: mta.losses.CosPGD(mta.losses.CrossEntropy(**options)), cosine),
]


@pytest.mark.parametrize("t", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("weight", [None, WEIGHT])
@pytest.mark.parametrize(("loss", "counts"), STEERED)
def test_against_pixel_by_pixel(
    loss: Callable[..., Any], counts: Callable[[Tensor, int, float], float], weight: Tensor | None, t: float
) -> None:
    steered = loss(ignore_index=255, weight=weight)
    plain = mta.losses.CrossEntropy(ignore_index=255, weight=weight)(SCORES, LABELS)
    x = SCORES.clone().requires_grad_()
    with progress_is(t):
        value, logarithm = steered(x, LABELS), steered.log(x, LABELS)
    torch.testing.assert_close(value.detach(), plain)
    torch.testing.assert_close(logarithm.detach(), plain.log())
    expected = reference(counts, weight, t)
    torch.testing.assert_close(torch.autograd.grad(value.sum(), x)[0], expected)
    by_sample = plain.reshape(-1, 1, 1, 1)
    torch.testing.assert_close(torch.autograd.grad(logarithm.sum(), x)[0], expected / by_sample)


def test_tsallis_is_the_gradient_of_its_closed_form() -> None:
    for q in (-2.0, 0.0, 0.5):
        x = SCORES.clone().requires_grad_()
        p = x.softmax(dim=1).gather(1, torch.where(LABELS == 255, 0, LABELS).unsqueeze(1)).squeeze(1)
        closed = ((1 - p ** (1 - q)) / (1 - q))[:, 1:].flatten(1).mean(dim=1)
        expected = torch.autograd.grad(closed.sum(), x)[0]
        found = torch.autograd.grad(mta.losses.Tsallis(q=q, ignore_index=255)(x, LABELS).sum(), x)[0]
        torch.testing.assert_close(found, expected)


def test_cosines_of_vectors_and_what_has_none() -> None:
    output = torch.tensor([[[3.0, -1.0], [4.0, 0.0]]], requires_grad=True)  # (1, 2, 2): two vectors
    target = torch.tensor([[[1.0, 1.0], [0.0, 0.0]]])
    mta.losses.CosPGD(mta.losses.L1())(output, target).sum().backward()
    assert output.grad is not None
    torch.testing.assert_close(output.grad, torch.tensor([[[0.15, 0.0], [0.15, 0.0]]]))  # cosines 0.6 and -1
    normals = mta.losses.CosPGD(mta.losses.CosineDistance(valid=mta.losses.nonzero))
    x = torch.randn(2, 3, 4, 4, generator=GENERATOR, requires_grad=True)
    y = torch.randn(2, 3, 4, 4, generator=GENERATOR)
    y[:, :, 0] = 0
    value = normals(x, y)
    torch.testing.assert_close(value, mta.losses.CosineDistance(valid=mta.losses.nonzero)(x, y))
    gradient = torch.autograd.grad(value.sum(), x)[0]
    away = torch.cosine_similarity(x, y, dim=1) <= 0
    assert bool((gradient.abs().sum(dim=1)[away] == 0).all()) and bool((gradient[:, :, 0] == 0).all())
    assert bool((gradient.abs().sum(dim=1)[~away] > 0).all())
    with pytest.raises(ValueError, match="output: expected at least two channels for CosPGD"):
        mta.losses.CosPGD(mta.losses.L1())(torch.zeros(1, 1, 2, 2), torch.zeros(1, 1, 2, 2))
    with pytest.raises(ValueError, match="q: expected a number <= 1"):
        mta.losses.Tsallis(q=1.5)


def test_a_smoothed_cross_entropy_is_steered_once() -> None:
    x = SCORES.clone().requires_grad_()
    loss = mta.losses.MaskedCrossEntropy(ignore_index=255, label_smoothing=0.1)
    value = loss(x, LABELS)
    direct = torch.autograd.grad(value.sum(), x, retain_graph=True)[0]
    by_log = torch.autograd.grad(loss.log(x, LABELS).sum(), x)[0]
    torch.testing.assert_close(by_log * value.detach().reshape(-1, 1, 1, 1), direct)


class Noted(mta.losses.CrossEntropy):
    """Notes how far the attack is."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[float] = []

    def __call__(self, output: Tensor, target: Tensor) -> Tensor:
        if output.requires_grad:
            self.seen.append(progress())
        return super().__call__(output, target)


@pytest.mark.parametrize(
    ("attack", "options", "expected"),
    [
        ("PGD", {"steps": 5}, [0, 0.25, 0.5, 0.75, 1]),
        ("PAdam", {"steps": 3}, [0, 0.5, 1]),
        ("FriendlyPGD", {"steps": 3, "tau": None}, [0, 0.5, 1]),
        ("APGD", {"steps": 4, "n_restarts": 2}, 2 * [0, 0.25, 0.5, 0.75, 1]),
        ("APGD", {"steps": 1, "eot_iter": 3}, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        ("APGD", {"steps": 10, "radii": "reduced"}, [i / 12 for i in range(13)]),
        ("FGSM", {}, [1]),
    ],
)
def test_an_attack_says_how_far_it_is(attack: str, options: dict[str, Any], expected: list[float]) -> None:
    loss = Noted()
    model = torch.nn.Conv2d(3, 5, 1)
    images, targets = torch.rand(2, 3, 4, 4, generator=GENERATOR), {"a": torch.zeros(2, 4, 4, dtype=torch.long)}
    mta.create(attack, model, mta.Tasks(a=loss), balance="total", eps=0.1, **options)(images, targets)
    assert loss.seen == pytest.approx(expected)
    assert progress() == 1


EACH = [name for name in mta.attacks.attack_names() if name not in ("SPSA", "Square", "WorstCase")]
"""Attacks that ask for gradients, in one run."""


@pytest.mark.parametrize("name", EACH)
def test_every_attack_goes_from_its_first_step_to_its_last(name: str) -> None:
    """However many gradients a step of it takes."""
    loss = Noted()
    takes = inspect.signature(mta.attacks.attack_class(name)).parameters
    steps = {argument: 4 for argument in ("steps", "num_iter_set") if argument in takes}
    images, targets = torch.rand(2, 3, 16, 16, generator=GENERATOR), torch.zeros(2, 16, 16, dtype=torch.long)
    attack = mta.create(name, torch.nn.Conv2d(3, 5, 1), mta.Tasks(a=loss), balance="total", **steps)
    attack(images, {"a": targets})
    assert loss.seen == sorted(loss.seen) and loss.seen[-1] == 1
    assert loss.seen[0] == (0 if len(loss.seen) > 1 else 1)


def log_reference(output: Tensor, target: Tensor, share: float) -> list[float]:
    found = []
    for one, true in zip(output.flatten(1), target.flatten(1), strict=True):
        d = [float((o.clamp_min(1e-3) / t).log()) for o, t in zip(one, true, strict=True) if t > 0]
        found.append(sum(v * v for v in d) / len(d) - share * (sum(d) / len(d)) ** 2)
    return found


def test_losses_of_logarithms() -> None:
    output = torch.randn(3, 1, 4, 4, generator=GENERATOR).double()
    target = torch.rand(3, 1, 4, 4, generator=GENERATOR).double() + 0.1
    target[:, :, 0, :2] = 0
    for share in (0.0, 0.5, 1.0):
        loss = mta.losses.ScaleInvariantLog(share, valid=mta.losses.positive)
        assert loss(output, target).tolist() == pytest.approx(log_reference(output, target, share), rel=1e-9)
    log = mta.losses.LogError(valid=mta.losses.positive)
    by_hand = (output.clamp_min(1e-3) / target).log().abs()[target > 0].reshape(3, -1).mean(dim=1)
    torch.testing.assert_close(log(output, target), by_hand)
    scaled = mta.losses.ScaleInvariantLog(share=1)(7 * target[:, :, 1:], target[:, :, 1:])
    assert float(scaled.abs().max()) < 1e-12
    x, y = output.abs()[:, :, 1:].requires_grad_(), target[:, :, 1:]
    assert torch.autograd.gradcheck(lambda x: mta.losses.ScaleInvariantLog()(x, y), (x,))
    with pytest.raises(ValueError, match="target: expected values > 0"):
        mta.losses.LogError().check_values(output, -target)
    with pytest.raises(ValueError, match=r"share: expected a number in \[0, 1\]"):
        mta.losses.ScaleInvariantLog(share=2)
