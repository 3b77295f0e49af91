"""Studies: one file each, with what it measures, its tables, its figures and its options."""

from __future__ import annotations

from mt_torchattacks.studies.queries import QueryCurve, query_cell, query_curve, query_figure
from mt_torchattacks.studies.stealth import Restraint, StealthCurve, stealth_curve, stealth_figure, stealthy
from mt_torchattacks.studies.transfer import TRANSFER_ATTACKS, transfer
from mt_torchattacks.studies.weights import WeightedTotal, simplex_grid, weighted_total_search, weights_row
from mt_torchattacks.studies.worst_case import (
    WorstCaseEvaluation,
    evaluate_worst_case,
    worst_case_cell,
    worst_case_tables,
)

__all__ = [
    "TRANSFER_ATTACKS",
    "QueryCurve",
    "Restraint",
    "StealthCurve",
    "WeightedTotal",
    "WorstCaseEvaluation",
    "evaluate_worst_case",
    "query_cell",
    "query_curve",
    "query_figure",
    "simplex_grid",
    "stealth_curve",
    "stealth_figure",
    "stealthy",
    "transfer",
    "weighted_total_search",
    "weights_row",
    "worst_case_cell",
    "worst_case_tables",
]
