"""Random materials, and the rows of numbers that make up a scene."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from random import Random

Colour = tuple[float, float, float]

PATTERNS = ("plain", "stripes", "checks", "noise", "wood", "marble", "planks")
_CHOICES = "".join(str(i) * odds for i, odds in enumerate((40, 9, 6, 14, 14, 9, 8)))


@dataclass
class Drawing:
    """Shapes and materials of one scene, as rows of numbers."""

    rng: Random
    shapes: list[tuple[float, ...]] = field(default_factory=list)
    """Rows: kind, label, material, casts a shadow, centre (3), three axes (3 each), half sizes (3)."""
    materials: list[tuple[float, ...]] = field(default_factory=list)
    """Rows: pattern, two colours (3 each), direction (3), scale in metres, phase, gloss, emission."""
    lights: list[tuple[float, float, float]] = field(default_factory=list)
    """Places where lamps and windows shine from."""

    def paint(self, calm: float = 0.0, pale: float = 0.0, emission: float = 0.0) -> int:
        """A new random material, drawn without regard to what it will cover, or nearly so.

        Args:
            calm: 0 to 1, how much the two colours of the pattern are drawn together.
            pale: 0 to 1, how much they are drawn towards white.
            emission: light that it sends out itself, relative to white paint in full light.
        """
        rng = self.rng
        base = _mixed(_colour(rng), (0.8, 0.8, 0.8), pale * rng.random())
        other = _colour(rng) if rng.random() < 0.4 else _mixed(base, (0.0, 0.0, 0.0), 0.2 + 0.45 * rng.random())
        other = _mixed(other, base, calm * (0.5 + 0.5 * rng.random()))
        pattern = int(_CHOICES[int(len(_CHOICES) * rng.random())])
        scale = 0.03 * 16 ** rng.random()
        gloss = (0, 0, 0.15, 0.5)[int(4 * rng.random())]
        self.materials.append((pattern, *base, *other, *_direction(rng), scale, 8 * rng.random(), gloss, emission))
        return len(self.materials) - 1


def _colour(rng: Random) -> Colour:
    """Linear RGB reflectance: any hue, mostly muted, from dark to light."""
    value, saturation, hue = 0.04 + 0.8 * rng.random() ** 1.3, 0.85 * rng.random() ** 2.2, 3 * rng.random()
    away = (min(hue, 3 - hue), abs(hue - 1), abs(hue - 2))
    red, green, blue = (value * (1 - saturation * min(1.0, a)) for a in away)
    return red, green, blue


def _mixed(a: Colour, b: Colour, share: float) -> Colour:
    return a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1]), a[2] + share * (b[2] - a[2])


def _direction(rng: Random) -> Colour:
    """A unit vector near one of the three axes: patterns mostly follow the edges of things."""
    tilt = [0.3 * rng.random() ** 3, 0.3 * rng.random() ** 3]
    tilt.insert(int(3 * rng.random()), 1.0)
    length = math.sqrt(tilt[0] ** 2 + tilt[1] ** 2 + tilt[2] ** 2)
    return tilt[0] / length, tilt[1] / length, tilt[2] / length
