"""What one composed scene consists of."""

from __future__ import annotations

from dataclasses import dataclass, field

from mt_torchattacks.data._rooms.materials import Drawing


@dataclass
class Scene:
    """One composed scene, as plain numbers (metres, radians, linear light)."""

    drawing: Drawing
    position: tuple[float, float, float]
    axes: tuple[tuple[float, float, float], ...]
    """Camera: world directions of right, down, forward."""
    view: float
    """Field of view along the longer side of the image, radians."""
    size: tuple[float, float, float]
    """The room's length, width and height."""
    lamps: list[tuple[float, ...]] = field(default_factory=list)
    """Rows: position (3), colour times power (3)."""
    sensor: tuple[float, ...] = ()
    """Ambient light (3), exposure, shot noise, read noise, blur, vignetting."""
