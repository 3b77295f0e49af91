"""What ART's own tests ask of its classifiers, asked of ART's PyTorchClassifier and of one task of the estimator.

What does not apply: gradients of each class and `nb_classes`, which several tasks do not have; `custom_loss_gradient`,
for which the activations have gradients; mixed precision of apex;
what is of other frameworks.
"""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from art.attacks.evasion import FastGradientMethod
from art.data_generators import NumpyDataGenerator
from art.defences.preprocessor import FeatureSqueezing, JpegCompression, SpatialSmoothing, SpatialSmoothingPyTorch
from torch import nn

from tests.hosts.art.one_task import SHAPE, classifier, network, samples

both = pytest.mark.parametrize("kind", ["art", "ours"])
X, Y = samples()


def accuracy(estimator: Any) -> float:
    return float((estimator.predict(X).argmax(axis=1) == Y.argmax(axis=1)).mean())


def smoothing(size: int) -> SpatialSmoothingPyTorch:
    return SpatialSmoothingPyTorch(window_size=size, channels_first=True, device_type="cpu")


# Defences by what they are implemented with.
CHAINS: dict[str, list[Any]] = {
    "none": [],
    "PyTorch": [smoothing(3)],
    "NumPy": [SpatialSmoothing(window_size=3, channels_first=True)],
    "several": [smoothing(3), smoothing(5), smoothing(7)],
}
MIXED = [SpatialSmoothing(window_size=3, channels_first=True), smoothing(3)]
BY_NAME = {
    "squeezing": FeatureSqueezing(clip_values=(0, 1), bit_depth=2),
    "JPEG": JpegCompression(clip_values=(0, 1), apply_predict=True, channels_first=True),
    "smoothing": SpatialSmoothing(channels_first=True),
}


@both
def test_predictions_are_the_models(kind: str) -> None:
    model = network()
    found = classifier(kind, model).predict(X, batch_size=7)
    assert found.shape == Y.shape and found.dtype == np.float32
    with torch.no_grad():
        np.testing.assert_allclose(found, model(torch.from_numpy(X)), rtol=0, atol=1e-5)


@both
@pytest.mark.parametrize("sequential", [True, False])
def test_activations_by_index_and_by_name_are_those_of_the_layers(kind: str, sequential: bool) -> None:
    model = network(sequential)
    estimator, x = classifier(kind, model), torch.from_numpy(X)
    assert len(estimator.layer_names) == len(list(model.children()))
    for i, (name, layer) in enumerate(zip(estimator.layer_names, model.children(), strict=True)):
        x = layer(x)
        for given in (i, name):
            found = estimator.get_activations(X, given, batch_size=len(X))
            np.testing.assert_allclose(found, x.detach(), rtol=0, atol=1e-5)
    whole = estimator.get_activations(X, 0, batch_size=len(X))
    np.testing.assert_allclose(estimator.get_activations(X, 0, batch_size=5), whole, rtol=0, atol=1e-5)


@both
def test_the_loss_gradient_is_each_samples_own(kind: str) -> None:
    model, x = network(), torch.from_numpy(X).requires_grad_()
    nn.functional.cross_entropy(model(x), torch.from_numpy(Y.argmax(axis=1)), reduction="sum").backward()
    found = classifier(kind, model).loss_gradient(X, Y)
    factor = len(X) if kind == "art" else 1  # ART differentiates the batch's mean
    assert found.shape == X.shape
    np.testing.assert_allclose(factor * found, x.grad, rtol=1e-4, atol=1e-7)


@both
@pytest.mark.parametrize("size", [(6, 6), (9, 14)])
def test_the_loss_gradient_of_images_of_another_size(kind: str, size: tuple[int, int]) -> None:
    x = np.random.default_rng(0).uniform(size=(2, 1, *size)).astype(np.float32)
    found = classifier(kind, input_shape=(1, None, None)).loss_gradient(x, Y[:2])
    assert found.shape == x.shape and (found != 0).any()


@pytest.mark.parametrize("loss", [nn.CrossEntropyLoss(), nn.MultiMarginLoss(), nn.NLLLoss()])
def test_loss_functions(loss: nn.Module) -> None:
    """Labels are one-hot, as ART's classifier wants them; ours takes whole numbers too."""
    theirs, ours = (classifier(kind, network(), loss) for kind in ("art", "ours"))
    np.testing.assert_array_equal(theirs.predict(X), ours.predict(X))
    expected = len(X) * theirs.loss_gradient(X, Y)
    for y in (Y, Y.argmax(axis=1)):
        np.testing.assert_allclose(ours.loss_gradient(X, y), expected, rtol=1e-4, atol=1e-7)


@both
def test_the_loss_and_its_reductions(kind: str) -> None:
    model = network()
    with torch.no_grad():
        logits, target = model(torch.from_numpy(X)), torch.from_numpy(Y.argmax(axis=1))
    estimator = classifier(kind, model)
    for reduction in ("none", "mean", "sum"):
        expected = nn.functional.cross_entropy(logits, target, reduction=reduction)
        np.testing.assert_allclose(estimator.compute_loss(x=X, y=Y, reduction=reduction), expected, rtol=1e-5)


@both
def test_training_makes_it_better(kind: str) -> None:
    estimator = classifier(kind)
    before = accuracy(estimator)
    estimator.fit(X, Y, batch_size=8, nb_epochs=30)
    assert accuracy(estimator) > max(before, 0.9)


@both
def test_training_on_a_generator_makes_it_better(kind: str) -> None:
    estimator = classifier(kind)
    before = accuracy(estimator)
    estimator.fit_generator(NumpyDataGenerator(X, Y, batch_size=8), nb_epochs=30)
    assert accuracy(estimator) > max(before, 0.9)


@both
def test_arguments_of_other_frameworks_are_passed_over(kind: str) -> None:
    estimator = classifier(kind)
    estimator.fit(X, Y, batch_size=8, nb_epochs=1, verbose=False, callbacks=[print])
    estimator.fit_generator(NumpyDataGenerator(X, Y, batch_size=8), nb_epochs=1, callbacks=[print])


@both
def test_pickled_it_is_the_same(kind: str, tmp_path: Path) -> None:
    estimator = classifier(kind)
    estimator.fit(X, Y, batch_size=8, nb_epochs=2)
    (tmp_path / "pickled").write_bytes(pickle.dumps(estimator))
    twin = pickle.loads((tmp_path / "pickled").read_bytes())
    np.testing.assert_array_equal(twin.clip_values, estimator.clip_values)
    assert twin.channels_first == estimator.channels_first
    assert vars(twin).keys() == vars(estimator).keys()
    np.testing.assert_array_equal(twin.predict(X), estimator.predict(X))
    twin.fit(X, Y, batch_size=8, nb_epochs=1)
    assert not np.array_equal(twin.predict(X), estimator.predict(X))


@both
def test_it_is_saved_to_a_folder_there_or_not(kind: str, tmp_path: Path) -> None:
    estimator = classifier(kind)
    (tmp_path / "there").mkdir()
    for folder in (tmp_path / "there", tmp_path / "not" / "yet"):
        estimator.save("trained", path=str(folder))
        saved = torch.load(next(path for path in folder.iterdir() if path.name.endswith(".model")))
        assert torch.equal(saved["head.weight"], estimator.model.state_dict()["head.weight"].cpu())


@both
def test_it_says_what_it_is_made_of(kind: str) -> None:
    said = repr(classifier(kind))
    layers = ("(conv): Conv2d(1, 8, kernel_size=(3, 3)", "(head): Linear(in_features=32, out_features=3, bias=True)")
    for part in (*layers, "optimizer=Adam", f"input_shape={SHAPE}", "clip_values=array([0., 1.], dtype=float32"):
        assert part in said
    for part in ("channels_first=True", "preprocessing_defences=None, postprocessing_defences=None, preprocessing="):
        assert part in said


@both
def test_its_shape_and_device(kind: str) -> None:
    estimator = classifier(kind)
    assert estimator.input_shape == SHAPE
    assert estimator.device == torch.device("cpu") != torch.device("cuda")


@both
def test_a_clone_to_train_again(kind: str) -> None:
    estimator = classifier(kind)
    before = estimator.predict(X)
    clone = estimator.clone_for_refitting()
    clone.fit(X, Y, batch_size=8, nb_epochs=1)
    assert clone.predict(X).shape == before.shape
    np.testing.assert_array_equal(estimator.predict(X), before)


@pytest.mark.parametrize(
    ("kind", "name"),
    [(kind, name) for kind in ("art", "ours") for name in BY_NAME if (kind, name) != ("art", "squeezing")],
)
def test_a_defence_changes_what_is_predicted_as_it_changes_the_image(kind: str, name: str) -> None:
    """ART's squeezing returns float64, which its PyTorch classifier does not take."""
    model, defence = network(), BY_NAME[name]
    plain, defended = classifier(kind, model), classifier(kind, model, preprocessing_defences=defence)
    assert len(defended.preprocessing_defences) == 1
    expected = plain.predict(defence(X, Y)[0])
    np.testing.assert_allclose(defended.predict(X), expected, rtol=0, atol=1e-4)
    assert not np.array_equal(expected, plain.predict(X))


@both
@pytest.mark.parametrize("name", CHAINS)
def test_defences_one_after_the_other(kind: str, name: str) -> None:
    model = network()
    estimator, x = classifier(kind, model, preprocessing_defences=CHAINS[name]), X
    before = [X]
    for defence in CHAINS[name]:
        x, _ = defence(x, Y)
        before.append(x)
    with torch.no_grad():
        np.testing.assert_allclose(estimator.predict(X), model(torch.as_tensor(x)), rtol=0, atol=1e-4)
    expected = gradient = np.random.default_rng(0).normal(size=X.shape)
    for defence, seen in reversed(list(zip(CHAINS[name], before[:-1], strict=True))):
        expected = defence.estimate_gradient(seen, expected)
    np.testing.assert_allclose(estimator._apply_preprocessing_gradient(X, gradient), expected, rtol=0, atol=1e-4)


@both
def test_defences_of_both_kinds_are_refused(kind: str) -> None:
    """ART chains defences of one kind only; its own test of a mixture is expected to fail."""
    with pytest.raises(NotImplementedError):
        classifier(kind, preprocessing_defences=MIXED).predict(X)


@both
@pytest.mark.parametrize("labels", [Y, None])
def test_an_attack_through_defences(kind: str, labels: np.ndarray | None) -> None:
    estimator = classifier(kind)
    estimator.fit(X, Y, batch_size=8, nb_epochs=30)
    defended = classifier(kind, estimator.model, preprocessing_defences=CHAINS["several"])
    given = X.copy()
    adversarial = FastGradientMethod(defended, eps=1.0, batch_size=128).generate(X, labels)
    np.testing.assert_array_equal(X, given)
    assert 0 <= adversarial.min() <= adversarial.max() <= 1 and not np.array_equal(adversarial, X)
    before, after = (defended.compute_loss(x, Y) for x in (X, adversarial))
    assert after.mean() > before.mean() and (defended.predict(adversarial) != defended.predict(X)).any()


def test_what_the_gradient_of_a_loss_on_activations_is_made_of() -> None:
    """In place of `custom_loss_gradient`: activations through which gradients flow to the images."""
    model = network()
    theirs, ours = (classifier(kind, model) for kind in ("art", "ours"))
    image, goal = X[:1], X[1:2]
    expected = theirs.custom_loss_gradient(torch.norm, image, goal, "flat")
    x = torch.from_numpy(image).requires_grad_()
    difference = ours.get_activations(x, "flat", framework=True) - torch.from_numpy(ours.get_activations(goal, "flat"))
    (found,) = torch.autograd.grad(torch.norm(difference), x)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-7)
