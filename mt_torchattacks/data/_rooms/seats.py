"""Chairs, sofas and beds, and somebody who stands. Each fills width x depth x height of its frame."""

from __future__ import annotations

from mt_torchattacks.data._rooms import parts, things
from mt_torchattacks.data._rooms.maker import Maker


def chair(make: Maker, w: float, d: float, h: float) -> None:
    """A seat on legs, a back of boards or bars, perhaps arms."""
    paint = make.paint()
    cushion = paint if make.rng.random() < 0.5 else make.paint()
    seat = h * make.rng.uniform(0.46, 0.54)
    make.box("chair", cushion, (-w / 2, w / 2), (0, d), (seat - make.rng.uniform(0.03, 0.1), seat))
    parts.legs(make, "chair", paint, w, d, seat - 0.03)
    lean = make.rng.uniform(0, 0.2)
    if make.rng.random() < 0.5:
        low = seat + make.rng.choice((0, 0.12))
        make.box("chair", cushion, (-w / 2, w / 2), (-0.02, 0.02), (low, h), tilt=lean)
    else:
        bars = make.rng.randint(2, 5)
        for i in range(bars):
            x = (i / (bars - 1) - 0.5) * (w - 0.04)
            make.post("chair", paint, x, 0, (seat, h), 0.015, tilt=lean)
        make.box("chair", paint, (-w / 2, w / 2), (-0.02, 0.02), (h - 0.1, h), tilt=lean)
    if make.rng.random() < 0.35:
        for x in (-w / 2, w / 2):
            make.box("chair", paint, (x - 0.025, x + 0.025), (0, d * 0.8), (seat + 0.18, seat + 0.22))
            make.box("chair", paint, (x - 0.02, x + 0.02), (d * 0.7, d * 0.8), (seat, seat + 0.2))
    if make.rng.random() < 0.15:
        things.garment(make.at(0, d / 2, seat), 0.2)


def sofa(make: Maker, w: float, d: float, h: float) -> None:
    """A base with seat cushions, a back, two arms, and pillows."""
    paint, seat, arm = make.paint(), h * make.rng.uniform(0.45, 0.55), make.rng.uniform(0.1, 0.22)
    cushion = paint if make.rng.random() < 0.6 else make.paint()
    make.box("sofa", paint, (-w / 2, w / 2), (0, d), (make.rng.choice((0, 0.08)), seat - 0.12))
    make.box("sofa", paint, (-w / 2, w / 2), (0, d * 0.25), (0, h), tilt=make.rng.uniform(0, 0.12))
    for x in (-w / 2, w / 2 - arm):
        make.box("sofa", paint, (x, x + arm), (0, d), (0, seat + make.rng.uniform(0.1, 0.18)))
    count = max(1, round((w - 2 * arm) / 0.65))
    wide = (w - 2 * arm) / count
    for i in range(count):
        x = -w / 2 + arm + i * wide
        make.box("sofa", cushion, (x + 0.01, x + wide - 0.01), (d * 0.2, d), (seat - 0.14, seat))
        make.box("sofa", cushion, (x + 0.01, x + wide - 0.01), (d * 0.22, d * 0.42), (seat, h * 0.95), tilt=0.2)
        if make.rng.random() < 0.4:
            things.pillow(make.at(x + wide / 2, d * 0.55, seat), 0.3)
    if make.rng.random() < 0.25:
        things.garment(make.at(make.rng.uniform(-0.3, 0.3) * w, d * 0.6, seat), 0.3)


def bed(make: Maker, w: float, d: float, h: float) -> None:
    """A frame, a mattress, a blanket, a headboard and pillows."""
    frame, sheet, top = make.paint(), make.paint(), h * make.rng.uniform(0.4, 0.6)
    make.box("bed", frame, (-w / 2, w / 2), (0, d), (make.rng.choice((0, 0.12)), top * 0.6))
    make.box("bed", sheet, (-w / 2 + 0.02, w / 2 - 0.02), (0.04, d - 0.02), (top * 0.6, top))
    if make.rng.random() < 0.7:
        start = d * make.rng.uniform(0.3, 0.6)
        make.box("bed", make.paint(), (-w / 2 - 0.02, w / 2 + 0.02), (start, d + 0.02), (top * 0.3, top + 0.04))
    if make.rng.random() < 0.8:
        make.box("bed", frame, (-w / 2, w / 2), (0, 0.06), (0, h))
    for i in range(1 if w < 1.2 else 2):
        x = 0.0 if w < 1.2 else (i - 0.5) * w * 0.5
        things.pillow(make.at(x, 0.3, top), 0.4)
    for _ in range(make.rng.randint(0, 2)):
        thing = make.rng.choice((things.garment, things.garment, things.pillow, things.books, things.bag))
        thing(make.at(make.rng.uniform(-0.3, 0.3) * w, d * make.rng.uniform(0.4, 0.9), top + 0.04), 0.25)


def person(make: Maker, w: float, d: float, h: float) -> None:
    """Somebody who stands."""
    shirt, skin, legs = make.paint(), make.paint(calm=1), make.paint()
    for x in (-0.09, 0.09):
        make.post("person", legs, x, d / 2, (0, h * 0.5), 0.075)
        swing = make.rng.uniform(-0.3, 0.6)
        make.ball("person", shirt, (2.4 * x, d / 2, h * 0.63), (0.055, 0.07, h * 0.19), tilt=swing)
    make.ball("person", shirt, (0, d / 2, h * 0.66), (0.2, 0.13, h * 0.2))
    make.ball("person", skin, (0, d / 2, h * 0.92), (0.085, 0.1, h * 0.075))
