"""Multi-task models: layouts, branched models, and small trained ones."""

from typing import TYPE_CHECKING

from mt_torchattacks.lazy import lazily

if TYPE_CHECKING:
    from mt_torchattacks.models import two_digits
    from mt_torchattacks.models.backbones import BACKBONES, Backbone
    from mt_torchattacks.models.branched import BranchedModel, branched
    from mt_torchattacks.models.checkpoint import load_checkpoint, save_checkpoint
    from mt_torchattacks.models.detector_losses import DetectorLosses
    from mt_torchattacks.models.features import features
    from mt_torchattacks.models.inputs import inputs
    from mt_torchattacks.models.layouts import Layout, PublishedLayout, published_layouts
    from mt_torchattacks.models.own_losses import OwnLosses
    from mt_torchattacks.models.with_outputs import WithOutputs
    from mt_torchattacks.models.zoo import zoo, zoo_about, zoo_names, zoo_record
else:
    lazily(__name__)

__all__ = [
    "BACKBONES",
    "Backbone",
    "BranchedModel",
    "DetectorLosses",
    "Layout",
    "OwnLosses",
    "PublishedLayout",
    "WithOutputs",
    "branched",
    "features",
    "inputs",
    "load_checkpoint",
    "published_layouts",
    "save_checkpoint",
    "two_digits",
    "zoo",
    "zoo_about",
    "zoo_names",
    "zoo_record",
]
