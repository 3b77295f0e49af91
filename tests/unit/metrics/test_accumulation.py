"""What all accumulators share: batches, resetting, low precision, several processes."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from torch import nn

from mt_torchattacks.evaluation import evaluate
from mt_torchattacks.metrics import (
    BoxMetrics,
    ClassificationMetrics,
    DepthMetrics,
    MultilabelMetrics,
    NormalMetrics,
    SegmentationMetrics,
    TaskError,
    TaskMetrics,
)
from mt_torchattacks.tasks import Tasks


def absolute_error(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    return (output - target).abs().flatten(1).mean(dim=1)


METRICS: dict[str, Callable[[], TaskMetrics]] = {
    "segmentation": lambda: SegmentationMetrics(5),
    "normal": NormalMetrics,
    "depth": DepthMetrics,
    "other": lambda: TaskError(absolute_error),
    "classification": lambda: ClassificationMetrics(2, per_class=True),
    "multilabel": lambda: MultilabelMetrics(5),
    "boxes": BoxMetrics,
}


def sample_batch(task: str, samples: int = 6) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(3)
    if task == "segmentation":
        scores = torch.randn(samples, 5, 4, 4, generator=generator)
        return scores, torch.randint(0, 5, (samples, 4, 4), generator=generator)
    if task == "classification":
        return torch.randn(samples, 2, generator=generator), torch.arange(samples) % 2
    if task == "multilabel":
        scores = torch.randn(samples, 5, generator=generator)
        return scores, torch.randint(0, 2, (samples, 5), generator=generator).float()
    if task == "boxes":
        output = torch.rand(samples, 4, generator=generator) + torch.tensor([0.0, 0.0, 2.0, 2.0])
        return output, output + 0.3 * torch.rand(output.shape, generator=generator)
    channels = 3 if task == "normal" else 1
    output = torch.rand(samples, channels, 4, 4, generator=generator) + 0.1
    return output, output + 0.3 * torch.rand(output.shape, generator=generator)


@pytest.mark.parametrize("task", METRICS)
def test_batches_of_any_size_give_the_same(task: str) -> None:
    output, target = sample_batch(task)
    found = []
    for size in (1, 4, 6):
        metrics = METRICS[task]()
        for part, true in zip(output.split(size), target.split(size), strict=True):
            metrics.update(part, true)
        found.append({name: float(value) for name, value in metrics.compute().items()})
    assert found[0] == pytest.approx(found[2], rel=1e-12)
    assert found[1] == pytest.approx(found[2], rel=1e-12)
    assert found[0].keys() == METRICS[task]().directions.keys()


@pytest.mark.parametrize("task", METRICS)
def test_reset_forgets(task: str) -> None:
    output, target = sample_batch(task)
    metrics = METRICS[task]()
    metrics.update(output[:2], target[:2])
    alone = metrics.compute()
    metrics.reset()
    metrics.update(output, target)
    metrics.reset()
    metrics.update(output[:2], target[:2])
    assert metrics.compute() == alone


@pytest.mark.parametrize("task", METRICS)
def test_no_graph_is_kept(task: str) -> None:
    output, target = sample_batch(task)
    metrics = METRICS[task]()
    metrics.update(output.requires_grad_(), target)
    assert not metrics.total.requires_grad


@pytest.mark.parametrize("task", METRICS)
def test_half_precision_outputs(task: str) -> None:
    output, target = sample_batch(task)
    half, full = METRICS[task](), METRICS[task]()
    half.update(output.bfloat16(), target)
    full.update(output.bfloat16().float(), target)
    assert {k: float(v) for k, v in half.compute().items()} == pytest.approx(
        {k: float(v) for k, v in full.compute().items()}, rel=1e-2
    )


def test_a_loss_that_reduces_over_the_batch_is_refused() -> None:
    with pytest.raises(ValueError, match=r"loss: expected shape \(6,\)"):
        TaskError(torch.nn.functional.l1_loss).update(*sample_batch("depth"))


def _share(rank: int, folder: str) -> dict[str, dict[str, float]]:
    """What a process that sees its share of the samples finds, the metrics alone and in an evaluation."""
    rendezvous = f"file://{folder}/rendezvous"
    dist.init_process_group("gloo", init_method=rendezvous, rank=rank, world_size=2, timeout=timedelta(minutes=2))
    try:
        return found_in(slice(0, 2) if rank == 0 else slice(2, 6))
    finally:
        dist.destroy_process_group()


def _second_process(folder: str) -> None:
    torch.set_num_threads(1)  # threads do not survive a fork
    torch.save(_share(1, folder), f"{folder}/second.pt")


def found_in(samples: slice) -> dict[str, dict[str, float]]:
    found = {}
    for task in METRICS:
        output, target = sample_batch(task)
        metrics = METRICS[task]()
        metrics.update(output[samples], target[samples])
        found[task] = {name: float(value) for name, value in metrics.compute().items()}
    images, depth = sample_batch("depth")
    tasks, loader = Tasks(depth=absolute_error), [(images[samples], {"depth": depth[samples]})]
    attacks = {"dark": lambda images, targets: images / 2}
    evaluation = evaluate(nn.Identity(), tasks, loader, attacks, {"depth": DepthMetrics()}, progress=False)
    dark = evaluation.attacked["dark"]
    return found | {"evaluated": dark.metrics["depth"], "losses": dark.losses, "clean": evaluation.clean.losses}


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_two_processes_give_what_one_gives(tmp_path: Path) -> None:
    second = multiprocessing.get_context("fork").Process(target=_second_process, args=(str(tmp_path),))
    second.start()
    first = _share(0, str(tmp_path))
    second.join()
    expected = found_in(slice(0, 6))
    for found in (first, torch.load(tmp_path / "second.pt")):
        assert found.keys() == expected.keys()
        for name, values in expected.items():
            assert found[name] == pytest.approx(values, rel=1e-12)
