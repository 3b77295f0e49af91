"""What stands in bathrooms, and hanging cloth. Each piece fills width x depth x height of its frame."""

from __future__ import annotations

from mt_torchattacks.data._rooms import parts
from mt_torchattacks.data._rooms.maker import Maker


def toilet(make: Maker, w: float, d: float, h: float) -> None:
    """A bowl on a foot, a lid and a tank."""
    paint, seat = make.paint(), h * 0.52
    make.post("toilet", paint, 0, d * 0.6, (0, seat * 0.7), w * 0.3)
    make.ball("toilet", paint, (0, d * 0.62, seat * 0.75), (w * 0.45, d * 0.36, seat * 0.35))
    make.ball("toilet", paint, (0, d * 0.62, seat), (w * 0.48, d * 0.38, 0.035))
    make.box("toilet", paint, (-w / 2, w / 2), (0, d * 0.27), (seat * 0.9, h))


def basin(make: Maker, w: float, d: float, h: float) -> None:
    """A washbasin on a column, with a tap."""
    paint = make.paint()
    make.post("sink", paint, 0, d * 0.4, (0, h * 0.85), w * 0.14)
    make.ball("sink", paint, (0, d / 2, h * 0.9), (w / 2, d / 2, h * 0.14))
    make.box("sink", paint, (-w * 0.48, w * 0.48), (0, d * 0.6), (h * 0.9, h))
    make.post("sink", make.paint(), 0, d * 0.15, (h, h + 0.15), 0.02)


def tub(make: Maker, w: float, d: float, h: float) -> None:
    """A bathtub of four sides and a bottom, often with a shower curtain."""
    paint = make.paint()
    make.box("bathtub", paint, (-w / 2, w / 2), (0, d), (0, h * 0.3))
    for x in (-w / 2, w / 2 - 0.08):
        make.box("bathtub", paint, (x, x + 0.08), (0, d), (0, h))
    for y in (0.0, d - 0.08):
        make.box("bathtub", paint, (-w / 2, w / 2), (y, y + 0.08), (0, h))
    if make.rng.random() < 0.7:
        width = w * make.rng.uniform(0.2, 0.7)
        parts.drape(make.at(make.rng.choice((-0.5, 0.5)) * (w - width), d - 0.04, 0.2), width, 1.8, "shower curtain")
