"""Evaluation with models and attacks whose results can be worked out by hand."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Mapping

import pytest
import torch
from torch import Tensor, nn

from mt_torchattacks.evaluation import evaluate
from mt_torchattacks.metrics import DepthMetrics, SegmentationMetrics, TaskError
from mt_torchattacks.tasks import Tasks, losses

Batch = tuple[Tensor, dict[str, Tensor]]


class Brightness(nn.Module):
    """Depth is the brightness times two; class 1 is where brightness is above 1/2. Batch norm only to have a mode."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(3)
        self.dropout = nn.Dropout(0.5)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        bright = self.dropout(images).mean(dim=1, keepdim=True)
        return {"segmentation": torch.cat([0.5 - bright, bright - 0.5], dim=1), "depth": 2 * bright}


TASKS = Tasks(segmentation=losses.CrossEntropy(ignore_index=255), depth=losses.L1(valid=losses.positive))


def batches() -> list[Batch]:
    """Five images of one brightness each, in batches of 2, 2 and 1; the model's clean predictions are the targets."""
    bright = torch.tensor([0.125, 0.25, 0.625, 0.75, 0.875])
    images = bright.reshape(-1, 1, 1, 1).expand(-1, 3, 2, 2)
    targets = {"segmentation": (images[:, 0] > 0.5).long(), "depth": 2 * images[:, :1]}
    return [(images[i : i + 2], {name: target[i : i + 2] for name, target in targets.items()}) for i in (0, 2, 4)]


def darker(images: Tensor, targets: Mapping[str, Tensor]) -> Tensor:
    return images / 2


METRICS = {"segmentation": SegmentationMetrics(2), "depth": DepthMetrics()}


def test_metrics_losses_and_arp_by_hand() -> None:
    found = evaluate(Brightness(), TASKS, batches(), {"dark": darker}, METRICS, progress=False)
    assert found.clean.metrics["segmentation"] == {"miou": 1.0, "pixel_acc": 1.0}
    assert found.clean.losses["depth"] == 0
    assert (found.clean.samples, found.clean.seconds) == (5, 0.0)
    dark = found.attacked["dark"]
    assert dark.metrics["segmentation"] == pytest.approx({"miou": (2 / 5 + 0) / 2, "pixel_acc": 2 / 5})
    assert dark.metrics["depth"]["rel"] == pytest.approx(0.5)
    assert dark.losses["depth"] == pytest.approx(0.525)  # the mean brightness
    assert dark.seconds > 0
    with pytest.warns(UserWarning, match=r"depth/(abs|rel)"):
        assert found.relative["dark"].per_task["segmentation"] == pytest.approx((80 + 60) / 2)


def test_losses_are_means_over_samples_not_over_batches() -> None:
    data = batches()
    found = evaluate(Brightness(), TASKS, data, {}, METRICS, progress=False)
    images, depth = torch.cat([x for x, _ in data]), torch.cat([y["segmentation"] for _, y in data])
    scores = Brightness().eval()(images)["segmentation"]
    expected = float(nn.functional.cross_entropy(scores, depth))  # all samples have as many pixels
    assert found.clean.losses["segmentation"] == pytest.approx(expected)


def test_a_task_without_metrics_gets_the_mean_of_its_loss() -> None:
    found = evaluate(Brightness(), TASKS, batches(), {"dark": darker}, {"segmentation": METRICS["segmentation"]})
    assert found.directions["depth"] == {"error": False}
    assert found.attacked["dark"].metrics["depth"]["error"] == found.attacked["dark"].losses["depth"]


def test_ignored_tasks_are_evaluated_too() -> None:
    found = evaluate(Brightness(), TASKS.with_roles(depth="ignore"), batches(), {}, METRICS, progress=False)
    assert set(found.clean.metrics) == {"segmentation", "depth"}


def test_modes_come_back_module_by_module() -> None:
    model = Brightness().train()
    model.norm.eval()
    seen = []

    def attack(images: Tensor, targets: Mapping[str, Tensor]) -> Tensor:
        seen.append(model.dropout.training)
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        evaluate(model, TASKS, batches(), {"stop": attack}, METRICS, progress=False)
    assert seen == [False]
    assert (model.training, model.dropout.training, model.norm.training) == (True, True, False)


def test_the_given_metrics_are_not_changed() -> None:
    metrics = {"segmentation": SegmentationMetrics(2)}
    metrics["segmentation"].update(torch.eye(2).reshape(2, 2, 1), torch.zeros(2, 1, dtype=torch.int64))
    before = metrics["segmentation"].compute()
    found = evaluate(Brightness(), TASKS, batches(), {"dark": darker}, metrics, progress=False)
    assert metrics["segmentation"].compute() == before
    assert found.clean.metrics["segmentation"]["pixel_acc"] == 1.0


def test_attacks_get_gradients_and_targets_of_the_tasks_only() -> None:
    def attack(images: Tensor, targets: Mapping[str, Tensor]) -> Tensor:
        assert torch.is_grad_enabled()
        assert set(targets) == {"segmentation", "depth"}
        return images

    data = [(images, {**targets, "extra": torch.zeros(1)}) for images, targets in batches()]
    evaluate(Brightness(), TASKS, data, {"same": attack}, METRICS, progress=False)


def test_progress_bars_name_the_attack(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    evaluate(Brightness(), TASKS, batches(), {"pgd/dgba": darker}, METRICS)
    assert capsys.readouterr().err == ""  # a log file is no terminal
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    evaluate(Brightness(), TASKS, batches(), {"pgd/dgba": darker}, METRICS)
    shown = capsys.readouterr().err
    assert "pgd/dgba" in shown
    assert "attacks: 100%" in shown
    evaluate(Brightness(), TASKS, batches(), {"pgd/dgba": darker}, METRICS, progress=False)
    assert capsys.readouterr().err == ""


def without_labels() -> list[Batch]:
    return [
        (images, {**targets, "segmentation": torch.full_like(targets["segmentation"], 255)})
        for images, targets in batches()
    ]


def missing() -> list[Batch]:
    return [(images, {"depth": targets["depth"]}) for images, targets in batches()]


def wrong_size() -> list[Batch]:
    return [(images, {**targets, "depth": targets["depth"][..., :1]}) for images, targets in batches()]


@pytest.mark.parametrize(
    ("loader", "error", "message"),
    [
        ([], ValueError, "loader: expected at least one batch"),
        (without_labels(), ValueError, r"metrics\['segmentation'\]: expected finite values"),
        (missing(), KeyError, "targets: expected the keys 'segmentation', 'depth'; 'segmentation' missing"),
        (wrong_size(), ValueError, "task 'depth': target: expected"),
    ],
)
def test_bad_data(loader: list[Batch], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        evaluate(Brightness(), TASKS, loader, {}, METRICS, progress=False)


def test_a_loader_that_can_be_read_only_once() -> None:
    def once() -> Iterator[Batch]:
        yield from batches()

    with pytest.raises(ValueError, match="loader: expected at least one batch"):
        evaluate(Brightness(), TASKS, once(), {"dark": darker}, METRICS, progress=False)


def test_a_loader_that_changes() -> None:
    class Shrinking:
        def __init__(self) -> None:
            self.left = batches()

        def __iter__(self) -> Iterator[Batch]:
            yield from list(self.left)
            self.left.pop()

    with pytest.raises(ValueError, match="loader: expected 5 images each time, found 4 for attack 'dark'"):
        evaluate(Brightness(), TASKS, Shrinking(), {"dark": darker}, METRICS, progress=False)


def test_bad_arguments() -> None:
    with pytest.raises(TypeError, match=r"tasks: expected mta.Tasks"):
        evaluate(Brightness(), {"depth": losses.L1()}, batches(), {}, METRICS)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="metrics: expected only the keys 'segmentation', 'depth', found also 'box'"):
        evaluate(Brightness(), TASKS, batches(), {}, {"box": TaskError(losses.L1())})
    with pytest.raises(ValueError, match="attacks: expected images of shape"):
        evaluate(Brightness(), TASKS, batches(), {"crop": lambda x, y: x[:, :, :1]}, METRICS, progress=False)


def test_a_model_that_breaks_under_attack_is_an_error_not_a_nan() -> None:
    with pytest.raises(ValueError, match=r"task 'segmentation': .*finite"):
        evaluate(Brightness(), TASKS, batches(), {"nan": lambda x, y: x * math.nan}, METRICS, progress=False)
