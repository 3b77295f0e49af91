"""Memory by the number of images, and what an evaluation costs beside the bare attack.

    python -m benchmarks.streaming

Images are made when they are asked for, as a data set on disk reads them. Each number of images is a process of its own
whose largest memory is printed. The second table is Auto-PGD on a model with a ResNet-34 trunk: the attack alone on
batches that are there, and an evaluation of the streamed data, which adds the reading, the metrics and one pass more.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import time
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
    """Evaluate a small model on so many images under FGSM; the largest memory of this process in MiB."""
    data = NamedData.of("noise", Noise(), images, batch_size=50, in_memory=False)
    model = torch.nn.Conv2d(3, 1, 3, padding=1)
    assert len(data.key["digest"]) > 0
    mta.evaluate(model, data.tasks, data.batches, {"fgsm": mta.FGSM(model, data.tasks)}, data.metrics, progress=False)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def overhead(images: int, repeats: int) -> tuple[float, float]:
    """Seconds of the bare attack, and of the evaluation under it: medians."""
    name = "rooms3-resnet34/2-shared"
    model = mta.models.zoo(name)
    data = NamedData.of("rooms", mta.data.Rooms(length=images, seed=1), images, in_memory=False)
    attack = mta.APGD(model, data.tasks, eps=8 / 255, steps=10)
    there = list(data.batches)
    bare, whole = [], []
    for _ in range(repeats):
        start = time.perf_counter()
        for batch in there:
            attack(*batch)
        bare.append(time.perf_counter() - start)
        start = time.perf_counter()
        mta.evaluation.measure(model, data.tasks, data.batches, data.metrics, attack)
        whole.append(time.perf_counter() - start)
    return statistics.median(bare), statistics.median(whole)


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
    bare, whole = overhead(64, options.repeats)
    print(f"\nAuto-PGD, 64 images: alone {bare:.2f} s, evaluated {whole:.2f} s, {100 * (whole / bare - 1):+.1f} %")


if __name__ == "__main__":
    main()
