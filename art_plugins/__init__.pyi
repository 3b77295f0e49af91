"""The plugin's names. Generated: change nothing here, run ``python -m tests.hosts.art.stub``."""

from art.summary_writer import SummaryWriter

from art_plugins import attacks
from art_plugins.curve import MultiTaskSecurityCurve as MultiTaskSecurityCurve
from art_plugins.estimator import PyTorchMultiTaskEstimator as PyTorchMultiTaskEstimator
from art_plugins.from_torchattacks import FromTorchattacks as FromTorchattacks
from art_plugins.labels import Array
from art_plugins.labels import Label as Label
from art_plugins.trainer import AdversarialTrainerMultiTask as AdversarialTrainerMultiTask
from mt_torchattacks import Rule

class AutoProjectedGradientDescent(attacks.AutoProjectedGradientDescent):
    def __init__(
        self,
        estimator: PyTorchMultiTaskEstimator,
        norm: int | float | str = ...,
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
    ) -> None: ...

class FastGradientMethod(attacks.FastGradientMethod):
    def __init__(
        self,
        estimator: PyTorchMultiTaskEstimator,
        norm: int | float | str = ...,
        eps: int | float | Array = 0.3,
        eps_step: int | float | Array = 0.1,
        targeted: bool = False,
        num_random_init: int = 0,
        batch_size: int = 32,
        minimal: bool = False,
        summary_writer: str | bool | SummaryWriter = False,
        balance: str | Rule | None = None,
    ) -> None: ...

class MomentumIterativeMethod(attacks.MomentumIterativeMethod):
    def __init__(
        self,
        estimator: PyTorchMultiTaskEstimator,
        norm: int | float | str = ...,
        eps: int | float | Array = 0.3,
        eps_step: int | float | Array = 0.1,
        decay: float = 1.0,
        max_iter: int = 100,
        targeted: bool = False,
        batch_size: int = 32,
        verbose: bool = True,
        summary_writer: str | bool | SummaryWriter = False,
        balance: str | Rule | None = None,
    ) -> None: ...

class ProjectedGradientDescent(attacks.ProjectedGradientDescent):
    def __init__(
        self,
        estimator: PyTorchMultiTaskEstimator,
        norm: int | float | str = ...,
        eps: int | float | Array = 0.3,
        eps_step: int | float | Array = 0.1,
        decay: float | None = None,
        max_iter: int = 100,
        targeted: bool = False,
        num_random_init: int = 0,
        batch_size: int = 32,
        random_eps: bool = False,
        summary_writer: str | bool | SummaryWriter = False,
        verbose: bool = True,
        balance: str | Rule | None = None,
    ) -> None: ...
