"""The floor plan: where furniture, decoration, clutter and lamps find a free place."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from mt_torchattacks.data._rooms import things, walls
from mt_torchattacks.data._rooms.catalogue import DECOR, DECOR_ODDS, PIECES, Decor, Piece, Room
from mt_torchattacks.data._rooms.maker import Maker
from mt_torchattacks.data._rooms.scene import Scene


@dataclass
class Plan:
    """The floor plan while it fills."""

    make: Maker
    scene: Scene
    floor: list[tuple[float, float, float, float]]
    """Taken rectangles: centre and half sizes."""
    walls: list[tuple[int, float, float, float, float]] = field(default_factory=list)
    """Taken rectangles on walls: wall, centre, half width, lower and upper edge."""

    def sees(self, x: float, y: float, reach: float) -> bool:
        """Whether something of this size that stands at (x, y) may be in the picture."""
        position, (right, _, ahead) = self.scene.position, self.scene.axes
        offset = (x - position[0], y - position[1], 0.7 - position[2])
        deep = sum(o * a for o, a in zip(offset, ahead, strict=True))
        aside = abs(sum(o * r for o, r in zip(offset, right, strict=True)))
        return deep > -reach and aside < max(0.0, deep) * math.tan(self.scene.view / 2) + 1.5 * reach

    def free(self, x: float, y: float, half_x: float, half_y: float) -> bool:
        """Whether a rectangle of the floor lies in the room and is not taken; if so, take it."""
        inside = abs(x) + half_x <= self.scene.size[0] / 2 + 0.01 and abs(y) + half_y <= self.scene.size[1] / 2 + 0.01
        clear = all(abs(x - a) >= half_x + p or abs(y - b) >= half_y + q for a, b, p, q in self.floor)
        if inside and clear:
            self.floor.append((x, y, half_x, half_y))
        return inside and clear

    def wall(self, index: int, along: float) -> Maker:
        """The frame at a place along one of the four walls."""
        distance = self.scene.size[1 - index % 2] / 2
        return self.make.at(yaw=index * math.pi / 2).at(x=along, y=-distance)


def furnish(plan: Plan, kind: Room) -> None:
    """Place furniture until it gets crowded."""
    rng = plan.make.rng
    area = plan.scene.size[0] * plan.scene.size[1]
    more = rng.choices(tuple(kind.odds), tuple(kind.odds.values()), k=min(30, round(area * rng.uniform(0.8, 1.6))))
    for name in (*kind.sure, *more):
        _try_piece(plan, PIECES[name])


def _try_piece(plan: Plan, piece: Piece) -> None:
    """Look for a free place for a piece of furniture, a few times, and build it there if it can be seen."""
    rng = plan.make.rng
    for _ in range(5):
        scale = rng.uniform(0.85, 1.15)
        w, d, h = (scale * rng.uniform(*bounds) for bounds in (piece.width, piece.depth, piece.height))
        frame = _at_wall(plan, w) if piece.at_wall else _anywhere(plan, d)
        x, y, _ = frame.place(0, d / 2, 0)
        cos, sin = abs(frame.cos), abs(frame.sin)
        if plan.free(x, y, (cos * w + sin * d) / 2, (sin * w + cos * d) / 2):
            if plan.sees(x, y, (w + d) / 2):
                piece.build(frame, w, d, min(h, plan.scene.size[2] - 0.05))
            return


def _at_wall(plan: Plan, w: float) -> Maker:
    """A frame with its back to a wall, nearly parallel to it."""
    rng = plan.make.rng
    index = rng.randrange(4)
    along = rng.uniform(-0.5, 0.5) * max(0.0, plan.scene.size[index % 2] - w)
    return plan.wall(index, along).at(y=rng.uniform(0.01, 0.08), yaw=rng.gauss(0, 0.02))


def _anywhere(plan: Plan, d: float) -> Maker:
    """A frame anywhere in the room, parallel to a wall or not."""
    rng = plan.make.rng
    x, y = (rng.uniform(-0.5, 0.5) * extent for extent in plan.scene.size[:2])
    turn = rng.choice((0, 1, 2, 3)) * math.pi / 2 if rng.random() < 0.4 else rng.uniform(-math.pi, math.pi)
    return plan.make.at(x, y, yaw=turn).at(y=-d / 2)


def decorate(plan: Plan, kind: Room) -> None:
    """Windows, doors, pictures and more on the walls."""
    rng = plan.make.rng
    odds = {**DECOR_ODDS, **kind.decor}
    around = 2 * (plan.scene.size[0] + plan.scene.size[1])
    more = rng.choices(tuple(odds), tuple(odds.values()), k=round(around * rng.uniform(0.5, 1.1)))
    for name in ("window", "door", *more):
        _try_decor(plan, DECOR[name])


def _try_decor(plan: Plan, decor: Decor) -> None:
    rng, height = plan.make.rng, plan.scene.size[2]
    for _ in range(3):
        index, w, low = rng.randrange(4), rng.uniform(*decor.width), rng.uniform(*decor.low)
        along = rng.uniform(-0.5, 0.5) * max(0.0, plan.scene.size[index % 2] - w)
        high = min(low + rng.uniform(*decor.height), height)
        taken = any(
            i == index and abs(along - a) < w / 2 + half and low < upper and high > lower
            for i, a, half, lower, upper in plan.walls
        )
        frame = plan.wall(index, along)
        near = math.dist((frame.x, frame.y), plan.scene.position[:2]) < w / 2 + 0.8
        if not (taken or near) and w < plan.scene.size[index % 2]:
            plan.walls.append((index, along, w / 2, low, high))
            if plan.sees(frame.x, frame.y, w / 2):
                decor.build(frame, w, low, high)
            return


def strew(plan: Plan) -> None:
    """A mat or two and things on the floor."""
    rng = plan.make.rng
    for _ in range(rng.choice((0, 0, 1))):
        x, y = (rng.uniform(-0.3, 0.3) * extent for extent in plan.scene.size[:2])
        w, d = rng.uniform(0.3, 1.1), rng.uniform(0.3, 0.8)
        w, d = min(w, plan.scene.size[0] / 2 - abs(x)), min(d, plan.scene.size[1] / 2 - abs(y))
        turn = rng.choice((0, 0, rng.uniform(0, 3)))
        plan.make.box("floor mat", plan.make.paint(), (x - w, x + w), (y - d, y + d), (0, 0.015), yaw=turn, casts=False)
    for _ in range(round(plan.scene.size[0] * plan.scene.size[1] * rng.uniform(0.15, 0.7))):
        x, y, half = *(rng.uniform(-0.5, 0.5) * extent for extent in plan.scene.size[:2]), rng.uniform(0.08, 0.25)
        if plan.free(x, y, half, half) and plan.sees(x, y, half):
            rng.choice(things.ON_FLOOR)(plan.make.at(x, y, 0, rng.uniform(-math.pi, math.pi)), half)


def hang(plan: Plan) -> None:
    """Lamps and beams under the ceiling."""
    rng, (x, y, height) = plan.make.rng, plan.scene.size
    for _ in range(rng.choice((0, 1, 1, 2))):
        frame = plan.make.at(rng.uniform(-0.3, 0.3) * x, rng.uniform(-0.3, 0.3) * y, height)
        if plan.sees(frame.x, frame.y, 0.2):
            walls.pendant(frame, rng.uniform(0.1, 0.6))
    if rng.random() < 0.2:
        walls.beam(plan.make.at(rng.uniform(-0.3, 0.3) * x, rng.uniform(-0.3, 0.3) * y, height), max(x, y))
