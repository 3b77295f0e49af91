"""Masks, random starts, passes through the model and transfers of the attacks with ART's names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

import mt_torchattacks as mta
from mt_torchattacks.evaluation.passes import count_passes
from tests import toys
from tests.hosts.art import cases


@pytest.mark.parametrize("name", cases.ALL)
@pytest.mark.parametrize("channel", [0, 2])
def test_mask(name: str, channel: int) -> None:
    (x, y), estimator = cases.arrays(5), cases.estimator()
    mask = np.zeros((3, 1, 16), dtype=np.float32)
    mask[channel, :, 4:9] = 1
    adversarial = cases.attack(name, estimator, batch_size=2).generate(x, y, mask=mask)
    allowed = np.broadcast_to(mask > 0, x.shape)
    np.testing.assert_array_equal(adversarial[~allowed], x[~allowed])
    assert (adversarial[allowed] != x[allowed]).mean() > 0.9


@pytest.mark.parametrize("name", ["FastGradientMethod", "ProjectedGradientDescent", "AutoProjectedGradientDescent"])
@pytest.mark.parametrize(("norm", "eps"), [(np.inf, cases.EPS), (2, 0.5), (1, 5.0)])
def test_random_starts(name: str, norm: float, eps: float) -> None:
    model, (x, y) = toys.Toy(), cases.arrays(5)
    which = "nb_random_init" if name.startswith("Auto") else "num_random_init"

    def run(starts: int) -> np.ndarray:
        np.random.seed(1)  # noqa: NPY002 - what ART's users seed
        attack = cases.attack(name, cases.estimator(model), norm=norm, eps=eps, eps_step=eps / 2, **{which: starts})
        return attack.generate(x, y)

    one, many = run(1), run(4)
    np.testing.assert_array_equal(run(4), many)
    if not (norm == 1 and name.startswith("Auto")):  # whose last candidate may be the best from every start
        assert not np.array_equal(one, many)
    assert (cases.scores(model, x, many) >= cases.scores(model, x, one)).all()
    assert (np.linalg.norm((many - x).reshape(5, -1), ord=norm, axis=1) <= eps * (1 + 1e-5)).all()


def test_random_starts_fill_the_ball() -> None:
    from mt_torchattacks.geometry.ball import Ball

    generator = torch.Generator().manual_seed(0)
    images = torch.zeros(20000, 1, 1, 2)
    for norm, area in ((np.inf, 4.0), (2, np.pi), (1, 2.0)):
        points = Ball(images, 1.0, norm).random_point(generator).flatten(1)
        half = (torch.linalg.vector_norm(points, ord=norm, dim=1) <= 0.5).float().mean()
        assert abs(float(half) - 0.25) < 0.01  # a ball of half the radius has a quarter of the area
        corner = ((points > 0).all(dim=1) & (points.sum(dim=1) < 0.5)).float().mean()
        assert abs(float(corner) - 0.125 / area) < 0.005


@pytest.mark.parametrize(
    ("name", "host", "steps"),
    [
        ("ProjectedGradientDescent", "PGD", 3),
        ("AutoProjectedGradientDescent", "APGD", 3),
        ("FastGradientMethod", "FGSM", 1),
    ],
)
def test_it_asks_the_model_as_often_as_torchattacks(name: str, host: str, steps: int) -> None:
    (x, y), model = cases.arrays(), toys.Toy()
    with count_passes(model) as ours:
        cases.attack(name, cases.estimator(model)).generate(x, y)
    with count_passes(model) as theirs:
        getattr(mta, host)(model, toys.tasks(), **({} if host == "FGSM" else {"steps": steps}))(*toys.batch())
    # torchattacks' loops start at a random point, so the clean losses take one more pass.
    assert ours.forward == theirs.forward - (host != "FGSM")
    assert ours.backward == theirs.backward


class Crossings(TorchFunctionMode):
    """Counts the calls that bring a tensor to the host, or to a device."""

    def __init__(self) -> None:
        super().__init__()
        self.found: Counter[str] = Counter()

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        crossing = {"cpu", "cuda", "numpy", "tolist", "item", "__bool__", "__float__", "__int__", "__array__", "tensor"}
        name = getattr(func, "__name__", "")
        of_images = bool(args) and getattr(args[0], "shape", ()) == (4, 3, 16, 16)
        self.found[name + (" of images" if of_images else "")] += name in crossing
        return func(*args, **(kwargs or {}))


class Scalars(TorchDispatchMode):
    """Counts the values that the host waits for."""

    found = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.found += func is torch.ops.aten._local_scalar_dense.default
        return func(*args, **(kwargs or {}))


@contextmanager
def counted() -> Iterator[tuple[Crossings, Scalars]]:
    with Crossings() as crossings, Scalars() as scalars:
        yield crossings, scalars


@pytest.mark.parametrize("name", [name for name in cases.ALL if name != "FastGradientMethod"])
def test_the_loop_stays_on_the_device(name: str) -> None:
    x, y = cases.arrays()
    estimator = cases.estimator(tasks=toys.tasks().with_roles(normal="ignore"))  # its targets have the images' shape
    counts = []
    for steps in (2, 20):
        attack = cases.attack(name, estimator, max_iter=steps)
        with counted() as (crossings, scalars):
            attack.generate(x, y)
        counts.append((+crossings.found, scalars.found))
        of_images = {call: n for call, n in counts[-1][0].items() if "images" in call}
        assert of_images == {"tensor of images": 1, "cpu of images": 1, "numpy of images": 1}
    assert counts[0] == counts[1]  # whatever the number of steps
