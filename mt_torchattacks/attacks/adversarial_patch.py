"""A patch that is put anywhere into an image."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mt_torchattacks import checks
from mt_torchattacks.attacks.chance import sample_generators
from mt_torchattacks.attacks.fitted import FittedAttack
from mt_torchattacks.balancing import Rule
from mt_torchattacks.geometry.box import Bounds
from mt_torchattacks.tasks import Tasks
from mt_torchattacks.types import Images

_GREY = 0.5


class AdversarialPatch(FittedAttack):
    """A square patch that harms all tasks wherever it lies in the image, turned, scaled and lit at random.

    'Adversarial Patch' (Brown et al., 2017, https://arxiv.org/abs/1712.09665): the expectation over transformations
    (Athalye et al., ICML 2018, https://arxiv.org/abs/1707.07397) of the harm is raised, here of the score of a
    balancing rule. For dense tasks as in Nesti et al. (WACV 2022, https://arxiv.org/abs/2108.06179): pixels under the
    patch, where nothing of the scene is left to see, do not count; what is raised is the harm to all others.

    Args:
        model: model to attack; a forward pass gives all tasks' outputs.
        tasks: its tasks, with losses of :mod:`mt_torchattacks.losses`.
        balance: balancing rule or its name.
        size: height and width of the patch in pixels of its own, >= 1.
        scale: smallest and largest side of the patch in the image, as a share of the image's shorter side, in (0, 1].
        rotation: largest angle by which it is turned, either way, in degrees, >= 0.
        brightness: largest change of its brightness, either way, as a share, in [0, 1].
        location: row and column of the patch's centre as shares of the image's height and width, in [0, 1]; None:
            anywhere, as long as the patch, not turned, is inside.
        alpha: largest change of a pixel in a step of the first epoch, as a share of the range of pixel values, > 0; it
            falls from epoch to epoch.
        epochs: how often :meth:`fit` goes through the data, >= 1.
        seed: of the transformations, which are a function of it and the image, >= 0.
        bounds: smallest and largest pixel value, each a number or one a channel.

    Raises:
        TypeError, ValueError: an argument is not what it should be.

    Example:
        >>> import mt_torchattacks as mta
        >>> model, tasks = torch.nn.Conv2d(3, 1, 3, padding=1), mta.Tasks(depth=mta.losses.L1())
        >>> images, targets = torch.rand(4, 3, 16, 16), {"depth": torch.zeros(4, 1, 16, 16)}
        >>> attack = mta.AdversarialPatch(model, tasks, size=8, epochs=2).fit([(images, targets)])
        >>> attack.patch.shape, attack(images).shape, attack.covered(images).dtype
        (torch.Size([3, 8, 8]), torch.Size([4, 3, 16, 16]), torch.bool)
    """

    def __init__(
        self,
        model: nn.Module,
        tasks: Tasks,
        balance: str | Rule = "dgba",
        size: int = 32,
        scale: tuple[float, float] = (0.25, 0.35),
        rotation: float = 20.0,
        brightness: float = 0.1,
        location: tuple[float, float] | None = None,
        alpha: float = 0.05,
        epochs: int = 10,
        seed: int = 0,
        *,
        bounds: Bounds = (0.0, 1.0),
    ) -> None:
        checks.whole(size, "size")
        pair = isinstance(scale, tuple) and len(scale) == 2 and 0 < scale[0] <= scale[1] <= 1
        checks.require(pair, "scale", "(smallest, largest), two numbers in (0, 1]", repr(scale))
        checks.require(0 <= rotation < float("inf"), "rotation", "degrees >= 0", rotation)
        checks.require(0 <= brightness <= 1, "brightness", "a share in [0, 1]", brightness)
        inside = location is None or (len(location) == 2 and all(0 <= place <= 1 for place in location))
        checks.require(inside, "location", "(row, column), two shares in [0, 1], or None", repr(location))
        super().__init__(model, tasks, balance, alpha=alpha, epochs=epochs, seed=seed, bounds=bounds)
        self.size, self.scale, self.location = size, scale, location
        self.rotation, self.brightness = rotation, brightness

    @property
    def patch(self) -> Tensor:
        """The patch ``(C, size, size)`` in the unit of ``bounds``.

        Raises:
            RuntimeError: it was not fitted yet.
        """
        return self.attack.box.restored(self.fitted[None])[0]

    def covered(self, images: Images) -> Tensor:
        """The pixels ``(N, H, W)``, boolean, under the patch in the images that a call returns."""
        found = self._put(images)[1]
        assert found is not None
        return found

    def start(self, image: Tensor) -> Tensor:
        return torch.full((len(image), self.size, self.size), _GREY, dtype=image.dtype, device=image.device)

    def stepped(self, fitted: Tensor, gradient: Tensor, share: float) -> Tensor:
        return (fitted + self.alpha * share * gradient.sign()).clamp(0, 1).detach()

    def check_shape(self, image: Tensor, fitted: Tensor) -> None:
        shape = f"(N, {len(fitted)}, H, W)"
        fits = image.ndim == 3 and len(image) == len(fitted)
        checks.require(fits, "images", f"images {shape}", f"images (N, {', '.join(map(str, image.shape))})")

    def put(self, images: Tensor, fitted: Tensor, seed: int) -> tuple[Tensor, Tensor | None]:
        theta, light = self._transformations(images, seed)
        grid = F.affine_grid(theta, list(images.shape), align_corners=False)
        covered = (grid.abs() <= 1).all(dim=-1)
        lit = (fitted * light.view(-1, 1, 1, 1)).clamp(0, 1)
        warped = F.grid_sample(lit, grid, padding_mode="border", align_corners=False)
        return torch.where(covered[:, None], warped, images), covered

    def _transformations(self, images: Tensor, seed: int) -> tuple[Tensor, Tensor]:
        """For each sample the matrix ``(N, 2, 3)`` from the image's coordinates to the patch's, and its brightness.

        Coordinates are in [-1, 1] from edge to edge, x first, as ``torch.nn.functional.affine_grid`` has them.
        """
        drawn = torch.stack([torch.rand(5, generator=one) for one in sample_generators(images, seed)]).to(images)
        height, width = images.shape[-2:]
        side = (self.scale[0] + drawn[:, 0] * (self.scale[1] - self.scale[0])) * min(height, width)
        angle = (2 * drawn[:, 1] - 1) * math.radians(self.rotation)
        x_scale, y_scale = width / side, height / side
        if self.location is None:
            x, y = (2 * drawn[:, 2] - 1) * (1 - 1 / x_scale), (2 * drawn[:, 3] - 1) * (1 - 1 / y_scale)
        else:
            y, x = (torch.full_like(angle, 2 * place - 1) for place in self.location)
        cos, sin = angle.cos(), angle.sin()
        turn = torch.stack([cos * x_scale, sin * y_scale, -sin * x_scale, cos * y_scale], dim=1).view(-1, 2, 2)
        shift = -turn @ torch.stack([x, y], dim=1).unsqueeze(2)
        return torch.cat([turn, shift], dim=2), 1 + (2 * drawn[:, 4] - 1) * self.brightness
