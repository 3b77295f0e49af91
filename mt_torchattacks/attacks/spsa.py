"""SPSA on all tasks: steps along a gradient estimated from scores."""

from __future__ import annotations

import torch
from torch import Tensor

from mt_torchattacks import checks
from mt_torchattacks.attacks.arguments import argument, length
from mt_torchattacks.attacks.query import QueryAttack, Search, random_signs
from mt_torchattacks.geometry.ball import unit
from mt_torchattacks.geometry.shape import dims

_MOMENTUM = 0.9


class SPSA(QueryAttack):
    """Simultaneous perturbation stochastic approximation: estimate the gradient from pairs of scores, and follow it.

    'Adversarial risk and the dangers of evaluating against weak attacks' (Uesato et al., ICML 2018,
    https://arxiv.org/abs/1802.05666), on the score of all tasks. Each step asks about pairs of points at +delta and
    -delta from the present image, along random signs, and moves along the sign (Linf) or the direction (L2) of the
    estimates' momentum. The signs are constant on tiles of pixels, as smooth directions tell more of a score than
    noise does ('Prior convictions', Ilyas et al., ICLR 2019, https://arxiv.org/abs/1807.07978). The pairs may leave
    the ball, though not the range of pixel values; what is returned never does.

    All samples of a call get the same random signs, so a sample's result does not depend on its batch.

    Example:
        >>> import mt_torchattacks as mta
        >>> model = torch.nn.Conv2d(3, 1, 1)
        >>> attack = mta.SPSA(model, mta.Tasks(depth=mta.losses.L1()), eps=8 / 255, n_queries=20)
        >>> attack(torch.rand(2, 3, 8, 8), {"depth": torch.zeros(2, 1, 8, 8)}).shape
        torch.Size([2, 3, 8, 8])
    """

    n_queries: int = argument(
        5000,
        "queries for each sample >= 3; up to two may be left over. The clean image is not counted.",
        checks.whole,
    )
    delta = length(0.01, "distance of the points of a pair from the present image, in pixel values.")
    lr = length(0.01, "length of a step, in pixel values (for L2 the root of its mean square).")
    nb_sample: int = argument(10, "pairs for one estimate >= 1.", checks.whole)
    max_batch_size: int = argument(64, "pairs for each image in one forward pass >= 1.", checks.whole)
    tile: int = argument(4, "side of the tiles in pixels >= 1.", checks.whole)
    seed: int = QueryAttack.seed
    stop_at: float | None = QueryAttack.stop_at

    def search(self, search: Search, generator: torch.Generator) -> None:
        """Estimate, step, ask; the last estimate may have fewer pairs."""
        x, momentum = search.start, torch.zeros_like(search.start)
        left = self.n_queries
        while left >= 3:
            x, momentum = search.keep_active(x, momentum)
            if search.done:
                return
            pairs = min(self.nb_sample, (left - 1) // 2)
            gradient = self._estimate(search, x, pairs, generator)
            size = gradient.abs().mean(dim=dims(gradient), keepdim=True).clamp_min(1e-30)
            momentum = _MOMENTUM * momentum + gradient / size
            stride = self.lr if self.norm == "Linf" else self.lr * x[0].numel() ** 0.5
            x = search.ball.project(x + stride * unit(momentum, search.ball.norm))
            search.ask(x)
            left -= 2 * pairs + 1

    def _check_arguments(self) -> None:
        super()._check_arguments()
        expected = "at least 3, for a pair of points and the step"
        checks.require(self.n_queries >= 3, "n_queries", expected, self.n_queries)

    def _estimate(self, search: Search, x: Tensor, pairs: int, generator: torch.Generator) -> Tensor:
        """Sum over the pairs of the difference of scores times the signs, ``(A, ...)``."""
        signs = self._tiles(x, pairs, generator)
        total = torch.zeros_like(x)
        for some in torch.split(signs, self.max_batch_size):
            points = x.unsqueeze(1) + self.delta * torch.cat([some, -some])
            up, down = search.probe(search.ball.clipped(points)).chunk(2, dim=1)
            rise = (up - down).nan_to_num(0.0, posinf=0.0, neginf=0.0).to(x.dtype)
            total += torch.einsum("nk,k...->n...", rise, some)
        return total

    def _tiles(self, x: Tensor, pairs: int, generator: torch.Generator) -> Tensor:
        """Random signs ``(pairs, C, ...)``, constant on tiles in each channel."""
        channels, *sides = x.shape[1:]
        signs = random_signs((pairs, channels, *(-(-side // self.tile) for side in sides)), x, generator)
        for dim, side in enumerate(sides, start=2):
            signs = signs.repeat_interleave(self.tile, dim).narrow(dim, 0, side)
        return signs
