"""How a model does on clean and on adversarial images."""

from __future__ import annotations

from mt_torchattacks.evaluation.cells import evaluate_cells
from mt_torchattacks.evaluation.evaluate import evaluate
from mt_torchattacks.evaluation.plan import AttackPlan, attack_plans, with_errors
from mt_torchattacks.evaluation.queries import QueryCurve, query_cell, query_curve
from mt_torchattacks.evaluation.result import Evaluation, Scores
from mt_torchattacks.evaluation.rows import PaperRow, paper_row, paper_table
from mt_torchattacks.evaluation.scenes import Scenes, Subject
from mt_torchattacks.evaluation.stealth import Restraint, StealthCurve, stealth_curve, stealthy
from mt_torchattacks.evaluation.store import Store, fingerprint
from mt_torchattacks.evaluation.transfer import TRANSFER_ATTACKS, transfer
from mt_torchattacks.evaluation.weighted import WeightedTotal, simplex_grid, weighted_total_search
from mt_torchattacks.evaluation.worst_case import WorstCaseEvaluation, evaluate_worst_case, worst_case_cell

__all__ = [
    "TRANSFER_ATTACKS",
    "AttackPlan",
    "Evaluation",
    "PaperRow",
    "QueryCurve",
    "Restraint",
    "Scenes",
    "Scores",
    "StealthCurve",
    "Store",
    "Subject",
    "WeightedTotal",
    "WorstCaseEvaluation",
    "attack_plans",
    "evaluate",
    "evaluate_cells",
    "evaluate_worst_case",
    "fingerprint",
    "paper_row",
    "paper_table",
    "query_cell",
    "query_curve",
    "simplex_grid",
    "stealth_curve",
    "stealthy",
    "transfer",
    "weighted_total_search",
    "with_errors",
    "worst_case_cell",
]
