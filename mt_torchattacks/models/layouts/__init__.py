"""Layouts: which tasks share which blocks of a branched model."""

from mt_torchattacks.models.layouts.layout import Layout
from mt_torchattacks.models.layouts.published import PublishedLayout, published_layouts

__all__ = ["Layout", "PublishedLayout", "published_layouts"]
