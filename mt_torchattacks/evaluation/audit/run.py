"""The audit: all checks on the first images of a loader."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import torch
from torch import nn

from mt_torchattacks import checks
from mt_torchattacks.evaluation.audit import attacks
from mt_torchattacks.evaluation.audit import model as of_model
from mt_torchattacks.evaluation.audit.case import Case
from mt_torchattacks.evaluation.audit.report import Audit, Finding
from mt_torchattacks.evaluation.measure import device_of
from mt_torchattacks.models.state import modes_kept
from mt_torchattacks.tasks import Tasks
from mt_torchattacks.types import Images, Targets

CHECKS: tuple[Callable[[Case], Iterator[Finding]], ...] = (
    of_model.random,
    of_model.changing,
    of_model.blocked,
    of_model.probabilities,
    attacks.misleading,
    attacks.growth,
    attacks.black_box,
    attacks.dominance,
    attacks.saturation,
)
"""What is looked for, in this order; a new check is one function in this tuple."""


def audit(
    model: nn.Module,
    tasks: Tasks,
    loader: Iterable[tuple[Images, Targets]],
    *,
    eps: float = 8 / 255,
    balance: str = "dgba",
    steps: int = 10,
    queries: int = 200,
    images: int = 16,
    seed: int = 0,
) -> Audit:
    """Look for what makes numbers of a model's robustness untrustworthy; on a healthy model nothing is found.

    Many defences that were published have been broken because their evaluation met one of a few obstacles: randomness,
    gradients that are blocked or masked, a loss that is flat (Athalye et al., 2018, https://arxiv.org/abs/1802.00420;
    Carlini et al., 2019, https://arxiv.org/abs/1902.06705). With several tasks there are two more: one task that is the
    whole direction, and a radius at which all heads are broken by anything. What was not found may still be there.

    Args:
        model: the model; in evaluation mode while it is looked at, afterwards as it was.
        tasks: its tasks; those that are attacked are looked at.
        loader: batches ``(images, targets)``, images in [0, 1]; only the first images are used.
        eps: radius in the infinity norm, as a share of the range of pixel values.
        balance: the rule with which the model is to be attacked.
        steps: of Auto-PGD >= 1.
        queries: of Square >= 1.
        images: how many images to look at >= 1.
        seed: of attacks and noise.

    Raises:
        TypeError, KeyError, ValueError: an argument, output or target does not fit, or the loader is empty.

    Example:
        >>> import torch, mt_torchattacks as mta
        >>> class Rounding(nn.Module):
        ...     def forward(self, x):
        ...         return {"depth": (255 * x).round().mean(dim=(1, 2, 3)) / 255 + 1}
        >>> loader = [(torch.rand(4, 3, 8, 8), {"depth": torch.zeros(4)})]
        >>> tasks = mta.Tasks(depth=lambda output, target: (output - target).abs())
        >>> [finding.name for finding in audit(Rounding(), tasks, loader, queries=10).findings]
        ['blocked']
    """
    checks.require(isinstance(tasks, Tasks), "tasks", "mta.Tasks(...)", checks.describe(tasks), TypeError)
    checks.positive(eps, "eps")
    for name, value in (("steps", steps), ("queries", queries), ("images", images)):
        checks.whole(value, name)
    batch, goals = _first(loader, images)
    device = device_of(model)
    goals = {name: target.to(device) for name, target in goals.items()}
    with modes_kept(model), torch.random.fork_rng():
        model.eval()
        case = Case(model, tasks, batch.to(device), goals, eps, balance, steps, queries, seed)
        findings = [finding for check in CHECKS for finding in check(case)]
    return Audit(findings, [check.__name__.replace("_", " ") for check in CHECKS])


def _first(loader: Iterable[tuple[Images, Targets]], count: int) -> tuple[Images, dict[str, torch.Tensor]]:
    batches, left = [], count
    for images, targets in loader:
        batches.append((images[:left], {name: target[:left] for name, target in targets.items()}))
        left -= len(images)
        if left <= 0:
            break
    checks.require(bool(batches), "loader", "at least one batch", "none")
    return torch.cat([images for images, _ in batches]), {
        name: torch.cat([targets[name] for _, targets in batches]) for name in batches[0][1]
    }
