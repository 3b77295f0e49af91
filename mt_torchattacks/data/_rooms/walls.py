"""What hangs on walls and is let into them. Frames have their origin on the wall, at the floor, and y into the room."""

from __future__ import annotations

import math

from mt_torchattacks.data._rooms import parts, things
from mt_torchattacks.data._rooms.maker import Maker


def _framed(make: Maker, label: str, paint: int, w: float, z: tuple[float, float], frame: float, deep: float) -> None:
    """A pane with four bars around it."""
    bars = make.paint(calm=0.8)
    make.box(label, paint, (-w / 2, w / 2), (0, deep * 0.5), z, casts=False)
    for x in (-w / 2, w / 2 - frame):
        make.box(label, bars, (x, x + frame), (0, deep), z, casts=False)
    for low in (z[0], z[1] - frame):
        make.box(label, bars, (-w / 2, w / 2), (0, deep), (low, low + frame), casts=False)


def window(make: Maker, w: float, low: float, high: float) -> None:
    """Panes between bars, by day or by night, perhaps with curtains or blinds."""
    day = make.rng.random() < 0.55
    pane = make.paint(emission=make.rng.uniform(0.5, 1.6) if day else 0)
    _framed(make, "window", pane, w, (low, high), 0.05, 0.05)
    bar = make.paint()
    for i in range(1, make.rng.randint(1, 3)):
        x = -w / 2 + w * i / 2
        make.box("window", bar, (x - 0.02, x + 0.02), (0, 0.05), (low, high), casts=False)
    if make.rng.random() < 0.4:
        z = low + (high - low) * make.rng.uniform(0.3, 0.7)
        make.box("window", bar, (-w / 2, w / 2), (0, 0.05), (z - 0.02, z + 0.02), casts=False)
    if day:
        make.drawing.lights.append(make.place(0, 0.3, (low + high) / 2))
    cover = make.rng.random()
    if cover < 0.45:
        _curtains(make, w, low, high)
    elif cover < 0.7:
        _blinds(make, w, low, high)


def _curtains(make: Maker, w: float, low: float, high: float) -> None:
    start, height = make.rng.choice((0.05, low - 0.1)), high + 0.12
    make.rail("curtain", make.paint(), (-w / 2 - 0.35, w / 2 + 0.35), 0.1, height, 0.02)
    for side in (-1, 1):
        width = w * make.rng.uniform(0.15, 0.45)
        x = side * (w / 2 + 0.15 - width / 2)
        parts.drape(make.at(x, 0.08, start), width, height - start)


def _blinds(make: Maker, w: float, low: float, high: float) -> None:
    paint, slats = make.paint(), make.rng.randint(5, 9)
    end = low + (high - low) * make.rng.choice((0, 0, 0.3, 0.5))
    pitch = (high - end) / slats
    for i in range(slats):
        z = end + i * pitch
        make.box("blinds", paint, (-w / 2, w / 2), (0.06, 0.075), (z, z + pitch * 0.93), tilt=-0.25, casts=False)


def door(make: Maker, w: float, low: float, high: float) -> None:
    """A leaf in its frame, with panels and a knob; it may stand open."""
    _framed(make, "door", make.paint(), w, (0, high), 0.08, 0.05)
    leaf, turn = make.paint(), make.rng.choice((0, 0, 0, make.rng.uniform(0.3, 1.5)))
    hinge = make.at(-w / 2 + 0.08, 0.03, 0, turn)
    wide = w - 0.16
    hinge.box("door", leaf, (0, wide), (0, 0.04), (0.01, high - 0.08))
    if make.rng.random() < 0.6:
        for bottom, top in ((0.15, high * 0.42), (high * 0.5, high - 0.25)):
            hinge.box("door", leaf, (0.12, wide - 0.12), (0.04, 0.05), (bottom, top), casts=False)
    hinge.ball("door", make.paint(), (wide - 0.07, 0.07, 1.0), (0.035, 0.035, 0.035), casts=False)


def picture(make: Maker, w: float, low: float, high: float) -> None:
    """A picture in its frame."""
    _framed(make, "picture", make.paint(), w, (low, high), make.rng.uniform(0.02, 0.06), make.rng.uniform(0.02, 0.04))


def mirror(make: Maker, w: float, low: float, high: float) -> None:
    """A mirror; what it shows is not rendered."""
    _framed(make, "mirror", make.paint(), w, (low, high), make.rng.uniform(0.01, 0.05), 0.03)


def whiteboard(make: Maker, w: float, low: float, high: float) -> None:
    """A wide board with a tray."""
    _framed(make, "whiteboard", make.paint(calm=1), w, (low, high), 0.02, 0.03)
    make.box("whiteboard", make.paint(), (-w / 3, w / 3), (0, 0.1), (low - 0.03, low))


def poster(make: Maker, w: float, low: float, high: float) -> None:
    """Sheets of paper on the wall."""
    for _ in range(make.rng.randint(1, 4)):
        x, z = make.rng.uniform(-0.4, 0.4) * w, make.rng.uniform(low, high)
        make.box("paper", make.paint(), (x - 0.11, x + 0.11), (0, 0.006), (z - 0.15, z + 0.15), casts=False)


def wall_television(make: Maker, w: float, low: float, high: float) -> None:
    """A flat screen on the wall."""
    make.box("television", make.paint(), (-w / 2, w / 2), (0.02, 0.07), (low, high))
    face = make.paint(emission=make.rng.choice((0, 0, 0.6)))
    make.box("television", face, (-w / 2 + 0.03, w / 2 - 0.03), (0.07, 0.074), (low + 0.03, high - 0.03), casts=False)


def wall_shelf(make: Maker, w: float, low: float, high: float) -> None:
    """One to three boards with books and other things."""
    paint, boards = make.paint(), make.rng.randint(1, 3)
    for i in range(boards):
        z = low + (high - low) * i / boards
        make.box("shelves", paint, (-w / 2, w / 2), (0, 0.25), (z, z + 0.03))
        on_it = make.at(y=0.02, z=z + 0.03)
        if make.rng.random() < 0.6:
            things.row_of_books(on_it, w * 0.9, 0.2, 0.26)
        else:
            make.rng.choice(things.IN_SHELF)(on_it.at(make.rng.uniform(-0.3, 0.3) * w, 0.12), 0.1)


def towels(make: Maker, w: float, low: float, high: float) -> None:
    """Towels over a rail."""
    make.rail("towel", make.paint(), (-w / 2, w / 2), 0.08, high, 0.015)
    for side in make.rng.choice(((0,), (-1, 1))):
        x, drop = side * w / 4, make.rng.uniform(0.3, 0.7)
        make.box("towel", make.paint(), (x - w / 5, x + w / 5), (0.055, 0.105), (high - drop, high + 0.02))


def hooks(make: Maker, w: float, low: float, high: float) -> None:
    """Clothes and bags on hooks."""
    for i in range(make.rng.randint(1, 4)):
        x, half = (i - 1.5) * w / 4, make.rng.uniform(0.25, 0.5)
        label = make.rng.choice(("clothes", "clothes", "bag"))
        tilt = make.rng.gauss(0, 0.06)
        make.ball(label, make.paint(), (x, 0.12, high - half), (make.rng.uniform(0.1, 0.2), 0.11, half), tilt=tilt)


def radiator(make: Maker, w: float, low: float, high: float) -> None:
    """A radiator of upright ribs."""
    paint, ribs = make.paint(), max(4, round(w / 0.14))
    for i in range(ribs):
        x = ((i + 0.5) / ribs - 0.5) * w
        make.box("otherstructure", paint, (x - 0.05, x + 0.05), (0.04, 0.14), (0.12, 0.7), casts=False)


def column(make: Maker, w: float, low: float, high: float) -> None:
    """A pillar or a chimney breast, from the floor to the ceiling."""
    deep = make.rng.uniform(0.15, 0.5)
    make.box("otherstructure", make.paint(calm=0.5), (-w / 2, w / 2), (0, deep), (0, high))


def pendant(make: Maker, drop: float) -> None:
    """A lamp that hangs from the ceiling, whose height is the frame's origin."""
    make.post("lamp", make.paint(), 0, 0, (-drop, 0), 0.012, casts=False)
    parts.shade(make, -drop - 0.2, make.rng.uniform(0.1, 0.25))


def beam(make: Maker, length: float) -> None:
    """A beam under the ceiling, whose height is the frame's origin."""
    half = make.rng.uniform(0.06, 0.12)
    turn = make.rng.choice((0, math.pi / 2))
    make.box("otherstructure", make.paint(calm=0.3), (-half, half), (-length, length), (-2 * half, 0.1), yaw=turn)
