"""The standard losses by task name, against NumPy."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from mt_torchattacks.checks import listed
from mt_torchattacks.data import DATASETS
from mt_torchattacks.tasks import standard_tasks

PLAIN = (
    "keypoints2d",
    "keypoints3d",
    "edge_texture",
    "edge_occlusion",
    "principal_curvature",
    "reshading",
    "autoencoder",
)

KNOWN = sorted([*PLAIN, "segmentation", "normal", "depth", "depth_euclidean", "classification", "multilabel", "boxes"])


def maps(channels: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(channels)
    return tuple(torch.randn(2, channels, 3, 4, generator=generator) for _ in range(2))  # type: ignore[return-value]


def test_every_task_of_every_data_set_has_one() -> None:
    names = {name for dataset in DATASETS.values() for name in getattr(dataset, "TASKS", ())}
    assert len(names) == 11
    assert set(standard_tasks(sorted(names))) == names


def test_the_default_is_nyuv2_in_the_order_of_the_papers() -> None:
    assert list(standard_tasks()) == ["segmentation", "normal", "depth"]
    assert list(standard_tasks(("depth", "normal"))) == ["depth", "normal"]


@pytest.mark.parametrize("name", PLAIN)
def test_plain_tasks_count_all_pixels(name: str) -> None:
    output, target = maps(2)
    target[0, :, 0] = 0
    found = standard_tasks([name]).losses({name: output}, {name: target})[name]
    assert found.numpy() == pytest.approx(abs(output - target).numpy().mean(axis=(1, 2, 3)))


@pytest.mark.parametrize("name", ["depth", "depth_euclidean"])
def test_depths_count_where_they_are_positive(name: str) -> None:
    output, target = maps(1)
    target[0, 0, 0, 0] = math.nan
    found = standard_tasks([name]).losses({name: output}, {name: target})[name]
    expected = [abs(o - t)[t > 0].mean() for o, t in zip(output.numpy(), target.numpy(), strict=True)]
    assert found.numpy() == pytest.approx(expected)


def test_normals_count_where_they_are_not_zero() -> None:
    output, target = maps(3)
    target[1, :, :2] = 0
    found = standard_tasks(["normal"]).losses({"normal": output}, {"normal": target})["normal"]
    length = np.linalg.norm(output, axis=1) * np.linalg.norm(target, axis=1)
    with np.errstate(invalid="ignore"):
        distance = 1 - (output * target).numpy().sum(axis=1) / length
    assert found.numpy() == pytest.approx(np.nanmean(distance, axis=(1, 2)), rel=1e-5)


@pytest.mark.parametrize("weights", [None, torch.tensor([0.5, 1.0, 4.0])])
def test_segmentation_ignores_255_and_weighs_classes(weights: torch.Tensor | None) -> None:
    scores, _ = maps(3)
    target = torch.tensor([0, 2, 255, 1]).expand(2, 3, 4)
    tasks = standard_tasks(["segmentation", "depth"], class_weights=weights).only(["segmentation"])
    found = tasks.losses({"segmentation": scores}, {"segmentation": target})["segmentation"]
    log = scores.numpy() - np.log(np.exp(scores.numpy()).sum(axis=1, keepdims=True))
    factors = np.ones(3) if weights is None else weights.numpy()
    picked = {column: -factors[k] * log[:, k, :, column] for column, k in ((0, 0), (1, 2), (3, 1))}
    assert found.numpy() == pytest.approx(sum(v.sum(axis=1) for v in picked.values()) / (3 * factors.sum()), rel=1e-5)


def test_outputs_of_another_size() -> None:
    output, target = torch.full((1, 1, 2, 2), 3.0), torch.ones(1, 1, 8, 8)
    found = standard_tasks(["depth"], resize="bilinear").losses({"depth": output}, {"depth": target})
    assert float(found["depth"]) == 2.0
    with pytest.raises(ValueError, match="task 'depth': target: expected the output's height and width"):
        standard_tasks(["depth"]).losses({"depth": output}, {"depth": target})


def test_an_unknown_name_lists_the_known() -> None:
    with pytest.raises(ValueError) as raised:  # noqa: PT011 the whole message is compared
        standard_tasks(["segmentation", "normals"])
    assert str(raised.value) == f"names: expected one of {listed(KNOWN)}, found 'normals' (did you mean 'normal'?)."
