"""ACG on all tasks: Auto-PGD's step sizes along conjugate directions."""

from __future__ import annotations

from typing import ClassVar

from mt_torchattacks.attacks.apgd import APGD


class ACG(APGD):
    """Auto conjugate gradient: Auto-PGD that steps along conjugate directions, in place of gradients with momentum.

    'Diversified Adversarial Attacks Based on Conjugate Gradient Method' (Yamamura et al., ICML 2022,
    https://arxiv.org/abs/2206.09628, algorithm 1): the direction is the gradient plus the direction before, times the
    beta of Hestenes and Stiefel, so that a step does not undo the one before; step sizes, checkpoints and the best
    iterate are those of Auto-PGD. Differences: beta is kept in [0, 1], samples that go back to their best iterate begin
    anew with its gradient, and the first iterate is random unless ``random_start=False``. A step takes as many passes
    as Auto-PGD's.

    Example:
        >>> import torch, mt_torchattacks as mta
        >>> model = torch.nn.Conv2d(3, 1, 1)
        >>> attack = mta.ACG(model, mta.Tasks(depth=mta.losses.L1()), eps=8 / 255, steps=5)
        >>> attack(torch.rand(2, 3, 8, 8), {"depth": torch.zeros(2, 1, 8, 8)}).shape
        torch.Size([2, 3, 8, 8])
    """

    norms: ClassVar[tuple[str, ...]] = ("Linf", "L2")
    conjugate: ClassVar[bool] = True
