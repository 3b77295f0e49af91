"""Tables and figures of evaluations, and the demo that makes them."""

from __future__ import annotations

from mt_torchattacks.report.bars import arp_figure
from mt_torchattacks.report.explanation import explain
from mt_torchattacks.report.predictions import prediction_figure
from mt_torchattacks.report.style import save_figure
from mt_torchattacks.report.tables import AttackName, arp_table, by_rule, save_table, to_markdown

__all__ = [
    "AttackName",
    "arp_figure",
    "arp_table",
    "by_rule",
    "explain",
    "prediction_figure",
    "save_figure",
    "save_table",
    "to_markdown",
]
