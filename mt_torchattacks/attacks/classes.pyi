"""The class of every attack, with its arguments. Written by ``python -m tests.api``: change nothing here."""

from typing import Any

from torch import nn

from mt_torchattacks.attacks.acg import ACG as _ACG
from mt_torchattacks.attacks.apgd import APGD as _APGD
from mt_torchattacks.attacks.auto_saga import Attention
from mt_torchattacks.attacks.auto_saga import AutoSAGA as _AutoSAGA
from mt_torchattacks.attacks.friendly_pgd import Broken
from mt_torchattacks.attacks.friendly_pgd import FriendlyPGD as _FriendlyPGD
from mt_torchattacks.attacks.host.attack import MultiTaskAttack
from mt_torchattacks.attacks.padam import PAdam as _PAdam
from mt_torchattacks.attacks.spsa import SPSA as _SPSA
from mt_torchattacks.attacks.square import Square as _Square
from mt_torchattacks.attacks.worst_case import WorstCase as _WorstCase
from mt_torchattacks.balancing import Rule
from mt_torchattacks.geometry.box import Bounds, PerChannel
from mt_torchattacks.tasks import Tasks

__all__ = [
    "ACG",
    "APGD",
    "BIM",
    "DIFGSM",
    "EOTPGD",
    "FFGSM",
    "FGSM",
    "MIFGSM",
    "NIFGSM",
    "PGD",
    "PGDL2",
    "PGDRS",
    "PGDRSL2",
    "PIFGSM",
    "PIFGSMPP",
    "RFGSM",
    "SINIFGSM",
    "SPSA",
    "TIFGSM",
    "UPGD",
    "VMIFGSM",
    "VNIFGSM",
    "AutoSAGA",
    "FriendlyPGD",
    "PAdam",
    "Square",
    "WorstCase",
]

class FGSM(MultiTaskAttack):
    """torchattacks' FGSM on all tasks of a model; its loop runs unchanged.

    Args:
        model: model to attack; a forward pass gives all tasks' outputs.
        tasks: its tasks (``mta.Tasks``).
        balance: balancing rule or its name.
        eps=0.03137254901960784: see ``torchattacks.FGSM``.
        bounds: smallest and largest pixel value, each a number or one a channel; lengths are in their unit.
    """

    def __init__(
        self,
        model: nn.Module,
        tasks: Tasks,
        balance: str | Rule = "dgba",
        eps: PerChannel = 8 / 255,
        *,
        bounds: Bounds = (0.0, 1.0),
    ) -> None: ...

class BIM(MultiTaskAttack):
    """torchattacks' BIM on all tasks of a model; its loop runs unchanged.

    Args:
        model: model to attack; a forward pass gives all tasks' outputs.
        tasks: its tasks (``mta.Tasks``).
        balance: balancing rule or its name.
        eps=0.03137254901960784, alpha=0.00784313725490196, steps=10: see ``torchattacks.BIM``.
        bounds: smallest and largest pixel value, each a number or one a channel; lengths are in their unit.
    """

    def __init__(
        self,
        model: nn.Module,
        tasks: Tasks,
        balance: str | Rule = "dgba",
        eps: PerChannel = 8 / 255,
        alpha: PerChannel = 2 / 255,
        steps: int = 10,
        *,
        bounds: Bounds = (0.0, 1.0),
    ) -> None: ...

class RFGSM(MultiTaskAttack):
    """torchattacks' RFGSM on all tasks of a model; its loop runs unchanged.

    Args:
        model: model to attack; a forward pass gives all tasks' outputs.
        tasks: its tasks (``mta.Tasks``).
        balance: balancing rule or its name.
        eps=0.03137254901960784, alpha=0.00784313725490196, steps=10: see ``torchattacks.RFGSM``.
        bounds: smallest and largest pixel value, each a number or one a channel; lengths are in their unit.
    """

    def __init__(
        self,
        model: nn.Module,
        tasks: Tasks,
        balance: str | Rule = "dgba",
        eps: PerChannel = 8 / 255,
        alpha: PerChannel = 2 / 255,
        steps: int = 10,
        *,
        bounds: Bounds = (0.0, 1.0),
    ) -> None: ...

class PGD(MultiTaskAttack):
    """torchattacks' PGD on all tasks of a model; its loop runs unchanged.

    Args:
        model: model to attack; a forward pass gives all tasks' outputs.
        tasks: its tasks (``mta.Tasks``).
        balance: balancing rule or its name.
        eps=0.03137254901960784, alpha=0.00784313725490196, steps=10, random_start=True: see ``torchattacks.PGD``.
        bounds: smallest and largest pixel value, each a number or one a channel; lengths are in their unit.
    """

    def __init__(
        self,
        model: nn.Module,
        tasks: Tasks,
        balance: str | Rule = "dgba",
        eps: PerChannel = 8 / 255,
        alpha: PerChannel = 2 / 255,
        steps: int = 10,
        random_start: bool = True,
        *,
        bounds: Bounds = (0.0, 1.0),
    ) -> None: ...

class PGDL2(MultiTaskAttack):
    """torchattacks' PGDL2 on all tasks of a model; its loop runs unchanged.

    Args:
        model: model to attack; a forward pass gives all tasks' outputs.
        tasks: its tasks (``mta.Tasks``).
        balance: balancing rule or its name.
        eps=1.0, alpha=0.2, steps=10, random_start=True, eps_for_division=1e-10: see ``torchattacks.PGDL2``.
        bounds: smallest and largest pixel value, each a number or one a channel; lengths are in their unit.
    """

    def __init__(
        self,
        model: nn.Module,
        tasks: Tasks,
        balance: str | Rule = "dgba",
        eps: PerChannel = 1.0,
        alpha: PerChannel = 51 / 255,
        steps: int = 10,
        random_start: bool = True,
        eps_for_division: float = 1e-10,
        *,
        bounds: Bounds = (0.0, 1.0),
    ) -> None: ...

class EOTPGD(MultiTaskAttack):
    """torchattacks' EOTPGD on all tasks of a model; its loop runs unchanged.

    Args:
        model: model to attack; a forward pass gives all tasks' outputs.
        tasks: its tasks (``mta.Tasks``).
        balance: balancing rule or its name.
        eps=0.03137254901960784, alpha=0.00784313725490196, steps=10, eot_iter=2, random_start=True: see
            ``torchattacks.EOTPGD``.
        bounds: smallest and largest pixel value, each a number or one a channel; lengths are in their unit.
    """

    def __init__(
        self,
        model: nn.Module,
        tasks: Tasks,
        balance: str | Rule = "dgba",
        eps: PerChannel = 8 / 255,
        alpha: PerChannel = 2 / 255,
        steps: int = 10,
        eot_iter: int = 2,
        random_start: bool = True,
        *,
        bounds: Bounds = (0.0, 1.0),
    ) -> None: ...

class FFGSM(MultiTaskAttack):
    """torchattacks' FFGSM on all tasks of a model; its loop runs unchanged.

    Args:
        model: model to attack; a forward pass gives all tasks' outputs.
        tasks: its tasks (``mta.Tasks``).
        balance: balancing rule or its name.
        eps=0.03137254901960784, alpha=0.0392156862745098: see ``torchattacks.FFGSM``.
        bounds: smallest and largest pixel value, each a number or one a channel; lengths are in their unit.
    """

    def __init__(
        self,
        model: nn.Module,
        tasks: Tasks,
        balance: str | Rule = "dgba",
        eps: PerChannel = 8 / 255,
        alpha: PerChannel = 10 / 255,
        *,
        bounds: Bounds = (0.0, 1.0),
    ) -> None: ...

class MIFGSM(MultiTaskAttack):
    """torchattacks' MIFGSM on all tasks of a model; its loop runs unchanged.

    Args:
        model: model to attack; a forward pass gives all tasks' outputs.
        tasks: its tasks (``mta.Tasks``).
        balance: balancing rule or its name.
        eps=0.03137254901960784, alpha=0.00784313725490196, steps=10, decay=1.0: see ``torchattacks.MIFGSM``.
        bounds: smallest and largest pixel value, each a number or one a channel; lengths are in their unit.
    """

    def __init__(
        self,
        model: nn.Module,
        tasks: Tasks,
        balance: str | Rule = "dgba",
        eps: PerChannel = 8 / 255,
        alpha: PerChannel = 2 / 255,
        steps: int = 10,
        decay: float = 1.0,
        *,
        bounds: Bounds = (0.0, 1.0),
    ) -> None: ...

class NIFGSM(MultiTaskAttack):
    """torchattacks' NIFGSM on all tasks of a model; its loop runs unchanged.

    Args:
        model: model to attack; a forward pass gives all tasks' outputs.
        tasks: its tasks (``mta.Tasks``).
        balance: balancing rule or its name.
        eps=0.03137254901960784, alpha=0.00784313725490196, steps=10, decay=1.0: see ``torchattacks.NIFGSM``.
        bounds: smallest and largest pixel value, each a number or one a channel; lengths are in their unit.
    """

    def __init__(
        self,
        model: nn.Module,
        tasks: Tasks,
        balance: str | Rule = "dgba",
        eps: PerChannel = 8 / 255,
        alpha: PerChannel = 2 / 255,
        steps: int = 10,
        decay: float = 1.0,
        *,
        bounds: Bounds = (0.0, 1.0),
    ) -> None: ...

class SINIFGSM(MultiTaskAttack):
    """torchattacks' SINIFGSM on all tasks of a model; its loop runs unchanged.

    Args:
        model: model to attack; a forward pass gives all tasks' outputs.
        tasks: its tasks (``mta.Tasks``).
        balance: balancing rule or its name.
        eps=0.03137254901960784, alpha=0.00784313725490196, steps=10, decay=1.0, m=5: see ``torchattacks.SINIFGSM``.
        bounds: smallest and largest pixel value, each a number or one a channel; lengths are in their unit.
    """

    def __init__(
        self,
        model: nn.Module,
        tasks: Tasks,
        balance: str | Rule = "dgba",
        eps: PerChannel = 8 / 255,
        alpha: PerChannel = 2 / 255,
        steps: int = 10,
        decay: float = 1.0,
        m: int = 5,
        *,
        bounds: Bounds = (0.0, 1.0),
    ) -> None: ...

class VMIFGSM(MultiTaskAttack):
    """torchattacks' VMIFGSM on all tasks of a model; its loop runs unchanged.

    Args:
        model: model to attack; a forward pass gives all tasks' outputs.
        tasks: its tasks (``mta.Tasks``).
        balance: balancing rule or its name.
        eps=0.03137254901960784, alpha=0.00784313725490196, steps=10, decay=1.0, N=5, beta=1.5: see
            ``torchattacks.VMIFGSM``.
        bounds: smallest and largest pixel value, each a number or one a channel; lengths are in their unit.
    """

    def __init__(
        self,
        model: nn.Module,
        tasks: Tasks,
        balance: str | Rule = "dgba",
        eps: PerChannel = 8 / 255,
        alpha: PerChannel = 2 / 255,
        steps: int = 10,
        decay: float = 1.0,
        N: int = 5,
        beta: float = 1.5,
        *,
        bounds: Bounds = (0.0, 1.0),
    ) -> None: ...

class VNIFGSM(MultiTaskAttack):
    """torchattacks' VNIFGSM on all tasks of a model; its loop runs unchanged.

    Args:
        model: model to attack; a forward pass gives all tasks' outputs.
        tasks: its tasks (``mta.Tasks``).
        balance: balancing rule or its name.
        eps=0.03137254901960784, alpha=0.00784313725490196, steps=10, decay=1.0, N=5, beta=1.5: see
            ``torchattacks.VNIFGSM``.
        bounds: smallest and largest pixel value, each a number or one a channel; lengths are in their unit.
    """

    def __init__(
        self,
        model: nn.Module,
        tasks: Tasks,
        balance: str | Rule = "dgba",
        eps: PerChannel = 8 / 255,
        alpha: PerChannel = 2 / 255,
        steps: int = 10,
        decay: float = 1.0,
        N: int = 5,
        beta: float = 1.5,
        *,
        bounds: Bounds = (0.0, 1.0),
    ) -> None: ...

class DIFGSM(MultiTaskAttack):
    """torchattacks' DIFGSM on all tasks of a model; its loop runs unchanged.

    Args:
        model: model to attack; a forward pass gives all tasks' outputs.
        tasks: its tasks (``mta.Tasks``).
        balance: balancing rule or its name.
        eps=0.03137254901960784, alpha=0.00784313725490196, steps=10, decay=0.0, resize_rate=0.9, diversity_prob=0.5,
            random_start=False: see ``torchattacks.DIFGSM``.
        bounds: smallest and largest pixel value, each a number or one a channel; lengths are in their unit.
    """

    def __init__(
        self,
        model: nn.Module,
        tasks: Tasks,
        balance: str | Rule = "dgba",
        eps: PerChannel = 8 / 255,
        alpha: PerChannel = 2 / 255,
        steps: int = 10,
        decay: float = 0.0,
        resize_rate: float = 0.9,
        diversity_prob: float = 0.5,
        random_start: bool = False,
        *,
        bounds: Bounds = (0.0, 1.0),
    ) -> None: ...

class TIFGSM(MultiTaskAttack):
    """torchattacks' TIFGSM on all tasks of a model; its loop runs unchanged.

    Args:
        model: model to attack; a forward pass gives all tasks' outputs.
        tasks: its tasks (``mta.Tasks``).
        balance: balancing rule or its name.
        eps=0.03137254901960784, alpha=0.00784313725490196, steps=10, decay=0.0, kernel_name='gaussian', len_kernel=15,
            nsig=3, resize_rate=0.9, diversity_prob=0.5, random_start=False: see ``torchattacks.TIFGSM``.
        bounds: smallest and largest pixel value, each a number or one a channel; lengths are in their unit.
    """

    def __init__(
        self,
        model: nn.Module,
        tasks: Tasks,
        balance: str | Rule = "dgba",
        eps: PerChannel = 8 / 255,
        alpha: PerChannel = 2 / 255,
        steps: int = 10,
        decay: float = 0.0,
        kernel_name: str = "gaussian",
        len_kernel: int = 15,
        nsig: int = 3,
        resize_rate: float = 0.9,
        diversity_prob: float = 0.5,
        random_start: bool = False,
        *,
        bounds: Bounds = (0.0, 1.0),
    ) -> None: ...

class UPGD(MultiTaskAttack):
    """torchattacks' UPGD on all tasks of a model; its loop runs unchanged.

    Args:
        model: model to attack; a forward pass gives all tasks' outputs.
        tasks: its tasks (``mta.Tasks``).
        balance: balancing rule or its name.
        eps=0.03137254901960784, alpha=0.00784313725490196, steps=10, random_start=False, loss='ce', decay=1.0,
            eot_iter=1: see ``torchattacks.UPGD``.
        bounds: smallest and largest pixel value, each a number or one a channel; lengths are in their unit.
    """

    def __init__(
        self,
        model: nn.Module,
        tasks: Tasks,
        balance: str | Rule = "dgba",
        eps: PerChannel = 8 / 255,
        alpha: PerChannel = 2 / 255,
        steps: int = 10,
        random_start: bool = False,
        loss: str = "ce",
        decay: float = 1.0,
        eot_iter: int = 1,
        *,
        bounds: Bounds = (0.0, 1.0),
    ) -> None: ...

class APGD(_APGD):
    """Auto-PGD: step sizes that halve at checkpoints, momentum, and the best iterate of every sample returned.

    Args:
        model: model to attack; a forward pass gives all tasks' outputs.
        tasks: its tasks.
        balance: balancing rule or its name.
        norm: of the perturbation: ``"Linf"`` or ``"L2"`` or ``"L1"``.
        eps: radius of the perturbation > 0, in pixel values; for Linf also one a channel.
        steps: number of steps >= 1.
        n_restarts: number of runs >= 1; each sample keeps its best.
        seed: of the random starts, which are a function of it and the image.
        loss: only ``"ce"``, torchattacks' name for the loss itself: here the tasks' own.
        eot_iter: gradients averaged at each step, for models with randomness.
        rho: share of the steps between two checkpoints that must raise the score, or the step size is halved.
        verbose: print each restart's mean score.
        random_start: start the first run at a random point; otherwise at the clean image (later runs start at random).
        checkpoints: when step sizes are halved: ``"autoattack"`` as its code does (torchattacks' too), ``"paper"`` as
            the papers say; see :mod:`mt_torchattacks.attacks.checkpoints`. Without effect for L1.
        radii: ``"constant"``, or ``"reduced"``: three tenths of the steps within twice the radius, three tenths within
            one and a half times, the others within the radius, each stage from the best iterate of the one before (SEA,
            https://arxiv.org/abs/2306.12941, section 3.3); only images within the radius are returned.
        bounds: smallest and largest pixel value, each a number or one a channel.
    """

    def __init__(
        self,
        model: nn.Module,
        tasks: Tasks,
        balance: str | Rule = "dgba",
        norm: str = "Linf",
        eps: PerChannel = 8 / 255,
        steps: int = 10,
        n_restarts: int = 1,
        seed: int = 0,
        loss: str = "ce",
        eot_iter: int = 1,
        rho: float = 0.75,
        verbose: bool = False,
        random_start: bool = True,
        checkpoints: str = "autoattack",
        radii: str = "constant",
        *,
        bounds: Bounds = (0.0, 1.0),
    ) -> None: ...

class PIFGSM(MultiTaskAttack):
    """torchattacks' PIFGSM on all tasks of a model; its loop runs unchanged.

    Args:
        model: model to attack; a forward pass gives all tasks' outputs.
        tasks: its tasks (``mta.Tasks``).
        balance: balancing rule or its name.
        max_epsilon=0.06274509803921569, num_iter_set=10, momentum=1.0, amplification=10.0, prob=0.7: see
            ``torchattacks.PIFGSM``.
        bounds: smallest and largest pixel value, each a number or one a channel; lengths are in their unit.
    """

    def __init__(
        self,
        model: nn.Module,
        tasks: Tasks,
        balance: str | Rule = "dgba",
        max_epsilon: PerChannel = 16 / 255,
        num_iter_set: int = 10,
        momentum: float = 1.0,
        amplification: float = 10.0,
        prob: float = 0.7,
        *,
        bounds: Bounds = (0.0, 1.0),
    ) -> None: ...

class PIFGSMPP(MultiTaskAttack):
    """torchattacks' PIFGSMPP on all tasks of a model; its loop runs unchanged.

    Args:
        model: model to attack; a forward pass gives all tasks' outputs.
        tasks: its tasks (``mta.Tasks``).
        balance: balancing rule or its name.
        max_epsilon=0.06274509803921569, num_iter_set=10, momentum=1.0, amplification=10.0, prob=0.7,
            project_factor=0.8: see ``torchattacks.PIFGSMPP``.
        bounds: smallest and largest pixel value, each a number or one a channel; lengths are in their unit.
    """

    def __init__(
        self,
        model: nn.Module,
        tasks: Tasks,
        balance: str | Rule = "dgba",
        max_epsilon: PerChannel = 16 / 255,
        num_iter_set: int = 10,
        momentum: float = 1.0,
        amplification: float = 10.0,
        prob: float = 0.7,
        project_factor: float = 204 / 255,
        *,
        bounds: Bounds = (0.0, 1.0),
    ) -> None: ...

class PGDRS(MultiTaskAttack):
    """torchattacks' PGDRS on all tasks of a model; its loop runs unchanged.

    Args:
        model: model to attack; a forward pass gives all tasks' outputs.
        tasks: its tasks (``mta.Tasks``).
        balance: balancing rule or its name.
        eps=0.03137254901960784, alpha=0.00784313725490196, steps=10, noise_type='guassian', noise_sd=0.5,
            noise_batch_size=5, batch_max=2048: see ``torchattacks.PGDRS``.
        bounds: smallest and largest pixel value, each a number or one a channel; lengths are in their unit.
    """

    def __init__(
        self,
        model: nn.Module,
        tasks: Tasks,
        balance: str | Rule = "dgba",
        eps: PerChannel = 8 / 255,
        alpha: PerChannel = 2 / 255,
        steps: int = 10,
        noise_type: str = "guassian",
        noise_sd: PerChannel = 0.5,
        noise_batch_size: int = 5,
        batch_max: int = 2048,
        *,
        bounds: Bounds = (0.0, 1.0),
    ) -> None: ...

class PGDRSL2(MultiTaskAttack):
    """torchattacks' PGDRSL2 on all tasks of a model; its loop runs unchanged.

    Args:
        model: model to attack; a forward pass gives all tasks' outputs.
        tasks: its tasks (``mta.Tasks``).
        balance: balancing rule or its name.
        eps=1.0, alpha=0.2, steps=10, noise_type='guassian', noise_sd=0.5, noise_batch_size=5, batch_max=2048,
            eps_for_division=1e-10: see ``torchattacks.PGDRSL2``.
        bounds: smallest and largest pixel value, each a number or one a channel; lengths are in their unit.
    """

    def __init__(
        self,
        model: nn.Module,
        tasks: Tasks,
        balance: str | Rule = "dgba",
        eps: PerChannel = 1.0,
        alpha: PerChannel = 51 / 255,
        steps: int = 10,
        noise_type: str = "guassian",
        noise_sd: PerChannel = 0.5,
        noise_batch_size: int = 5,
        batch_max: int = 2048,
        eps_for_division: float = 1e-10,
        *,
        bounds: Bounds = (0.0, 1.0),
    ) -> None: ...

class ACG(_ACG):
    """Auto conjugate gradient: Auto-PGD that steps along conjugate directions, in place of gradients with momentum.

    Args:
        model: model to attack; a forward pass gives all tasks' outputs.
        tasks: its tasks.
        balance: balancing rule or its name.
        norm: of the perturbation: ``"Linf"`` or ``"L2"``.
        eps: radius of the perturbation > 0, in pixel values; for Linf also one a channel.
        steps: number of steps >= 1.
        n_restarts: number of runs >= 1; each sample keeps its best.
        seed: of the random starts, which are a function of it and the image.
        loss: only ``"ce"``, torchattacks' name for the loss itself: here the tasks' own.
        eot_iter: gradients averaged at each step, for models with randomness.
        rho: share of the steps between two checkpoints that must raise the score, or the step size is halved.
        verbose: print each restart's mean score.
        random_start: start the first run at a random point; otherwise at the clean image (later runs start at random).
        checkpoints: when step sizes are halved: ``"autoattack"`` as its code does (torchattacks' too), ``"paper"`` as
            the papers say; see :mod:`mt_torchattacks.attacks.checkpoints`. Without effect for L1.
        radii: ``"constant"``, or ``"reduced"``: three tenths of the steps within twice the radius, three tenths within
            one and a half times, the others within the radius, each stage from the best iterate of the one before (SEA,
            https://arxiv.org/abs/2306.12941, section 3.3); only images within the radius are returned.
        bounds: smallest and largest pixel value, each a number or one a channel.
    """

    def __init__(
        self,
        model: nn.Module,
        tasks: Tasks,
        balance: str | Rule = "dgba",
        norm: str = "Linf",
        eps: PerChannel = 8 / 255,
        steps: int = 10,
        n_restarts: int = 1,
        seed: int = 0,
        loss: str = "ce",
        eot_iter: int = 1,
        rho: float = 0.75,
        verbose: bool = False,
        random_start: bool = True,
        checkpoints: str = "autoattack",
        radii: str = "constant",
        *,
        bounds: Bounds = (0.0, 1.0),
    ) -> None: ...

class AutoSAGA(_AutoSAGA):
    """Auto-SAGA, the self-attention gradient attack that learns how to blend its gradients, for the Linf norm.

    Args:
        model: model to attack; a forward pass gives all tasks' outputs.
        tasks: its tasks.
        balance: a rule whose weights follow from the losses, or its name; ``"baseline"`` stands for ``"total"``.
        eps: radius of the perturbation.
        alpha: step size.
        steps: number of steps.
        learning_rate: r, of the blending weights >= 0; with 0 they stay 1, and this is the basic iterative method.
        fitting_factor: lambda > 0, of the tanh that stands for the sign; near 1, since G is near 1 on average.
        decay: gamma >= 0, momentum of the blended gradient.
        eot_iter: forward passes that each gradient is the mean of, for models with randomness.
        attention: the map phi ``(N, 1, H, W)`` as a function of the model's input, by task; 1 for a task without. For a
            transformer trunk :class:`~mt_torchattacks.attacks.Rollout`.
        bounds: smallest and largest pixel value, each a number or one a channel.
    """

    def __init__(
        self,
        model: nn.Module,
        tasks: Tasks,
        balance: str | Rule = "dgba",
        eps: PerChannel = 8 / 255,
        alpha: PerChannel = 2 / 255,
        steps: int = 40,
        learning_rate: float = 250.0,
        fitting_factor: float = 1.0,
        decay: float = 0.0,
        eot_iter: int = 1,
        attention: Attention | None = None,
        *,
        bounds: Bounds = (0.0, 1.0),
    ) -> None: ...

class FriendlyPGD(_FriendlyPGD):
    """PGD with at most K steps, and at most ``tau`` of them from images that are broken: images to train on.

    Args:
        model: model to attack; a forward pass gives all tasks' outputs.
        tasks: its tasks.
        balance: balancing rule or its name.
        norm: of the perturbation: ``"Linf"`` or ``"L2"``.
        eps: radius of the perturbation > 0, in pixel values; for Linf also one a channel.
        alpha: length of a step > 0, in pixel values.
        steps: K, the largest number of steps >= 1.
        tau: steps from images that are broken, >= 0; None for no limit.
        broken: when a sample is broken: a number that the sum of the tasks' relative loss increases reaches; numbers by
            task that each of these tasks' own relative increase reaches; or a function of the model's outputs and the
            targets, both by task, that returns booleans ``(N,)``, which takes one more forward pass a step.
        random_start: start at a random point of the ball; otherwise at the clean image.
        bounds: smallest and largest pixel value, each a number or one a channel.
    """

    def __init__(
        self,
        model: nn.Module,
        tasks: Tasks,
        balance: str | Rule = "dgba",
        norm: str = "Linf",
        eps: PerChannel = 8 / 255,
        alpha: PerChannel = 2 / 255,
        steps: int = 10,
        tau: int | None = 0,
        broken: Broken = 1.0,
        random_start: bool = True,
        *,
        bounds: Bounds = (0.0, 1.0),
    ) -> None: ...

class PAdam(_PAdam):
    """Adam (with AMSGrad) in the direction of all tasks, projected after each step; the best iterate is returned.

    Args:
        model: model to attack; a forward pass gives all tasks' outputs.
        tasks: its tasks.
        balance: balancing rule or its name.
        norm: of the perturbation: ``"Linf"`` or ``"L2"``.
        eps: radius of the perturbation > 0, in pixel values; for Linf also one a channel.
        alpha: largest move of a pixel in a step > 0, in pixel values.
        steps: number of steps >= 1.
        random_start: start at a random point of the ball; otherwise at the clean image.
        seed: of the random starts, which are a function of it and the image.
        bounds: smallest and largest pixel value, each a number or one a channel.
    """

    def __init__(
        self,
        model: nn.Module,
        tasks: Tasks,
        balance: str | Rule = "dgba",
        norm: str = "Linf",
        eps: PerChannel = 8 / 255,
        alpha: PerChannel = 2 / 255,
        steps: int = 10,
        random_start: bool = True,
        seed: int = 0,
        *,
        bounds: Bounds = (0.0, 1.0),
    ) -> None: ...

class SPSA(_SPSA):
    """Simultaneous perturbation stochastic approximation: estimate the gradient from pairs of scores, and follow it.

    Args:
        model: model to attack; a forward pass gives all tasks' outputs.
        tasks: its tasks.
        balance: balancing rule or its name; only its score is used.
        norm: of the perturbation: ``"Linf"`` or ``"L2"``.
        eps: radius of the perturbation > 0, in pixel values; for Linf also one a channel.
        n_queries: queries for each sample >= 3; up to two may be left over. The clean image is not counted.
        delta: distance of the points of a pair from the present image, in pixel values.
        lr: length of a step, in pixel values (for L2 the root of its mean square).
        nb_sample: pairs for one estimate >= 1.
        max_batch_size: pairs for each image in one forward pass >= 1.
        tile: side of the tiles in pixels >= 1.
        seed: of the attack's own random numbers.
        stop_at: score at which a sample is asked about no more; None asks ``n_queries`` times about each.
        bounds: smallest and largest pixel value, each a number or one a channel.
    """

    def __init__(
        self,
        model: nn.Module,
        tasks: Tasks,
        balance: str | Rule = "dgba",
        norm: str = "Linf",
        eps: PerChannel = 8 / 255,
        n_queries: int = 5000,
        delta: PerChannel = 0.01,
        lr: PerChannel = 0.01,
        nb_sample: int = 10,
        max_batch_size: int = 64,
        tile: int = 4,
        seed: int = 0,
        stop_at: float | None = None,
        *,
        bounds: Bounds = (0.0, 1.0),
    ) -> None: ...

class Square(_Square):
    """Square Attack: try a square-shaped change at a random place, keep it where the score rises.

    Args:
        model: model to attack; a forward pass gives all tasks' outputs.
        tasks: its tasks.
        balance: balancing rule or its name; only its score is used.
        norm: of the perturbation: ``"Linf"`` or ``"L2"``.
        eps: radius of the perturbation > 0, in pixel values; for Linf also one a channel.
        n_queries: queries for each sample and restart >= 1, the first image among them; the clean image is not counted.
        n_restarts: number of runs >= 1; each sample keeps its best.
        p_init: a share of the pixels in (0, 1], in the first squares.
        resc_schedule: stretch the schedule of the squares' sizes from the published 10000 queries to ``n_queries``.
        seed: of the attack's own random numbers.
        stop_at: score at which a sample is asked about no more; None asks ``n_queries`` times about each.
        bounds: smallest and largest pixel value, each a number or one a channel.
    """

    def __init__(
        self,
        model: nn.Module,
        tasks: Tasks,
        balance: str | Rule = "dgba",
        norm: str = "Linf",
        eps: PerChannel = 8 / 255,
        n_queries: int = 5000,
        n_restarts: int = 1,
        p_init: float = 204 / 255,
        resc_schedule: bool = True,
        seed: int = 0,
        stop_at: float | None = None,
        *,
        bounds: Bounds = (0.0, 1.0),
    ) -> None: ...

class WorstCase(_WorstCase):
    """Several attacks, one after another; each sample keeps the result that scores highest. Nothing to tune but eps.

    Args:
        model: model to attack; a forward pass gives all tasks' outputs.
        tasks: its tasks.
        balance: rule whose score results are compared by; of the default the sum of the relative loss increases.
        norm: of the perturbation: ``"Linf"`` or ``"L2"``.
        eps: radius of the perturbation > 0.
        steps: steps of each APGD component >= 1.
        n_queries: queries of the Square component >= 1.
        seed: of the components' own random numbers.
        judge: tasks with other losses to take the score from, for example errors without a gradient
            (``mta.Tasks(depth=relative_error)``) or fewer tasks (``tasks.only(["depth"])``); ``tasks`` by default.
        bounds: smallest and largest pixel value, each a number or one a channel.
    """

    def __init__(
        self,
        model: nn.Module,
        tasks: Tasks,
        balance: str | Rule = "dgba",
        norm: str = "Linf",
        eps: float = 8 / 255,
        steps: int = 20,
        n_queries: int = 500,
        seed: int = 0,
        judge: Tasks | None = None,
        *,
        bounds: Bounds = (0.0, 1.0),
    ) -> None: ...

def find(name: str) -> Any: ...
