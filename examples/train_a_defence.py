"""A loop of one's own that trains a model on attacked images, and what that is worth.

    python examples/train_a_defence.py          # five minutes of one core; needs the extras torchattacks and models

A model of the zoo is trained on for a few hundred steps on rooms that friendly adversarial training attacks as it goes.
The loop is plain PyTorch; only the attack and the losses are the library's. It prints the average relative performance
(ARP, percent; higher is more harm) of Auto-PGD before and after, and what the clean images pay.
"""

from __future__ import annotations

import argparse

import pandas as pd
import torch
from torch import nn

import mt_torchattacks as mta
from mt_torchattacks.evaluation import NamedData
from mt_torchattacks.report import to_markdown

EPS = 8 / 255


def defend(model: nn.Module, tasks: mta.Tasks, images: int, epochs: int) -> None:
    """Train the model on attacked images, in place."""
    attack = mta.FriendlyPGD(model, tasks, balance="dgba", eps=EPS, alpha=EPS / 2, steps=3, tau=1)
    rooms = mta.data.Rooms(length=images, seed=0)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    model.train()
    for _ in range(epochs):
        for part in torch.randperm(images).split(16):
            x, targets = rooms.render(part.tolist())
            x = attack(x, targets)  # which looks at the model in evaluation mode and leaves it in training mode
            losses = tasks.losses(model(x), targets)
            optimizer.zero_grad()
            sum(loss.mean() for loss in losses.values()).backward()
            optimizer.step()
    model.eval()


def row(name: str, model: nn.Module, data: NamedData, steps: int) -> dict[str, str | float]:
    """The model on clean images and under Auto-PGD."""
    attack = mta.APGD(model, data.tasks, balance="dgba", eps=EPS, steps=steps)
    found = mta.evaluate(model, data.tasks, data.batches, {"apgd": attack}, data.metrics, progress=False)
    clean = {"miou": found.clean.metrics["segmentation"]["miou"], "angle": found.clean.metrics["normal"]["mean"]}
    return {"model": name} | clean | {"depth": found.clean.metrics["depth"]["abs"], "ARP": found.relative["apgd"].total}


def main(words: list[str] | None = None) -> pd.DataFrame:
    """Measure, train, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train-images", type=int, default=1000)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--images", type=int, default=32, help="held-out rooms")
    parser.add_argument("--steps", type=int, default=10, help="of Auto-PGD")
    options = parser.parse_args(words)
    torch.manual_seed(0)
    model = mta.models.zoo("rooms3/all-shared")
    data = NamedData.of("rooms", mta.data.Rooms(length=options.images, seed=1), options.images)
    rows = [row("of the zoo", model, data, options.steps)]
    defend(model, data.tasks, options.train_images, options.epochs)
    rows.append(row("trained on attacked rooms", model, data, options.steps))
    table = pd.DataFrame(rows)
    print(to_markdown(table, 2))
    return table


if __name__ == "__main__":
    main()
