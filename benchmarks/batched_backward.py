"""The gradients of T tasks: one after another, as this library makes them, or in one batched backward pass of PyTorch.

    python -m benchmarks.batched_backward

Rules that look at each task's gradient (``sign_total``, Gramian rules, Auto-SAGA) need T backward passes through one
graph. ``torch.autograd.grad(..., is_grads_batched=True)`` makes one of them, over T copies of each intermediate
gradient. The ratio is of medians within one run.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from benchmarks.cost.setting import MODELS, Setting, dense_setting
from mt_torchattacks.objective import separate_gradients


def batched(losses: Tensor, x: Tensor) -> Tensor:
    """``losses (N, T), x (N, ...) -> (N, T, ...)`` in one batched backward pass."""
    tasks = losses.shape[1]
    columns = torch.eye(tasks, dtype=losses.dtype, device=losses.device)[:, None].expand(tasks, *losses.shape)
    return torch.autograd.grad(losses, x, columns, retain_graph=True, is_grads_batched=True)[0].transpose(0, 1)


def seconds(do: Callable[[], object], device: torch.device) -> float:
    """How long it takes."""
    start = time.perf_counter()
    do()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=MODELS, default="resnet34")
    parser.add_argument("--tasks", type=int, nargs="+", default=[2, 3, 5])
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 4, 16])
    parser.add_argument("--size", type=int, default=96)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    device = torch.device(options.device)
    print(f"{options.model}, {options.size} x {options.size}, {options.threads} threads, {options.device}.\n")
    head = ["tasks", "images", "one after another (ms)", "batched (ms)", "batched / one after another", "difference"]
    print(f"| {' | '.join(head)} |\n|{'--:|' * len(head)}")
    for tasks in options.tasks:
        for batch in options.batch:
            row = compared(dense_setting(options.model, tasks, batch, options.size).to(device), device, options.rounds)
            print(f"| {tasks} | {batch} | {' | '.join(row)} |", flush=True)


def compared(setting: Setting, device: torch.device, rounds: int) -> list[str]:
    """Both ways' median milliseconds, their ratio, and their largest difference as a share of the largest gradient."""
    x = setting.images.clone().requires_grad_()
    losses = torch.stack(list(setting.tasks.losses(setting.model(x), setting.targets).values()), dim=1)
    ways = {"one": separate_gradients, "batched": batched}
    found = {name: way(losses, x) for name, way in ways.items()}  # the first time is not measured
    took: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            took[name].append(seconds(partial(way, losses, x), device))
    one, all_at_once = (1000 * statistics.median(of) for of in took.values())
    off = float((found["one"] - found["batched"]).abs().amax() / found["one"].abs().amax())
    return [f"{one:.0f}", f"{all_at_once:.0f}", f"{all_at_once / one:.2f}", f"{off:.0e}"]


if __name__ == "__main__":
    main()
