"""Chests, cabinets, counters, shelves. Each piece fills width x depth x height of its frame."""

from __future__ import annotations

from mt_torchattacks.data._rooms import parts, things
from mt_torchattacks.data._rooms.maker import Maker


def chest(make: Maker, w: float, d: float, h: float, label: str = "dresser") -> None:
    """A body with drawers or doors and knobs, with things on it."""
    body = make.paint()
    front = body if make.rng.random() < 0.6 else make.paint()
    foot = make.rng.choice((0, 0.05, 0.12))
    make.box(label, body, (-w / 2, w / 2), (0, d - 0.02), (foot, h))
    if foot:
        parts.legs(make, label, body, w * 0.95, d * 0.9, foot)
    columns, rows = max(1, round(w / make.rng.uniform(0.4, 0.8))), max(1, round(h / make.rng.uniform(0.2, 0.8)))
    knob = make.paint()
    wide, high = w / columns, (h - foot) / rows
    for i in range(min(columns, 4)):
        for j in range(min(rows, 5)):
            x, z = -w / 2 + i * wide, foot + j * high
            across, up = (x + 0.012, x + wide - 0.012), (z + 0.012, z + high - 0.012)
            make.box(label, front, across, (d - 0.02, d), up, casts=False)
            make.ball(label, knob, (x + wide / 2, d, z + high * 0.7), (0.02, 0.02, 0.02), casts=False)
    if h < 1.5:
        things.scatter(make.at(z=h), w, d, make.rng.randint(0, 3))


def cabinet(make: Maker, w: float, d: float, h: float) -> None:
    """A cupboard or wardrobe with doors."""
    chest(make, w, d, h, "cabinet")


def night_stand(make: Maker, w: float, d: float, h: float) -> None:
    """A small chest, often with a lamp on it."""
    chest(make, w, d, h, "night stand")
    if make.rng.random() < 0.5:
        things.table_lamp(make.at(0, d / 2, h), 0.2)


def counter(make: Maker, w: float, d: float, h: float) -> None:
    """A kitchen's row of base cabinets under a worktop, perhaps with a sink, and cabinets on the wall above."""
    chest(make.at(), w, d - 0.04, h - 0.04, "cabinet")
    make.box("counter", make.paint(), (-w / 2, w / 2), (0, d), (h - 0.05, h))
    if make.rng.random() < 0.5:
        x = make.rng.uniform(-0.3, 0.3) * w
        paint = make.paint()
        make.box("sink", paint, (x - 0.25, x + 0.25), (0.1, d - 0.08), (h, h + 0.02))
        make.post("sink", paint, x, 0.1, (h, h + 0.25), 0.02)
    things.scatter(make.at(z=h), w, d, make.rng.randint(1, 6))
    if make.rng.random() < 0.6:
        low = make.rng.uniform(1.3, 1.6)
        chest(make.at(z=low), w * make.rng.uniform(0.6, 1), 0.35, 0.65, "cabinet")


def refrigerator(make: Maker, w: float, d: float, h: float) -> None:
    """A tall body, one or two doors and their handles."""
    paint, handle = make.paint(), make.paint()
    make.box("refrigerator", paint, (-w / 2, w / 2), (0, d - 0.05), (0, h))
    split = h * make.rng.uniform(0.3, 0.7)
    for low, high in ((0.03, split - 0.01), (split + 0.01, h)):
        make.box("refrigerator", paint, (-w / 2, w / 2), (d - 0.05, d), (low, high), casts=False)
        x, reach = w * 0.4, min(0.4, (high - low) * 0.6)
        middle = split - reach / 2 - 0.06 if high < split else split + reach / 2 + 0.06
        make.post("refrigerator", handle, x, d + 0.03, (middle - reach / 2, middle + reach / 2), 0.015, casts=False)


def rack(make: Maker, w: float, d: float, h: float, label: str = "shelves", full_of_books: float = 0.2) -> None:
    """Boards between two sides, perhaps with a back, filled with books or other things."""
    paint = make.paint()
    for x in (-w / 2, w / 2 - 0.03):
        make.box(label, paint, (x, x + 0.03), (0, d), (0, h))
    if make.rng.random() < 0.6:
        make.box(label, paint, (-w / 2, w / 2), (0, 0.02), (0, h))
    levels = max(2, round(h / make.rng.uniform(0.28, 0.45)))
    for level in range(levels + 1):
        z = 0.05 + (h - 0.08) * level / levels
        make.box(label, paint, (-w / 2, w / 2), (0, d), (z, z + 0.03))
        inside = make.at(y=0.03, z=z + 0.03)
        if make.rng.random() < full_of_books:
            things.row_of_books(inside, w - 0.08, d - 0.05, h / levels - 0.06)
        elif level < levels:
            for _ in range(make.rng.randint(0, 2)):
                thing = make.rng.choice(things.IN_SHELF)
                thing(inside.at(make.rng.uniform(-0.35, 0.35) * w, d / 2), min(w, d) * 0.35)


def bookshelf(make: Maker, w: float, d: float, h: float) -> None:
    """A rack that is mostly full of books."""
    rack(make, w, d, h, "bookshelf", 0.85)


def clothes_rack(make: Maker, w: float, d: float, h: float) -> None:
    """A rail with clothes that hang from it."""
    paint = make.paint()
    for x in (-w / 2, w / 2):
        make.post("otherfurniture", paint, x, d / 2, (0, h), 0.02)
    make.rail("otherfurniture", paint, (-w / 2, w / 2), d / 2, h, 0.02)
    x = -w * 0.45
    while x < w * 0.4:
        wide, drop = make.rng.uniform(0.03, 0.1), make.rng.uniform(0.6, 0.95)
        turn = make.rng.gauss(0, 0.2)
        make.box("clothes", make.paint(), (x, x + wide), (0.03, d - 0.03), (h - drop, h - 0.05), yaw=turn)
        x += wide * make.rng.uniform(1, 2.5)
