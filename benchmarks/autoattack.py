"""A cascade of this library's attacks beside torchattacks' AutoAttack, on adversarially trained classifiers.

    python benchmarks/autoattack.py --seeds 5

Each seed trains a small net for the left of two digits against PGD, then attacks 300 held-out images at 16/255. Passes
are forward and backward ones, counted at the model, for each image.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).parents[1])  # so that 'benchmarks' is found, and its files hide no package

import torch
import torch.nn.functional as F
import torchattacks
from torch import Tensor, nn

import mt_torchattacks as mta
from mt_torchattacks.evaluation import Cascade, class_attacks, count_passes, wrong
from mt_torchattacks.models.two_digits import TwoHeads

EPS = 16 / 255


class Left(nn.Module):
    """The left head alone, as torchattacks takes it."""

    def __init__(self, heads: TwoHeads) -> None:
        super().__init__()
        self.heads = heads

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.heads(x)["left"]
        return scores


def defended(seed: int, epochs: int = 12, images: int = 6000) -> Left:
    """A net that was trained on images of PGD (5 steps) with Adam."""
    torch.manual_seed(seed)
    data, model = mta.data.TwoDigits(images, "train", seed), Left(TwoHeads())
    attack, optimizer = (
        torchattacks.PGD(model, eps=EPS, alpha=EPS / 3, steps=5),
        torch.optim.Adam(model.parameters(), 4e-3),
    )
    for _ in range(epochs):
        for chosen in torch.split(torch.randperm(images), 128):
            labels = data.targets["left"][chosen]
            model.eval()
            attacked = attack(data.images[chosen], labels)
            model.train()
            optimizer.zero_grad()
            F.cross_entropy(model(attacked), labels).backward()
            optimizer.step()
    return model.eval()


def compared(seed: int, images: int = 300, epochs: int = 12, queries: int = 2000) -> dict[str, float]:
    """Accuracy in percent, clean and left by both, and their passes for each image."""
    model, data = defended(seed, epochs), mta.data.TwoDigits(images, "test", seed)
    x, labels = data.images, data.targets["left"]
    found = {"seed": float(seed), "clean": accuracy(model, x, labels)}
    tasks = mta.Tasks(left=mta.losses.CrossEntropy())
    theirs = torchattacks.AutoAttack(model, norm="Linf", eps=EPS, version="standard", n_classes=10, seed=seed)
    ours = Cascade(model, tasks, class_attacks(model, "left", EPS, queries=queries), wrong("left"))
    for name, run in (("AutoAttack", lambda: theirs(x, labels)), ("cascade", lambda: ours(x, {"left": labels}))):
        with count_passes(model) as passes:
            adversarial = run()
        assert float((adversarial - x).abs().max()) <= EPS + 1e-6
        found[name] = accuracy(model, adversarial, labels)
        found[f"{name}, passes"] = passes.of_samples / images
    return found


def accuracy(model: nn.Module, images: Tensor, labels: Tensor) -> float:
    with torch.no_grad():
        return 100 * float((model(images).argmax(dim=1) == labels).float().mean())


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a row for each seed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    args = parser.parse_args(arguments)
    torch.set_num_threads(1)
    rows = [compared(seed) for seed in range(args.seeds)]
    print(mta.report.to_markdown(mta.checks.optional("pandas", extra="plot").DataFrame(rows)))


if __name__ == "__main__":
    main()
