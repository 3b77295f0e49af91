"""The 35 layouts of 'Attacking All Tasks at Once', as published, with their backbones' parameter counts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from mt_torchattacks.models.layouts.layout import Layout, published_rows


@dataclass(frozen=True)
class PublishedLayout:
    """A layout of the paper and the backbone's parameters, in millions, that the paper gives for it."""

    layout: Layout
    parameters: float


@cache
def published_layouts() -> dict[str, PublishedLayout]:
    """All published layouts by name: ``"nyuv2/IND"``, ``"nyuv2/41"``, ..., ``"tiny_taskonomy/AS"``.

    Example:
        >>> len(published_layouts()), published_layouts()["nyuv2/AS"].parameters
        (35, 21.28)
    """
    return {
        name: PublishedLayout(Layout.parse(row["layout"]), float(row["params_m"]))
        for name, row in published_rows().items()
    }
