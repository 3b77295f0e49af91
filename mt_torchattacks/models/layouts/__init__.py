"""Layouts: which tasks share which blocks of a branched model."""

from typing import TYPE_CHECKING

from mt_torchattacks.lazy import lazily

if TYPE_CHECKING:
    from mt_torchattacks.models.layouts.layout import Layout
    from mt_torchattacks.models.layouts.published import PublishedLayout, published_layouts
else:
    lazily(__name__)

__all__ = ["Layout", "PublishedLayout", "published_layouts"]
