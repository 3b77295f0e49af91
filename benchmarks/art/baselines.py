"""What ART's users do about several tasks today: one output and one loss, for ART's regressor or classifier."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from art.attacks import evasion
from art.estimators.classification import PyTorchClassifier
from art.estimators.regression import PyTorchRegressor
from torch import Tensor, nn

from mt_torchattacks import Tasks
from mt_torchattacks.tasks.outputs import outputs_by_task


class OneOutput(nn.Module):
    """Some tasks' outputs side by side in one array `(N, D)`.

    :param model: A multi-task model.
    :param names: The tasks.
    """

    def __init__(self, model: nn.Module, names: Sequence[str]) -> None:
        super().__init__()
        self.model, self.names = model, names
        self.shapes: dict[str, torch.Size] = {}

    def forward(self, x: Tensor) -> Tensor:
        outputs = outputs_by_task(self.model(x), self.names)
        self.shapes = {name: output.shape[1:] for name, output in outputs.items()}
        return torch.cat([output.flatten(1).float() for output in outputs.values()], dim=1)


class SummedLoss(nn.Module):
    """The sum of the tasks' losses, from outputs and labels that lie side by side; one label an image lies one-hot.

    :param wrapped: What makes the outputs, and has made some: it knows their shapes.
    :param tasks: The tasks' losses.
    :param targets: The targets that the labels will stand for.
    """

    def __init__(self, wrapped: OneOutput, tasks: Tasks, targets: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.wrapped, self.tasks = wrapped, tasks.only(wrapped.names)
        self.classes = {
            name for name in wrapped.names if targets[name].ndim == 1 and not targets[name].is_floating_point()
        }
        self.forms = {
            name: wrapped.shapes[name] if name in self.classes else targets[name].shape[1:] for name in wrapped.names
        }
        self.dtypes = {name: targets[name].dtype for name in wrapped.names}
        self.reduction = "mean"

    def label(self, targets: Mapping[str, Tensor]) -> Tensor:
        """Targets side by side, `(N, D)`."""
        parts = [
            F.one_hot(targets[name], self.forms[name][0]) if name in self.classes else targets[name].flatten(1)
            for name in self.wrapped.names
        ]
        return torch.cat([part.float() for part in parts], dim=1)

    def forward(self, output: Tensor, label: Tensor) -> Tensor:
        outputs = _apart(output.reshape(len(label), -1), self.wrapped.shapes)  # ART's regressor flattens the batch
        found = _apart(label, self.forms)
        targets = {
            name: (target.argmax(dim=1) if name in self.classes else target).to(self.dtypes[name])
            for name, target in found.items()
        }
        losses = torch.stack(list(self.tasks.losses(outputs, targets).values())).sum(dim=0)
        return losses if self.reduction == "none" else losses.sum() if self.reduction == "sum" else losses.mean()


def _apart(flat: Tensor, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Tensor]:
    parts = flat.tensor_split(np.cumsum([prod(shape) for shape in shapes.values()]).tolist()[:-1], dim=1)
    return {name: part.reshape(len(flat), *shape) for (name, shape), part in zip(shapes.items(), parts, strict=True)}


def baseline(
    model: nn.Module, tasks: Tasks, names: Sequence[str], host: str, arguments: Mapping[str, Any], example: Tensor
) -> Callable[[Tensor, Mapping[str, Tensor]], Tensor]:
    """An attack of ART on the summed loss of some tasks, as a function of images and targets.

    :param model: A multi-task model.
    :param tasks: Its tasks.
    :param names: Those to attack.
    :param host: The name of ART's attack. `AutoProjectedGradientDescent` asks for a classifier, so it gets one whose
           'classes' are the numbers that lie side by side.
    :param arguments: The attack's.
    :param example: An image, `(1, C, H, W)`.
    """
    wrapped = OneOutput(model, names)
    with torch.no_grad():
        wrapped(example)

    def attack(images: Tensor, targets: Mapping[str, Tensor]) -> Tensor:
        loss = SummedLoss(wrapped, tasks, targets)
        label = loss.label(targets).cpu().numpy()
        device_type = "gpu" if images.is_cuda else "cpu"
        shared = {"input_shape": tuple(images.shape[1:]), "clip_values": (0.0, 1.0), "device_type": device_type}
        estimator = (
            PyTorchClassifier(wrapped, loss, nb_classes=label.shape[1], **shared)
            if host.startswith("Auto")
            else PyTorchRegressor(wrapped, loss, **shared)
        )
        made = getattr(evasion, host)(estimator, batch_size=len(images), **arguments)
        return torch.from_numpy(made.generate(images.cpu().numpy(), label)).to(images.device)

    return attack
