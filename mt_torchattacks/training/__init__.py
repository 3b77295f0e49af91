"""Training multi-task models, and measuring them without an attack."""

from typing import TYPE_CHECKING

from mt_torchattacks.lazy import lazily

if TYPE_CHECKING:
    from mt_torchattacks.data.memory import InMemory
    from mt_torchattacks.training.baseline import MeanPrediction
    from mt_torchattacks.training.fit import fit
    from mt_torchattacks.training.keep import Keep
    from mt_torchattacks.training.measure import measure
    from mt_torchattacks.training.processes import make_fabric
    from mt_torchattacks.training.recipe import Recipe, recipe_names
    from mt_torchattacks.training.run import train
    from mt_torchattacks.training.scheme import Scheme
else:
    lazily(__name__)

__all__ = [
    "InMemory",
    "Keep",
    "MeanPrediction",
    "Recipe",
    "Scheme",
    "fit",
    "make_fabric",
    "measure",
    "recipe_names",
    "train",
]
