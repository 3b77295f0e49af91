"""The papers' rows: columns, units and ARPs, of published numbers and of a model that NumPy measures too."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from mt_torchattacks import published as published_tables
from mt_torchattacks.evaluation import Evaluation, Measurements, evaluate
from mt_torchattacks.report.paper import PaperRow, paper_row, paper_table
from mt_torchattacks.tasks import standard_metrics, standard_tasks
from tests.unit.metrics import reference

PAPER = Path(published_tables.__file__).parent / "adv_training_metrics_pgd.csv"
CLASSES = 5
CHANNELS = {"segmentation": CLASSES, "normal": 3, "depth": 1, "keypoints2d": 1, "edge_texture": 1}
NAMES = {"seg": "segmentation", "normal": "normal", "depth": "depth"}


class Heads(nn.Module):
    """A random linear head on the pixels of the image for each task, optionally at half the resolution."""

    def __init__(self, half: bool = False) -> None:
        super().__init__()
        self.half = half
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.heads = nn.ModuleDict({name: nn.Conv2d(3, channels, 1) for name, channels in CHANNELS.items()})

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        images = nn.functional.avg_pool2d(images, 2) if self.half else images
        outputs = {name: head(4 * images) for name, head in self.heads.items()}
        return outputs | {"depth": 0.2 + 0.3 * outputs["depth"].abs()}


def batches() -> list[tuple[Tensor, dict[str, Tensor]]]:
    """Five images in batches of 3 and 2, with holes; the last one has no depth at all."""
    generator = torch.Generator().manual_seed(1)
    images = torch.rand(5, 3, 4, 6, generator=generator)
    targets = {name: torch.rand(5, c, 4, 6, generator=generator) + 0.1 for name, c in CHANNELS.items()}
    targets["segmentation"] = targets["segmentation"].argmax(dim=1)
    targets["segmentation"][:, 0] = 255
    targets["normal"][:, :, :, 0] = 0
    targets["depth"][4] = targets["depth"][0, 0, 0] = 0
    return [(images[part], {name: y[part] for name, y in targets.items()}) for part in (slice(3), slice(3, 5))]


def whole() -> tuple[Tensor, dict[str, Tensor]]:
    (first, targets), (second, more) = batches()
    return torch.cat([first, second]), {name: torch.cat([targets[name], more[name]]) for name in targets}


def darker(images: Tensor, targets: Mapping[str, Tensor]) -> Tensor:
    return images / 2


def nyuv2_by_numpy(images: Tensor, miou: str = "occurring") -> list[float]:
    """The twelve metrics in the units of the papers, of the whole set."""
    outputs, targets = Heads()(images), whole()[1]
    segmentation = reference.segmentation(outputs["segmentation"], targets["segmentation"], miou=miou)
    normal = reference.normal(outputs["normal"], targets["normal"])
    depth = reference.depth(outputs["depth"], targets["depth"])
    units = [100, 100, 1, 1, 100, 100, 100, 1, 1, 100, 100, 100]
    values = [*segmentation.values(), *normal.values(), *depth.values()]
    return [unit * value for unit, value in zip(units, values, strict=True)]


def published() -> list[dict[str, str]]:
    with PAPER.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def as_scores(row: dict[str, str]) -> Measurements:
    """A published row as an evaluation holds it: shares instead of percent."""
    metrics = {
        task: dict.fromkeys(meter.directions, 0.0) for task, meter in standard_metrics(NAMES.values(), 40).items()
    }
    values = iter([float(v) for k, v in row.items() if k.startswith(tuple(NAMES))])
    for task, names in metrics.items():
        metrics[task] = {n: next(values) / (1 if n in ("mean", "median", "abs", "rel") else 100) for n in names}
    return Measurements(metrics, dict.fromkeys(metrics, 0.0), 0.0, 1)


def test_the_columns_are_those_of_the_published_table() -> None:
    header = list(published()[0])[1:]
    row = paper_row(Heads(), batches(), attack=darker, num_classes=CLASSES, progress=False)
    assert list(row.attacked) == header
    assert list(row.clean) == [column for column in header if "ARP" not in column]
    assert len(row.clean) == 12


@pytest.mark.parametrize("number", range(1, 6))
def test_a_published_row_comes_out_as_published(number: int) -> None:
    clean, attacked = published()[0], published()[number]
    directions = {task: dict(meter.directions) for task, meter in standard_metrics(NAMES.values(), 40).items()}
    row = PaperRow(Evaluation(as_scores(clean), {"pgd": as_scores(attacked)}, directions), "pgd")
    assert list(row.clean.values()) == pytest.approx([float(v) for v in clean.values() if v[0].isdigit()])
    rounding = {"ARP_t1": 0.02, "ARP_t2": 0.02, "ARP_t3": 1.3, "ARP": 0.5}  # they follow from two decimals
    for column, value in row.attacked.items():
        assert value == pytest.approx(float(attacked[column]), abs=rounding.get(column, 1e-9))


@pytest.mark.parametrize("miou", ["occurring", "true_positive"])
def test_nyuv2_is_numpy_from_images_to_arp(miou: str) -> None:
    row = paper_row(Heads(), batches(), "nyuv2", darker, num_classes=CLASSES, miou=miou, progress=False)  # type: ignore[arg-type]
    clean, dark = nyuv2_by_numpy(whole()[0], miou), nyuv2_by_numpy(whole()[0] / 2, miou)
    metrics = [value for column, value in row.attacked.items() if "ARP" not in column]
    assert list(row.clean.values()) == pytest.approx(clean, rel=1e-5, abs=6e-3)
    assert metrics == pytest.approx(dark, rel=1e-5, abs=6e-3)
    signs = [1 if column.endswith("down") else -1 for column in row.clean]
    changes = [100 * s * (after / before - 1) for s, before, after in zip(signs, clean, dark, strict=True)]
    arps = [np.mean(changes[:2]), np.mean(changes[2:7]), np.mean(changes[7:])]
    found = [row.attacked[column] for column in ("ARP_t1", "ARP_t2", "ARP_t3", "ARP")]
    assert found == pytest.approx([*arps, np.mean(arps)], abs=0.05)


def test_tiny_taskonomy_is_the_loss_of_each_task() -> None:
    """Segmentation weighted by class; the image without depth does not count as one without error."""
    weights = torch.tensor([0.5, 1.0, 2.0, 3.0, 4.0])
    options = {"num_classes": CLASSES, "class_weights": weights, "progress": False}
    row = paper_row(Heads(), batches(), "tiny_taskonomy", darker, **options)
    images, targets = whole()
    outputs = {name: output.detach().numpy() for name, output in Heads()(images).items()}
    true = {name: target.numpy() for name, target in targets.items()}
    scores = outputs["segmentation"][:, :, 1:]
    log = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    labels = true["segmentation"][:, 1:]
    weight = weights.numpy()[labels]
    cross = -(weight * np.take_along_axis(log, labels[:, None], axis=1)[:, 0]).sum((1, 2)) / weight.sum((1, 2))
    normal, wanted = outputs["normal"][..., 1:], true["normal"][..., 1:]
    lengths = np.linalg.norm(normal, axis=1) * np.linalg.norm(wanted, axis=1)
    depth = [abs(o - t)[t > 0].mean() for o, t in zip(outputs["depth"][:4], true["depth"][:4], strict=True)]
    assert row.clean == pytest.approx(
        {
            "seg_loss_down": cross.mean(),
            "normal_loss_down": 1 - ((normal * wanted).sum(axis=1) / lengths).mean(),
            "depth_loss_down": np.mean(depth),
            "keypoints2d_loss_down": abs(outputs["keypoints2d"] - true["keypoints2d"]).mean(),
            "edge_texture_loss_down": abs(outputs["edge_texture"] - true["edge_texture"]).mean(),
        },
        rel=1e-5,
    )
    change = row.attacked["depth_loss_down"] / row.clean["depth_loss_down"] - 1
    assert row.attacked["ARP_t3"] == pytest.approx(100 * change)
    assert list(row.attacked)[-2:] == ["ARP_t5", "ARP"]


def test_cityscapes_has_seven_metrics() -> None:
    row = paper_row(Heads(), batches(), "cityscapes", num_classes=CLASSES, progress=False)
    expected = nyuv2_by_numpy(whole()[0])
    assert list(row.clean.values()) == pytest.approx(expected[:2] + expected[7:], rel=1e-5)
    assert list(row.clean)[1:3] == ["seg_pixel_acc_up", "depth_abs_down"]


def test_tasks_and_classes_of_ones_own() -> None:
    row = paper_row(
        Heads(), batches(), tasks=["depth", "keypoints2d", "segmentation"], num_classes=CLASSES, progress=False
    )
    assert len(row.clean) == 5 + 1 + 2
    assert list(row.clean)[5] == "keypoints2d_loss_down"
    with pytest.raises(ValueError, match=r"task 'segmentation': output: expected shape \(N, 40, ...\)"):
        paper_row(Heads(), batches(), progress=False)


def test_outputs_at_another_resolution() -> None:
    options = {"num_classes": CLASSES, "progress": False}
    with pytest.raises(ValueError, match="task 'segmentation': .* resize='bilinear'"):
        paper_row(Heads(half=True), batches(), **options)
    row = paper_row(Heads(half=True), batches(), resize="bilinear", **options)
    images, targets = whole()
    output = torch.from_numpy(reference.bilinear(Heads(half=True)(images)["depth"], 4, 6))
    assert row.clean["depth_abs_down"] == pytest.approx(reference.depth(output, targets["depth"])["abs"])


def test_without_an_attack_there_is_no_arp() -> None:
    row = paper_row(Heads(), batches(), num_classes=CLASSES, progress=False)
    assert row.attacked == {}
    assert "ARP" not in str(row)
    assert list(row.to_frame().index) == ["clean"]


def test_frame_and_text() -> None:
    row = paper_row(Heads(), batches(), "cityscapes", darker, num_classes=CLASSES, progress=False)
    frame = row.to_frame()
    assert list(frame.index) == ["clean", "darker"]
    assert frame.loc["darker"].to_dict() == row.attacked
    assert math.isnan(frame.loc["clean", "ARP"])
    lines = str(row).splitlines()
    assert len({len(line) for line in lines}) == 1
    assert lines[0].split() == ["clean", "darker"]
    assert lines[1].split() == ["seg_miou_up", *(f"{v['seg_miou_up']:#.4g}" for v in (row.clean, row.attacked))]
    assert lines[-1].split() == ["ARP", f"{row.attacked['ARP']:#.4g}"]


def test_a_table_has_a_line_an_attack() -> None:
    tasks, metrics = standard_tasks(), standard_metrics(list(standard_tasks()), CLASSES)
    attacks = {"darker": darker, "none": lambda images, targets: images}
    evaluation = evaluate(Heads(), tasks, batches(), attacks, metrics, progress=False)
    table = paper_table(evaluation)
    assert list(table.index) == ["clean", "darker", "none"]
    for name in attacks:
        assert table.loc[name].to_dict() == PaperRow(evaluation, name).attacked
    assert table.loc["none", "ARP"] == 0
    assert table.loc["clean"].dropna().to_dict() == PaperRow(evaluation).clean
    assert len(paper_table(evaluate(Heads(), tasks, batches(), {}, metrics, progress=False)).columns) == 12


def test_an_attack_is_called_by_its_class() -> None:
    class Darker:
        def __call__(self, images: Tensor, targets: Mapping[str, Tensor]) -> Tensor:
            return images / 2

    row = paper_row(Heads(), batches(), attack=Darker(), num_classes=CLASSES, progress=False)
    assert row.attack == "Darker"


def test_an_undefined_arp_is_nan() -> None:
    scores = {
        error: Measurements({"a": {"error": error}, "b": {"error": 1 + error}}, {}, 0.0, 1) for error in (0.0, 1.0)
    }
    directions = {task: {"error": False} for task in ("a", "b")}
    row = PaperRow(Evaluation(scores[0.0], {"x": scores[1.0]}, directions), "x")
    with pytest.warns(UserWarning, match="a/error"):
        assert math.isnan(row.attacked["ARP_t1"])
    assert row.attacked["ARP"] == row.attacked["ARP_t2"] == 100


def test_an_unknown_benchmark() -> None:
    with pytest.raises(ValueError, match="benchmark: expected one of 'nyuv2', 'tiny_taskonomy', 'cityscapes'"):
        paper_row(Heads(), batches(), "nyu", progress=False)
