"""ART's preprocessors in front of the model, their gradients included."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from art.attacks import evasion
from art.defences.preprocessor import (
    FeatureSqueezing,
    GaussianAugmentation,
    JpegCompression,
    SpatialSmoothingPyTorch,
)
from art.defences.preprocessor.preprocessor import Preprocessor, PreprocessorPyTorch
from torch import Tensor

from tests import toys
from tests.hosts.art import cases


class Scaled(Preprocessor):
    """Halves the contrast; for arrays only, with a gradient of its own."""

    def __call__(self, x: np.ndarray, y: Any = None) -> tuple[np.ndarray, Any]:
        return (0.5 * x + 0.25).astype(np.float32), y

    def estimate_gradient(self, x: np.ndarray, grad: np.ndarray) -> np.ndarray:
        return 0.5 * grad


class ScaledPyTorch(PreprocessorPyTorch):
    """The same for tensors."""

    def forward(self, x: Tensor, y: Any = None) -> tuple[Tensor, Any]:
        return 0.5 * x + 0.25, y


@pytest.mark.parametrize("preprocessing", [None, (cases.MEAN, cases.STD)], ids=["alone", "before mean and std"])
def test_a_defence_for_arrays_and_the_same_for_tensors_agree(preprocessing: Any) -> None:
    (x, y), model = cases.arrays(), toys.Toy()
    found = []
    for defence in (Scaled(), ScaledPyTorch(device_type="cpu")):
        estimator = cases.estimator(model, preprocessing_defences=defence, preprocessing=preprocessing)
        attack = cases.attack("ProjectedGradientDescent", estimator)
        found.append((estimator.predict(x)[0]["depth"], estimator.loss_gradient(x, y), attack.generate(x, y)))
    for array, tensor in zip(*found, strict=True):
        np.testing.assert_allclose(array, tensor, rtol=1e-5, atol=1e-7)
    plain = cases.estimator(model, preprocessing=preprocessing)
    expected = 0.5 * plain.loss_gradient((0.5 * x + 0.25).astype(np.float32), y)
    np.testing.assert_allclose(found[0][1], expected, rtol=1e-4, atol=1e-8)


def defences(name: str) -> Any:
    """A defence of ART, or two."""
    if name == "jpeg":
        return JpegCompression(clip_values=(0, 1), quality=60, channels_first=True)
    if name == "gaussian":
        return GaussianAugmentation(sigma=0.05, augmentation=False, apply_fit=True, apply_predict=False)
    if name == "squeezing":
        return FeatureSqueezing(clip_values=(0, 1), bit_depth=4)
    pytest.importorskip("kornia")  # ART's median filter needs it
    smoothing = SpatialSmoothingPyTorch(window_size=3, channels_first=True, device_type="cpu")
    return smoothing if name == "smoothing" else [smoothing, ScaledPyTorch(device_type="cpu")]


@pytest.mark.parametrize("name", ["jpeg", "gaussian", "squeezing", "smoothing", "smoothing and another"])
def test_arts_defences_compose(name: str) -> None:
    defence = defences(name)
    (x, y), model = cases.arrays(), toys.Toy()
    given = x.copy()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    arguments = {"preprocessing_defences": defence, "preprocessing": (cases.MEAN, cases.STD), "optimizer": optimizer}
    estimator = cases.estimator(model, **arguments)
    before = estimator.compute_loss(x, y)
    settings = {"eps": cases.EPS, "eps_step": cases.EPS / 2, "max_iter": 3, "verbose": False}
    host = evasion.ProjectedGradientDescent(estimator, **settings).generate(x, estimator.labels(x, y))
    ours = cases.attack("ProjectedGradientDescent", estimator).generate(x, y)
    np.testing.assert_allclose(ours, host, rtol=0, atol=1e-6)
    assert (estimator.compute_loss(ours, y) > before).all()
    estimator.fit(x, y, nb_epochs=2)
    assert estimator.compute_loss(x, y).mean() < before.mean()
    np.testing.assert_array_equal(x, given)


def test_noise_of_training_is_drawn_for_every_batch_anew() -> None:
    (x, y), model = cases.arrays(), toys.Toy()
    seen: list[Tensor] = []
    model.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    defence = GaussianAugmentation(sigma=0.05, augmentation=False)
    estimator = cases.estimator(
        model, preprocessing_defences=defence, optimizer=torch.optim.SGD(model.parameters(), lr=0.0)
    )
    estimator.fit(x, y, nb_epochs=2)
    noise = [(batch.sort(dim=0).values - torch.from_numpy(x).sort(dim=0).values).abs().mean() for batch in seen]
    assert all(float(n) > 0.01 for n in noise)
    assert not torch.equal(seen[0].sort(dim=0).values, seen[1].sort(dim=0).values)


def test_a_defence_that_adds_images_is_refused() -> None:
    (x, y), model = cases.arrays(), toys.Toy()
    defence = GaussianAugmentation(sigma=0.05, augmentation=True, ratio=0.5)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    estimator = cases.estimator(model, preprocessing_defences=defence, optimizer=optimizer)
    with pytest.raises(ValueError, match="preprocessing_defences: expected a defence that returns the 4 images"):
        estimator.fit(x, y, nb_epochs=1)
