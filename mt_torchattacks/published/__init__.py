"""The numbers of the papers' tables, as data."""

from typing import TYPE_CHECKING

from mt_torchattacks.lazy import lazily

if TYPE_CHECKING:
    from mt_torchattacks.published.tables import published_table
else:
    lazily(__name__)

__all__ = ["published_table"]
