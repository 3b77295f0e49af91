"""Checks of the model itself: is it the same function each time, and do gradients lead from outputs to images?"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from mt_torchattacks.evaluation.audit.case import FEW, Case
from mt_torchattacks.evaluation.audit.report import Finding
from mt_torchattacks.geometry.shape import dims
from mt_torchattacks.tasks.losses import BCEWithLogits, CrossEntropy

_SUM = 1e-3  # by which sums of probabilities may miss 1, in float16 too


def random(case: Case) -> Iterator[Finding]:
    """Two passes on the same images must agree."""
    first, second = case.outputs(case.images), case.outputs(case.images)
    for task in first:
        apart = float((first[task] - second[task]).abs().max())
        if apart > 0:
            yield Finding(
                "random",
                task,
                f"Two passes on the same images in evaluation mode differ by up to {apart:.3g}.",
                "An attack follows one draw and is measured on another, so that the model looks too robust.",
                "Turn the randomness off to measure the model without it, or average gradients over draws "
                "(mta.EOTPGD, mta.APGD(eot_iter=20)).",
            )


def changing(case: Case) -> Iterator[Finding]:
    """A pass in evaluation mode must not change the model."""
    before = {name: buffer.clone() for name, buffer in case.model.named_buffers()}
    case.outputs(case.images)
    moved = [name for name, buffer in case.model.named_buffers() if not torch.equal(before[name], buffer)]
    if moved:
        yield Finding(
            "changing",
            "",
            f"A pass in evaluation mode changes the buffers {', '.join(moved[:3])}{' ...' if len(moved) > 3 else ''}.",
            "The model that is measured is not the one that was attacked, and each evaluation changes it further.",
            "Freeze running statistics in evaluation mode.",
        )


def blocked(case: Case) -> Iterator[Finding]:
    """Where an output follows the image, a gradient has to reach the image."""
    before, after = case.outputs(case.images), case.outputs(case.noisy())
    for task in case.tasks.balanced:
        changed = _by_sample((before[task] - after[task]).abs()) > 0
        gradient = case.gradient(task)
        without = torch.ones_like(changed) if gradient is None else _by_sample(gradient.abs()) == 0
        if not bool(changed.any()):
            yield Finding(
                "ignores the image",
                task,
                f"The output stays exactly the same under noise of the size eps on all {len(changed)} images.",
                "Nothing can be learned about such a head with this eps.",
                "Look for rounding or an argmax in the model, or for a head that is not connected.",
            )
        elif bool(without.all()):
            yield Finding(
                "blocked",
                task,
                "The output changes under noise, but no gradient reaches the image (rounding, argmax, detach).",
                "Attacks by gradients leave this head as it is, which looks like robustness.",
                "Replace the operation by one with a gradient for the attack (BPDA), or attack with mta.Square.",
            )
        elif float(without.float().mean()) > FEW:
            yield Finding(
                "vanishing",
                task,
                f"The gradient is exactly zero on {100 * float(without.float().mean()):.0f} % of the images.",
                "These samples cannot be attacked by gradients: a saturated sigmoid or softmax inside the model, or a "
                "loss that is flat.",
                "Attack the scores before the saturation, use a loss with a logarithm or a margin, and compare with "
                "mta.Square.",
            )


def probabilities(case: Case) -> Iterator[Finding]:
    """Losses on scores must not be given probabilities."""
    for task, output in case.outputs(case.images).items():
        loss = case.tasks[task].loss
        within = bool((output >= 0).all() and (output <= 1).all())
        sums = within and bool(((output.sum(dim=1) - 1).abs() < _SUM).all())
        if (isinstance(loss, CrossEntropy) and sums) or (isinstance(loss, BCEWithLogits) and within):
            yield Finding(
                "probabilities",
                task,
                "The outputs are probabilities, and the loss takes its softmax or sigmoid once more.",
                "Such a loss is nearly flat: its gradient vanishes for confident samples, and its values mean nothing.",
                "Return the scores before the softmax, or their logarithms.",
            )


def _by_sample(x: Tensor) -> Tensor:
    return x.amax(dim=dims(x)) if x.ndim > 1 else x
