"""Memory by the number of images, and what an evaluation costs beside the bare attack.

    python -m benchmarks.streaming

Images are made when they are asked for, as a data set on disk reads them; those that the attack makes are shown to
another model, too. Each number of images is a process of its own whose largest memory is printed. The second table is
Auto-PGD on a model with a ResNet-34 trunk, on rooms: the attack alone, and evaluations, which add the metrics and one
pass more, and of streamed data the rendering.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset

import mt_torchattacks as mta
from mt_torchattacks.evaluation import NamedData

SIZE = 64


class Noise(Dataset[Any]):
    """Images of noise with depths, made when they are asked for."""

    tasks = ("depth",)

    def __len__(self) -> int:
        return 10**6

    def __getitem__(self, index: int) -> tuple[Tensor, dict[str, Tensor]]:
        generator = torch.Generator().manual_seed(index)
        return torch.rand(3, SIZE, SIZE, generator=generator), {"depth": torch.ones(1, SIZE, SIZE)}


def peak(images: int) -> float:
    """A small model on so many images under FGSM, and another on the same images; this process's largest MiB."""
    data = NamedData.of("noise", Noise(), images, batch_size=50, in_memory=False)
    model = torch.nn.Conv2d(3, 1, 3, padding=1)
    assert len(data.key["digest"]) > 0
    attack = mta.FGSM(model, data.tasks)
    mta.evaluate(model, data.tasks, data.batches, {"fgsm": attack}, data.metrics, progress=False)
    made = mta.evaluation.make(attack, data.on(torch.device("cpu")), in_memory=data.in_memory)
    mta.evaluation.measure_made(torch.nn.Conv2d(3, 1, 1), data, made)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def overhead(images: int, repeats: int) -> dict[str, float]:
    """CPU seconds of the bare attack, of an evaluation of images in memory, and of one that renders them: medians."""
    rooms = mta.data.Rooms(length=images, seed=1)
    layout, heads = mta.models.Layout.all_shared(3, 5), {"segmentation": rooms.num_classes, "normal": 3, "depth": 1}
    model = mta.models.branched("deeplab_resnet34", layout, heads=heads)
    held, streamed = (NamedData.of("rooms", rooms, images, 8, in_memory=where) for where in (True, False))
    attack = mta.APGD(model, held.tasks, eps=8 / 255, steps=10)
    work: dict[str, Callable[[], object]] = {
        "the attack alone": lambda: [attack(*batch) for batch in held.batches],
        "in memory": lambda: mta.evaluation.measure(model, held.tasks, held.batches, held.metrics, attack),
        "streamed": lambda: mta.evaluation.measure(model, held.tasks, streamed.batches, held.metrics, attack),
    }
    seconds: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(repeats):
        for name, do in work.items():
            start = time.process_time()
            do()
            seconds[name].append(time.process_time() - start)
    return {name: statistics.median(of) for name, of in seconds.items()}


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, nargs="+", default=[100, 1000, 10_000])
    parser.add_argument("--only", type=int, help="print the memory for this number of images, and nothing else")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.only:
        print(f"{peak(options.only):.0f}")
        return
    print("| images | largest memory (MiB) |\n|--:|--:|")
    for images in options.images:
        words = [sys.executable, "-m", "benchmarks.streaming", "--only", str(images)]
        memory = subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()
        print(f"| {images:,} | {memory} |", flush=True)
    found = overhead(16, options.repeats)
    print("\n| Auto-PGD of 10 steps, full-width ResNet-34 | seconds of CPU | more |\n|:--|--:|--:|")
    for name, seconds in found.items():
        print(f"| {name} | {seconds:.2f} | {100 * (seconds / found['the attack alone'] - 1):+.1f} % |")


if __name__ == "__main__":
    main()
