"""ART's gradient attacks on several tasks, with their loops on the device."""

from __future__ import annotations

from art.attacks import evasion
from art.attacks.attack import Attack
from art.attacks.evasion.projected_gradient_descent.projected_gradient_descent_numpy import (
    ProjectedGradientDescentCommon,
)
from torch import Tensor

from art_plugins.arguments import arguments_of
from art_plugins.ascent import Ascent, pgd
from art_plugins.device_attack import DeviceAttack, size_in
from mt_torchattacks import checks
from mt_torchattacks.attacks.auto_pgd import auto_pgd
from mt_torchattacks.geometry.ball import Ball


@arguments_of(
    evasion.FastGradientMethod,
    eps_step="Has no effect: it belongs to `minimal`.",
    minimal="Refused: the smallest perturbation that changes the class is defined for one classifier only.",
)
class FastGradientMethod(DeviceAttack, evasion.FastGradientMethod):
    """ART's `FastGradientMethod` on all tasks of a :class:`.PyTorchMultiTaskEstimator`.

    | Paper link: https://arxiv.org/abs/1412.6572
    """

    def _run(self, ascent: Ascent, start: Tensor, part: slice) -> Tensor:
        return pgd(ascent, start, 1, ascent.ball.eps, None)

    def _check_params(self) -> None:
        super()._check_params()
        reason = "False; there is no smallest perturbation that changes 'the' class of several tasks"
        checks.require(self.minimal is False, "minimal", reason, self.minimal)


@arguments_of(
    ProjectedGradientDescentCommon,
    norm='The norm of the adversarial perturbation, supporting "inf", `np.inf` or a real `p >= 1`. '
    "For a finite `p` the projection rescales the perturbation.",
)
class ProjectedGradientDescent(DeviceAttack, ProjectedGradientDescentCommon):
    """ART's `ProjectedGradientDescent` on all tasks of a :class:`.PyTorchMultiTaskEstimator`.

    | Paper link: https://arxiv.org/abs/1706.06083

    Example:
        >>> import numpy as np, torch, mt_torchattacks as mta
        >>> from art_plugins import PyTorchMultiTaskEstimator
        >>> model, tasks = torch.nn.Conv2d(3, 1, 1), mta.Tasks(depth=mta.losses.L1())
        >>> estimator = PyTorchMultiTaskEstimator(model, tasks, input_shape=(3, 8, 8), clip_values=(0.0, 1.0))
        >>> attack = ProjectedGradientDescent(estimator, eps=8 / 255, eps_step=2 / 255, max_iter=5, verbose=False)
        >>> attack.generate(np.random.rand(4, 3, 8, 8), {"depth": np.zeros((4, 1, 8, 8))}).shape
        (4, 3, 8, 8)
    """

    def _prepare(self, images: Tensor) -> None:
        super()._prepare(images)
        self._random_eps()

    def _run(self, ascent: Ascent, start: Tensor, part: slice) -> Tensor:
        return pgd(ascent, start, self.max_iter, size_in(self.eps_step, start, part), self.decay)


@arguments_of(evasion.MomentumIterativeMethod, through=ProjectedGradientDescent)
class MomentumIterativeMethod(ProjectedGradientDescent):
    """ART's `MomentumIterativeMethod` on all tasks of a :class:`.PyTorchMultiTaskEstimator`.

    | Paper link: https://arxiv.org/abs/1710.06081
    """


@arguments_of(
    evasion.AutoProjectedGradientDescent,
    through=Attack,
    norm='The norm of the adversarial perturbation. Possible values: "inf", np.inf, 1 or 2.',
    eps_step="First step size; it is halved at checkpoints. The paper's is twice `eps`; with 10 steps or fewer, `eps` "
    "itself gets further.",
    loss_type="Only `None`, the losses of the estimator's tasks: the others are those of one classifier.",
)
class AutoProjectedGradientDescent(DeviceAttack, evasion.AutoProjectedGradientDescent):
    """ART's `AutoProjectedGradientDescent` on all tasks of a :class:`.PyTorchMultiTaskEstimator`.

    Unlike ART's it returns each sample's best iterate, whose score is never below the start's; checkpoints compare the
    balancing rule's score (for "dgba" the sum of the relative increases of the losses).

    | Paper link: https://arxiv.org/abs/2003.01690

    Example:
        >>> import numpy as np, torch, mt_torchattacks as mta
        >>> from art_plugins import PyTorchMultiTaskEstimator
        >>> model, tasks = torch.nn.Conv2d(3, 1, 1), mta.Tasks(depth=mta.losses.L1())
        >>> estimator = PyTorchMultiTaskEstimator(model, tasks, input_shape=(3, 8, 8), clip_values=(0.0, 1.0))
        >>> attack = AutoProjectedGradientDescent(estimator, eps=8 / 255, eps_step=16 / 255, max_iter=5, verbose=False)
        >>> attack.generate(np.random.rand(4, 3, 8, 8), {"depth": np.zeros((4, 1, 8, 8))}).shape
        (4, 3, 8, 8)
    """

    _estimator_requirements = DeviceAttack._estimator_requirements
    ball_type = Ball
    nb_random_init: int

    @property
    def _restarts(self) -> int:
        return self.nb_random_init

    def _run(self, ascent: Ascent, start: Tensor, part: slice) -> Tensor:
        best, _ = auto_pgd(start, ascent, ascent.ball, steps=self.max_iter, step_size=float(self.eps_step))
        return best

    def _check_params(self) -> None:
        checks.require(self.loss_type is None, "loss_type", "None, the losses of the estimator's tasks", self.loss_type)
        starts = self.nb_random_init
        self.nb_random_init = 1 if starts == 0 and isinstance(starts, int) else starts  # ART refuses 0
        try:
            super()._check_params()
        finally:
            self.nb_random_init = starts
