"""How a model does on clean and on adversarial images."""

from __future__ import annotations

from mt_torchattacks.evaluation.evaluate import evaluate
from mt_torchattacks.evaluation.result import Evaluation, Scores

__all__ = ["Evaluation", "Scores", "evaluate"]
