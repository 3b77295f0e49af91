"""Cosine distance and angle of vectors of any length: only their direction counts."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from mt_torchattacks import losses

LENGTHS = [1e-11, 1e-8, 1e-5, 1e-3, 1.0, 1e6, 1e11]


def vectors(seed: int, *shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


@pytest.mark.parametrize("loss", [losses.CosineDistance(), losses.Angle()])
@pytest.mark.parametrize("length", LENGTHS)
def test_equal_vectors_of_any_length_have_no_distance(loss: losses.Loss, length: float) -> None:
    direction = vectors(0, 4, 3, 5, 6) * length
    torch.testing.assert_close(loss(direction, direction), torch.zeros(4), atol=1e-6, rtol=0)


@pytest.mark.parametrize("loss", [losses.CosineDistance(), losses.Angle()])
@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("other", [1.0, 1e-5])
def test_the_length_does_not_count(loss: losses.Loss, length: float, other: float) -> None:
    output, target = vectors(1, 4, 3, 5, 6), vectors(2, 4, 3, 5, 6)
    torch.testing.assert_close(loss(output * length, target * other), loss(output, target))
    torch.testing.assert_close(loss(target * other, output * length), loss(output, target))


@pytest.mark.parametrize("length", LENGTHS)
def test_the_gradient_is_that_of_the_unit_vector_over_the_length(length: float) -> None:
    output, target = vectors(3, 4, 3, 5, 6), vectors(4, 4, 3, 5, 6)

    def gradient(scale: float) -> Tensor:
        point = (output * scale).requires_grad_()
        return torch.autograd.grad(losses.CosineDistance()(point, target).sum(), point)[0]

    torch.testing.assert_close(gradient(length) * length, gradient(1.0), rtol=1e-4, atol=1e-7)


def test_ordinary_lengths_give_the_plain_formula_bit_for_bit() -> None:
    """The numbers of earlier versions: wherever that formula was right, value and gradient."""
    for length in (1e-6, 1e-3, 1.0, 1e6):
        output, target = vectors(5, 8, 3, 9, 7) * length, torch.nn.functional.normalize(vectors(6, 8, 3, 9, 7))
        point, plain = output.clone().requires_grad_(), output.clone().requires_grad_()
        squares = plain.square().sum(dim=1) * target.square().sum(dim=1)
        expected = (1 - (plain * target).sum(dim=1) * squares.clamp_min(1e-16).rsqrt()).flatten(1).mean(1)
        found = losses.CosineDistance()(point, target)
        assert torch.equal(found, expected)
        gradients = [torch.autograd.grad(v.sum(), p)[0] for v, p in ((found, point), (expected, plain))]
        assert torch.equal(*gradients)


@pytest.mark.parametrize("length", [0.0, 1e-42, 1e-20, 1e-16, 1e-12, 3e-12])
def test_vectors_without_a_usable_direction_keep_values_and_gradients_finite(length: float) -> None:
    point = torch.full((1, 3, 2, 2), length, requires_grad=True)
    for target in (torch.ones(1, 3, 2, 2), torch.zeros(1, 3, 2, 2), torch.full((1, 3, 2, 2), length)):
        loss = losses.CosineDistance()(point, target)
        (gradient,) = torch.autograd.grad(loss.sum(), point)
        assert -1e-6 <= loss.item() <= 1 and bool(torch.isfinite(gradient).all())


def test_half_precision_vectors() -> None:
    tiny = (vectors(7, 2, 3, 4, 4) * 1e-5).bfloat16()
    torch.testing.assert_close(losses.CosineDistance()(tiny, tiny.float()), torch.zeros(2), atol=1e-6, rtol=0)
