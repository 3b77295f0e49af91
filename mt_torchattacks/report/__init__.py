"""Tables and figures of evaluations, layouts and predictions, and the rows of the papers' tables."""

from typing import TYPE_CHECKING

from mt_torchattacks.lazy import lazily

if TYPE_CHECKING:
    from mt_torchattacks.figures import head, new_figure, plain, save_figure
    from mt_torchattacks.report.bars import arp_figure
    from mt_torchattacks.report.explanation import explain
    from mt_torchattacks.report.latex import to_latex
    from mt_torchattacks.report.layouts import layout_figure
    from mt_torchattacks.report.paper import PaperRow, paper_row, paper_table
    from mt_torchattacks.report.per_image import compared_table, per_image_table, to_parquet
    from mt_torchattacks.report.predictions import prediction_figure
    from mt_torchattacks.report.tables import (
        AttackName,
        arp_table,
        by_rule,
        by_target,
        clean_table,
        save_table,
        to_markdown,
        transfer_summary,
    )
else:
    lazily(__name__)

__all__ = [
    "AttackName",
    "PaperRow",
    "arp_figure",
    "arp_table",
    "by_rule",
    "by_target",
    "clean_table",
    "compared_table",
    "explain",
    "head",
    "layout_figure",
    "new_figure",
    "paper_row",
    "paper_table",
    "per_image_table",
    "plain",
    "prediction_figure",
    "save_figure",
    "save_table",
    "to_latex",
    "to_markdown",
    "to_parquet",
    "transfer_summary",
]
