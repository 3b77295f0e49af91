"""Checks of what attacks do: more of everything must not do less harm, and gradients must beat chance."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from mt_torchattacks.balancing import LossRule
from mt_torchattacks.evaluation.audit.case import FEW, UNBOUNDED, Case
from mt_torchattacks.evaluation.audit.report import Finding
from mt_torchattacks.geometry.ball import Ball
from mt_torchattacks.geometry.shape import dims
from mt_torchattacks.objective import Objective

_LESS = 0.95  # of a loss: what a stronger attack may miss by chance
_UNBROKEN = 0.5  # least relative increase of a loss by an attack without a bound
_DOMINANT = 0.95  # share of the direction
_SATURATED = 0.95  # share of the harm of ten steps that one step does
_DRAWS = 8  # of noise
_BY_CHANCE = 0.25  # of the samples, on which noise may raise a loss as much as a step; without a gradient it is half


def misleading(case: Case) -> Iterator[Finding]:
    """A small step along the gradient must raise the loss more than noise of the same size."""
    for task in _attackable(case):
        gradient = case.gradient(task)
        assert gradient is not None
        step = (case.images + case.eps / 4 * gradient.sign()).clamp(0, 1)
        scores = case.bound(task).scores
        along = scores(step)
        better = torch.stack([scores(case.noisy(0.25, draw)) >= along for draw in range(_DRAWS)])
        if float(better.float().mean()) > _BY_CHANCE:
            yield Finding(
                "misleading",
                task,
                f"In {100 * float(better.float().mean()):.0f} % of the cases random noise of the size eps / 4 raises "
                "the loss as much as a step along the gradient.",
                "The gradient is masked (noise, shattered or obfuscated gradients), so attacks by gradients are weak.",
                "Average gradients over noisy images (mta.EOTPGD, mta.VMIFGSM), and compare with mta.Square.",
            )


def growth(case: Case) -> Iterator[Finding]:
    """Without a bound every head must break, and more steps must not do less harm."""
    for task in _attackable(case):
        near, far = (float(case.attacked("apgd", task, eps).mean()) for eps in (case.eps, UNBOUNDED))
        once = float(case.attacked("fgsm", task, case.eps).mean())
        if max(case.rise("apgd", task, eps) for eps in (case.eps, UNBOUNDED)) < _UNBROKEN:
            yield Finding(
                "unbroken",
                task,
                f"With a bound of {case.eps * 255:g}/255 APGD raises the mean loss to {near:.3g}, with none at all to "
                f"{far:.3g}; clean it is {float(case.losses(case.images)[task].mean()):.3g}.",
                "An attack that may change every pixel at will has to break any head, so this one has lost its way.",
                "Look for masked gradients, for a loss that is bounded, and for a head that is no better than chance.",
            )
        elif near < _LESS * once:
            yield Finding(
                "steps",
                task,
                f"APGD with {case.steps} steps raises the mean loss to {near:.3g}, one step of FGSM to {once:.3g}.",
                "More steps must not do less harm; the gradient is of use only close to the clean image.",
                "Look for masked gradients; try smaller steps, momentum (mta.MIFGSM) and restarts.",
            )


def black_box(case: Case) -> Iterator[Finding]:
    """An attack that sees scores only must not beat one that sees gradients."""
    if case.images.ndim != 4:  # Square is for images
        return
    for task in case.tasks.balanced:
        white, black = (case.attacked(attack, task, case.eps).mean() for attack in ("apgd", "square"))
        clean = case.losses(case.images)[task].mean()
        if black - clean > max(float(white - clean), 0) / _LESS + 1e-6 and case.rise("square", task) > 1 - _LESS:
            yield Finding(
                "black box",
                task,
                f"Square with {case.queries} queries raises the mean loss to {float(black):.3g}, "
                f"APGD with {case.steps} steps to {float(white):.3g}.",
                "An attack without gradients does more harm, so gradients mislead and the model looks too robust.",
                "Report the stronger of both (mta.worst_case), and find out what masks the gradient.",
            )


def dominance(case: Case) -> Iterator[Finding]:
    """Under the rule in question no task should be the whole direction."""
    objective = Objective(case.model, case.tasks, case.balance)
    tasks = [task for task in objective.names if task in _attackable(case)]
    if len(tasks) < 2 or not isinstance(objective.rule, LossRule):
        return
    ball = Ball(case.images, case.eps, float("inf"), (0.0, 1.0))
    bound = Objective(case.model, case.tasks.only(tasks), case.balance).bind(case.images, case.targets, ball=ball)
    _, gradients = bound.weighted_gradients(case.images)
    sizes = gradients.abs().flatten(2).sum(dim=2)
    shares = (sizes / sizes.sum(dim=1, keepdim=True).clamp_min(torch.finfo(sizes.dtype).tiny)).mean(dim=0)
    if float(shares.max()) > _DOMINANT:
        first = tasks[int(shares.argmax())]
        yield Finding(
            "dominance",
            first,
            f"Under the rule {case.balance} this task is {100 * float(shares.max()):.0f} % of the direction.",
            "The attack is one on this task alone; the others look more robust than they are.",
            "Use a rule that divides by the losses (dgba, relative), or scale the loss; report the envelope "
            "(mta.worst_case).",
        )


def saturation(case: Case) -> Iterator[Finding]:
    """There must be room between the weakest and a strong attack, or nothing can be ranked."""
    tasks = _attackable(case)
    weak, strong = ([case.rise(attack, task) for task in tasks] for attack in ("fgsm", "apgd"))
    if tasks and all(low > _SATURATED * high and high > 1 for low, high in zip(weak, strong, strict=True)):
        yield Finding(
            "saturation",
            "",
            f"A single step of FGSM does at least {100 * _SATURATED:.0f} % of the harm that APGD does, to every task.",
            "Every head is broken by the weakest attack, so attacks and defences cannot be ranked at this radius.",
            f"Choose a smaller radius than {case.eps * 255:g}/255.",
        )


def _attackable(case: Case) -> list[str]:
    """The tasks with a gradient; for the others it has been said already what is wrong."""
    found = []
    for task in case.tasks.balanced:
        gradient = case.gradient(task)
        if gradient is not None and float((gradient.abs().amax(dim=dims(gradient)) > 0).float().mean()) >= 1 - FEW:
            found.append(task)
    return found
