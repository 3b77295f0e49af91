"""The models and the data that a command's options name, each loaded once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import mt_torchattacks as mta

if TYPE_CHECKING:
    from mt_torchattacks.evaluation import NamedData, NamedModel


class Sources:
    """Models and data as a study asks for them, each loaded once."""

    def __init__(self, options: Any) -> None:
        self._options = options
        self.found: dict[str, NamedModel] = {}
        self.images: dict[tuple[str, str], NamedData] = {}

    def models(self, names: Sequence[str]) -> list[NamedModel]:
        """The models of some names or patterns."""
        there = mta.evaluation.load_models(names, self._options.device, known=self.found)
        self.found |= {model.name: model for model in there}
        return there

    def data(self, model: str, source: str = "") -> NamedData:
        """The data for a model; from where the options say, if no source is given."""
        source = source or self._options.data
        if (model, source) not in self.images:
            given = [name for name in ("split", "images", "batch_size", "workers") if hasattr(self._options, name)]
            own: dict[str, Any] = {name: getattr(self._options, name) for name in given}
            self.images[model, source] = mta.evaluation.load_data(source, model, **own)
        return self.images[model, source]
