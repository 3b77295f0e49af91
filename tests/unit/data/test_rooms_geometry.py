"""What pixels see, against closed forms and against a slow ray caster in float64."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from mt_torchattacks.data import Rooms
from mt_torchattacks.data._rooms.geometry import BOX, CYLINDER, ELLIPSOID, own_curvature
from mt_torchattacks.data._rooms.labels import DENSE
from mt_torchattacks.data._rooms.raycast import Hits, cast
from tests.unit.data import reference
from tests.unit.data.views import SIZE, SLOPE, camera, shapes, turned


def label(name: str, hits: Hits) -> Tensor:
    return DENSE[name](hits, torch.zeros(1, 3, *SIZE))[0].double()


def rays() -> Tensor:
    """Directions ``(3, H, W)`` of the pixels, third component 1, in float64."""
    down, across = torch.meshgrid(*((torch.arange(n).double() + 0.5 - n / 2) * SLOPE for n in SIZE), indexing="ij")
    return torch.stack([across, down, torch.ones_like(down)])


def test_single_ball_has_the_closed_form() -> None:
    center, radius = torch.tensor([0.3, -0.2, 4.0]).double(), 1.2  # camera coordinates: right, down, forward
    hits = cast(shapes((ELLIPSOID, (0.3, 4.0, 0.2), (radius,) * 3, turned(0.7, 0.4))), camera(), *SIZE)
    ray = rays()
    along, squared = (ray * center[:, None, None]).sum(0), (ray * ray).sum(0)
    discriminant = along**2 - squared * (center @ center - radius**2)
    seen = (hits.shape == 1).view(SIZE)
    clear = discriminant.abs() > 1e-5
    assert torch.equal(seen[clear], (discriminant > 0)[clear])
    assert seen.sum() > 100
    z = (along - discriminant.sqrt()) / squared
    torch.testing.assert_close(label("depth", hits)[0][seen], z[seen], rtol=0, atol=2e-5)
    normal = (ray * z - center[:, None, None]) / radius
    torch.testing.assert_close(label("normal", hits)[:, seen], normal[:, seen], rtol=0, atol=1e-4)
    curvature = label("principal_curvature", hits)
    torch.testing.assert_close(curvature[:, seen], torch.full_like(curvature[:, seen], 0.1 / radius), rtol=1e-5, atol=0)
    assert (curvature[:, ~seen] == 0).all()


def test_wall_ahead_is_at_one_depth() -> None:
    hits = cast(shapes(), camera(), *SIZE)
    assert (label("depth", hits) == 10).all()
    assert torch.equal(label("normal", hits), torch.tensor([0.0, 0, -1.0]).double().view(3, 1, 1).expand(3, *SIZE))
    length = rays().square().sum(0, keepdim=True).sqrt()
    torch.testing.assert_close(label("depth_euclidean", hits), 10 * length, rtol=1e-6, atol=0)
    torch.testing.assert_close(label("reshading", hits), 1 / length, rtol=1e-6, atol=0)


def test_central_ray_parallel_to_the_faces_of_a_box_around_it() -> None:
    hits = cast(shapes((BOX, (0.0, 5.0, 0.0), (0.5, 0.5, 0.5), turned(0))), camera(), *SIZE)
    middle = tuple(n // 2 for n in SIZE)
    assert label("depth", hits)[0][middle] == 4.5
    assert hits.shape.view(SIZE)[middle] == 1


def test_upright_cylinder_seen_along_its_axis_shows_its_cap() -> None:
    along = torch.tensor([[1.0, 0, 0], [0, 0, -1.0], [0, 1.0, 0]])  # own z is the world's y
    hits = cast(shapes((CYLINDER, (0.0, 5.0, 0.0), (0.6, 0.6, 1.0), along)), camera(), *SIZE)
    ray, seen = rays(), (hits.shape == 1).view(SIZE)
    distance = (4 * ray[:2]).square().sum(0) - 0.36
    assert torch.equal(seen[distance.abs() > 1e-6], (distance < 0)[distance.abs() > 1e-6])
    assert (label("depth", hits)[0][seen] == 4).all()
    assert (label("principal_curvature", hits)[:, seen] == 0).all()


def test_scenes_agree_with_the_slow_ray_caster() -> None:
    size, scenes = (24, 32), 8
    batch = reference.batch(range(scenes), size)
    hits = cast(batch.shapes, batch.cameras, *size)
    z, normal = hits.z.view(scenes, -1).double().numpy(), hits.normal.view(3, scenes, -1).double().numpy()
    for scene in range(scenes):
        origin, directions = reference.rays(batch.cameras, scene, size)
        inside = (batch.shapes.scene == scene).nonzero()[:, 0].tolist()
        expected, facing = reference.nearest([reference.enter(batch.shapes, i, origin, directions) for i in inside])
        same = np.abs(z[scene] - expected) < 3e-4
        assert same.mean() > 0.997  # the others' rays pass an edge within rounding
        turned_normal = facing @ batch.cameras.axes[:, :, scene].double().numpy().T
        alike = (normal[:, scene].T * turned_normal).sum(1) > 0.999
        assert alike[same].mean() > 0.995  # the others lie on an edge of a box, or where two shapes touch


@pytest.fixture(scope="module")
def scenes() -> tuple[Hits, dict[str, Tensor]]:
    """What sixteen scenes show, and their labels."""
    batch = reference.batch(range(16), (48, 64))
    hits = cast(batch.shapes, batch.cameras, 48, 64)
    return hits, {name: DENSE[name](hits, torch.zeros(16, 3, 48, 64)) for name in ("depth", "normal")}


def test_normals_are_unit_and_face_the_camera(scenes: tuple[Hits, dict[str, Tensor]]) -> None:
    hits, _ = scenes
    normal, ray = hits.normal.double(), hits.ray.double()
    torch.testing.assert_close(normal.square().sum(0), torch.ones_like(hits.z).double(), rtol=0, atol=1e-6)
    assert ((normal * ray).sum(0) < 2e-3).all()


def test_points_of_a_box_lie_in_the_planes_of_its_faces(scenes: tuple[Hits, dict[str, Tensor]]) -> None:
    """Depth and normals, reprojected: n . (z ray) is the same number all over one face."""
    hits, _ = scenes
    distance = (hits.normal.double() * hits.ray.double()).sum(0) * hits.z.double()
    flat = (hits.curvature == 0).all(0)
    checked = 0
    for shape in hits.shape[flat].unique().tolist():
        of_shape = flat & (hits.shape == shape)
        faces, which = (hits.normal[:, of_shape] * 1000).round().unique(dim=1, return_inverse=True)
        for face in range(faces.shape[1]):
            values = distance[of_shape][which == face]
            checked += len(values) > 5
            assert values.max() - values.min() < 2e-4
    assert checked > 100


def test_normals_agree_with_differences_of_depth(scenes: tuple[Hits, dict[str, Tensor]]) -> None:
    hits, labels = scenes
    points = (hits.ray * hits.z).double().view(3, 16, 48, 64)
    across, down = points[..., 1:-1, 2:] - points[..., 1:-1, :-2], points[..., 2:, 1:-1] - points[..., :-2, 1:-1]
    estimated = torch.nn.functional.normalize(torch.linalg.cross(down, across, dim=0), dim=0)
    normal, shape = labels["normal"].double().transpose(0, 1), hits.shape.view(16, 48, 64)
    neighbours = [
        (slice(None, -2), slice(1, -1)),
        (slice(2, None), slice(1, -1)),
        (slice(1, -1), slice(None, -2)),
        (slice(1, -1), slice(2, None)),
    ]
    inside = torch.ones(16, 46, 62, dtype=torch.bool)
    for rows, columns in neighbours:
        alike = (normal[:, :, rows, columns] * normal[:, :, 1:-1, 1:-1]).sum(0) > 0.98
        inside &= alike & (shape[:, rows, columns] == shape[:, 1:-1, 1:-1])
    assert inside.float().mean() > 0.5
    cosine = (estimated * normal[:, :, 1:-1, 1:-1]).sum(0)[inside]
    assert cosine.min() > 0.98
    assert cosine.mean() > 0.9999


@pytest.mark.parametrize("half", [(0.5, 0.5, 0.5), (1.0, 0.6, 0.3), (0.2, 0.9, 0.5)])
def test_curvature_of_ellipsoids_is_that_of_their_shape_operator(half: tuple[float, float, float]) -> None:
    size = torch.tensor(half).double()
    for direction in torch.randn(20, 3, dtype=torch.float64):
        unit = direction / direction.norm()

        def gradient(point: Tensor) -> Tensor:
            scaled = point / size**2
            return scaled / scaled.norm()

        point = unit * size
        operator = torch.func.jacrev(gradient)(point)
        normal = gradient(point)
        tangent = torch.eye(3, dtype=torch.float64) - torch.outer(normal, normal)
        expected = torch.linalg.eigvals(tangent @ operator @ tangent).real.sort(descending=True).values[:2]
        found = own_curvature(ELLIPSOID, normal[:, None], unit[:, None], size[:, None])[:, 0]
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)


def test_curvature_of_cylinders() -> None:
    angle = torch.linspace(0, 6, 50).double()
    point = torch.stack([angle.cos(), angle.sin(), torch.zeros_like(angle)])
    half = torch.tensor([[0.8], [0.5], [2.0]]).double().expand(3, 50)
    found = own_curvature(CYLINDER, point, point, half)
    expected = 0.8 * 0.5 / ((0.8 * angle.sin()) ** 2 + (0.5 * angle.cos()) ** 2) ** 1.5
    torch.testing.assert_close(found, torch.stack([expected, torch.zeros_like(expected)]))
    cap = torch.tensor([[0.0], [0.0], [1.0]]).double().expand(3, 50)
    assert (own_curvature(CYLINDER, cap, point, half) == 0).all()


def test_focal_length_follows_the_longer_side() -> None:
    """The same scene in a wide and in a square image: the wide one is the middle of the square one."""
    wide = Rooms(3, (32, 64), tasks=("depth", "segmentation")).render(range(3))[1]
    square = Rooms(3, (64, 64), tasks=("depth", "segmentation")).render(range(3))[1]
    for task in wide:
        assert torch.equal(wide[task], square[task][..., 16:48, :])
