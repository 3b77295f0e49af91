"""How a model does on clean and on adversarial images."""

from typing import TYPE_CHECKING

from mt_torchattacks.lazy import lazily

if TYPE_CHECKING:
    from mt_torchattacks.evaluation.attack_sets import (
        class_attacks,
        regression_attacks,
        segmentation_attacks,
        standard_attacks,
    )
    from mt_torchattacks.evaluation.benchmark import BenchmarkEntry, benchmark, check_external
    from mt_torchattacks.evaluation.budget import Budgeted, Spent
    from mt_torchattacks.evaluation.cascade import Cascade, wrong
    from mt_torchattacks.evaluation.cells import (
        attack_cell,
        attacked_cells,
        clean_cell,
        evaluate_cells,
        evaluation_of,
    )
    from mt_torchattacks.evaluation.evaluate import evaluate
    from mt_torchattacks.evaluation.load import load_data, load_models, open_dataset, usable_device
    from mt_torchattacks.evaluation.made import MadeImages, make, measure_made, replay
    from mt_torchattacks.evaluation.measure import AttackFunction, device_of, measure
    from mt_torchattacks.evaluation.named import NamedData, NamedModel
    from mt_torchattacks.evaluation.passes import Passes, count_passes
    from mt_torchattacks.evaluation.pooling import Pool, PooledImages
    from mt_torchattacks.evaluation.processes import joined
    from mt_torchattacks.evaluation.radius import SmallestRadius, smallest_radius
    from mt_torchattacks.evaluation.result import Evaluation, Measurements
    from mt_torchattacks.evaluation.selection import Selection, metric_harm, relative_harm, select
    from mt_torchattacks.evaluation.specs import AttackSpec, attack_specs, in_255, weighted_rule, with_errors
    from mt_torchattacks.evaluation.store import Store, fingerprint
    from mt_torchattacks.evaluation.worst_case import ENVELOPE, WORST, WorstCaseEvaluation, worst_case
else:
    lazily(__name__)

__all__ = [
    "ENVELOPE",
    "WORST",
    "AttackFunction",
    "AttackSpec",
    "BenchmarkEntry",
    "Budgeted",
    "Cascade",
    "Evaluation",
    "MadeImages",
    "Measurements",
    "NamedData",
    "NamedModel",
    "Passes",
    "Pool",
    "PooledImages",
    "Selection",
    "SmallestRadius",
    "Spent",
    "Store",
    "WorstCaseEvaluation",
    "attack_cell",
    "attack_specs",
    "attacked_cells",
    "benchmark",
    "check_external",
    "class_attacks",
    "clean_cell",
    "count_passes",
    "device_of",
    "evaluate",
    "evaluate_cells",
    "evaluation_of",
    "fingerprint",
    "in_255",
    "joined",
    "load_data",
    "load_models",
    "make",
    "measure",
    "measure_made",
    "metric_harm",
    "open_dataset",
    "regression_attacks",
    "relative_harm",
    "replay",
    "segmentation_attacks",
    "select",
    "smallest_radius",
    "standard_attacks",
    "usable_device",
    "weighted_rule",
    "with_errors",
    "worst_case",
    "wrong",
]
