"""Multi-task models as ART estimators, and multi-task attacks as ART attacks.

Needs the extra ``art`` (``pip install 'mt-torchattacks[art]'``).
"""

from mt_torchattacks import checks

checks.optional("art", extra="art")

from art_plugins.attacks import (  # noqa: E402 - after the check that ART is there
    AutoProjectedGradientDescent,
    FastGradientMethod,
    MomentumIterativeMethod,
    ProjectedGradientDescent,
)
from art_plugins.curve import MultiTaskSecurityCurve  # noqa: E402
from art_plugins.estimator import PyTorchMultiTaskEstimator  # noqa: E402
from art_plugins.from_torchattacks import FromTorchattacks  # noqa: E402
from art_plugins.labels import Label  # noqa: E402
from art_plugins.trainer import AdversarialTrainerMultiTask  # noqa: E402

__all__ = [
    "AdversarialTrainerMultiTask",
    "AutoProjectedGradientDescent",
    "FastGradientMethod",
    "FromTorchattacks",
    "Label",
    "MomentumIterativeMethod",
    "MultiTaskSecurityCurve",
    "ProjectedGradientDescent",
    "PyTorchMultiTaskEstimator",
]
