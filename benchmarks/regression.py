"""This library's attacks on depth and on normals, beside those that papers use: the harm that each does.

    python benchmarks/regression.py --images 32 --steps 60

PGD and CosPGD (Agnihotri, Jung and Keuper, ICML 2024, https://arxiv.org/abs/2302.02213) are written here, as short
loops without this library's attacks and losses; CosPGD needs a cosine of each pixel, which depth does not have.
Auto-PGD and projected Adam are this library's, on the training loss. Each takes as many steps, and the last two return
their best iterate. Beside them are the two of ``regression_attacks``, on the error that the metric counts: each alone,
and both, the worse one for each image.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).parents[1])  # so that 'benchmarks' is found, and its files hide no package

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import mt_torchattacks as mta
from mt_torchattacks.evaluation import NamedData, metric_harm, regression_attacks, select

SEED = 4  # of the rooms, which no attack was chosen on
CASES = [
    *(("rooms3/all-shared", eps) for eps in (4, 8)),
    *(("rooms3/independent", eps) for eps in (4, 8)),
    *(("rooms3-resnet34/2-shared", eps) for eps in (4, 8)),
    *(("rooms3-robust/pgd-dgba-0", eps) for eps in (4, 8)),
]
"""Models, and radii in 255ths."""

METRICS = {"normal": "mean", "depth": "rel"}
"""The metric of each task that the tables show: degrees, and a share of the true depth."""

PixelLoss = Callable[[Tensor, Tensor], Tensor]
"""``(output, target) -> (N, H, W)``, 0 where there is no target."""


def normal_loss(output: Tensor, target: Tensor) -> Tensor:
    """One minus the cosine."""
    return (1 - F.cosine_similarity(output, target, dim=1)) * (target != 0).any(1)


def depth_loss(output: Tensor, target: Tensor) -> Tensor:
    """The absolute error."""
    return ((output - target).abs() * (target > 0))[:, 0]


LOSSES: dict[str, PixelLoss] = {"normal": normal_loss, "depth": depth_loss}


def pgd(
    model: nn.Module, task: str, images: Tensor, target: Tensor, eps: float, steps: int, *, cosine: bool = False
) -> Tensor:
    """The last iterate of ``steps`` steps of a quarter of the radius, from a random start.

    Args:
        model, task, images, target, eps, steps: what is attacked, and how.
        cosine: weigh each pixel's loss by how far output and target agree (CosPGD).
    """
    noise = torch.rand(images.shape, generator=torch.Generator().manual_seed(0))
    x = (images + eps * (2 * noise - 1)).clamp(0, 1)
    for _ in range(steps):
        x.requires_grad_()
        output = model(x)[task]
        values = LOSSES[task](output, target)
        if cosine:
            values = values * F.cosine_similarity(output, target, dim=1).clamp_min(0).detach()
        gradient = torch.autograd.grad(values.sum(), x)[0]
        x = (x.detach() + eps / 4 * gradient.sign()).clamp(images - eps, images + eps).clamp(0, 1)
    return x


def rivals(
    model: nn.Module, tasks: mta.Tasks, task: str, eps: float, steps: int
) -> dict[str, mta.evaluation.AttackFunction]:
    """The attacks that papers use, on the training loss, by name."""

    def by_hand(cosine: bool) -> mta.evaluation.AttackFunction:
        return lambda images, targets: pgd(model, task, images, targets[task], eps, steps, cosine=cosine)

    own = mta.Tasks({task: tasks[task]})
    found = {"PGD": by_hand(False), "CosPGD": by_hand(True)}
    found["APGD"] = mta.APGD(model, own, f"single:{task}", eps=eps, steps=steps)
    found["PAdam"] = mta.PAdam(model, own, f"single:{task}", eps=eps, alpha=eps / 4, steps=steps)
    return {name: attack for name, attack in found.items() if name != "CosPGD" or task == "normal"}


def compared(name: str, task: str, eps: float, images: int, steps: int) -> dict[str, float | str]:
    """The task's metric on clean images and under each attack; under both of ours each image counts by its worse."""
    model, data = mta.models.zoo(name), NamedData.of("rooms", mta.data.Rooms(length=images, seed=SEED), images)
    ours = regression_attacks(model, task, eps, steps=steps)
    attacks = {**rivals(model, data.tasks, task, eps, steps), **{f"our {key}": ours[key] for key in ours}}
    found = mta.worst_case(model, data.tasks, data.batches, attacks, data.metrics, progress=False)
    row: dict[str, float | str] = {"model": name, "eps": f"{255 * eps:g}/255", "task": task}

    def harm(measured: Mapping[str, Mapping[str, float]]) -> float:
        return measured[task][METRICS[task]]

    row["clean"] = harm(found.evaluation.clean.metrics)
    row |= {key: harm(found.evaluation.attacked[key].metrics) for key in attacks}
    members = {key: found.members[key] for key in ("clean", *(f"our {key}" for key in ours))}
    goal = metric_harm(f"{task}/{METRICS[task]}", found.evaluation.directions)
    return row | {"our both": harm(select(members, goal).metrics)}


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a table for each task, a row for each model and radius."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=32)
    parser.add_argument("--steps", type=int, default=60, help="of each attack")
    args = parser.parse_args(arguments)
    torch.set_num_threads(1)
    frame = mta.checks.optional("pandas", extra="plot").DataFrame
    for task in METRICS:
        rows = [compared(name, task, eps / 255, args.images, args.steps) for name, eps in CASES]
        print(mta.report.to_markdown(frame(rows), digits=3), flush=True)


if __name__ == "__main__":
    main()
