"""The worst that a fixed set of attacks finds for each sample, as AutoAttack for classifiers."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor

from mt_torchattacks import checks
from mt_torchattacks.attacks.apgd import APGD
from mt_torchattacks.attacks.arguments import argument
from mt_torchattacks.attacks.best import CLEAN, BestOf, finite_scores
from mt_torchattacks.attacks.host.attack import MultiTaskAttack, Traits
from mt_torchattacks.attacks.native import NativeAttack
from mt_torchattacks.attacks.square import Square
from mt_torchattacks.balancing import Rule
from mt_torchattacks.geometry.ball import Ball
from mt_torchattacks.objective import BoundObjective, Objective
from mt_torchattacks.tasks import Tasks

_OF_ALL_TASKS = ("dgba", "relative", "total")


class WorstCase(NativeAttack):
    """Several attacks, one after another; each sample keeps the result that scores highest. Nothing to tune but eps.

    The components are :class:`~mt_torchattacks.APGD` with the rules ``dgba``, ``relative``, ``total`` and ``single`` of
    each task, and :class:`~mt_torchattacks.Square`, which sees no gradient: where it wins, gradients mislead. By
    construction no component scores higher on any sample. The idea is AutoAttack's (https://arxiv.org/abs/2003.01690,
    section 5), which is for one classifier and hands on only the samples whose class has not changed; several tasks
    have no such event, so every component sees every sample.

    The score is one of single images. :func:`~mt_torchattacks.worst_case` judges by the metrics of a whole data set.

    Example:
        >>> import mt_torchattacks as mta
        >>> model, tasks = torch.nn.Conv2d(3, 1, 1), mta.Tasks(depth=mta.losses.L1())
        >>> attack = mta.WorstCase(model, tasks, eps=8 / 255, steps=3, n_queries=10)
        >>> attack(torch.rand(2, 3, 8, 8), {"depth": torch.zeros(2, 1, 8, 8)}).shape
        torch.Size([2, 3, 8, 8])
    """

    traits = Traits(deterministic=False, images=True)
    alone = ""

    balance: str | Rule = argument(
        "dgba", "rule whose score results are compared by; of the default the sum of the relative loss increases."
    )
    eps: float = argument(8 / 255, "radius of the perturbation > 0.")
    steps: int = argument(20, "steps of each APGD component >= 1.", checks.whole)
    n_queries: int = argument(500, "queries of the Square component >= 1.", checks.whole)
    seed: int = argument(0, "of the components' own random numbers.")
    judge: Tasks | None = argument(
        None,
        "tasks with other losses to take the score from, for example errors without a gradient "
        '(``mta.Tasks(depth=relative_error)``) or fewer tasks (``tasks.only(["depth"])``); ``tasks`` by default.',
    )

    @property
    def components(self) -> dict[str, MultiTaskAttack]:
        """The attacks, by name, in the order in which they run."""
        rules = [*_OF_ALL_TASKS, *(f"single:{task}" for task in self.tasks.balanced)]
        same: dict[str, Any] = {"norm": self.norm, "eps": self.eps, "seed": self.seed, "bounds": self.bounds}
        found: dict[str, MultiTaskAttack] = {}
        for rule in rules:
            found[f"apgd/{rule}"] = APGD(self.model, self.tasks, rule, steps=self.steps, **same)
        return found | {"square": Square(self.model, self.tasks, self.balance, n_queries=self.n_queries, **same)}

    def only(self, component: str) -> WorstCase:
        """The same with one component alone, whatever the score of its results: to see what each one does.

        Raises:
            ValueError: no such component.
        """
        checks.one_of(component, "component", self.components)
        chosen = copy.copy(self)
        chosen.alone = component
        return chosen

    def judged(self, bound: BoundObjective) -> BoundObjective:
        """The objective that results are compared by."""
        if self.judge is None:
            return bound
        return bound.under(self.balance, self.judge.targeted() if self.targeted else self.judge)

    def _check_arguments(self) -> None:
        super()._check_arguments()
        if self.judge is not None:
            Objective(self.model, self.judge, self.balance)

    def run(self, bound: BoundObjective, ball: Ball, generator: torch.Generator) -> Tensor:
        """Each sample's result with the highest score, the clean image among them; of one component its results."""
        components = self.components
        if self.alone:
            return _results(components[self.alone], bound)
        judge = self.judged(bound)
        best = BestOf(bound.images, finite_scores(judge.scores(bound.images)), name=CLEAN)
        for name, component in components.items():
            found = _results(component, bound)
            best.add(found, finite_scores(judge.scores(found)), name=name)
        return best.images


def _results(component: MultiTaskAttack, bound: BoundObjective) -> Tensor:
    strict = component.balance in _OF_ALL_TASKS  # a sample may have no target for one task, though not for all
    return component.ascend(bound.under(component.balance, strict=strict))
