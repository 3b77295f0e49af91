"""Logarithms of losses against mpmath and float64, for margins from 0 to 200 of both signs."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import mpmath
import pytest
import torch
from torch import Tensor, nn

from mt_torchattacks import losses
from mt_torchattacks.tasks.losses.logarithms import log_softplus

MARGINS = [0.0, 1e-3, 0.5, 3.0, 10.0, 16.0, 17.5, 39.0, 41.0, 88.0, 104.0, 150.0, 200.0]
SIGNED = torch.tensor([sign * margin for margin in MARGINS for sign in (1, -1)])
"""Lead of the label over the other classes; the loss is exactly 0 in float32 above 17, its gradient above 104."""

K = 5


def scores_and_labels(lead: Tensor = SIGNED, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
    """``(N, K)`` scores of which the label's leads a spread of others by about ``lead``, and labels."""
    generator = torch.Generator().manual_seed(0)
    scores = torch.randn(len(lead), K, generator=generator)
    labels = torch.randint(0, K, (len(lead),), generator=generator)
    others = scores.scatter(1, labels[:, None], -math.inf).amax(1)
    return scores.scatter(1, labels[:, None], (others + lead)[:, None]).to(dtype), labels


def with_gradient(function: Callable[[Tensor], Tensor], at: Tensor) -> tuple[Tensor, Tensor]:
    point = at.clone().requires_grad_()
    value = function(point)
    return value.detach(), torch.autograd.grad(value.sum(), point)[0]


def exact(row: list[float], label: int, error: bool) -> tuple[float, list[float]]:
    """Log L and its gradient with 400 digits: of the cross-entropy, or of one minus the probability."""
    mpmath.mp.dps = 400
    exps = [mpmath.exp(mpmath.mpf(score)) for score in row]
    wrong = sum(e for k, e in enumerate(exps) if k != label) / sum(exps)
    loss = wrong if error else -mpmath.log(1 - wrong)
    probabilities = [e / sum(exps) for e in exps]
    slope = (1 - wrong if error else mpmath.mpf(1)) / loss
    gradient = [slope * (p - (k == label)) for k, p in enumerate(probabilities)]
    gradient[label] = -slope * wrong
    return float(mpmath.log(loss)), [float(g) for g in gradient]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("error", [False, True])
def test_of_a_label_against_400_digits(error: bool, dtype: torch.dtype) -> None:
    loss = losses.ExpectedError() if error else losses.CrossEntropy()
    scores, labels = scores_and_labels(dtype=dtype)
    value, gradient = with_gradient(lambda s: loss.log(s, labels), scores)
    assert value.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    pairs = [exact(row, label, error) for row, label in zip(scores.tolist(), labels.tolist(), strict=True)]
    accuracy: dict[str, Any] = (
        {"rtol": 1e-12, "atol": 1e-15} if dtype == torch.float64 else {"rtol": 2e-6, "atol": 1e-7}
    )
    torch.testing.assert_close(value, torch.tensor([v for v, _ in pairs], dtype=value.dtype), **accuracy)
    coarse = {torch.bfloat16: 2**-8, torch.float16: 2**-11}.get(dtype, accuracy["rtol"])  # the gradient's own rounding
    expected = torch.tensor([g for _, g in pairs], dtype=torch.float64).to(dtype)
    smallest = torch.finfo(dtype).smallest_normal
    torch.testing.assert_close(gradient, expected, rtol=coarse, atol=smallest)


def test_the_loss_itself_and_its_gradient_are_exactly_0_where_the_logarithm_goes_on() -> None:
    scores, labels = scores_and_labels(torch.tensor([120.0, 200.0]))
    value, gradient = with_gradient(lambda s: losses.CrossEntropy()(s, labels), scores)
    assert value.abs().max() == 0 and gradient.abs().max() == 0
    value, gradient = with_gradient(lambda s: losses.CrossEntropy().log(s, labels), scores)
    assert value.max() < -115
    torch.testing.assert_close(gradient.gather(1, labels[:, None]), torch.tensor([[-1.0], [-1.0]]))
    torch.testing.assert_close(gradient.sum(1), torch.zeros(2), atol=1e-6, rtol=0)


def test_log_softplus_has_the_right_second_order_near_its_seams() -> None:
    for at in (-40.0, -17.0, 0.0, 17.0, 40.0):
        point = torch.linspace(at - 0.5, at + 0.5, 101, dtype=torch.float64)
        value, slope = with_gradient(log_softplus, point)
        expected = torch.tensor([float(mpmath.log(mpmath.log1p(mpmath.exp(m)))) for m in point.tolist()]).double()
        torch.testing.assert_close(value, expected, rtol=1e-6, atol=1e-6)
        assert bool((slope.diff() <= 1e-15).all())  # log softplus is concave


WEIGHT = torch.tensor([0.5, 1.0, 2.0, 0.0, 3.0])
DENSE = [
    ("plain", losses.CrossEntropy()),
    ("ignored", losses.CrossEntropy(ignore_index=2)),
    ("weighted", losses.CrossEntropy(weight=WEIGHT)),
    ("both", losses.CrossEntropy(weight=WEIGHT, ignore_index=1, valid=lambda t: t != 4)),
    ("smoothed", losses.CrossEntropy(label_smoothing=0.1)),
    ("smoothed and weighted", losses.CrossEntropy(weight=WEIGHT, label_smoothing=0.1)),
    ("error", losses.ExpectedError(ignore_index=2)),
    ("scaled", losses.LogitScaled(lead=8.0)),
]


@pytest.mark.parametrize(("name", "loss"), DENSE, ids=[name for name, _ in DENSE])
@pytest.mark.parametrize("confidence", [1.0, 15.0, 40.0])
def test_of_pixels_against_float64(name: str, loss: losses.Loss, confidence: float) -> None:
    """The gradient of the logarithm is the gradient over the loss: in float64, where the loss has digits enough."""
    generator = torch.Generator().manual_seed(1)
    labels = torch.randint(0, K, (4, 6, 7), generator=generator)
    scores = torch.randn(4, K, 6, 7, generator=generator)
    scores += (
        confidence
        * (torch.rand(4, 1, 6, 7, generator=generator) + 0.5)
        * nn.functional.one_hot(labels, K).movedim(-1, 1)
    )
    value, gradient = with_gradient(lambda s: loss.log(s, labels), scores)
    exactly, ratio = with_gradient(lambda s: loss.log(s, labels), scores.double())
    torch.testing.assert_close(value, exactly.float(), rtol=2e-6, atol=2e-6)
    torch.testing.assert_close(gradient, ratio.float(), rtol=1e-5, atol=1e-7)
    plain, slope = with_gradient(lambda s: loss(s, labels), scores.double())
    digits = 1e-9 if confidence < 40 else 1e-4  # of the plain form in float64
    if float(plain.min()) > 1e-10:
        torch.testing.assert_close(exactly.exp(), plain, rtol=digits, atol=0)
        torch.testing.assert_close(ratio, slope / plain[:, None, None, None], rtol=digits, atol=1e-6)


def test_of_pixels_that_all_underflow() -> None:
    """The mean of exp(-150), exp(-152) and an ignored pixel; the weight of each is its share."""
    scores = torch.zeros(1, 2, 1, 3)
    scores[0, 0, 0] = torch.tensor([150.0, 152.0, -9.0])
    labels = torch.tensor([[[0, 0, 255]]])
    value, gradient = with_gradient(lambda s: losses.CrossEntropy(ignore_index=255).log(s, labels), scores)
    torch.testing.assert_close(value, torch.tensor([-150 + math.log((1 + math.exp(-2)) / 2)]))
    share = 1 / (1 + math.exp(-2))
    torch.testing.assert_close(gradient[0, 0, 0], torch.tensor([-share, share - 1, 0.0]))
    weighted = losses.CrossEntropy(ignore_index=255, weight=torch.tensor([0.25, 1.0]))
    torch.testing.assert_close(weighted.log(scores, labels), value)  # a weighted mean: equal weights cancel
    single = losses.CrossEntropy(weight=torch.tensor([0.25, 1.0])).log(scores[:, :, 0, 0], torch.tensor([0]))
    torch.testing.assert_close(single, torch.tensor([-150 + math.log(0.25)]))


@pytest.mark.parametrize("pos_weight", [None, 3.0, torch.tensor([0.5, 2.0])])
@pytest.mark.parametrize("soft", [False, True])
def test_of_binary_labels_against_float64(pos_weight: Any, soft: bool) -> None:
    loss = losses.BCEWithLogits(pos_weight)
    scores = torch.stack([SIGNED, -SIGNED.flip(0)], dim=1)
    targets = torch.randint(0, 2, scores.shape, generator=torch.Generator().manual_seed(2)).float()
    targets = targets * 0.8 + 0.1 if soft else targets
    value, gradient = with_gradient(lambda s: loss.log(s, targets), scores)
    exactly, ratio = with_gradient(lambda s: loss.log(s, targets), scores.double())
    torch.testing.assert_close(value, exactly.float(), rtol=2e-6, atol=2e-6)
    torch.testing.assert_close(gradient, ratio.float(), rtol=1e-5, atol=1e-7)
    plain, slope = with_gradient(lambda s: loss(s, targets), scores.double())  # a softplus has all its digits
    torch.testing.assert_close(exactly.exp(), plain, rtol=1e-6, atol=0)
    torch.testing.assert_close(ratio, slope / plain[:, None], rtol=1e-6, atol=1e-9)


def test_of_binary_labels_that_underflow() -> None:
    scores, targets = torch.tensor([[200.0, -120.0]]), torch.tensor([[1.0, 0.0]])
    value, gradient = with_gradient(lambda s: losses.BCEWithLogits().log(s, targets), scores)
    torch.testing.assert_close(value, torch.tensor([-120 - math.log(2)]))
    torch.testing.assert_close(gradient, torch.tensor([[0.0, 1.0]]))
    masked = losses.BCEWithLogits(valid=lambda t: t > 0.5)
    torch.testing.assert_close(masked.log(scores, targets), torch.tensor([-200.0]))


NOTHING = [
    (losses.CrossEntropy(), torch.randn(2, K), torch.tensor([-100, 1])),
    (losses.CrossEntropy(label_smoothing=0.2), torch.randn(2, K), torch.tensor([-100, 1])),
    (losses.CrossEntropy(weight=WEIGHT), torch.randn(2, K), torch.tensor([3, 1])),
    (losses.ExpectedError(), torch.randn(2, K), torch.tensor([-100, 1])),
    (losses.CrossEntropy(), torch.randn(2, K, 3), torch.tensor([[-100] * 3, [1, 2, -100]])),
    (losses.CrossEntropy(weight=WEIGHT), torch.randn(2, K, 3), torch.tensor([[3] * 3, [1, 2, 3]])),
    (losses.ExpectedError(), torch.randn(2, K, 3), torch.tensor([[-100] * 3, [1, 2, -100]])),
    (losses.BCEWithLogits(valid=lambda t: t < 0.5), torch.randn(2, 2), torch.tensor([[1.0, 1.0], [0.0, 1.0]])),
    (losses.BCEWithLogits(0.0), torch.randn(2, 2), torch.tensor([[1.0, 1.0], [0.0, 1.0]])),
    (losses.CrossEntropy(), torch.tensor([[1.0, -math.inf], [1.0, 2.0]]), torch.tensor([0, 0])),
]  # fmt: skip


@pytest.mark.parametrize(("loss", "output", "target"), NOTHING)
def test_a_loss_of_exactly_0_has_minus_infinity_and_no_gradient(
    loss: losses.Loss, output: Tensor, target: Tensor
) -> None:
    value, gradient = with_gradient(lambda o: loss.log(o, target), output)
    assert value[0] == -math.inf and bool(value[1].isfinite())
    assert gradient[0].abs().max() == 0 and 0 < gradient[1].abs().max() < math.inf


def test_one_class_is_never_wrong() -> None:
    value, gradient = with_gradient(lambda o: losses.CrossEntropy().log(o, torch.tensor([0])), torch.ones(1, 1))
    assert value.item() == -math.inf and gradient.item() == 0


def test_of_probabilities() -> None:
    scores, labels = scores_and_labels(SIGNED[SIGNED.abs() < 80])
    probabilities = scores.softmax(1)
    for kind in (losses.CrossEntropy, losses.ExpectedError):
        found = kind(probabilities=True).log(probabilities, labels)
        torch.testing.assert_close(found, kind().log(scores, labels), rtol=1e-5, atol=1e-5)
    certain = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    value, gradient = with_gradient(
        lambda p: losses.CrossEntropy(probabilities=True).log(p, torch.tensor([0, 0])), certain
    )
    assert bool(torch.isfinite(value).all()) and bool(torch.isfinite(gradient).all())


class TestWhichLossesHaveOne:
    @pytest.mark.parametrize("loss", [
        losses.L1(), losses.MSE(), losses.Huber(), losses.BerHu(), losses.CosineDistance(), losses.Angle(),
        losses.RelativeError(), losses.Margin(), losses.DLR(), losses.TargetedDLR(),
    ])  # fmt: skip
    def test_the_others_refuse(self, loss: losses.Loss) -> None:
        assert not loss.has_log
        with pytest.raises(TypeError, match=f"{type(loss).__name__}: expected a loss that has a logarithm, found has_"):
            loss.log(torch.zeros(1, 4), torch.zeros(1, 4))

    def test_a_subclass_that_changes_the_elements_loses_it(self) -> None:
        class Focal(losses.CrossEntropy):
            def elements(self, output: Tensor, target: Tensor, mask: Tensor | None) -> Any:
                values, weights = super().elements(output, target, mask)
                return values * -torch.expm1(-values), weights

        class Squared(losses.BCEWithLogits):
            def error(self, output: Tensor, target: Tensor, mask: Tensor | None) -> Tensor:
                return super().error(output, target, mask).square()

        class Named(losses.CrossEntropy):
            title = "the same loss"

        assert not Focal.has_log and not Squared.has_log and Named.has_log and losses.CrossEntropy.has_log

    @pytest.mark.parametrize(("module", "same"), [
        (nn.CrossEntropyLoss(reduction="none"), losses.CrossEntropy()),
        (nn.CrossEntropyLoss(reduction="none", label_smoothing=0.1), losses.CrossEntropy(label_smoothing=0.1)),
        (nn.CrossEntropyLoss(reduction="none", weight=WEIGHT + 1), losses.CrossEntropy(weight=WEIGHT + 1)),
    ])  # fmt: skip
    def test_torchs_cross_entropy(self, module: nn.Module, same: losses.Loss) -> None:
        scores, labels = scores_and_labels()
        found: Any = losses.as_loss(module)
        assert found.has_log
        torch.testing.assert_close(found.log(scores, labels), same.log(scores, labels))

    def test_torchs_means_are_not_weighted(self) -> None:
        """Torch's unreduced loss counts an ignored pixel as 0 and does not divide by weights; so does its logarithm."""
        scores, labels = torch.randn(3, K, 4, 5), torch.randint(0, K, (3, 4, 5))
        found: Any = losses.as_loss(nn.CrossEntropyLoss(reduction="none", weight=WEIGHT, ignore_index=1))
        torch.testing.assert_close(found.log(scores, labels).exp(), found(scores, labels))
        found = losses.as_loss(nn.CrossEntropyLoss(reduction="none", weight=WEIGHT))
        soft = torch.rand(3, K, 4, 5).softmax(1)
        torch.testing.assert_close(found.log(scores, soft).exp(), found(scores, soft))

    def test_torchs_binary_cross_entropy_and_those_without(self) -> None:
        found: Any = losses.as_loss(nn.BCEWithLogitsLoss(reduction="none"))
        torch.testing.assert_close(found.log(torch.tensor([[150.0]]), torch.ones(1, 1)), torch.tensor([-150.0]))
        other: Any = losses.as_loss(nn.SmoothL1Loss(reduction="none"))
        assert not other.has_log
        with pytest.raises(TypeError, match="SmoothL1Loss: expected a loss that has a logarithm"):
            other.log(torch.ones(1, 1), torch.ones(1, 1))
