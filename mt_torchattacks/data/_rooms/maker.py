"""The pen with which scenes are drawn: shapes, placed in frames that stand on one another."""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random

from mt_torchattacks.data._classes import LABEL
from mt_torchattacks.data._rooms.geometry import BOX, CYLINDER, ELLIPSOID
from mt_torchattacks.data._rooms.materials import Drawing

Span = tuple[float, float]


@dataclass(slots=True)
class Maker:
    """Draws shapes in a frame: x to the right, y to the front, z up, turned by ``yaw`` about the vertical.

    Furniture stands with its back in the plane ``y = 0``, centred in x, with its feet at ``z = 0``.
    """

    drawing: Drawing
    x: float = 0.0
    y: float = 0.0
    z: float = 0.0
    yaw: float = 0.0
    cos: float = 1.0
    sin: float = 0.0

    @property
    def rng(self) -> Random:
        """The scene's generator of random numbers."""
        return self.drawing.rng

    def paint(self, calm: float = 0.0, pale: float = 0.0, emission: float = 0.0) -> int:
        """A new random material."""
        return self.drawing.paint(calm, pale, emission)

    def place(self, x: float, y: float, z: float) -> tuple[float, float, float]:
        """World coordinates of a point of this frame."""
        return self.x + self.cos * x - self.sin * y, self.y + self.sin * x + self.cos * y, self.z + z

    def at(self, x: float = 0.0, y: float = 0.0, z: float = 0.0, yaw: float = 0.0) -> Maker:
        """A frame at a point of this one, turned further."""
        turn = self.yaw + yaw
        return Maker(self.drawing, *self.place(x, y, z), turn, math.cos(turn), math.sin(turn))

    def box(
        self, label: str, paint: int, x: Span, y: Span, z: Span,
        *, yaw: float = 0.0, tilt: float = 0.0, casts: bool = True,
    ) -> None:  # fmt: skip
        """A box over three spans, then turned about its centre: by ``tilt`` about x, and by ``yaw`` about z."""
        center = ((x[0] + x[1]) / 2, (y[0] + y[1]) / 2, (z[0] + z[1]) / 2)
        half = ((x[1] - x[0]) / 2, (y[1] - y[0]) / 2, (z[1] - z[0]) / 2)
        self._add(BOX, label, paint, center, half, yaw, tilt, casts)

    def ball(
        self, label: str, paint: int, center: tuple[float, float, float], half: tuple[float, float, float],
        *, yaw: float = 0.0, tilt: float = 0.0, casts: bool = True,
    ) -> None:  # fmt: skip
        """An ellipsoid."""
        self._add(ELLIPSOID, label, paint, center, half, yaw, tilt, casts)

    def post(
        self, label: str, paint: int, x: float, y: float, z: Span, radius: float,
        *, stretch: float = 1.0, tilt: float = 0.0, casts: bool = True,
    ) -> None:  # fmt: skip
        """An upright cylinder, ``stretch`` times as wide as deep, then tilted about its centre."""
        center, half = (x, y, (z[0] + z[1]) / 2), (stretch * radius, radius, (z[1] - z[0]) / 2)
        self._add(CYLINDER, label, paint, center, half, 0.0, tilt, casts)

    def rail(self, label: str, paint: int, x: Span, y: float, z: float, radius: float) -> None:
        """A cylinder that lies along x."""
        center, half = ((x[0] + x[1]) / 2, y, z), (radius, radius, (x[1] - x[0]) / 2)
        self._add(CYLINDER, label, paint, center, half, math.pi / 2, math.pi / 2, False)

    def _add(
        self, kind: int, label: str, paint: int, center: tuple[float, float, float], half: tuple[float, float, float],
        yaw: float, tilt: float, casts: bool,
    ) -> None:  # fmt: skip
        turn = self.yaw + yaw
        cos, sin, up, over = math.cos(turn), math.sin(turn), math.cos(tilt), math.sin(tilt)
        axes = (cos, sin, 0.0, -sin * up, cos * up, over, sin * over, -cos * over, up)
        row = (kind, LABEL[label], paint, casts, *self.place(*center), *axes, *half)
        self.drawing.shapes.append(row)
