"""Losses of class scores beside the cross-entropy, and where an output has its classes."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import mt_torchattacks as mta
from mt_torchattacks import losses

N, K = 64, 7
SCORES = torch.randn(N, K, generator=torch.Generator().manual_seed(0)) * 5
LABELS = torch.randint(0, K, (N,), generator=torch.Generator().manual_seed(1))
GOALS = (LABELS + torch.randint(1, K, (N,), generator=torch.Generator().manual_seed(2))) % K


def gradient(loss: Any, output: Tensor, target: Tensor) -> Tensor:
    point = output.clone().requires_grad_()
    return torch.autograd.grad(loss(point, target).sum(), point)[0]


class TestAgainstTorchattacks:
    """The host's own functions, which need no model: value and gradient bit for bit."""

    def test_dlr(self) -> None:
        from torchattacks.attacks.apgd import APGD

        def host(x: Tensor, y: Tensor) -> Tensor:
            return APGD.dlr_loss(None, x, y)

        assert bool((SCORES.argmax(1) == LABELS).any()) and bool((SCORES.argmax(1) != LABELS).any())
        assert torch.equal(losses.DLR()(SCORES, LABELS), host(SCORES, LABELS))
        assert torch.equal(losses.DLR()(SCORES, SCORES.argmax(1)), host(SCORES, SCORES.argmax(1)))
        torch.testing.assert_close(gradient(losses.DLR(), SCORES, LABELS), gradient(host, SCORES, LABELS))

    def test_targeted_dlr(self) -> None:
        from torchattacks.attacks.apgdt import APGDT

        def host(x: Tensor, pairs: Tensor) -> Tensor:
            return APGDT.dlr_loss_targeted(None, x, pairs[:, 0], pairs[:, 1])

        pairs = torch.stack([LABELS, GOALS], dim=1)
        assert torch.equal(losses.TargetedDLR()(SCORES, pairs), host(SCORES, pairs))
        torch.testing.assert_close(gradient(losses.TargetedDLR(), SCORES, pairs), gradient(host, SCORES, pairs))


class TestByHand:
    scores = torch.tensor([[1.0, 7.0, 3.0, -1.0]])

    @pytest.mark.parametrize(("loss", "label", "expected"), [
        (losses.Margin(), 1, 3.0 - 7.0),
        (losses.Margin(), 3, 7.0 + 1.0),
        (losses.DLR(), 1, (3.0 - 7.0) / (7.0 - 1.0)),
        (losses.DLR(), 3, (7.0 + 1.0) / (7.0 - 1.0)),
        (losses.TargetedDLR(), [1, 2], (3.0 - 7.0) / (7.0 - (1.0 - 1.0) / 2)),
        (losses.TargetedDLR(), [0, 1], (7.0 - 1.0) / (7.0 - (1.0 - 1.0) / 2)),
        (losses.LogitScaled(lead=3.0), 1, math.log(1 + math.exp(-3) + math.exp(-2) + math.exp(-4))),
        (losses.LogitScaled(), 1, math.log(1 + math.exp(-6) + math.exp(-4) + math.exp(-8))),  # not enlarged
    ])  # fmt: skip
    def test_value(self, loss: losses.Loss, label: Any, expected: float) -> None:
        torch.testing.assert_close(loss(self.scores, torch.tensor([label])), torch.tensor([expected]))

    def test_two_equal_top_scores_are_a_margin_of_0(self) -> None:
        scores, labels = torch.tensor([[2.0, 2.0, 0.0]]), torch.tensor([0])
        assert losses.Margin()(scores, labels) == 0 and losses.DLR()(scores, labels) == 0
        assert gradient(losses.DLR(), torch.zeros(1, 3), labels).isfinite().all()


@pytest.mark.parametrize("factor", [4.0, 32.0, 1024.0])
class TestConfidence:
    """What a factor on all scores does: a confident classifier is the same classifier."""

    scores, labels = SCORES.double(), SCORES.argmax(1)

    def test_dlr_and_scaled_scores_stay(self, factor: float) -> None:
        for loss in (losses.DLR(), losses.LogitScaled(lead=0.1)):
            torch.testing.assert_close(loss(self.scores * factor, self.labels), loss(self.scores, self.labels))
            slopes = gradient(loss, self.scores * factor, self.labels), gradient(loss, self.scores, self.labels)
            torch.testing.assert_close(slopes[0] * factor, slopes[1])

    def test_their_gradients_do_not_vanish_where_cross_entropys_does(self, factor: float) -> None:
        single = (self.scores * factor).float()
        for loss in (losses.Margin(), losses.DLR(), losses.LogitScaled()):
            assert float(gradient(loss, single, self.labels).abs().amax(1).min()) > 1e-8
        if factor > 1000:
            assert float(gradient(losses.CrossEntropy(), single, self.labels).abs().amax(1).median()) == 0

    def test_the_margin_is_multiplied(self, factor: float) -> None:
        found = losses.Margin()(self.scores * factor, self.labels)
        torch.testing.assert_close(found, losses.Margin()(self.scores, self.labels) * factor)


def test_no_gradient_flows_through_the_scale() -> None:
    scale = ((lambda top: top[:, :1] - top[:, 2:])(SCORES.topk(3, 1).values) / 4).clamp_min(1)
    expected = gradient(lambda s, y: losses.CrossEntropy()(s / scale, y), SCORES, LABELS)
    assert torch.equal(gradient(losses.LogitScaled(4.0), SCORES, LABELS), expected)


def test_scaled_scores_have_a_logarithm() -> None:
    found = losses.LogitScaled()
    torch.testing.assert_close(found.log(SCORES, LABELS), found(SCORES, LABELS).log(), rtol=1e-4, atol=1e-4)
    assert found(torch.tensor([[500.0, 0.0]]), torch.tensor([0])).item() == pytest.approx(math.exp(-10), rel=1e-2)


CLASS_LOSSES = [
    losses.CrossEntropy, losses.ExpectedError, losses.Margin, losses.DLR, losses.TargetedDLR, losses.LogitScaled,
]  # fmt: skip


@pytest.mark.parametrize("kind", CLASS_LOSSES)
@pytest.mark.parametrize("inner", [(), (5,), (3, 4), (2, 3, 2)], ids=str)
class TestClassDimension:
    def sample(self, kind: Any, inner: tuple[int, ...]) -> tuple[Tensor, Tensor]:
        generator = torch.Generator().manual_seed(3)
        scores = torch.randn(4, K, *inner, generator=generator)
        labels = torch.randint(0, K, (4, *inner), generator=generator)
        return scores, torch.stack([labels, (labels + 2) % K], dim=1) if kind is losses.TargetedDLR else labels

    def test_last_is_the_same_as_first(self, kind: Any, inner: tuple[int, ...]) -> None:
        scores, target = self.sample(kind, inner)
        last = scores.movedim(1, -1).contiguous()
        torch.testing.assert_close(kind(class_dim=-1)(last, target), kind()(scores, target))
        kind(class_dim=-1).check_values(last, target)
        if kind.has_log:
            torch.testing.assert_close(kind(class_dim=-1).log(last, target), kind().log(scores, target))

    def test_is_the_mean_of_each_labels_loss(self, kind: Any, inner: tuple[int, ...]) -> None:
        scores, target = self.sample(kind, inner)
        labels = target.reshape(4, *target.shape[1 : target.ndim - len(inner)], -1)
        for i in range(4):
            each = kind()(scores[i].reshape(K, -1).T, labels[i].movedim(0, -1))
            torch.testing.assert_close(kind()(scores, target)[i], each.mean())

    def test_ignored_labels_do_not_count(self, kind: Any, inner: tuple[int, ...]) -> None:
        scores, target = self.sample(kind, inner)
        target[0] = 255
        if inner:
            target[1, ..., 0] = 255
            rest = kind()(scores[1:2, ..., 1:], target[1:2, ..., 1:])
            torch.testing.assert_close(kind(ignore_index=255)(scores, target)[1:2], rest)
        slope = gradient(kind(ignore_index=255), scores, target)
        assert kind(ignore_index=255)(scores, target)[0] == 0 and slope[0].abs().max() == 0
        assert slope[1].abs().max() > 0
        kind(ignore_index=255).check_values(scores, target)


@pytest.mark.parametrize(("loss", "output", "target", "error", "message"), [
    (losses.Margin(), torch.zeros(2, 1), LABELS[:2], ValueError, "output: expected at least 2 classes, .* K = 1"),
    (losses.DLR(), torch.zeros(2, 2), LABELS[:2], ValueError, "output: expected at least 3 classes, .* K = 2"),
    (losses.TargetedDLR(), torch.zeros(2, 3), torch.zeros(2, 2).long(), ValueError, "at least 4 classes"),
    (losses.TargetedDLR(), torch.zeros(2, 5), LABELS[:2], ValueError, r"labels of shape \(2, 2\)"),
    (losses.DLR(), torch.zeros(2, 5), torch.zeros(2), TypeError, "class labels of dtype int64, found float32"),
    (losses.DLR(), torch.zeros(2, 9, 5), torch.zeros(2, 9).long(), ValueError,
     r"labels of shape \(2, 5\) for scores \(N, K\) or \(N, K, ...\) \(class_dim=1\) with K = 9, found .* \(2, 9\)"),
    (losses.CrossEntropy(class_dim=-1), torch.zeros(2, 5, 9), torch.zeros(2, 9).long(), ValueError,
     r"labels of shape \(2, 5\) for scores \(N, K\) or \(N, ..., K\) \(class_dim=-1\) with K = 9"),
    (losses.CrossEntropy(), torch.zeros(5), torch.zeros(5).long(), ValueError, r"output: expected scores \(N, K\)"),
])  # fmt: skip
def test_what_does_not_fit_is_said(loss: Any, output: Tensor, target: Tensor, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        loss(output, target)


def test_options_and_values_out_of_range() -> None:
    with pytest.raises(ValueError, match="class_dim: expected 1, or -1 for the last dimension, found 2"):
        losses.DLR(class_dim=2)
    with pytest.raises(ValueError, match="lead: expected a number > 0"):
        losses.LogitScaled(lead=0)
    with pytest.raises(ValueError, match="probabilities: expected False"):
        losses.LogitScaled(probabilities=True)
    with pytest.raises(ValueError, match=r"expected labels in \[0, 7\) .* found labels from 0 to 8"):
        losses.TargetedDLR().check_values(SCORES[:1], torch.tensor([[0, 8]]))
    with pytest.raises(ValueError, match=r"expected labels in \[0, 3\) .* found labels from 0 to 5"):
        losses.DLR(class_dim=-1).check_values(torch.zeros(1, 6, 3), torch.arange(6)[None])


def test_a_representation_names_the_class_dimension_only_where_it_is_not_1() -> None:
    """Stored results are found by it: those of earlier versions must be."""
    expected = "CrossEntropy(ignore_index=255, label_smoothing=0.0, probabilities=False)"
    assert repr(losses.CrossEntropy(ignore_index=255)) == expected
    assert repr(losses.DLR(class_dim=-1)) == "DLR(ignore_index=-100, class_dim=-1)"


def test_resizing_with_the_classes_last() -> None:
    scores, labels = torch.randn(2, K, 4, 5), torch.randint(0, K, (2, 8, 9))
    found = losses.Margin(class_dim=-1, resize="bilinear")(scores.movedim(1, -1), labels)
    torch.testing.assert_close(found, losses.Margin(resize="bilinear")(scores, labels))


class Classifier(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(3 * 4 * 4, K)
        with torch.no_grad():
            self.linear.weight.mul_(2000)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return {"label": self.linear(x.flatten(1))}


@pytest.mark.parametrize("kind", [losses.Margin, losses.DLR, losses.LogitScaled])
def test_an_attack_lowers_the_accuracy_of_a_confident_classifier(kind: Any) -> None:
    """A linear classifier whose cross-entropy is exactly 0: the attack crosses its boundary all the same."""
    torch.manual_seed(0)
    model = Classifier()
    images = torch.rand(16, 3, 4, 4)
    with torch.no_grad():
        labels = model(images)["label"].argmax(1)
        assert float(losses.CrossEntropy()(model(images)["label"], labels).median()) == 0
    attack = mta.PGD(model, mta.Tasks(label=kind()), balance="total", eps=0.3, alpha=0.1, steps=5)
    found = model(attack(images, {"label": labels}))["label"].argmax(1)
    assert float((found == labels).float().mean()) < 0.2
