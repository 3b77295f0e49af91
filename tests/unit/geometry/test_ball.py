"""What a ball says of itself: its radius, the noise that is as large, and the ball of some samples alone."""

from __future__ import annotations

import math

import pytest
import torch

from mt_torchattacks.geometry.ball import Ball


@pytest.mark.parametrize("norm", [math.inf, 2.0, 1.0, 3.0])
@pytest.mark.parametrize("shape", [(3, 5, 5), (7,)])
def test_noise_of_this_size_everywhere_has_the_radius_for_its_norm(norm: float, shape: tuple[int, ...]) -> None:
    ball = Ball(torch.zeros(2, *shape, dtype=torch.double), 0.25, norm)
    vector = torch.full(shape, ball.noise, dtype=torch.double).flatten()
    assert float(torch.linalg.vector_norm(vector, ord=norm)) == pytest.approx(ball.radius) == pytest.approx(0.25)


def test_the_largest_of_several_radii() -> None:
    assert Ball(torch.zeros(2, 3), torch.tensor([[0.5], [0.75]]), math.inf).radius == 0.75


@pytest.mark.parametrize("norm", [math.inf, 2.0, 1.0])
def test_a_part_projects_as_the_whole(norm: float) -> None:
    g = torch.Generator().manual_seed(0)
    images, x, mask = torch.rand(4, 3, 6, generator=g), torch.rand(4, 3, 6, generator=g), torch.rand(4, 3, 6) < 0.5
    keep = torch.tensor([True, False, False, True])
    for eps in (0.1, torch.tensor([0.1, 0.2, 0.3, 0.4]).reshape(4, 1, 1)):
        ball = Ball(images, eps, norm, (0.0, 1.0), mask)
        part = ball.part(keep)
        torch.testing.assert_close(part.project(x[keep]), ball.project(x)[keep], rtol=0, atol=1e-7)
        assert torch.equal(part.masked(x[keep]), ball.masked(x)[keep])
