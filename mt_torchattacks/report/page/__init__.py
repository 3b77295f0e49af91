"""A folder of results as one page that needs nothing else."""

from typing import TYPE_CHECKING

from mt_torchattacks.lazy import lazily

if TYPE_CHECKING:
    from mt_torchattacks.report.page.page import write_page
    from mt_torchattacks.report.page.results import Part, parts_of
else:
    lazily(__name__)

__all__ = ["Part", "parts_of", "write_page"]
