"""ART's gradient attacks on several tasks, with their loops on the device."""

from __future__ import annotations

from typing import Any

import numpy as np
from art.attacks import evasion
from art.attacks.attack import EvasionAttack
from art.attacks.evasion.projected_gradient_descent.projected_gradient_descent_numpy import (
    ProjectedGradientDescentCommon,
)
from art.summary_writer import SummaryWriter
from torch import Tensor

from art_plugins.ascent import Ascent, pgd
from art_plugins.device_attack import DeviceAttack, size_in
from art_plugins.estimator import PyTorchMultiTaskEstimator
from mt_torchattacks import Rule, checks
from mt_torchattacks.attacks.auto_pgd import auto_pgd
from mt_torchattacks.geometry.ball import Ball


class FastGradientMethod(DeviceAttack, evasion.FastGradientMethod):
    """ART's `FastGradientMethod` on all tasks of a :class:`.PyTorchMultiTaskEstimator`.

    | Paper link: https://arxiv.org/abs/1412.6572
    """

    attack_params = [*evasion.FastGradientMethod.attack_params, "balance"]  # noqa: RUF012 - ART's form

    def __init__(
        self,
        estimator: PyTorchMultiTaskEstimator,
        norm: int | float | str = np.inf,
        eps: int | float | np.ndarray[Any, Any] = 0.3,
        eps_step: int | float | np.ndarray[Any, Any] = 0.1,
        targeted: bool = False,
        num_random_init: int = 0,
        batch_size: int = 32,
        minimal: bool = False,
        summary_writer: str | bool | SummaryWriter = False,
        balance: str | Rule | None = None,
    ) -> None:
        """Create a :class:`.FastGradientMethod` instance.

        :param estimator: A multi-task estimator.
        :param norm: The norm of the adversarial perturbation. Possible values: "inf", `np.inf` or a real `p >= 1`.
        :param eps: Attack step size (input variation).
        :param eps_step: Has no effect: it belongs to `minimal`.
        :param targeted: Indicates whether `y` are goals to approach (True) or targets to leave (False).
        :param num_random_init: Number of random starts within the epsilon ball; each sample keeps its best. 0 to start
               at the original input.
        :param batch_size: Size of the batch on which adversarial samples are generated.
        :param minimal: Refused: the smallest perturbation that changes the class is defined for one classifier only.
        :param summary_writer: Activate summary writer for TensorBoard, as in ART.
        :param balance: The balancing rule, or its name; None for the estimator's.
        """
        super().__init__(
            estimator=estimator,
            norm=norm,
            eps=eps,
            eps_step=eps_step,
            targeted=targeted,
            num_random_init=num_random_init,
            batch_size=batch_size,
            minimal=minimal,
            summary_writer=summary_writer,
        )
        self.balance = balance
        self._check_params()

    def _run(self, ascent: Ascent, start: Tensor, part: slice) -> Tensor:
        return pgd(ascent, start, 1, ascent.ball.eps, None)

    def _check_params(self) -> None:
        super()._check_params()
        reason = "False; there is no smallest perturbation that changes 'the' class of several tasks"
        checks.require(self.minimal is False, "minimal", reason, self.minimal)


class ProjectedGradientDescent(DeviceAttack, ProjectedGradientDescentCommon):
    """ART's `ProjectedGradientDescent` on all tasks of a :class:`.PyTorchMultiTaskEstimator`.

    | Paper link: https://arxiv.org/abs/1706.06083

    Example:
        >>> import torch, mt_torchattacks as mta
        >>> model, tasks = torch.nn.Conv2d(3, 1, 1), mta.Tasks(depth=mta.losses.L1())
        >>> estimator = PyTorchMultiTaskEstimator(model, tasks, input_shape=(3, 8, 8), clip_values=(0.0, 1.0))
        >>> attack = ProjectedGradientDescent(estimator, eps=8 / 255, eps_step=2 / 255, max_iter=5, verbose=False)
        >>> attack.generate(np.random.rand(4, 3, 8, 8), {"depth": np.zeros((4, 1, 8, 8))}).shape
        (4, 3, 8, 8)
    """

    attack_params = [*ProjectedGradientDescentCommon.attack_params, "balance"]  # noqa: RUF012 - ART's form

    def __init__(
        self,
        estimator: PyTorchMultiTaskEstimator,
        norm: int | float | str = np.inf,
        eps: int | float | np.ndarray[Any, Any] = 0.3,
        eps_step: int | float | np.ndarray[Any, Any] = 0.1,
        decay: float | None = None,
        max_iter: int = 100,
        targeted: bool = False,
        num_random_init: int = 0,
        batch_size: int = 32,
        random_eps: bool = False,
        summary_writer: str | bool | SummaryWriter = False,
        verbose: bool = True,
        balance: str | Rule | None = None,
    ) -> None:
        """Create a :class:`.ProjectedGradientDescent` instance.

        :param estimator: A multi-task estimator.
        :param norm: The norm of the adversarial perturbation, supporting "inf", `np.inf` or a real `p >= 1`. For a
               finite `p` the projection rescales the perturbation.
        :param eps: Maximum perturbation that the attacker can introduce.
        :param eps_step: Attack step size (input variation) at each iteration.
        :param decay: Decay factor for accumulating the velocity vector when using momentum.
        :param max_iter: The maximum number of iterations.
        :param targeted: Indicates whether `y` are goals to approach (True) or targets to leave (False).
        :param num_random_init: Number of random starts within the epsilon ball; each sample keeps its best. 0 to start
               at the original input.
        :param batch_size: Size of the batch on which adversarial samples are generated.
        :param random_eps: When True, epsilon is drawn randomly from truncated normal distribution, as in ART.
        :param summary_writer: Activate summary writer for TensorBoard, as in ART.
        :param verbose: Show progress bars.
        :param balance: The balancing rule, or its name; None for the estimator's.
        """
        super().__init__(
            estimator=estimator,
            norm=norm,
            eps=eps,
            eps_step=eps_step,
            decay=decay,
            max_iter=max_iter,
            targeted=targeted,
            num_random_init=num_random_init,
            batch_size=batch_size,
            random_eps=random_eps,
            summary_writer=summary_writer,
            verbose=verbose,
        )
        self.balance = balance
        self._check_params()

    def _prepare(self, images: Tensor) -> None:
        super()._prepare(images)
        self._random_eps()

    def _run(self, ascent: Ascent, start: Tensor, part: slice) -> Tensor:
        return pgd(ascent, start, self.max_iter, size_in(self.eps_step, start, part), self.decay)


class MomentumIterativeMethod(ProjectedGradientDescent):
    """ART's `MomentumIterativeMethod` on all tasks of a :class:`.PyTorchMultiTaskEstimator`.

    | Paper link: https://arxiv.org/abs/1710.06081
    """

    def __init__(
        self,
        estimator: PyTorchMultiTaskEstimator,
        norm: int | float | str = np.inf,
        eps: int | float | np.ndarray[Any, Any] = 0.3,
        eps_step: int | float | np.ndarray[Any, Any] = 0.1,
        decay: float = 1.0,
        max_iter: int = 100,
        targeted: bool = False,
        batch_size: int = 32,
        verbose: bool = True,
        summary_writer: str | bool | SummaryWriter = False,
        balance: str | Rule | None = None,
    ) -> None:
        """Create a :class:`.MomentumIterativeMethod` instance.

        :param estimator: A multi-task estimator.
        :param norm: The norm of the adversarial perturbation, supporting "inf", `np.inf` or a real `p >= 1`.
        :param eps: Maximum perturbation that the attacker can introduce.
        :param eps_step: Attack step size (input variation) at each iteration.
        :param decay: Decay factor for accumulating the velocity vector.
        :param max_iter: The maximum number of iterations.
        :param targeted: Indicates whether `y` are goals to approach (True) or targets to leave (False).
        :param batch_size: Size of the batch on which adversarial samples are generated.
        :param verbose: Show progress bars.
        :param summary_writer: Activate summary writer for TensorBoard, as in ART.
        :param balance: The balancing rule, or its name; None for the estimator's.
        """
        super().__init__(
            estimator=estimator,
            norm=norm,
            eps=eps,
            eps_step=eps_step,
            decay=decay,
            max_iter=max_iter,
            targeted=targeted,
            batch_size=batch_size,
            summary_writer=summary_writer,
            verbose=verbose,
            balance=balance,
        )


class AutoProjectedGradientDescent(DeviceAttack, evasion.AutoProjectedGradientDescent):
    """ART's `AutoProjectedGradientDescent` on all tasks of a :class:`.PyTorchMultiTaskEstimator`.

    Unlike ART's it returns each sample's best iterate, whose score is never below the start's; checkpoints compare the
    balancing rule's score (for "dgba" the sum of the relative increases of the losses).

    | Paper link: https://arxiv.org/abs/2003.01690

    Example:
        >>> import torch, mt_torchattacks as mta
        >>> model, tasks = torch.nn.Conv2d(3, 1, 1), mta.Tasks(depth=mta.losses.L1())
        >>> estimator = PyTorchMultiTaskEstimator(model, tasks, input_shape=(3, 8, 8), clip_values=(0.0, 1.0))
        >>> attack = AutoProjectedGradientDescent(estimator, eps=8 / 255, eps_step=16 / 255, max_iter=5, verbose=False)
        >>> attack.generate(np.random.rand(4, 3, 8, 8), {"depth": np.zeros((4, 1, 8, 8))}).shape
        (4, 3, 8, 8)
    """

    attack_params = [  # noqa: RUF012 - ART's form
        *evasion.AutoProjectedGradientDescent.attack_params,
        "summary_writer",
        "balance",
    ]
    _estimator_requirements = DeviceAttack._estimator_requirements
    ball_type = Ball

    def __init__(
        self,
        estimator: PyTorchMultiTaskEstimator,
        norm: int | float | str = np.inf,
        eps: float = 0.3,
        eps_step: float = 0.1,
        max_iter: int = 100,
        targeted: bool = False,
        nb_random_init: int = 5,
        batch_size: int = 32,
        loss_type: str | None = None,
        verbose: bool = True,
        summary_writer: str | bool | SummaryWriter = False,
        balance: str | Rule | None = None,
    ) -> None:
        """Create a :class:`.AutoProjectedGradientDescent` instance.

        :param estimator: A multi-task estimator.
        :param norm: The norm of the adversarial perturbation. Possible values: "inf", np.inf, 1 or 2.
        :param eps: Maximum perturbation that the attacker can introduce.
        :param eps_step: First step size; it is halved at checkpoints. The paper's is twice `eps`; with 10 steps or
               fewer, `eps` itself gets further.
        :param max_iter: The maximum number of iterations.
        :param targeted: Indicates whether `y` are goals to approach (True) or targets to leave (False).
        :param nb_random_init: Number of random starts within the epsilon ball; each sample keeps its best. 0 to start
               at the original input.
        :param batch_size: Size of the batch on which adversarial samples are generated.
        :param loss_type: Only `None`, the losses of the estimator's tasks: the others are those of one classifier.
        :param verbose: Show progress bars.
        :param summary_writer: Activate summary writer for TensorBoard, as in ART.
        :param balance: The balancing rule, or its name; None for the estimator's.
        """
        EvasionAttack.__init__(self, estimator=estimator, summary_writer=summary_writer)
        self.norm = norm
        self.eps = eps
        self.eps_step = eps_step
        self.max_iter = max_iter
        self.targeted = targeted
        self.nb_random_init = nb_random_init
        self.batch_size = batch_size
        self.loss_type = loss_type
        self.verbose = verbose
        self.balance = balance
        self._check_params()

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
