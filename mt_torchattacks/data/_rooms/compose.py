"""Random composition of a scene: room, camera, what is in the room, light."""

from __future__ import annotations

import math
from random import Random

from mt_torchattacks.data._rooms.catalogue import ROOMS
from mt_torchattacks.data._rooms.maker import Maker
from mt_torchattacks.data._rooms.materials import Drawing
from mt_torchattacks.data._rooms.plan import Plan, decorate, furnish, hang, strew
from mt_torchattacks.data._rooms.scene import Scene


def compose(key: int) -> Scene:
    """Compose the scene that belongs to a key: the same for the same key, whatever was composed before."""
    rng = Random(key)
    kind = rng.choice(ROOMS)
    scene = _room(rng)
    make = Maker(scene.drawing)
    _shell(make, scene.size)
    plan = Plan(make, scene, [_clearance(scene)])
    furnish(plan, kind)
    decorate(plan, kind)
    strew(plan)
    hang(plan)
    _light(rng, scene)
    return scene


def _room(rng: Random) -> Scene:
    scale = math.exp(rng.uniform(-0.2, 0.2))
    size = tuple(scale * math.exp(rng.uniform(math.log(low), math.log(high))) for low, high in ((2.5, 6), (2.5, 6)))
    height = scale * rng.uniform(2.3, 3.0)
    position, target = _stand(rng, size, height)
    axes = _look(position, target, rng.gauss(0, 0.04))
    return Scene(Drawing(rng), position, axes, math.radians(rng.uniform(50, 78)), (size[0], size[1], height))


def _stand(rng: Random, size: tuple[float, ...], height: float) -> tuple[tuple[float, float, float], ...]:
    """Where the camera stands, mostly near a wall, and what it looks at, mostly across the room."""
    side = [rng.choice((-1, 1)) for _ in range(2)]
    x, y = (s * (extent / 2 - 0.3) * rng.uniform(0.3, 1) for s, extent in zip(side, size, strict=True))
    goal = [-c * rng.uniform(0, 0.9) + rng.gauss(0, 0.5) for c in (x, y)]
    while math.hypot(goal[0] - x, goal[1] - y) < 0.8:
        goal = [rng.uniform(-0.5, 0.5) * extent for extent in size]
    return (x, y, rng.uniform(0.8, min(1.9, height - 0.4))), (goal[0], goal[1], rng.uniform(0.4, 1.4))


def _look(
    position: tuple[float, ...], target: tuple[float, ...], roll: float
) -> tuple[tuple[float, float, float], ...]:
    dx, dy, dz = (t - p for t, p in zip(target, position, strict=True))
    flat = math.hypot(dx, dy)
    length = math.hypot(flat, dz)
    ahead = (dx / length, dy / length, dz / length)
    right = (dy / flat, -dx / flat, 0.0)
    down = (dx * dz / flat / length, dy * dz / flat / length, -flat / length)
    cos, sin = math.cos(roll), math.sin(roll)
    rolled = tuple(cos * r + sin * d for r, d in zip(right, down, strict=True))
    lowered = tuple(cos * d - sin * r for r, d in zip(right, down, strict=True))
    return (rolled[0], rolled[1], rolled[2]), (lowered[0], lowered[1], lowered[2]), ahead


def _clearance(scene: Scene) -> tuple[float, float, float, float]:
    """The part of the floor around and before the camera where nothing may stand."""
    (x, y, _), ahead = scene.position, scene.axes[2]
    return x + 0.3 * ahead[0], y + 0.3 * ahead[1], 0.35 + 0.3 * abs(ahead[0]), 0.35 + 0.3 * abs(ahead[1])


def _shell(make: Maker, size: tuple[float, float, float]) -> None:
    """Floor, ceiling and four walls, as thick slabs around the room."""
    x, y, height = size[0] / 2, size[1] / 2, size[2]
    wide_x, wide_y = (-x - 1, x + 1), (-y - 1, y + 1)
    make.box("floor", make.paint(calm=0.4), wide_x, wide_y, (-1, 0), casts=False)
    make.box("ceiling", make.paint(calm=0.9, pale=1), wide_x, wide_y, (height, height + 1), casts=False)
    paint = make.paint(calm=0.8, pale=1)
    for low, high in ((-x - 1, -x), (x, x + 1)):
        make.box("wall", paint, (low, high), wide_y, (-1, height + 1), casts=False)
    other = paint if make.rng.random() < 0.7 else make.paint(calm=0.8, pale=1)
    for low, high in ((-y - 1, -y), (y, y + 1)):
        make.box("wall", other, wide_x, (low, high), (-1, height + 1), casts=False)


LAMPS = 3
"""Every scene has this many lamps; some may be dark."""


def _light(rng: Random, scene: Scene) -> None:
    """One lamp near the ceiling, and up to two at windows and shining lamps of the scene; noise and exposure."""
    x, y, height = scene.size
    places = [(rng.uniform(-0.35, 0.35) * x, rng.uniform(-0.35, 0.35) * y, height - rng.uniform(0.05, 0.4))]
    places += rng.sample(scene.drawing.lights, min(LAMPS - 1, len(scene.drawing.lights)))
    for place in places:
        power, warm = math.exp(rng.uniform(-1, 1)), rng.uniform(-0.3, 0.3)
        scene.lamps.append((*place, power * (1 + warm), power, power * (1 - warm)))
    scene.lamps += [(0.0, 0.0, height / 2, 0.0, 0.0, 0.0)] * (LAMPS - len(scene.lamps))
    ambient, tint = rng.uniform(0.15, 0.5), rng.uniform(-0.2, 0.2)
    scene.sensor = (
        ambient * (1 + tint), ambient, ambient * (1 - tint),
        math.exp(rng.uniform(math.log(0.15), math.log(0.4))),
        rng.uniform(0.004, 0.03), rng.uniform(0.001, 0.006), rng.uniform(0.02, 0.1), rng.uniform(0, 0.3),
    )  # fmt: skip
