"""Every loss against torch's own, taken one sample at a time, and against closed forms."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

import mt_torchattacks as mta
from mt_torchattacks import losses

N, K = 3, 5


def one_by_one(module: nn.Module, output: Tensor, target: Tensor) -> Tensor:
    """A torch loss with its own mean, for each sample as a batch of one."""
    return torch.stack([module(output[i : i + 1], target[i : i + 1]) for i in range(len(output))])


@pytest.mark.parametrize("options", [
    {},
    {"ignore_index": 2},
    {"label_smoothing": 0.1},
    {"weight": torch.tensor([0.5, 1.0, 2.0, 0.0, 3.0])},
    {"weight": torch.tensor([0.5, 1.0, 2.0, 0.0, 3.0]), "ignore_index": 1, "label_smoothing": 0.2},
])  # fmt: skip
def test_dense_cross_entropy_is_torchs_mean_of_each_sample(options: dict[str, Any]) -> None:
    output, target = torch.randn(N, K, 6, 7), torch.randint(0, K, (N, 6, 7))
    expected = one_by_one(nn.CrossEntropyLoss(**options), output, target)
    torch.testing.assert_close(losses.CrossEntropy(**options)(output, target), expected)


@pytest.mark.parametrize("options", [{}, {"ignore_index": 2}, {"label_smoothing": 0.1}, {"weight": torch.rand(K)}])
def test_class_cross_entropy_is_torchs_unreduced(options: dict[str, Any]) -> None:
    output, target = torch.randn(N, K), torch.tensor([0, 2, 4])
    expected = F.cross_entropy(output, target, reduction="none", **options)
    assert torch.equal(losses.CrossEntropy(**options)(output, target), expected)


def test_cross_entropy_of_probabilities() -> None:
    output, target = torch.randn(N, K), torch.randint(0, K, (N,))
    found = losses.CrossEntropy(probabilities=True)(output.softmax(1), target)
    torch.testing.assert_close(found, losses.CrossEntropy()(output, target))
    certain = losses.CrossEntropy(probabilities=True)(torch.tensor([[0.0, 1.0]]), torch.tensor([0]))
    assert math.isfinite(float(certain))


@pytest.mark.parametrize(("loss", "module"), [
    (losses.L1(), nn.L1Loss()),
    (losses.MSE(), nn.MSELoss()),
    (losses.Huber(0.3), nn.HuberLoss(delta=0.3)),
    (losses.BCEWithLogits(), nn.BCEWithLogitsLoss()),
    (losses.BCEWithLogits(pos_weight=3.0), nn.BCEWithLogitsLoss(pos_weight=torch.tensor(3.0))),
])  # fmt: skip
@pytest.mark.parametrize("shape", [(N, 4), (N, 2, 5, 6)])
def test_pointwise_losses_are_torchs_mean_of_each_sample(loss: losses.Loss, module: nn.Module, shape: Any) -> None:
    output, target = torch.randn(shape), torch.rand(shape)
    torch.testing.assert_close(loss(output, target), one_by_one(module, output, target))


def test_cosine_distance_of_known_angles() -> None:
    angles = torch.tensor([0.0, 60.0, 180.0]).deg2rad()
    output = torch.stack([angles.cos(), angles.sin()], dim=1).reshape(3, 2, 1, 1).expand(3, 2, 4, 4) * 7
    target = torch.tensor([1.0, 0.0]).reshape(1, 2, 1, 1).expand(3, 2, 4, 4)
    torch.testing.assert_close(
        losses.CosineDistance()(output, target), torch.tensor([0.0, 0.5, 2.0]), atol=1e-6, rtol=0
    )


def test_cosine_distance_is_torchs_with_its_gradient_and_finite_at_zero() -> None:
    output, target = torch.randn(N, 3, 5, 6, requires_grad=True), torch.randn(N, 3, 5, 6)
    found = losses.CosineDistance()(output, target)
    expected = (1 - F.cosine_similarity(output, target, dim=1)).flatten(1).mean(1)
    torch.testing.assert_close(found, expected)
    gradients = [torch.autograd.grad(loss.sum(), output)[0] for loss in (found, expected)]
    torch.testing.assert_close(*gradients, rtol=1e-4, atol=1e-7)
    zero = torch.zeros(1, 3, 2, 2, requires_grad=True)
    loss = losses.CosineDistance()(zero, torch.ones(1, 3, 2, 2))
    assert loss.item() == 1
    assert bool(torch.isfinite(torch.autograd.grad(loss.sum(), zero)[0]).all())


def test_berhu_by_hand() -> None:
    error = torch.tensor([[0.1, -0.2, 1.0, 0.0]])  # c = 0.2: two linear, one quadratic: (1 + 0.04) / 0.4
    expected = torch.tensor([(0.1 + 0.2 + 2.6 + 0.0) / 4])
    torch.testing.assert_close(losses.BerHu()(error, torch.zeros(1, 4)), expected)
    smooth = torch.tensor([[0.2 - 1e-4, 0.2 + 1e-4, 1.0]], requires_grad=True)
    (gradient,) = torch.autograd.grad(losses.BerHu()(smooth, torch.zeros(1, 3)).sum() * 3, smooth)
    torch.testing.assert_close(gradient, torch.tensor([[1.0, 1.0, 5.0]]), atol=1e-3, rtol=0)


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 10_000), share=st.floats(0, 1))
def test_masked_losses_are_the_mean_over_valid_elements(seed: int, share: float) -> None:
    g = torch.Generator().manual_seed(seed)
    output, target = torch.randn(N, 1, 4, 5, generator=g), torch.rand(N, 1, 4, 5, generator=g) + 0.1
    hole = torch.rand(target.shape, generator=g) < share
    for bad in (0.0, float("nan"), float("inf")):
        holed = torch.where(hole, bad, target)
        valid = losses.positive if bad == 0 else losses.finite
        point = output.clone().requires_grad_()
        squared = losses.MSE(valid=valid)(point, holed)
        assert bool(torch.isfinite(torch.autograd.grad(squared.sum(), point)[0]).all())
        found = losses.L1(valid=valid)(point, holed)
        (gradient,) = torch.autograd.grad(found.sum(), point)
        for i in range(N):
            kept = (output[i] - target[i]).abs()[~hole[i]]
            torch.testing.assert_close(found[i].detach(), kept.mean() if len(kept) else torch.tensor(0.0))
        assert bool(torch.isfinite(gradient).all())
        assert bool((gradient[hole] == 0).all())


def test_masked_normals_and_classes() -> None:
    output, target = torch.randn(N, 3, 4, 5), torch.randn(N, 3, 4, 5)
    target[0] = 0
    target[1, :, :2] = 0
    found = losses.CosineDistance(valid=losses.nonzero)(output, target)
    assert found[0] == 0
    expected = (1 - F.cosine_similarity(output[1], target[1], dim=0))[2:].mean()
    torch.testing.assert_close(found[1], expected)
    scores, labels = torch.randn(N, K, 4, 5), torch.randint(0, K, (N, 4, 5))
    kept = losses.CrossEntropy(valid=lambda t: t < 3)(scores, labels)
    expected = one_by_one(nn.CrossEntropyLoss(ignore_index=255), scores, torch.where(labels < 3, labels, 255))
    torch.testing.assert_close(kept, expected)


def test_all_labels_ignored_is_zero_without_gradient() -> None:
    scores = torch.randn(1, K, 2, 2, requires_grad=True)
    loss = losses.CrossEntropy(ignore_index=255)(scores, torch.full((1, 2, 2), 255))
    assert loss.item() == 0
    assert torch.autograd.grad(loss.sum(), scores)[0].abs().max() == 0


def test_resize_is_said_and_bilinear_to_the_target() -> None:
    scores, labels = torch.randn(N, K, 4, 5), torch.randint(0, K, (N, 8, 9))
    with pytest.raises(
        ValueError, match="expected the output's height and width \\(4, 5\\), found \\(8, 9\\); to resize"
    ):
        losses.CrossEntropy()(scores, labels)
    resized = F.interpolate(scores, size=(8, 9), mode="bilinear", align_corners=False)
    found = losses.CrossEntropy(resize="bilinear")(scores, labels)
    torch.testing.assert_close(found, one_by_one(nn.CrossEntropyLoss(), resized, labels))
    with pytest.raises(ValueError, match="resize: expected one of 'bilinear', 'nearest', 'bicubic', found 'linear'"):
        losses.L1(resize="linear")


SCORES, DENSE, MAP = torch.zeros(2, K), torch.zeros(2, K, 4, 4), torch.zeros(2, 1, 4, 4)
LABELS, NORMALS = torch.zeros(2).long(), torch.zeros(2, 3, 4, 4)


@pytest.mark.parametrize(("loss", "output", "target", "error", "message"), [
    (losses.CrossEntropy(), SCORES, torch.zeros(2), TypeError, "expected class labels of dtype int64, found float32"),
    (losses.CrossEntropy(), SCORES, torch.zeros(3).long(), ValueError, r"expected labels of shape \(2,\)"),
    (losses.CrossEntropy(), DENSE, MAP.long(), ValueError, r"shape \(2, 4, 4\)"),
    (losses.CrossEntropy(), torch.zeros(2, K, 4), LABELS, ValueError, r"scores \(N, K\) or"),
    (losses.CrossEntropy(weight=torch.ones(3)), SCORES, LABELS, ValueError, "one weight a class, 5"),
    (losses.L1(), MAP, MAP[:, 0], ValueError, r"the output's shape \(2, 1, 4, 4\), found"),
    (losses.L1(), torch.zeros(2, 1), torch.zeros(2, 1).long(), TypeError, "floating-point tensor of .* found int64"),
    (losses.CosineDistance(), NORMALS, NORMALS[:, :2], ValueError, "the output's shape"),
    (losses.CosineDistance(valid=losses.positive), NORMALS, NORMALS, ValueError, "valid: expected one truth value a"),
    (losses.L1(valid=lambda t: t[0, 0, :2] > 0), MAP, MAP, ValueError, "valid: expected a boolean mask that"),
    (losses.L1(valid=lambda t: t), MAP, MAP, ValueError, "valid: expected a boolean mask .* found float32"),
])  # fmt: skip
def test_what_does_not_fit_is_said(loss: Any, output: Tensor, target: Tensor, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        loss(output, target)


def test_values_are_checked_where_they_count() -> None:
    scores = torch.zeros(1, K, 2, 2)
    labels = torch.tensor([[[0, 1], [7, 255]]])
    with pytest.raises(ValueError, match=r"expected labels in \[0, 5\) or ignore_index=255, found labels from 0 to 7"):
        losses.CrossEntropy(ignore_index=255).check_values(scores, labels)
    losses.CrossEntropy(ignore_index=255).check_values(scores, labels.clamp(max=4))
    with pytest.raises(ValueError, match=r"expected values in \[0, 1\], found values in \[0, 2\]"):
        losses.BCEWithLogits().check_values(torch.zeros(1, 2), torch.tensor([[0.0, 2.0]]))
    with pytest.raises(ValueError, match=r"output: expected probabilities in \[0, 1\], probabilities=True, found"):
        losses.CrossEntropy(probabilities=True).check_values(torch.randn(2, K), LABELS)
    nan = torch.tensor([[1.0, float("nan")]])
    with pytest.raises(ValueError, match="target: expected finite values, found 1 of 2 values NaN or infinite"):
        losses.L1().check_values(torch.zeros(1, 2), nan)
    losses.L1(valid=losses.finite).check_values(torch.zeros(1, 2), nan)


@pytest.mark.parametrize("arguments", [
    (losses.Huber, {"delta": 0}), (losses.BerHu, {"share": -1}), (losses.CrossEntropy, {"label_smoothing": 1}),
    (losses.CrossEntropy, {"weight": torch.tensor([-1.0])}),
])  # fmt: skip
def test_options_out_of_range(arguments: Any) -> None:
    cls, options = arguments
    with pytest.raises(ValueError, match=f"{next(iter(options))}: expected"):
        cls(**options)


def test_half_precision_outputs_give_float32_losses() -> None:
    output, target = torch.randn(2, K, 4, 4), torch.randint(0, K, (2, 4, 4))
    found = losses.CrossEntropy()(output.bfloat16(), target)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, losses.CrossEntropy()(output, target), rtol=2e-2, atol=2e-2)


class TestAdapters:
    def test_nn_losses_without_reduction(self) -> None:
        output, target = torch.randn(N, 2, 4), torch.randn(N, 2, 4)
        found = losses.as_loss(nn.SmoothL1Loss(reduction="none"))(output, target)
        torch.testing.assert_close(found, one_by_one(nn.SmoothL1Loss(), output, target))

    def test_a_reduction_over_the_batch_is_refused(self) -> None:
        with pytest.raises(ValueError, match="task 'depth': L1Loss: expected a loss per sample, reduction='none'"):
            mta.Tasks(depth=nn.L1Loss())

    def test_a_callable_that_reduces_is_refused_when_it_is_used(self) -> None:
        tasks = mta.Tasks(depth=lambda output, target: (output - target).abs().mean())
        with pytest.raises(
            ValueError, match="task 'depth': loss: expected one loss per sample, shape .2,., found shape"
        ):
            tasks.losses({"depth": torch.rand(2, 1)}, {"depth": torch.rand(2, 1)})

    def test_what_is_no_loss(self) -> None:
        for value in (3, "l1", losses.L1):
            with pytest.raises(TypeError, match="task 'depth': loss: expected a callable"):
                mta.Tasks(depth=value)
