"""Small things: what lies on tables, in shelves and on the floor."""

from __future__ import annotations

import math

from mt_torchattacks.data._rooms import parts
from mt_torchattacks.data._rooms.maker import Maker


def books(make: Maker, room: float) -> None:
    """A pile of books, or one that lies open."""
    z = 0.0
    for _ in range(make.rng.randint(1, 4)):
        w, d, h = make.rng.uniform(0.07, 0.11), make.rng.uniform(0.1, 0.15), make.rng.uniform(0.015, 0.05)
        make.box("books", make.paint(), (-w, w), (-d, d), (z, z + h), yaw=make.rng.uniform(-0.5, 0.5))
        z += h


def row_of_books(make: Maker, width: float, depth: float, height: float) -> None:
    """Books that stand in a shelf of this width; some of the width stays empty."""
    x, end = -width / 2, width / 2 * make.rng.uniform(0.2, 1)
    while x < end - 0.04:
        w = min(make.rng.uniform(0.04, 0.3), end - x)
        h, d = height * make.rng.uniform(0.6, 0.95), depth * make.rng.uniform(0.7, 1)
        make.box("books", make.paint(), (x, x + w * 0.95), (0, d), (0, h), casts=False)
        x += w


def carton(make: Maker, room: float) -> None:
    """A closed box, alone or with a smaller one on it."""
    z, w, d = 0.0, make.rng.uniform(0.06, 0.25), make.rng.uniform(0.06, 0.2)
    w, d = min(w, room), min(d, room)
    for _ in range(make.rng.choice((1, 1, 2))):
        h = make.rng.uniform(0.4, 1.3) * (w + d)
        make.box("box", make.paint(), (-w, w), (-d, d), (z, z + h), yaw=make.rng.uniform(-0.6, 0.6))
        z, w, d = z + h, w * 0.7, d * 0.7


def bag(make: Maker, room: float) -> None:
    """A bag: a bulging body, a flap and a handle."""
    paint, w = make.paint(), min(make.rng.uniform(0.1, 0.24), room)
    h, d = w * make.rng.uniform(0.7, 1.3), w * make.rng.uniform(0.35, 0.7)
    if make.rng.random() < 0.5:
        make.box("bag", paint, (-w, w), (-d, d), (0, 1.6 * h))
    make.ball("bag", paint, (0, 0, h), (w * 1.1, d * 1.15, h))
    make.box("bag", paint, (-w / 2, w / 2), (-0.015, 0.015), (1.9 * h, 2.2 * h))


def vase(make: Maker, room: float) -> None:
    """A vase, a jar or a bottle, perhaps with a plant."""
    paint, r = make.paint(), min(make.rng.uniform(0.03, 0.12), room)
    h = r * make.rng.uniform(1.5, 4)
    make.post("otherprop", paint, 0, 0, (0, h), r)
    if make.rng.random() < 0.4:
        make.post("otherprop", paint, 0, 0, (h, h + 2 * r), r * 0.35)
    elif make.rng.random() < 0.6:
        leaves = make.paint()
        for _ in range(4):
            x, y, z = (make.rng.gauss(0, r) for _ in range(3))
            tilt = make.rng.uniform(-0.8, 0.8)
            make.ball("otherprop", leaves, (x, y, h + 2 * r + z), (r, 0.5 * r, 1.8 * r), yaw=z * 9, tilt=tilt)


def ball(make: Maker, room: float) -> None:
    """A ball, a fruit, a toy."""
    r = min(make.rng.uniform(0.03, 0.14), room)
    make.ball("otherprop", make.paint(), (0, 0, r), (r, r, r))


def cups(make: Maker, room: float) -> None:
    """A group of cups, cans and glasses."""
    for _ in range(make.rng.randint(1, 4)):
        r, h = make.rng.uniform(0.025, 0.05), make.rng.uniform(0.06, 0.2)
        make.post("otherprop", make.paint(), make.rng.uniform(-0.15, 0.15), make.rng.uniform(-0.12, 0.12), (0, h), r)


def laptop(make: Maker, room: float) -> None:
    """A keyboard and a screen that leans back."""
    paint, w = make.paint(), make.rng.uniform(0.14, 0.2)
    make.box("otherprop", paint, (-w, w), (-0.1, 0.14), (0, 0.02))
    make.box("otherprop", make.paint(emission=make.rng.choice((0, 0.5))), (-w, w), (-0.15, -0.135), (0, 0.25), tilt=0.3)


def papers(make: Maker, room: float) -> None:
    """Sheets of paper."""
    for _ in range(make.rng.randint(1, 3)):
        x, y = make.rng.uniform(-0.1, 0.1), make.rng.uniform(-0.1, 0.1)
        turn = make.rng.uniform(-1, 1)
        make.box("paper", make.paint(), (x - 0.1, x + 0.1), (y - 0.14, y + 0.14), (0, 0.008), yaw=turn, casts=False)


def garment(make: Maker, room: float) -> None:
    """Clothes in a heap."""
    label, paint = make.rng.choice(("clothes", "clothes", "towel")), make.paint()
    for _ in range(make.rng.randint(2, 4)):
        x, y = make.rng.gauss(0, 0.1), make.rng.gauss(0, 0.08)
        w, d, h = (make.rng.uniform(0.08, 0.25), make.rng.uniform(0.08, 0.2), make.rng.uniform(0.03, 0.09))
        tilt = make.rng.uniform(-0.3, 0.3)
        make.ball(label, paint, (x, y, h * 0.7), (w, d, h), yaw=make.rng.uniform(0, 3), tilt=tilt)


def table_lamp(make: Maker, room: float) -> None:
    """A foot, a stem and a shade that may shine."""
    h, r = make.rng.uniform(0.2, 0.45), make.rng.uniform(0.07, 0.16)
    foot = make.paint()
    make.ball("lamp", foot, (0, 0, h * 0.25), (r * 0.6, r * 0.6, h * 0.3))
    make.post("lamp", foot, 0, 0, (0, h), 0.015)
    parts.shade(make, h, r)


def pillow(make: Maker, room: float) -> None:
    """A pillow that lies or leans."""
    w, d, h = make.rng.uniform(0.16, 0.34), make.rng.uniform(0.14, 0.24), make.rng.uniform(0.05, 0.1)
    tilt = make.rng.choice((0.15, 0.7, 1.1))
    z = d * math.sin(tilt) + h * 0.5
    make.ball("pillow", make.paint(), (0, 0, z), (w, d, h), yaw=make.rng.gauss(0, 0.2), tilt=-tilt)


ON_TABLE = (books, books, carton, bag, vase, vase, ball, cups, cups, laptop, papers, papers, garment, table_lamp)
ON_FLOOR = (carton, carton, carton, bag, bag, bag, ball, vase, garment, garment, books, pillow)
IN_SHELF = (carton, vase, ball, cups, books, books, garment, bag)


def scatter(make: Maker, width: float, depth: float, things: int, room: float = 0.16) -> None:
    """Put a number of things on a top of this size, whose back edge is at y = 0."""
    for _ in range(things):
        x, y = make.rng.uniform(-0.42, 0.42) * width, make.rng.uniform(0.15, 0.8) * depth
        make.rng.choice(ON_TABLE)(make.at(x, y, 0, make.rng.uniform(-math.pi, math.pi)), room)
