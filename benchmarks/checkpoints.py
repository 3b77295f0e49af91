"""APGD with its step sizes halved as AutoAttack's code does, and as the papers say: which harms more?

``python -m benchmarks.checkpoints`` attacks held-out rooms on one zoo model and prints the mean score (for ``dgba`` the
sum of the relative loss increases), the share of images on which the papers' way scores higher, and the mean
difference with its 95 % interval over images.
"""

from __future__ import annotations

import argparse

import torch

import mt_torchattacks as mta
from mt_torchattacks.tasks.kinds.standard import standard_tasks

EPS = 8 / 255


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="rooms3/all-shared")
    parser.add_argument("--images", type=int, default=32)
    parser.add_argument("--steps", type=int, nargs="+", default=[10, 20, 100])
    parser.add_argument("--rules", nargs="+", default=["dgba", "total"])
    options = parser.parse_args()
    model = mta.models.zoo(options.model)
    images, targets = mta.data.Rooms(length=options.images, seed=20_000).render(range(options.images))
    print("| rule | steps | autoattack | paper | paper higher on | mean difference |\n|:--|--:|--:|--:|--:|--:|")
    for rule in options.rules:
        for steps in options.steps:
            scores = {}
            for way in ("autoattack", "paper"):
                attack = mta.APGD(model, standard_tasks(), rule, eps=EPS, steps=steps, checkpoints=way)
                scores[way] = attack.scores(attack(images, targets), images, targets)
            code, text = scores["autoattack"], scores["paper"]
            rise = (text - code) / code.abs()
            half = 1.96 * float(rise.std()) / len(rise) ** 0.5
            wins = float((text > code).float().mean())
            print(
                f"| {rule} | {steps} | {float(code.mean()):.4g} | {float(text.mean()):.4g} | {100 * wins:.0f} % | "
                f"{100 * float(rise.mean()):+.2f} ± {100 * half:.2f} % |",
                flush=True,
            )


if __name__ == "__main__":
    with torch.random.fork_rng():
        main()
