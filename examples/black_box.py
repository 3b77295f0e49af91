"""A model of which only the answers can be had: ask it, or make the images on a model of one's own.

    python examples/black_box.py          # about two minutes of one core; needs the extras torchattacks and models

The victim is a model of the zoo, whose gradients are not used. Square Attack asks it some hundreds of times for each
image; Auto-PGD makes its images on another model with the same tasks and asks nothing. Beside them stand noise, and
what could be done with the victim's gradients. It prints the average relative performance (ARP, percent; higher is more
harm).
"""

from __future__ import annotations

import argparse

import pandas as pd
import torch
from torch import Tensor

import mt_torchattacks as mta
from mt_torchattacks.evaluation import NamedData
from mt_torchattacks.report import to_markdown

EPS = 8 / 255


def noise(images: Tensor, targets: dict[str, Tensor]) -> Tensor:
    """Every value moved up or down by eps: the least that an attack has to beat."""
    signs = torch.randint(0, 2, images.shape, generator=torch.Generator().manual_seed(0)) * 2 - 1
    return (images + EPS * signs).clamp(0, 1)


def main(words: list[str] | None = None) -> pd.DataFrame:
    """Attack, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=16)
    parser.add_argument("--queries", type=int, nargs="+", default=[100, 500], help="of Square, for each image")
    parser.add_argument("--steps", type=int, default=10, help="of Auto-PGD")
    options = parser.parse_args(words)
    victim, surrogate = mta.models.zoo("rooms3/independent"), mta.models.zoo("rooms3/all-shared")
    rooms = mta.data.Rooms(length=options.images, seed=1)
    data = NamedData.of("rooms", rooms, options.images)
    own = {"balance": "dgba", "eps": EPS}
    attacks = {"noise": noise}
    for queries in options.queries:
        attacks[f"Square, {queries} queries"] = mta.Square(victim, data.tasks, n_queries=queries, **own)
    attacks["Auto-PGD on another model"] = mta.APGD(surrogate, data.tasks, steps=options.steps, **own)
    attacks["Auto-PGD with the victim's gradients"] = mta.APGD(victim, data.tasks, steps=options.steps, **own)
    found = mta.evaluate(victim, data.tasks, data.batches, attacks, data.metrics, progress=False)
    table = found.arp().reset_index().rename(columns={"total": "ARP"})
    print(to_markdown(table, 1))
    return table


if __name__ == "__main__":
    main()
