"""examples/face_detector.py: a real pretrained model with three heads, on real photographs."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import mt_torchattacks as mta
from tests.example_files import load_example

FACE = 1
SATURATED = 63  # the face whose probability is exactly 1 in float32


@pytest.fixture(scope="module")
def example() -> ModuleType:
    hint = "the face detector's {} are missing: {}".format
    pytest.importorskip("facenet_pytorch", reason=hint("weights", "pip install --no-deps facenet-pytorch==2.6.0"))
    pytest.importorskip("skimage", reason=hint("photographs", "pip install scikit-image"))
    return load_example("face_detector")


@pytest.fixture(scope="module")
def model(example: ModuleType) -> nn.Module:
    return example.FaceDetector()


@pytest.fixture(scope="module")
def onet(example: ModuleType) -> nn.Module:
    """O-Net as it is published, returning a tuple (box, landmarks, probabilities)."""
    return example.ONet().eval()


def scaled(images: Tensor) -> Tensor:
    return (255 * images - 127.5) / 128


def error(outputs: dict[str, Tensor], targets: dict[str, Tensor], task: str) -> Tensor:
    """Mean absolute error of each sample ``(N,)``, in pixels."""
    return (outputs[task] - targets[task]).abs().mean(dim=1)


@torch.no_grad()
def test_the_wrapped_model_says_what_onet_says(example: ModuleType, model: nn.Module, onet: nn.Module) -> None:
    images = torch.cat([example.photographs(kind, 100) for kind in example.LABELS])
    box, landmarks, probabilities = onet(scaled(images))
    outputs = model(images)
    torch.testing.assert_close(outputs["face"].softmax(dim=1).float(), probabilities, rtol=0, atol=1e-6)
    torch.testing.assert_close(outputs["box"], 48 * (box + torch.tensor([0, 0, 1, 1])), rtol=0, atol=1e-3)
    torch.testing.assert_close(outputs["landmarks"], 48 * landmarks, rtol=0, atol=1e-3)


@torch.no_grad()
def test_every_clean_photograph_is_classified_correctly(example: ModuleType, model: nn.Module) -> None:
    for kind, label in example.LABELS.items():
        images = example.photographs(kind, 100)
        assert images.shape == (100, 3, 48, 48)
        assert (model(images)["face"].argmax(dim=1) == label).all()


@pytest.mark.parametrize(("host", "times"), [("FGSM", 4), ("PGD", 10), ("APGD", 10)])
def test_heads_whose_targets_are_the_own_predictions_are_attacked(
    example: ModuleType, model: nn.Module, host: str, times: float
) -> None:
    """Their clean loss and its gradient are 0; the error still rises far above that of noise of the same size."""
    images, targets = example.with_targets(model, example.photographs("faces", 6), FACE)
    attacks = example.attacks(model, 8)
    with torch.no_grad():
        noisy = model(attacks["noise/random signs/8"](images, targets))
    adversarial = attacks[f"{host}/dgba/8"](images, targets)
    assert ((adversarial - images).abs() <= 8 / 255 + 1e-6).all()
    with torch.no_grad():
        clean, attacked = model(images), model(adversarial)
    for task in ("box", "landmarks"):
        assert (error(clean, targets, task) == 0).all()
        assert (error(attacked, targets, task) > error(noisy, targets, task)).all()
        assert error(attacked, targets, task).mean() > times * error(noisy, targets, task).mean()


def test_dgba_defeats_all_heads_where_single_task_attacks_leave_some(example: ModuleType, model: nn.Module) -> None:
    images, targets = example.with_targets(model, example.photographs("faces", 10), FACE)
    attacks, found, box = example.attacks(model, 8), {}, {}
    for rule in ("dgba", "single:face", "single:box"):
        with torch.no_grad():
            outputs = model(attacks[f"PGD/{rule}/8"](images, targets))
        found[rule] = (outputs["face"].argmax(dim=1) == FACE).float().mean()
        box[rule] = error(outputs, targets, "box").mean()
    assert found["dgba"] == 0
    assert found["single:box"] >= 0.5
    assert box["dgba"] > 1.5 * box["single:face"]


def test_a_saturated_face_is_attacked_through_its_scores(
    example: ModuleType, model: nn.Module, onet: nn.Module
) -> None:
    image = example.photographs("faces", 100)[SATURATED:][:1]
    assert onet(scaled(image))[2][0, FACE] == 1
    images, targets = example.with_targets(model, image, FACE)
    assert 0 < F.cross_entropy(model(images)["face"], targets["face"]) < 1e-6
    adversarial = example.attacks(model, 8)["PGD/single:face/8"](images, targets)
    assert model(adversarial)["face"].argmax() != FACE


def test_predictions_made_in_a_batch_serve_a_sample_alone(example: ModuleType, model: nn.Module) -> None:
    """Alone its outputs differ by a rounding from those in the batch; the tasks' floor says that this is no error."""
    images, targets = example.with_targets(model, example.photographs("faces", 12), FACE)
    attack = example.attacks(model, 8)["FGSM/relative/8"]
    together = attack(images, targets)
    for row in range(3):
        only = slice(row, row + 1)
        alone = attack(images[only], {name: target[only] for name, target in targets.items()})
        assert torch.isclose(alone, together[only], rtol=0, atol=1e-6).float().mean() > 0.99


def test_onet_itself_can_be_attacked(example: ModuleType, model: nn.Module, onet: nn.Module) -> None:
    """Its tuple of outputs takes the tasks' order, its probabilities a loss of probabilities: the same direction."""

    class Scaled(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            return scaled(images)

    images, targets = example.with_targets(model, example.photographs("non-faces", 6), 1 - FACE)
    losses = {"box": mta.losses.L1(), "landmarks": mta.losses.L1(), "face": mta.losses.CrossEntropy(probabilities=True)}
    attack = mta.FGSM(nn.Sequential(Scaled(), onet), mta.Tasks(losses), "single:face", eps=8 / 255)
    step = attack(images, targets) - images
    expected = example.attacks(model, 8)["FGSM/single:face/8"](images, targets) - images
    assert (step.sign() == expected.sign()).float().mean() > 0.99


def test_the_command_writes_a_table_and_a_picture(
    example: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    example.main(["--out", str(tmp_path), "--eps", "8", "--photos", "1"])
    lines = (tmp_path / "table.csv").read_text().splitlines()
    header = "attack,rule,eps,faces found %,non-faces rejected %,box error px,landmark error px"
    assert lines[:2] == [header, "clean,-,0,100.0000,100.0000,0.0000,0.0000"]
    assert len(lines) == 2 + 1 + len(example.HOSTS) * len(example.RULES)
    assert "single:landmarks" in capsys.readouterr().out
    assert (tmp_path / "faces.png").read_bytes().startswith(b"\x89PNG")
