"""Maps of numbers of which every pixel counts: edges, key points, shading, curvature, the image itself."""

from __future__ import annotations

from mt_torchattacks.tasks.kinds.base import Kind


class Maps(Kind):
    """A number for each pixel, ``(1, H, W)``; trained and measured with the absolute error.

    Example:
        >>> Maps().loss(), Maps().metrics().directions
        (L1(), {'error': False})
    """

    names = ("edge_texture", "edge_occlusion", "keypoints2d", "keypoints3d", "reshading")


class Curvature(Kind):
    """The two principal curvatures of each pixel's surface, ``(2, H, W)``.

    Example:
        >>> Curvature().channels(num_classes=13)
        2
    """

    names = ("principal_curvature",)

    def channels(self, num_classes: int) -> int:
        return 2


class Reconstruction(Kind):
    """The image itself, ``(3, H, W)``.

    Example:
        >>> Reconstruction().channels(num_classes=13)
        3
    """

    names = ("autoencoder",)

    def channels(self, num_classes: int) -> int:
        return 3
