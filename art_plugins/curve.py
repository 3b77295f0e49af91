"""Security curves with a curve for each task."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
import torch
from art.evaluations.evaluation import Evaluation
from torch import Tensor, nn

from art_plugins.attacks import ProjectedGradientDescent
from art_plugins.estimator import PyTorchMultiTaskEstimator
from art_plugins.labels import Array, Labels
from mt_torchattacks import checks
from mt_torchattacks.evaluation.measure import measure
from mt_torchattacks.metrics import TaskMetrics
from mt_torchattacks.tasks import Tasks

Values: TypeAlias = dict[str, dict[str, float]]
Curves: TypeAlias = dict[str, dict[str, list[float]]]


class MultiTaskSecurityCurve(Evaluation):
    """ART's `SecurityCurve` for several tasks: each task's metrics as functions of the attack budget.

    Example:
        >>> import torch, mt_torchattacks as mta
        >>> model, tasks = torch.nn.Conv2d(3, 1, 1), mta.Tasks(depth=mta.losses.L1())
        >>> estimator = PyTorchMultiTaskEstimator(model, tasks, input_shape=(3, 8, 8), clip_values=(0.0, 1.0))
        >>> x, y = np.random.rand(4, 3, 8, 8), {"depth": np.ones((4, 1, 8, 8))}
        >>> curve = MultiTaskSecurityCurve(eps=[2 / 255, 8 / 255])
        >>> _, curves, clean = curve.evaluate(estimator, x, y, eps_step=2 / 255, max_iter=5)
        >>> clean["depth"]["error"] < curves["depth"]["error"][0] < curves["depth"]["error"][1]
        True
    """

    def __init__(self, eps: int | list[float]) -> None:
        """Create an instance of a security curve evaluation.

        :param eps: The attack budgets, or in how many equal steps to go through the range of the clip values.
        """
        self.eps = eps
        self.eps_list: list[float] = []
        self.curves: Curves = {}
        self.clean: Values = {}

    def evaluate(
        self,
        estimator: PyTorchMultiTaskEstimator,
        x: Array,
        y: Labels,
        metrics: Mapping[str, TaskMetrics] | None = None,
        attack: Any = ProjectedGradientDescent,
        **kwargs: Any,
    ) -> tuple[list[float], Curves, Values]:
        """Attack with each budget and measure each task.

        :param estimator: A multi-task estimator.
        :param x: Input data for evaluation.
        :param y: Targets: a dict of arrays, or a list of dicts.
        :param metrics: Accumulators by task; a task without one gets the mean of its loss.
        :param attack: The attack's class.
        :param kwargs: Its arguments other than `estimator` and `eps`.
        :return: The budgets; by task and metric the list of its values; by task and metric the value on `x`.
        """
        if "verbose" in attack.attack_params:
            kwargs.setdefault("verbose", False)
        self.eps_list = self._budgets(estimator)
        self.clean = _measured(estimator, x, y, metrics)
        made = (attack(estimator, eps=eps, **kwargs).generate(x, y) for eps in self.eps_list)
        found = [_measured(estimator, adversarial, y, metrics) for adversarial in made]
        self.curves = {
            task: {metric: [values[task][metric] for values in found] for metric in values}
            for task, values in self.clean.items()
        }
        return self.eps_list, self.curves, self.clean

    def plot(self) -> Any:
        """Plot the curves, a picture for each task and a line for each metric, dashed the value without attack.

        :return: The figure.
        """
        pyplot = checks.optional("matplotlib.pyplot", extra="plot")
        figure, axes = pyplot.subplots(1, len(self.curves), squeeze=False, figsize=(4 * len(self.curves), 3))
        for (task, curves), ax in zip(self.curves.items(), axes[0], strict=True):
            for metric, values in curves.items():
                (line,) = ax.plot(self.eps_list, values, marker="o", label=metric)
                ax.axhline(self.clean[task][metric], linestyle="--", color=line.get_color())
            ax.set(title=task, xlabel="attack budget eps")
            ax.legend()
        figure.tight_layout()
        return figure

    def _budgets(self, estimator: PyTorchMultiTaskEstimator) -> list[float]:
        if not isinstance(self.eps, int):
            return [float(eps) for eps in self.eps]
        low, high = estimator.bounds
        checks.require(
            np.isfinite(high - low), "eps", "a list of budgets, as the estimator has no clip values", self.eps
        )
        return [(i + 1) * (high - low) / self.eps for i in range(self.eps)]


def _measured(
    estimator: PyTorchMultiTaskEstimator, x: Array, y: Labels, metrics: Mapping[str, TaskMetrics] | None
) -> Values:
    tasks = Tasks({name: estimator.tasks[name] for name in estimator.tasks.active})
    meters = {name: meter for name, meter in (metrics or {}).items() if name in tasks}
    batch = torch.as_tensor(x), estimator.targets(y, len(x))
    return measure(_Predictions(estimator), tasks, [batch], meters).metrics


class _Predictions(nn.Module):
    """What an estimator predicts, postprocessing included, as a model's outputs."""

    def __init__(self, estimator: PyTorchMultiTaskEstimator) -> None:
        super().__init__()
        self._predict = estimator.predict

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Outputs by task for images in the estimator's layout."""
        labels = self._predict(x.numpy())
        return {task: torch.from_numpy(np.stack([label[task] for label in labels])) for task in labels[0]}
