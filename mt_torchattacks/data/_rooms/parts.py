"""Parts that several pieces share."""

from __future__ import annotations

from mt_torchattacks.data._rooms.maker import Maker


def legs(make: Maker, label: str, paint: int, w: float, d: float, h: float) -> None:
    """Four legs, round or square, or one foot in the middle."""
    thick = make.rng.uniform(0.018, 0.04)
    style = make.rng.choice(("round", "square", "square", "foot"))
    if style == "foot":
        make.post(label, paint, 0, d / 2, (0, h), thick * 1.5)
        make.post(label, paint, 0, d / 2, (0, 0.04), min(w, d) * 0.35)
        return
    for x in (-w / 2 + thick, w / 2 - thick):
        for y in (thick, d - thick):
            if style == "round":
                make.post(label, paint, x, y, (0, h), thick)
            else:
                make.box(label, paint, (x - thick, x + thick), (y - thick, y + thick), (0, h))


def shade(make: Maker, z: float, r: float) -> None:
    """A lamp's shade, round or a cylinder, which may shine."""
    shining = make.rng.random() < 0.4
    paint = make.paint(calm=1 if shining else 0, emission=1.3 if shining else 0)
    if make.rng.random() < 0.3:
        make.ball("lamp", paint, (0, 0, z + r), (r, r, r), casts=False)
    else:
        make.post("lamp", paint, 0, 0, (z, z + r * make.rng.uniform(1, 2)), r, casts=False)
    if shining:
        make.drawing.lights.append(make.place(0, 0, z + 0.6 * r))


def drape(make: Maker, width: float, height: float, label: str = "curtain") -> None:
    """Hanging cloth: upright folds side by side."""
    paint, folds = make.paint(), max(3, round(width / make.rng.uniform(0.08, 0.16)))
    radius = width / folds * 0.62
    for i in range(folds):
        x = ((i + 0.5) / folds - 0.5) * width
        make.post(label, paint, x, make.rng.uniform(0, 0.03), (0, height), radius, casts=False)
