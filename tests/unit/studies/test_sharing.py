"""Transferability by sharing: against a linear model with known gradients, and against the metrics' own function."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import mt_torchattacks as mta
from mt_torchattacks.evaluation import NamedData, NamedModel, Store
from mt_torchattacks.studies.sharing import Shared, SharingOptions, SharingStudy, cosines, figure, points


class Lines(nn.Module):
    """Two tasks whose gradients with respect to the image have a known cosine of 0.6."""

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Parameter(torch.tensor([1.0, 0.0]))
        self.b = nn.Parameter(torch.tensor([0.6, 0.8]))

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        pixels = x.flatten(1)
        return {"a": (pixels @ self.a)[:, None], "b": (pixels @ self.b)[:, None]}


def data(count: int = 6) -> NamedData:
    images = 0.4 + 0.2 * torch.rand(count, 1, 1, 2, generator=torch.Generator().manual_seed(0))
    targets = {name: torch.zeros(count, 1) for name in "ab"}
    tasks = mta.Tasks(a=mta.losses.L1(), b=mta.losses.L1())
    return NamedData("lines", [(images[:4], {n: t[:4] for n, t in targets.items()}),
                               (images[4:], {n: t[4:] for n, t in targets.items()})], tasks, {})  # fmt: skip


def test_cosines_of_a_linear_model() -> None:
    model = NamedModel("lines", Lines())
    assert cosines(model, data()) == {"a, b": pytest.approx(0.6)}
    assert all(parameter.grad is None for parameter in model.model.parameters())


def test_transferability_of_a_linear_model(tmp_path) -> None:  # type: ignore[no-untyped-def]
    """An attack on a moves pixel 0 by eps alone (pixel 1 has no gradient): a rises by eps, b by 0.6 eps."""
    model, images = NamedModel("lines", Lines()), data()
    options = SharingOptions(model=["lines"], attack="fgsm")
    found = SharingStudy().run(Store(tmp_path), lambda names: [model], lambda name, source="": images, options,
                               progress=False)  # fmt: skip
    measured, eps = found.values["lines"]["tasks"], 8 / 255
    x = torch.cat([batch for batch, _ in images.batches]).flatten(1)
    clean = {"a": float(x[:, 0].mean()), "b": float((0.6 * x[:, 0] + 0.8 * x[:, 1]).mean())}
    expected = (0.6 * eps / clean["b"]) / (eps / clean["a"])
    assert measured["a"]["transferability"] == pytest.approx(expected, rel=1e-4)
    assert measured["b"]["transferability"] == pytest.approx((eps / clean["a"]) / (1.4 * eps / clean["b"]), rel=1e-4)
    for task in "ab":
        assert measured[task]["low"] <= measured[task]["transferability"] <= measured[task]["high"]
    table = SharingStudy().tables(found)[0].frame
    assert table.loc[0, "a"].startswith(f"{measured['a']['transferability']:.2f} [")
    assert SharingStudy().notes(found) == []  # one model has no trend
    assert figure(found).axes[0].get_xlabel() == "blocks that all tasks share"


def test_a_task_that_is_not_hurt_has_no_transferability(tmp_path) -> None:  # type: ignore[no-untyped-def]
    class Flat(Lines):
        def forward(self, x: Tensor) -> dict[str, Tensor]:
            found = super().forward(x)
            return found | {"b": found["b"].detach().clamp(0.2, 0.2) + 1e-9 * found["b"]}

    model = NamedModel("flat", Flat())
    options = SharingOptions(model=["flat"], attack="fgsm")
    found = SharingStudy().run(Store(tmp_path), lambda names: [model], lambda name, source="": data(), options,
                               progress=False)  # fmt: skip
    assert found.values["flat"]["tasks"]["b"]["transferability"] is None
    assert SharingStudy().tables(found)[0].frame.loc[0, "b"] == "not hurt itself"


def test_several_trainings_have_a_mean_and_an_interval_of_their_own() -> None:
    """Three of two blocks: 0.4, 0.5 and 0.6 for a, whose t-interval is 4.303 * 0.1 / sqrt(3); one of none."""

    def value(*carried: float | None) -> dict[str, object]:
        tasks = {
            task: {"transferability": one, "low": 0.1, "high": 0.9, "arp": {"a": 1.0, "b": 1.0}}
            for task, one in zip("ab", carried, strict=True)
        }
        return {"tasks": tasks, "clean": {}, "cosines": {"a, b": 0.5}}

    values = {"m0": value(0.4, 0.2), "m1": value(0.5, None), "m2": value(0.6, 0.4), "none": value(0.1, 0.3)}
    result = Shared(values, {"m0": 2, "m1": 2, "m2": 2, "none": 0}, "title")
    found = points(result, "a")
    assert found[0] == (0.1, 0.1, 0.9, 1)
    half = 4.303 * 0.1 / 3**0.5
    assert found[2] == pytest.approx((0.5, 0.5 - half, 0.5 + half, 3), rel=1e-3)
    assert points(result, "b")[2].trainings == 2
    table = {one.name: one.frame for one in SharingStudy().tables(result)}["trainings"]
    assert table["shared blocks"].tolist() == [0, 2]
    assert table["trainings"].tolist() == [1, 3]
    assert table["a"].tolist() == ["0.10 ± 0.80", f"0.50 ± {half:.2f}"]
    assert len(figure(result).axes) == 1
