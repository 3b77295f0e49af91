"""The smallest radius within which an attack harms every task of a sample as much as is asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn

from mt_torchattacks import checks
from mt_torchattacks.evaluation.measure import AttackFunction
from mt_torchattacks.geometry.ball import NORMS, length
from mt_torchattacks.models.inputs import other_inputs
from mt_torchattacks.models.state import modes_kept
from mt_torchattacks.tasks import Tasks
from mt_torchattacks.types import Images, Targets


class SmallestRadius(NamedTuple):
    """What was found for each sample.

    Attributes:
        radii: ``(N,)`` how far the image below is from the clean one; infinity where none was found.
        images: ``(N, ...)`` the image; the clean one where none was found.
    """

    radii: Tensor
    images: Tensor

    def harmed(self, eps: float) -> float:
        """The share of the samples that are harmed within a radius, in [0, 1]: a point of the curve."""
        return float((self.radii <= eps).double().mean())


def smallest_radius(
    model: nn.Module,
    tasks: Tasks,
    attack: Callable[[float], AttackFunction],
    images: Images,
    targets: Targets,
    *,
    rise: float | Mapping[str, float] = 1.0,
    largest: float = 32 / 255,
    rounds: int = 6,
    norm: str = "Linf",
) -> SmallestRadius:
    """For each sample the smallest radius, as far as an attack finds it, at which every task's loss has risen enough.

    A radius that is given says how bad a model is there; this asks the other way round, how little it takes. Each
    sample has a bisection of its own: it starts with the largest radius, and goes to half of what was enough or between
    what was not and what was. An image that is found counts with its own distance, which may be below the radius that
    the attack had. The numbers are upper bounds; the bisection itself is exact to ``largest / 2 ** (rounds - 1)``.

    Args:
        model: the model, in evaluation mode while it is looked at.
        tasks: what is to be harmed, and how that is measured: by their losses, or with
            :func:`~mt_torchattacks.error_tasks` by the errors that metrics count.
        attack: makes the attack of a radius, as ``lambda eps: mta.APGD(model, tasks, "max_min", eps=eps)``.
        images: ``(N, ...)`` clean ones.
        targets: by task.
        rise: by how many times its clean value each task's loss has to rise, > 0: 1 asks for twice the clean loss; or
            one number a task.
        largest: where the search begins, > 0.
        rounds: attacks a sample, >= 1.
        norm: in which distances are measured, the attack's: ``"Linf"``, ``"L2"`` or ``"L1"``.

    Raises:
        TypeError, KeyError, ValueError: an argument does not fit.

    Example:
        >>> import mt_torchattacks as mta
        >>> model, tasks = nn.Identity(), mta.Tasks(depth=mta.losses.L1())
        >>> brighter = lambda eps: lambda images, targets: images + eps
        >>> x, y = torch.zeros(2, 1, 4, 4), {"depth": torch.tensor([-0.01, -0.02]).view(2, 1, 1, 1).expand(2, 1, 4, 4)}
        >>> smallest_radius(model, tasks, brighter, x, y, largest=0.16, rounds=10).radii
        tensor([0.0100, 0.0200])
    """
    checks.positive(largest, "largest")
    checks.whole(rounds, "rounds")
    checks.one_of(norm, "norm", NORMS)
    rises = dict(rise) if isinstance(rise, Mapping) else dict.fromkeys(tasks.active, float(rise))
    checks.keys(rises, "rise", tasks.active, allowed=tasks.active)
    for task, least in rises.items():
        checks.positive(least, f"rise of {task!r}")
    with modes_kept(model), torch.no_grad():
        model.eval()
        clean = _losses(model, tasks, images, targets)
        needed = {task: (1 + rises[task]) * loss for task, loss in clean.items()}
        best, found = torch.full((len(images),), torch.inf, device=images.device), images.clone()
        low, tried = torch.zeros_like(best), torch.full_like(best, largest)
        for _ in range(rounds):
            for eps in sorted(set(tried[~tried.isnan()].tolist())):
                at = (tried == eps).nonzero()[:, 0]
                part = {name: target[at] for name, target in targets.items()}
                with torch.enable_grad():
                    adversarial = attack(eps)(images[at], part)
                losses = _losses(model, tasks, adversarial, part)
                enough = torch.stack([losses[task] >= needed[task][at] for task in rises]).all(dim=0)
                distance = length(adversarial - images[at], NORMS[norm]).flatten()
                found[at[enough]] = adversarial[enough].to(found.dtype)
                best[at] = torch.where(enough, distance, best[at])
                low[at] = torch.where(enough, low[at], torch.maximum(low[at], tried[at]))
            # What not even the largest radius harms is not looked at again.
            tried = torch.where(best.isinf(), torch.nan, (low + best) / 2)
    return SmallestRadius(best, found)


def _losses(model: nn.Module, tasks: Tasks, images: Images, targets: Targets) -> dict[str, Tensor]:
    return tasks.losses(model(images, **other_inputs(model, targets)), targets)
