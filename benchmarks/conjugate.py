"""What makes Auto conjugate gradient (ACG) strong: its beta within other limits, none at all, and with its sign turned.

    python -m benchmarks.conjugate --images 16 --steps 20

The formula is that of 'Diversified Adversarial Attacks Based on Conjugate Gradient Method' (Yamamura et al., ICML 2022,
https://arxiv.org/abs/2206.09628). In the authors' code, and in ART's ``AutoConjugateGradient``, beta has the opposite
sign; the last column is that.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from unittest import mock

import torch
from torch import Tensor

import mt_torchattacks as mta
from mt_torchattacks.attacks import auto_pgd
from mt_torchattacks.attacks.auto_pgd import ConjugateSteps
from mt_torchattacks.evaluation import NamedData

SEED = 4
MODELS = ("rooms3/all-shared", "rooms3-resnet34/2-shared", "rooms3-robust/pgd-dgba-0")


def limited(low: float, high: float, sign: float = 1.0) -> type[ConjugateSteps]:
    """Conjugate steps whose beta has other limits, or another sign."""

    class Limited(ConjugateSteps):
        def limited(self, beta: Tensor) -> Tensor:
            return (sign * beta).clamp(low, high)

    return Limited


VARIANTS = {
    "beta in [0, 1]": ConjugateSteps,
    "beta >= 0": limited(0, math.inf),
    "any beta": limited(-math.inf, math.inf),
    "beta = 0": limited(0, 0),
    "sign turned": limited(-math.inf, math.inf, -1),
}


def compared(name: str, loss: str, eps: float, images: int, steps: int) -> dict[str, float | str]:
    """Average relative performance in percent under Auto-PGD and under each variant of ACG, with the rule dgba."""
    model, data = mta.models.zoo(name), NamedData.of("rooms", mta.data.Rooms(length=images, seed=SEED), images)
    tasks = data.tasks if loss == "losses" else mta.error_tasks(data.tasks)
    row: dict[str, float | str] = {"model": name, "on": loss, "eps": f"{255 * eps:g}/255"}
    attacks = {"APGD": (mta.APGD, ConjugateSteps), **{key: (mta.ACG, variant) for key, variant in VARIANTS.items()}}
    for key, (cls, variant) in attacks.items():
        with mock.patch.object(auto_pgd, "ConjugateSteps", variant):
            attack = {"attack": cls(model, tasks, eps=eps, steps=steps)}
            found = mta.evaluate(model, data.tasks, data.batches, attack, data.metrics, progress=False)
        row[key] = found.relative["attack"].total
    return row


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a row for each model, loss and radius."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=16)
    parser.add_argument("--steps", type=int, default=20)
    args = parser.parse_args(arguments)
    torch.set_num_threads(1)
    cases = [(name, loss, eps / 255) for name in MODELS for loss, eps in (("losses", 8), ("errors", 4))]
    rows = [compared(*case, args.images, args.steps) for case in cases]
    print(mta.report.to_markdown(mta.checks.optional("pandas", extra="plot").DataFrame(rows)))


if __name__ == "__main__":
    main()
