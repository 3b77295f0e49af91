"""Where an adversarial image may be: within a norm ball around the clean one, within the clip values, off the mask."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Ball:
    """The images that an attack may return for one batch.

    Args:
        images: clean images ``(N, C, H, W)``.
        eps: radius; for the infinity norm also a tensor that broadcasts to the images.
        norm: ``math.inf`` or a real number >= 1.
        clip: the smallest and the largest pixel values, or None.
        mask: True where pixels may change, of the images' shape, or None.

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

    def project(self, x: Tensor) -> Tensor:
        """Clip to the pixel range and then, by scaling where the norm is finite, to the ball."""
        if self.clip is not None:
            x = x.clamp(self.clip[0]).clamp(max=self.clip[1])
        delta = x - self.images
        if self.norm == math.inf:
            return self.images + torch.clamp(delta, -self.eps, self.eps)  # type: ignore[arg-type]
        return self.images + delta * (self.eps / length(delta, self.norm).clamp_min(1e-30)).clamp(max=1)

    def masked(self, direction: Tensor) -> Tensor:
        """A direction without its part on pixels that may not change."""
        return direction if self.mask is None else torch.where(self.mask, direction, 0)

    def random_point(self, generator: torch.Generator) -> Tensor:
        """Images plus noise that is uniform in the ball (Barthe et al., 2005), clipped.

        Args:
            generator: on the images' device.

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
            rest = torch.empty_like(power[:, :1, :1, :1]).exponential_(generator=generator)
            total = power.sum(dim=(1, 2, 3), keepdim=True) + rest
            signs = torch.empty_like(power).bernoulli_(0.5, generator=generator) * 2 - 1
            noise = signs * (power / total) ** (1 / self.norm)
        else:
            raise NotImplementedError(f"norm: expected 1, 2 or infinity for a random start, found {self.norm}.")
        return self.project(self.images + self.masked(noise * self.eps))


def length(x: Tensor, norm: float) -> Tensor:
    """The p-norm of each sample, ``(N, 1, 1, 1)``."""
    result: Tensor = torch.linalg.vector_norm(x, ord=norm, dim=(1, 2, 3), keepdim=True)
    return result


def unit(gradient: Tensor, norm: float) -> Tensor:
    """A gradient scaled to length 1; for the infinity norm its sign. Auto-PGD's direction."""
    return gradient.sign() if norm == math.inf else gradient / length(gradient, norm).clamp_min(1e-30)


def steepest(gradient: Tensor, norm: float) -> Tensor:
    """The displacement of length 1 in a norm along which a loss with this gradient rises most: FGM's direction."""
    if norm == math.inf:
        return gradient.sign()
    if norm == 1:
        largest = gradient.flatten(1).abs().argmax(dim=1, keepdim=True)
        chosen = torch.zeros_like(gradient.flatten(1)).scatter_(1, largest, 1)
        return chosen.reshape(gradient.shape) * gradient.sign()
    conjugate = norm / (norm - 1)
    return unit(gradient.abs(), conjugate) ** (conjugate - 1) * gradient.sign()
