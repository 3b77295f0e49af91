"""Which furniture there is, in which rooms it stands, and what hangs on their walls."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from mt_torchattacks.data._rooms import bath, seats, storage, tables, walls
from mt_torchattacks.data._rooms.maker import Maker, Span

Build = Callable[[Maker, float, float, float], None]


class Piece(NamedTuple):
    """A piece of furniture: ranges of its width, depth and height in metres, and whether it stands at a wall."""

    build: Build
    width: Span
    depth: Span
    height: Span
    at_wall: bool = True


class Decor(NamedTuple):
    """Something on a wall: ranges of its width, of its lower edge and of its height in metres."""

    build: Build
    width: Span
    low: Span
    height: Span


class Room(NamedTuple):
    """A kind of room: furniture that it has for sure, odds of more, and odds of what hangs on its walls."""

    sure: tuple[str, ...]
    odds: dict[str, int]
    decor: dict[str, int] = {}  # noqa: RUF012


PIECES = {
    "bed": Piece(seats.bed, (0.9, 1.9), (1.8, 2.1), (0.6, 1.2)),
    "night stand": Piece(storage.night_stand, (0.35, 0.6), (0.3, 0.5), (0.4, 0.7)),
    "dresser": Piece(storage.chest, (0.7, 1.6), (0.4, 0.6), (0.7, 1.3)),
    "cabinet": Piece(storage.cabinet, (0.5, 1.6), (0.35, 0.65), (0.7, 2.1)),
    "desk": Piece(tables.desk, (1.0, 1.8), (0.5, 0.8), (0.68, 0.78)),
    "free desk": Piece(tables.desk, (1.0, 1.8), (0.5, 0.8), (0.68, 0.78), False),
    "table": Piece(tables.table, (0.8, 1.8), (0.7, 1.1), (0.68, 0.8), False),
    "low table": Piece(tables.table, (0.5, 1.2), (0.4, 0.7), (0.32, 0.55), False),
    "side table": Piece(tables.table, (0.4, 1.2), (0.3, 0.5), (0.45, 0.85)),
    "chair": Piece(seats.chair, (0.4, 0.55), (0.4, 0.5), (0.8, 1.05), False),
    "wall chair": Piece(seats.chair, (0.4, 0.65), (0.4, 0.6), (0.8, 1.1)),
    "sofa": Piece(seats.sofa, (0.9, 2.3), (0.8, 1.0), (0.7, 0.95)),
    "free sofa": Piece(seats.sofa, (0.8, 1.9), (0.75, 0.95), (0.7, 0.95), False),
    "bookshelf": Piece(storage.bookshelf, (0.6, 1.6), (0.25, 0.4), (1.0, 2.1)),
    "shelves": Piece(storage.rack, (0.5, 1.5), (0.25, 0.5), (0.7, 2.0)),
    "counter": Piece(storage.counter, (1.2, 3.0), (0.55, 0.7), (0.85, 0.95)),
    "island": Piece(storage.counter, (1.0, 1.8), (0.6, 0.9), (0.85, 1.0), False),
    "refrigerator": Piece(storage.refrigerator, (0.55, 0.9), (0.55, 0.75), (1.2, 1.9)),
    "television": Piece(tables.tv_bench, (1.0, 1.8), (0.35, 0.5), (1.0, 1.5)),
    "floor lamp": Piece(tables.floor_lamp, (0.25, 0.5), (0.25, 0.5), (1.2, 1.8)),
    "bench": Piece(tables.bench, (0.35, 1.3), (0.35, 0.6), (0.35, 0.55), False),
    "toilet": Piece(bath.toilet, (0.36, 0.45), (0.6, 0.75), (0.7, 0.9)),
    "basin": Piece(bath.basin, (0.45, 0.7), (0.4, 0.5), (0.75, 0.9)),
    "bathtub": Piece(bath.tub, (1.4, 1.8), (0.65, 0.8), (0.45, 0.65)),
    "clothes rack": Piece(storage.clothes_rack, (0.8, 1.5), (0.4, 0.5), (1.3, 1.7)),
    "person": Piece(seats.person, (0.45, 0.5), (0.3, 0.35), (1.5, 1.9), False),
}

DECOR = {
    "window": Decor(walls.window, (0.7, 2.0), (0.6, 1.1), (0.9, 1.4)),
    "door": Decor(walls.door, (0.85, 1.1), (0.0, 0.0), (2.0, 2.1)),
    "picture": Decor(walls.picture, (0.35, 1.4), (1.1, 1.5), (0.35, 1.0)),
    "mirror": Decor(walls.mirror, (0.4, 1.2), (0.7, 1.3), (0.5, 1.1)),
    "whiteboard": Decor(walls.whiteboard, (1.2, 2.6), (0.8, 1.0), (0.9, 1.2)),
    "poster": Decor(walls.poster, (0.5, 1.0), (1.2, 1.3), (0.3, 0.6)),
    "television": Decor(walls.wall_television, (0.9, 1.7), (0.9, 1.3), (0.5, 0.9)),
    "shelf": Decor(walls.wall_shelf, (0.5, 1.4), (1.2, 1.5), (0.4, 0.8)),
    "towels": Decor(walls.towels, (0.4, 0.8), (0.6, 0.9), (0.5, 0.7)),
    "hooks": Decor(walls.hooks, (0.6, 1.2), (0.8, 0.9), (0.8, 1.0)),
    "radiator": Decor(walls.radiator, (0.6, 1.4), (0.1, 0.1), (0.6, 0.6)),
    "column": Decor(walls.column, (0.2, 0.8), (0.0, 0.0), (4.0, 4.0)),
}
DECOR_ODDS = {
    "window": 7, "door": 4, "picture": 14, "mirror": 3, "poster": 3, "television": 3, "shelf": 3, "radiator": 2,
    "column": 2, "hooks": 3,
}  # fmt: skip
"""Odds in any room, where a kind of room says nothing else."""

_COMMON = {"floor lamp": 2, "cabinet": 2, "shelves": 2, "bench": 2, "wall chair": 2, "side table": 2}
BEDROOM = Room(
    ("bed", "night stand"),
    {**_COMMON, "bed": 5, "night stand": 5, "dresser": 5, "desk": 2, "chair": 3, "bookshelf": 2, "clothes rack": 3,
     "television": 2},
)  # fmt: skip
LIVING_ROOM = Room(
    ("sofa", "low table"),
    {**_COMMON, "sofa": 5, "free sofa": 5, "low table": 6, "television": 6, "bookshelf": 4, "chair": 3, "person": 1},
)
OFFICE = Room(
    ("desk", "chair"),
    {**_COMMON, "desk": 5, "free desk": 3, "chair": 9, "bookshelf": 4, "table": 3, "person": 1},
    {"whiteboard": 5, "poster": 3},
)
KITCHEN = Room(
    ("counter", "refrigerator"),
    {**_COMMON, "counter": 6, "island": 2, "refrigerator": 3, "table": 4, "chair": 7},
    {"towels": 3},
)
DINING_ROOM = Room(
    ("table", "chair", "chair"), {**_COMMON, "table": 3, "chair": 12, "dresser": 3, "cabinet": 3, "person": 1}
)
BATHROOM = Room(
    ("toilet", "basin"),
    {"toilet": 3, "basin": 4, "bathtub": 5, "cabinet": 3, "side table": 1, "bench": 1, "shelves": 2, "dresser": 1},
    {"towels": 9, "mirror": 5, "picture": 3},
)
CLASS_ROOM = Room(
    ("table", "chair", "chair"),
    {"table": 7, "free desk": 4, "chair": 13, "shelves": 3, "bookshelf": 2, "person": 1, "cabinet": 2},
    {"whiteboard": 9, "poster": 5},
)
ROOMS = (*[BEDROOM] * 3, *[LIVING_ROOM] * 3, *[KITCHEN] * 2, OFFICE, DINING_ROOM, BATHROOM, CLASS_ROOM)
"""Kinds of rooms, each as many times as it is likely."""
