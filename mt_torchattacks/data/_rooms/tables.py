"""Tables, desks, screens and lamps that stand. Each piece fills width x depth x height of its frame."""

from __future__ import annotations

from mt_torchattacks.data._rooms import parts, storage, things
from mt_torchattacks.data._rooms.maker import Maker


def table(make: Maker, w: float, d: float, h: float, label: str = "table") -> None:
    """A top on legs, with things on it."""
    paint, top, inset = make.paint(), make.rng.uniform(0.02, 0.06), 0.93
    if make.rng.random() < 0.2:
        make.post(label, paint, 0, d / 2, (h - top, h), d / 2, stretch=w / d)
        inset = 0.6
    else:
        make.box(label, paint, (-w / 2, w / 2), (0, d), (h - top, h))
    parts.legs(make.at(y=(1 - inset) * d / 2), label, paint, w * inset, d * inset, h - top)
    things.scatter(make.at(z=h), w * inset, d * inset, make.rng.randint(0, 5))


def desk(make: Maker, w: float, d: float, h: float) -> None:
    """A top on side panels or on a chest of drawers, with a screen more often than not."""
    paint, top = make.paint(), make.rng.uniform(0.02, 0.05)
    make.box("desk", paint, (-w / 2, w / 2), (0, d), (h - top, h))
    side = make.rng.choice((-1, 1))
    for x, wide in ((-side, 0.03), (side, make.rng.choice((0.03, w * 0.3)))):
        low, high = sorted((x * w / 2, x * w / 2 - x * wide))
        make.box("desk", paint, (low, high), (0.02, d - 0.02), (0, h - top))
    if make.rng.random() < 0.5:
        make.box("desk", paint, (-w / 2, w / 2), (0.02, 0.04), (h * 0.4, h - top))
    if make.rng.random() < 0.6:
        screen(make.at(make.rng.uniform(-0.3, 0.3) * w, d * 0.3, h, make.rng.gauss(0, 0.3)), 0.5, 0.2, 0.42)
    things.scatter(make.at(z=h), w, d, make.rng.randint(1, 5))


def screen(make: Maker, w: float, d: float, h: float) -> None:
    """A television or monitor on its foot."""
    frame = make.paint()
    face = make.paint(emission=make.rng.choice((0, 0, 0.6)))
    make.box("television", frame, (-w / 2, w / 2), (d / 2 - 0.02, d / 2 + 0.02), (0.08, h))
    make.box("television", face, (-w / 2 + 0.02, w / 2 - 0.02), (d / 2, d / 2 + 0.024), (0.1, h - 0.02), casts=False)
    make.box("television", frame, (-w * 0.2, w * 0.2), (0, d), (0, 0.02))
    make.post("television", frame, 0, d / 2 - 0.02, (0, h / 2), 0.025)


def tv_bench(make: Maker, w: float, d: float, h: float) -> None:
    """A low cabinet with a television on it."""
    low = h * 0.4
    storage.chest(make, w, d, low, make.rng.choice(("cabinet", "otherfurniture")))
    screen(make.at(make.rng.uniform(-0.1, 0.1) * w, d * 0.3, low), w * make.rng.uniform(0.5, 0.9), 0.2, h - low)


def bench(make: Maker, w: float, d: float, h: float) -> None:
    """A stool, a bench or an ottoman."""
    paint = make.paint()
    if make.rng.random() < 0.5:
        make.box("otherfurniture", paint, (-w / 2, w / 2), (0, d), (0.05, h))
        make.ball("otherfurniture", make.paint(), (0, d / 2, h), (w / 2, d / 2, 0.07))
    else:
        make.box("otherfurniture", paint, (-w / 2, w / 2), (0, d), (h - 0.06, h))
        parts.legs(make, "otherfurniture", paint, w, d, h - 0.06)


def floor_lamp(make: Maker, w: float, d: float, h: float) -> None:
    """A foot, a long stem and a shade."""
    paint = make.paint()
    make.post("lamp", paint, 0, d / 2, (0, 0.03), w * 0.4)
    make.post("lamp", paint, 0, d / 2, (0, h - 0.25), 0.018)
    parts.shade(make.at(0, d / 2), h - 0.3, w / 2)
