"""The 35 layouts of 'Attacking All Tasks at Once', as published, with their backbones' parameter counts."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib import resources

from mt_torchattacks.models.layouts.layout import Layout


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
        f"{data}/{row['model']}": PublishedLayout(Layout.parse(row["layout"]), float(row["params_m"]))
        for data in ("nyuv2", "tiny_taskonomy")
        for row in csv.DictReader(resources.files(__package__).joinpath(f"{data}.csv").read_text("utf-8").splitlines())
    }
