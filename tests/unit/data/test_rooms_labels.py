"""Labels that follow from the image or from the seen surfaces."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from mt_torchattacks.data import Rooms
from mt_torchattacks.data._rooms import labels
from mt_torchattacks.data._rooms.geometry import BOX, ELLIPSOID
from mt_torchattacks.data._rooms.raycast import Hits, cast
from tests.unit.data.views import SIZE, camera, shapes, turned


def seen(*rows: tuple[int, tuple[float, ...], tuple[float, ...], Tensor]) -> Hits:
    return cast(shapes(*rows), camera(), *SIZE)


def label(name: str, hits: Hits, image: Tensor | None = None) -> Tensor:
    image = torch.zeros(3, *SIZE) if image is None else image
    return labels.DENSE[name](hits, image[None])[0]


def test_euclidean_depth_is_depth_times_the_length_of_the_ray() -> None:
    targets = Rooms(2, SIZE, tasks=("depth", "depth_euclidean")).render([0, 1])[1]
    ratio = targets["depth_euclidean"] / targets["depth"]
    assert (ratio >= 1).all()
    middle = ratio[:, 0, SIZE[0] // 2, SIZE[1] // 2]
    torch.testing.assert_close(middle, torch.ones(2))
    torch.testing.assert_close(ratio, ratio.flip(2, 3))  # the rays are symmetric


def test_autoencoder_is_the_image() -> None:
    images, targets = Rooms(2, SIZE, tasks=("autoencoder",)).render([0, 1])
    assert torch.equal(targets["autoencoder"], images)
    targets["autoencoder"].zero_()
    assert images.sum() > 0


def test_occlusion_edges_are_where_shapes_hide_others_and_not_at_creases() -> None:
    # An edge of the box points at the camera: a crease of 90 degrees, in the middle of its picture.
    hits = seen((BOX, (0.0, 5.0, 0.0), (0.7, 0.7, 1.0), turned(torch.pi / 4)))
    edge, on_box = label("edge_occlusion", hits)[0], (hits.shape == 1).view(SIZE)
    border = torch.zeros_like(on_box)
    border[:, 1:] |= on_box[:, 1:] != on_box[:, :-1]
    border[:, :-1] |= on_box[:, 1:] != on_box[:, :-1]
    border[1:] |= on_box[1:] != on_box[:-1]
    border[:-1] |= on_box[1:] != on_box[:-1]
    assert (edge[border] == 1).all()
    assert edge[~border].max() < 0.05


def test_a_floor_seen_at_a_slant_has_no_edge() -> None:
    hits = seen((BOX, (0.0, 0.0, -2.0), (50.0, 20.0, 0.2), turned(0)))
    floor = (hits.shape == 1).view(SIZE)
    assert floor.any() and not floor.all()
    assert label("edge_occlusion", hits).max() < 0.05


def test_keypoints_of_surfaces_are_at_corners() -> None:
    hits = seen((BOX, (0.0, 5.0, 0.0), (0.8, 0.5, 0.6), turned(0)))
    response, on_box = label("keypoints3d", hits)[0], (hits.shape == 1).view(SIZE)
    rows, columns = on_box.any(1).nonzero()[:, 0], on_box.any(0).nonzero()[:, 0]
    corner = response[rows[0] - 1 : rows[0] + 2, columns[0] - 1 : columns[0] + 2].max()
    side = response[rows.float().mean().long(), columns[0] - 1 : columns[0] + 2].max()
    assert corner > 5 * side
    assert response[on_box.logical_not()].min() == 0  # flat
    assert label("keypoints3d", seen()).max() == 0


def step(*, corner: bool) -> Tensor:
    image = torch.zeros(3, *SIZE)
    image[:, (10 if corner else 0) :, 20:] = 0.5
    return image


def test_texture_edges_follow_the_image_only() -> None:
    hits = seen((ELLIPSOID, (0.0, 5.0, 0.0), (1.0, 1.0, 1.0), turned(0)))
    edge = label("edge_texture", hits, step(corner=False))[0]
    assert torch.equal((edge > 0).nonzero()[:, 1].unique(), torch.tensor([19, 20]))
    torch.testing.assert_close(edge[:, 19:21], torch.full((SIZE[0], 2), 0.5))  # twice a gradient of 0.5 / 2
    assert label("edge_texture", hits, torch.full((3, *SIZE), 0.7)).max() == 0


def test_keypoints_of_the_image_are_at_corners_and_not_along_edges() -> None:
    hits = seen()
    assert label("keypoints2d", hits, step(corner=False)).max() < 1e-3
    response = label("keypoints2d", hits, step(corner=True))[0]
    strongest = response.argmax()
    assert abs(strongest // SIZE[1] - 10) <= 2
    assert abs(strongest % SIZE[1] - 20) <= 2
    assert response.max() > 0.2


@pytest.mark.parametrize(
    "task", ["edge_occlusion", "edge_texture", "keypoints2d", "keypoints3d", "reshading", "principal_curvature"]
)
def test_every_label_varies_within_scenes(task: str) -> None:
    target = Rooms(8, 48, tasks=(task,)).render(range(8))[1][task]
    assert target.flatten(1).std(1).mean() > 0.02
    if task != "principal_curvature":
        assert target.min() >= 0 and target.max() <= 1
    else:
        assert target[:, 0].sub(target[:, 1]).min() >= 0
