"""What all accumulators share: batches, resetting, low precision, several processes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from mt_torchattacks.metrics import DepthMetrics, NormalMetrics, SegmentationMetrics, TaskError, TaskMetrics


def absolute_error(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    return (output - target).abs().flatten(1).mean(dim=1)


METRICS: dict[str, Callable[[], TaskMetrics]] = {
    "segmentation": lambda: SegmentationMetrics(5),
    "normal": NormalMetrics,
    "depth": DepthMetrics,
    "other": lambda: TaskError(absolute_error),
}


def sample_batch(task: str, samples: int = 6) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(3)
    if task == "segmentation":
        scores = torch.randn(samples, 5, 4, 4, generator=generator)
        return scores, torch.randint(0, 5, (samples, 4, 4), generator=generator)
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


def _one_process(rank: int, processes: int, folder: str) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/rendezvous", rank=rank, world_size=processes)
    found = {}
    for task in METRICS:
        output, target = sample_batch(task)
        share = slice(0, 2) if rank == 0 else slice(2, 6)
        metrics = METRICS[task]()
        metrics.update(output[share], target[share])
        found[task] = {name: float(value) for name, value in metrics.compute().items()}
    torch.save(found, f"{folder}/{rank}.pt")
    dist.destroy_process_group()


def test_two_processes_give_what_one_gives(tmp_path: Path) -> None:
    mp.spawn(_one_process, args=(2, str(tmp_path)), nprocs=2)
    for task in METRICS:
        alone = METRICS[task]()
        alone.update(*sample_batch(task))
        expected = {name: float(value) for name, value in alone.compute().items()}
        for rank in (0, 1):
            assert torch.load(tmp_path / f"{rank}.pt")[task] == pytest.approx(expected, rel=1e-12)
