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


def test_a_detector_that_computes_its_own_losses() -> None:
    pytest.importorskip("scipy")
    torch.manual_seed(0)
    config = transformers.YolosConfig(image_size=[32, 32], patch_size=8, num_detection_tokens=4, num_labels=2, **SMALL)
    detector = transformers.YolosForObjectDetection(config).eval()
    model = mta.models.OwnLosses(detector, ["loss_ce", "loss_bbox", "loss_giou"])
    truths = [
        {"class_labels": torch.tensor([1]), "boxes": torch.tensor([[0.5, 0.5, 0.2, 0.4]])},
        {"class_labels": torch.tensor([0, 1]), "boxes": torch.tensor([[0.3, 0.3, 0.2, 0.2], [0.7, 0.6, 0.3, 0.2]])},
    ]
    targets = model.targets(truths)
    with torch.no_grad():
        found = model(IMAGES, **{name: targets[name] for name in model.other_inputs})
        for i, truth in enumerate(truths):
            expected = detector(IMAGES[i : i + 1], labels=[truth]).loss_dict
            assert all(torch.equal(found[name][i], expected[name]) for name in model.losses)
    adversarial = mta.PGD(model, model.tasks(), balance="dgba", eps=EPS, steps=3)(IMAGES, targets)
    with torch.no_grad():
        after = model(adversarial, **{name: targets[name] for name in model.other_inputs})
    assert bool((sum(after.values()) > sum(found.values())).all())


def test_the_example(capsys: pytest.CaptureFixture[str]) -> None:
    example = load_example("hugging_face")
    table = example.main(["--epochs", "1", "--train-images", "128", "--images", "8", "--steps", "1"])
    assert list(table["rule"]) == ["none", *example.RULES]
    assert "both wrong" in capsys.readouterr().out
