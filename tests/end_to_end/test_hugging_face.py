"""Models of Hugging Face, made from configurations, as a new user would attack them; nothing is downloaded."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import mt_torchattacks as mta
from tests.example_files import load_example

transformers = pytest.importorskip("transformers", reason="transformers is not installed")

SMALL = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
IMAGES = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
EPS = 8 / 255


def classifier() -> nn.Module:
    torch.manual_seed(0)
    config = transformers.ViTConfig(image_size=32, patch_size=8, num_labels=3, **SMALL)
    model: nn.Module = transformers.ViTForImageClassification(config).eval()
    return model


def rises(attack: Any, targets: dict[str, Tensor]) -> bool:
    adversarial = attack(IMAGES, targets)
    before, after = (sum(attack.tasks.losses(attack.model(x), targets).values()) for x in (IMAGES, adversarial))
    return bool((adversarial - IMAGES).abs().max() <= EPS + 1e-6) and bool((after > before).all())


def test_a_model_output_with_a_name_of_its_own() -> None:
    tasks = mta.Tasks(label=mta.Task(mta.losses.CrossEntropy(), output="logits"))
    targets = {"label": torch.tensor([0, 2])}
    assert rises(mta.PGD(classifier(), tasks, eps=EPS), targets)
    with pytest.raises(KeyError, match="If it has another name: label=mta.Task"):
        mta.PGD(classifier(), mta.Tasks(label=mta.losses.CrossEntropy()))(IMAGES, targets)


def test_a_segmentation_whose_output_is_smaller_than_its_target() -> None:
    sizes = {"depths": [1] * 4, "hidden_sizes": [8, 8, 16, 16], "decoder_hidden_size": 8, "num_labels": 3}
    model = transformers.SegformerForSemanticSegmentation(transformers.SegformerConfig(**sizes)).eval()
    targets = {"segmentation": torch.randint(0, 3, (2, 32, 32))}
    task = mta.Task(mta.losses.CrossEntropy(resize="bilinear"), output="logits")
    assert rises(mta.PGD(model, mta.Tasks(segmentation=task), eps=EPS), targets)


class OwnLosses(nn.Module):
    """A detector of Hugging Face, whose outputs are its losses, image by image."""

    other_inputs = ("class_labels", "boxes")

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor, class_labels: Tensor, boxes: Tensor) -> dict[str, Tensor]:
        found = []
        for i in range(len(x)):
            there = class_labels[i] >= 0
            labels = [{"class_labels": class_labels[i][there], "boxes": boxes[i][there]}]
            found.append(self.model(x[i : i + 1], labels=labels).loss_dict)
        return {name: torch.stack([one[name] for one in found]) for name in ("loss_ce", "loss_bbox", "loss_giou")}


def test_a_detector_that_computes_its_own_losses() -> None:
    pytest.importorskip("scipy")
    torch.manual_seed(0)
    config = transformers.YolosConfig(image_size=[32, 32], patch_size=8, num_detection_tokens=4, num_labels=2, **SMALL)
    model = OwnLosses(transformers.YolosForObjectDetection(config).eval())
    own = mta.losses.OwnLoss()
    tasks = mta.Tasks(loss_ce=own, loss_bbox=own, loss_giou=own)
    targets = {name: torch.zeros(2) for name in tasks}
    boxes = torch.tensor([[[0.5, 0.5, 0.2, 0.4], [0.0, 0.0, 0.0, 0.0]], [[0.3, 0.3, 0.2, 0.2], [0.7, 0.6, 0.3, 0.2]]])
    others = {"class_labels": torch.tensor([[1, -1], [0, 1]]), "boxes": boxes}
    adversarial = mta.PGD(model, tasks, balance="dgba", eps=EPS, steps=3)(IMAGES, targets | others)
    before, after = (sum(model(x, **others).values()) for x in (IMAGES, adversarial))
    assert bool((after > before).all())


def test_the_example(capsys: pytest.CaptureFixture[str]) -> None:
    example = load_example("hugging_face")
    table = example.main(["--epochs", "1", "--train-images", "128", "--images", "8", "--steps", "1"])
    assert list(table["rule"]) == ["none", *example.RULES]
    assert "both wrong" in capsys.readouterr().out
