"""Every attack of the library as an ART attack."""

from __future__ import annotations

from typing import Any

import numpy as np
from art.attacks.attack import EvasionAttack
from torch import Tensor, nn

from art_plugins.batch_attack import BatchAttack
from art_plugins.estimator import PyTorchMultiTaskEstimator
from art_plugins.network import Network
from mt_torchattacks import Rule, checks
from mt_torchattacks.attacks import ATTACKS, attack_class
from mt_torchattacks.attacks.host.attack import MultiTaskAttack
from mt_torchattacks.geometry.box import Bounds
from mt_torchattacks.types import Outputs, Targets


class FromTorchattacks(BatchAttack):
    """An attack of `mt_torchattacks`, torchattacks' or its own, on a :class:`.PyTorchMultiTaskEstimator`.

    The model is the estimator's with its preprocessing, pixels stay within its clip values, and lengths as `eps` are in
    their unit. The attack's own arguments are parameters of this one, too.

    Example:
        >>> import torch, mt_torchattacks as mta
        >>> model, tasks = torch.nn.Conv2d(3, 1, 1), mta.Tasks(depth=mta.losses.L1())
        >>> estimator = PyTorchMultiTaskEstimator(model, tasks, input_shape=(3, 8, 8), clip_values=(0.0, 1.0))
        >>> attack = FromTorchattacks(estimator, "AutoSAGA", eps=8 / 255, steps=5)
        >>> attack.generate(np.random.rand(4, 3, 8, 8), {"depth": np.zeros((4, 1, 8, 8))}).shape
        (4, 3, 8, 8)
    """

    attack_params = [  # noqa: RUF012 - ART's form
        *EvasionAttack.attack_params,
        "name",
        "targeted",
        "batch_size",
        "verbose",
        "balance",
    ]

    def __init__(
        self,
        estimator: PyTorchMultiTaskEstimator,
        name: str,
        targeted: bool = False,
        batch_size: int = 32,
        verbose: bool = False,
        balance: str | Rule | None = None,
        **arguments: Any,
    ) -> None:
        """Create a :class:`.FromTorchattacks` instance.

        :param estimator: A multi-task estimator with clip values.
        :param name: The attack's name in `mt_torchattacks`: "AutoSAGA", "Square", "WorstCase", "VMIFGSM", ...
        :param targeted: Indicates whether `y` are goals to approach (True) or targets to leave (False).
        :param batch_size: Size of the batch on which adversarial samples are generated.
        :param verbose: Show progress bars.
        :param balance: The balancing rule, or its name; None for the estimator's.
        :param arguments: The attack's own arguments.
        """
        super().__init__(estimator=estimator)
        self.name = name
        self.targeted = targeted
        self.batch_size = batch_size
        self.verbose = verbose
        self.balance = balance
        self.attack_params = [*type(self).attack_params, *arguments]
        for argument, value in arguments.items():
            setattr(self, argument, value)
        self._check_params()

    def perturb(
        self, images: Tensor, goals: Targets, *, mask: Tensor | None = None, part: slice = slice(None)
    ) -> Tensor:
        """Adversarial images of one batch; see :meth:`.BatchAttack.perturb`."""
        checks.require(mask is None, "mask", "none, since loops of mt_torchattacks have no masks", "one")
        images = images.to(self.estimator.device)
        if self.estimator.channels_first:
            return self._attack()(images, goals)
        return self._attack()(images.permute(0, 3, 1, 2), goals).permute(0, 2, 3, 1)

    def _attack(self) -> MultiTaskAttack:
        estimator, balance = self.estimator, self.balance
        own = {name: getattr(self, name) for name in self.attack_params if name not in type(self).attack_params}
        model = Network(estimator) if estimator.channels_first else _ChannelsFirst(Network(estimator))
        rule = estimator.balance if balance is None else balance
        attack = attack_class(self.name)(model, estimator.tasks, rule, bounds=self._bounds(), **own)
        if self.targeted:
            attack.set_mode_targeted_by_label(quiet=True)
        return attack

    def _bounds(self) -> Bounds:
        expected = "the smallest and the largest pixel value"
        clip = self.estimator.clip_values
        checks.require(clip is not None, "clip_values of the estimator", expected, clip)
        low, high = (np.ravel(value).tolist() for value in clip)
        return low, high

    def _check_params(self) -> None:
        checks.one_of(self.name, "name", ATTACKS)
        checks.whole(self.batch_size, "batch_size")
        for name in ("targeted", "verbose"):
            checks.require(isinstance(getattr(self, name), bool), name, "a bool", repr(getattr(self, name)))
        self._attack()  # checks its own arguments


class _ChannelsFirst(nn.Module):
    """A network of images with channels last, for images `(N, C, H, W)`."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Outputs:
        """The outputs for images `(N, C, H, W)`."""
        return self.network(x.permute(0, 2, 3, 1))
