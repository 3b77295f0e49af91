"""Per-sample losses ``(output, target) -> (N,)``, and the masks that say which target elements count."""

from typing import TYPE_CHECKING

from mt_torchattacks.lazy import lazily

if TYPE_CHECKING:
    from mt_torchattacks.dense import finite, nonzero, positive
    from mt_torchattacks.tasks.losses.adapters import as_loss
    from mt_torchattacks.tasks.losses.base import Loss
    from mt_torchattacks.tasks.losses.bce import BCEWithLogits
    from mt_torchattacks.tasks.losses.cosine import CosineDistance
    from mt_torchattacks.tasks.losses.cross_entropy import CrossEntropy
    from mt_torchattacks.tasks.losses.divergence import JensenShannon
    from mt_torchattacks.tasks.losses.error_rate import ErrorRate
    from mt_torchattacks.tasks.losses.errors import Angle, ExpectedError, RelativeError
    from mt_torchattacks.tasks.losses.feature import FeatureDistance
    from mt_torchattacks.tasks.losses.log_depth import LogError, ScaleInvariantLog
    from mt_torchattacks.tasks.losses.logit_scaled import LogitScaled
    from mt_torchattacks.tasks.losses.margins import DLR, Margin, TargetedDLR
    from mt_torchattacks.tasks.losses.own import OwnLoss
    from mt_torchattacks.tasks.losses.pointwise import L1, MSE, BerHu, Huber
    from mt_torchattacks.tasks.losses.progress import progress
    from mt_torchattacks.tasks.losses.steered import CosPGD, MaskedCrossEntropy, SegPGD, Tsallis
else:
    lazily(__name__)

__all__ = [
    "DLR",
    "L1",
    "MSE",
    "Angle",
    "BCEWithLogits",
    "BerHu",
    "CosPGD",
    "CosineDistance",
    "CrossEntropy",
    "ErrorRate",
    "ExpectedError",
    "FeatureDistance",
    "Huber",
    "JensenShannon",
    "LogError",
    "LogitScaled",
    "Loss",
    "Margin",
    "MaskedCrossEntropy",
    "OwnLoss",
    "RelativeError",
    "ScaleInvariantLog",
    "SegPGD",
    "TargetedDLR",
    "Tsallis",
    "as_loss",
    "finite",
    "nonzero",
    "positive",
    "progress",
]
