"""Where an adversarial input may be: within a norm ball around the clean one, within the clip values, off the mask."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from mt_torchattacks.geometry import l1
from mt_torchattacks.geometry.shape import dims

NORMS = {"Linf": math.inf, "L2": 2.0, "L1": 1.0}
"""torchattacks' names of the norms."""

_TINY = 1e-12  # torchattacks' APGD adds it to every length that it divides by
_TOO_SMALL = 1e-10  # a smaller vector is scaled first: its squares would vanish in float32, and _TINY would count


@dataclass(frozen=True)
class Ball:
    """The inputs that an attack may return for one batch.

    Args:
        images: clean inputs ``(N, ...)`` of any shape, images or others, within the clip values.
        eps: radius: a number, one a sample ``(N, 1, ...)``, or for the infinity norm any tensor that broadcasts.
        norm: ``math.inf`` or a real number >= 1.
        clip: the smallest and the largest pixel values, or None.
        mask: True where elements (pixels) may change, of the images' shape, or None.

    Example:
        >>> ball = Ball(torch.full((1, 3, 2, 2), 0.9), eps=0.2, norm=math.inf, clip=(0.0, 1.0))
        >>> ball.project(torch.full((1, 3, 2, 2), 3.0)).amax()
        tensor(1.)
    """

    images: Tensor
    eps: float | Tensor
    norm: float
    clip: tuple[float | Tensor, float | Tensor] | None = None
    mask: Tensor | None = None

    @property
    def radius(self) -> float:
        """The radius; the largest one where there are several."""
        return float(self.eps.max()) if isinstance(self.eps, Tensor) else float(self.eps)

    @property
    def noise(self) -> float:
        """Size of the uniform noise that is as large as the ball: of a vector of such elements the norm is the radius.

        Example:
            >>> Ball(torch.zeros(1, 1, 2, 2), eps=1.0, norm=2.0).noise
            0.5
        """
        return float(self.radius / self.images[0].numel() ** (1 / self.norm))

    def part(self, keep: Tensor) -> Ball:
        """The ball of the samples ``keep`` alone, a boolean ``(N,)``."""
        by_sample = isinstance(self.eps, Tensor) and self.eps.ndim == self.images.ndim and len(self.eps) > 1
        eps = self.eps[keep] if isinstance(self.eps, Tensor) and by_sample else self.eps
        mask = None if self.mask is None else self.mask[keep]
        return replace(self, images=self.images[keep], eps=eps, mask=mask)

    def project(self, x: Tensor) -> Tensor:
        """An image in the ball and within the clip values: the nearest one for the infinity norm and for L1.

        For another norm x is scaled to the ball and then clipped, as in torchattacks: the nearest point of the ball,
        and a point of the ball within the clip values, if not always the nearest of those.
        """
        if self.norm == math.inf:
            return self.clipped(x.clamp(self.images - self.eps, self.images + self.eps))
        delta = x - self.images
        if self.norm == 1:
            return self.clipped(self.images + l1.project(delta, self.eps, self.room(self.images, delta)))
        size = length(delta, self.norm)
        return self.clipped(self.images + delta / (size + _TINY) * size.clamp(max=self.eps))

    def best_for(self, gradient: Tensor) -> Tensor:
        """The image of the L1 ball within the clip values that is best for a loss with this gradient everywhere."""
        return self.clipped(self.images + l1.steepest(gradient, self.eps, self.room(self.images, gradient)))

    def clipped(self, x: Tensor) -> Tensor:
        """The nearest image within the clip values."""
        return x if self.clip is None else x.clamp(self.clip[0]).clamp(max=self.clip[1])

    def room(self, x: Tensor, direction: Tensor) -> Tensor:
        """How far each pixel of x may go in its direction before it is clipped."""
        if self.clip is None:
            return torch.full_like(x, torch.inf)
        return torch.where(direction > 0, self.clip[1] - x, x - self.clip[0]).clamp_min(0)

    def masked(self, direction: Tensor) -> Tensor:
        """A direction without its part on pixels that may not change."""
        return direction if self.mask is None else torch.where(self.mask, direction, 0)

    def random_point(self, generator: torch.Generator | None) -> Tensor:
        """Images plus noise that is uniform in the ball (Barthe et al., 2005), projected.

        Args:
            generator: on the images' device; None for the global random numbers.

        Raises:
            NotImplementedError: for another norm than 1, 2 and infinity.
        """
        noise = self.images.new_empty(self.images.shape)
        if self.norm == math.inf:
            noise.uniform_(-1, 1, generator=generator)
        elif self.norm in (1, 2):
            # |z|^p of the generalized normal is Gamma(1/p): half a squared normal for p = 2, an exponential for p = 1.
            drawn = noise.normal_(generator=generator) if self.norm == 2 else noise.exponential_(generator=generator)
            power = drawn**2 / 2 if self.norm == 2 else drawn
            total = power.sum(dim=dims(power), keepdim=True)
            total = total + torch.empty_like(total).exponential_(generator=generator)
            signs = torch.empty_like(power).bernoulli_(0.5, generator=generator) * 2 - 1
            noise = signs * (power / total) ** (1 / self.norm)
        else:
            raise NotImplementedError(f"norm: expected 1, 2 or infinity for a random start, found {self.norm}.")
        return self.project(self.images + self.masked(noise * self.eps))

    def surface_point(self, generator: torch.Generator) -> Tensor:
        """Images plus noise as large as the ball, clipped: where Auto-PGD starts in torchattacks and in AutoAttack.

        Args:
            generator: on the CPU, so that the numbers are the same on every device.
        """
        shape = self.images.shape
        if self.norm == math.inf:
            noise = (2 * torch.rand(shape, generator=generator) - 1).to(self.images)
        else:
            noise = torch.randn(shape, generator=generator).to(self.images)
        noise = self.masked(noise)
        if self.norm == 1:  # sparse: the shrinking leaves the largest of the normal numbers
            return self.project(self.images + noise)
        tiny = 0 if self.norm == math.inf else _TINY
        return self.clipped(self.images + self.eps * noise / (length(noise, self.norm) + tiny))


def length(x: Tensor, norm: float) -> Tensor:
    """The p-norm of each sample, ``(N, 1, ...)``; for 2 with torchattacks' arithmetic."""
    if norm == 2:
        return (x**2).sum(dim=dims(x), keepdim=True).sqrt()
    result: Tensor = torch.linalg.vector_norm(x, ord=norm, dim=dims(x), keepdim=True)
    return result


def along(direction: Tensor, size: float | Tensor, norm: float) -> Tensor:
    """A displacement of a size along a direction: for the infinity norm by its signs. Auto-PGD's step.

    However small the direction is, as long as it is not zero.
    """
    if norm == math.inf:
        return size * direction.sign()
    largest = direction.abs().amax(dim=dims(direction), keepdim=True)
    scaled = direction / largest.clamp_min(torch.finfo(direction.dtype).tiny)
    direction = torch.where(largest < _TOO_SMALL, scaled, direction)
    return size * direction / (length(direction, norm) + _TINY)


def unit(gradient: Tensor, norm: float) -> Tensor:
    """A gradient scaled to length 1; for the infinity norm its sign."""
    return along(gradient, 1.0, norm)


def steepest(gradient: Tensor, norm: float) -> Tensor:
    """The displacement of length 1 in a norm along which a loss with this gradient rises most: FGM's direction."""
    if norm == math.inf:
        return gradient.sign()
    if norm == 1:
        return l1.steepest(gradient, 1.0, torch.ones_like(gradient))
    conjugate = norm / (norm - 1)
    return unit(gradient.abs(), conjugate) ** (conjugate - 1) * gradient.sign()
