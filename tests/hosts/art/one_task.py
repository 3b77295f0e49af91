"""One classification task as ART's classifiers have it, arrays in and out, over the multi-task estimator."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from art.data_generators import NumpyDataGenerator
from art.estimators.classification import PyTorchClassifier
from torch import Tensor, nn

import mt_torchattacks as mta
from art_plugins import PyTorchMultiTaskEstimator

CLASSES, SHAPE = 3, (1, 12, 12)


class OneTask(PyTorchMultiTaskEstimator):
    """Class scores `(N, K)` and labels `(N,)` or one-hot `(N, K)` instead of dicts, and nothing else."""

    def predict(self, x: np.ndarray, batch_size: int = 128, **kwargs: Any) -> np.ndarray:
        return np.stack([label["class"] for label in super().predict(x, batch_size, **kwargs)])

    def loss_gradient(self, x: Any, y: np.ndarray, **kwargs: Any) -> Any:
        return super().loss_gradient(x, by_task(y), **kwargs)

    def compute_loss(self, x: Any, y: np.ndarray, reduction: str = "none", **kwargs: Any) -> np.ndarray:
        return super().compute_loss(x, by_task(y), reduction, **kwargs)

    def fit(self, x: np.ndarray, y: np.ndarray, *args: Any, **kwargs: Any) -> None:
        super().fit(x, by_task(y), *args, **kwargs)

    def fit_generator(self, generator: NumpyDataGenerator, *args: Any, **kwargs: Any) -> None:
        labels = np.array([{"class": label} for label in classes(generator.y)], dtype=object)
        made = NumpyDataGenerator(generator.x, labels, generator.batch_size)
        super().fit_generator(made, *args, **kwargs)


def classes(y: np.ndarray) -> np.ndarray:
    """Labels as whole numbers."""
    return y.argmax(axis=1) if y.ndim > 1 else y


def by_task(y: np.ndarray) -> dict[str, np.ndarray]:
    """Labels as the multi-task estimator takes them."""
    return {"class": classes(y)}


class Modular(nn.Module):
    """A small classifier for images of any size."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.relu = nn.Conv2d(SHAPE[0], 8, 3, padding=1), nn.ReLU()
        self.pool, self.flat, self.head = nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(32, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.flat(self.pool(self.relu(self.conv(x)))))


def network(sequential: bool = False) -> nn.Module:
    """The classifier, its layers in a list or by name, with known weights."""
    torch.manual_seed(3)
    modular = Modular()
    return nn.Sequential(*modular.children()) if sequential else modular


def samples(n: int = 24) -> tuple[np.ndarray, np.ndarray]:
    """Images with a bright quarter, and which quarter that is, one-hot."""
    rng = np.random.default_rng(0)
    labels = rng.integers(CLASSES, size=n)
    images = rng.uniform(0, 0.7, (n, *SHAPE)).astype(np.float32)
    for image, label in zip(images, labels, strict=True):
        row, column = divmod(int(label), 2)
        image[:, 6 * row : 6 * row + 6, 6 * column : 6 * column + 6] += 0.3
    return images, np.eye(CLASSES, dtype=np.float32)[labels]


def classifier(kind: str, model: nn.Module | None = None, loss: nn.Module | None = None, **arguments: Any) -> Any:
    """ART's own classifier (`"art"`), or one task of the estimator (`"ours"`), of the same model and loss."""
    model = network() if model is None else model
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    shared = {
        "clip_values": (0.0, 1.0),
        "optimizer": optimizer,
        "device_type": "cpu",
        "input_shape": SHAPE,
        **arguments,
    }
    if kind == "art":
        return PyTorchClassifier(model, loss or nn.CrossEntropyLoss(), nb_classes=CLASSES, **shared)
    task = mta.losses.CrossEntropy() if loss is None else type(loss)(reduction="none")
    return OneTask(model, mta.Tasks({"class": task}), balance="total", **shared)
