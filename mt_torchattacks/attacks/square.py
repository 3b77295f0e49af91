"""Square Attack on all tasks: random search with squares, which sees scores only."""

from __future__ import annotations

import math
from bisect import bisect_left

import torch
from torch import Tensor

from mt_torchattacks import checks
from mt_torchattacks.attacks.arguments import argument, number
from mt_torchattacks.attacks.best import BestOf
from mt_torchattacks.attacks.host.attack import Traits
from mt_torchattacks.attacks.query import QueryAttack, Search, random_signs
from mt_torchattacks.geometry.ball import Ball, length

_HALVED_AFTER = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)  # of 10000 queries
_SHARE = "a share of the pixels in (0, 1]"
_TILES = 5  # along the shorter side, in the first image for the L2 norm


class Square(QueryAttack):
    """Square Attack: try a square-shaped change at a random place, keep it where the score rises.

    'Square Attack: a query-efficient black-box adversarial attack via random search' (Andriushchenko et al., ECCV 2020,
    https://arxiv.org/abs/1912.00049; algorithms 1 to 3), on the score of all tasks. It needs the model's outputs and no
    gradient. For Linf it starts from vertical stripes and sets squares to +eps or -eps in each channel; for L2 it
    starts from a grid of tiles and moves the budget of one window into another, where it takes a peaked shape.

    All samples of a call get the same random places and signs, so a sample's result does not depend on its batch.

    Example:
        >>> import mt_torchattacks as mta
        >>> model = torch.nn.Conv2d(3, 1, 1)
        >>> attack = mta.Square(model, mta.Tasks(depth=mta.losses.L1()), eps=8 / 255, n_queries=20)
        >>> attack(torch.rand(2, 3, 8, 8), {"depth": torch.zeros(2, 1, 8, 8)}).shape
        torch.Size([2, 3, 8, 8])
    """

    traits = Traits(images=True)

    n_queries: int = argument(
        5000,
        "queries for each sample and restart >= 1, the first image among them; the clean image is not counted.",
        checks.whole,
    )
    n_restarts: int = argument(1, "number of runs >= 1; each sample keeps its best.", checks.whole)
    p_init: float = argument(0.8, f"{_SHARE}, in the first squares.", number(_SHARE, lambda share: 0 < share <= 1))
    resc_schedule: bool = argument(
        True, "stretch the schedule of the squares' sizes from the published 10000 queries to ``n_queries``."
    )
    seed: int = QueryAttack.seed
    stop_at: float | None = QueryAttack.stop_at

    def search(self, search: Search, generator: torch.Generator) -> None:
        """Ask about one candidate after another, each the present image with one square changed."""
        first, changed = (_stripes, _square) if self.norm == "Linf" else (_tiles, _moved_window)
        for _ in range(self.n_restarts):
            search.keep_active()
            if search.done:
                return
            x = first(search.ball, generator)
            present = BestOf(x, search.ask(x))
            for i in range(1, self.n_queries):
                x, score = search.keep_active(present.images, present.scores)
                if search.done:
                    return
                present = BestOf(x, score)
                candidate = changed(search.ball, x, _Draw(x, self._side(i, x), generator))
                present.add(candidate, search.ask(candidate))

    def _side(self, i: int, x: Tensor) -> int:
        """Side of the squares at query i: at most the image's; odd and at least 3 (where there is room) for L2."""
        height, width = x.shape[2:]
        area = share_of_pixels(i, self.n_queries if self.resc_schedule else 10000, self.p_init) * height * width
        side = max(round(math.sqrt(area)), 1)
        if self.norm == "L2":
            side = max(side, 3) | 1
        return min(side, height, width)


def share_of_pixels(i: int, n_queries: int, p_init: float) -> float:
    """Share p of the pixels in the square at query i >= 1: halved after 10, 50, 200, ... of 10000 queries.

    Section 4 of the paper; with another number of queries the schedule is stretched.

    Example:
        >>> [share_of_pixels(i, 10000, 0.8) for i in (1, 10, 11, 50, 51, 9999)]
        [0.8, 0.8, 0.4, 0.4, 0.2, 0.0015625]
    """
    return p_init * 0.5 ** bisect_left(_HALVED_AFTER, i * 10000 // n_queries)


class _Draw:
    """The random numbers of one query, for all samples: two windows, a sign for each channel, an orientation."""

    def __init__(self, x: Tensor, side: int, generator: torch.Generator) -> None:
        numbers = torch.rand(5, generator=generator, device=x.device).tolist()
        room = [x.shape[2] - side + 1, x.shape[3] - side + 1]
        corners = [int(number * places) for number, places in zip(numbers, room * 2, strict=False)]
        top, left, bottom, right = (slice(corner, corner + side) for corner in corners)
        self.side = side
        self.window, self.other = (..., top, left), (..., bottom, right)
        self.upright = numbers[4] < 0.5
        self.signs = random_signs((x.shape[1], 1, 1), x, generator)


def _stripes(ball: Ball, generator: torch.Generator) -> Tensor:
    """Vertical stripes of +eps and -eps, one pixel wide, in each channel of its own."""
    images = ball.images
    return ball.project(images + ball.eps * random_signs((images.shape[1], 1, images.shape[3]), images, generator))


def _square(ball: Ball, x: Tensor, draw: _Draw) -> Tensor:
    """The image x with each channel of a window at +eps or -eps from the clean image (algorithm 2)."""
    push = torch.zeros_like(x[0])
    push[draw.window] = draw.signs
    return ball.project(torch.where(push != 0, ball.images + ball.eps * push, x))


def _tiles(ball: Ball, generator: torch.Generator) -> Tensor:
    """A centred grid of peaked tiles with random signs and orientations, as long as the ball's radius."""
    channels, height, width = ball.images.shape[1:]
    side = max(min(height, width) // _TILES, 1)
    rows, columns = height // side, width // side
    signs = random_signs((channels, rows, columns), ball.images, generator)
    upright = random_signs((1, rows, columns), ball.images, generator) > 0
    signs, upright = (grid.repeat_interleave(side, 1).repeat_interleave(side, 2) for grid in (signs, upright))
    shape = _peaks(side).to(ball.images)
    tiles = signs * torch.where(upright, shape.repeat(rows, columns), shape.T.repeat(rows, columns))
    delta = torch.zeros_like(ball.images[:1])
    top, left = (height - rows * side) // 2, (width - columns * side) // 2
    delta[0, :, top : top + rows * side, left : left + columns * side] = tiles
    return ball.project(ball.images + ball.eps * delta / length(delta, 2))


def _moved_window(ball: Ball, x: Tensor, draw: _Draw) -> Tensor:
    """The image x with the budget of two windows, and what was unused, as a peaked shape in the first (algorithm 3)."""
    delta = x - ball.images
    unused = (ball.eps**2 - length(delta, 2) ** 2).clamp_min(0)
    inside = torch.zeros_like(x[0], dtype=torch.bool)
    inside[draw.window] = inside[draw.other] = True
    available = (_norm(delta * inside) ** 2 + unused / x.shape[1]).sqrt()
    shape = _peaks(draw.side).to(x)
    old = delta[draw.window]
    new = draw.signs * (shape if draw.upright else shape.T) + old / _norm(old).clamp_min(1e-12)
    delta[draw.other] = 0
    delta[draw.window] = new / _norm(new).clamp_min(1e-12) * available
    return ball.project(ball.images + delta)


def _norm(delta: Tensor) -> Tensor:
    """Euclidean norm of each channel, ``(N, C, H, W) -> (N, C, 1, 1)``."""
    result: Tensor = torch.linalg.vector_norm(delta, dim=(2, 3), keepdim=True)
    return result


def _peaks(side: int) -> Tensor:
    """The shape eta of a square, ``(side, side)``, of length 1: a peak in its upper half, a hole below (eq. 2)."""
    half = side // 2
    shape = torch.cat([_peak(half, side), -_peak(side - half, side)])
    unit: Tensor = shape / torch.linalg.vector_norm(shape)
    return unit


def _peak(rows: int, columns: int) -> Tensor:
    """Each pixel's sum of 1/j^2 for j from 1 + its distance to the centre to 1 + the largest, ``(rows, columns)``."""
    largest = columns // 2
    steps = 1 / torch.arange(1, largest + 2, dtype=torch.float64) ** 2
    sums = steps.flip(0).cumsum(0).flip(0)
    down = (torch.arange(rows) - rows // 2).abs().unsqueeze(1)
    across = (torch.arange(columns) - columns // 2).abs()
    return sums[torch.maximum(down, across)]
