"""A detector's own losses, each image's from that image alone, and attacks on them."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import mt_torchattacks as mta
from tests.example_files import load_example

EPS = 8 / 255


@pytest.fixture(scope="module")
def example() -> ModuleType:
    pytest.importorskip("torchvision")
    return load_example("detector")


@pytest.fixture
def case(example: ModuleType) -> tuple[mta.models.DetectorLosses, Tensor, dict[str, Tensor]]:
    """An untrained detector, in training mode but for a frozen batch norm, and three images."""
    torch.manual_seed(0)
    model = mta.models.DetectorLosses(example.detector().train())
    model.model.backbone[1].eval()
    images, objects = example.batch(range(3))
    return model, images, model.targets(objects)


def losses(model: nn.Module, images: Tensor, targets: dict[str, Tensor]) -> dict[str, Tensor]:
    with torch.no_grad():
        return model(images, targets["boxes"], targets["labels"])


def test_they_are_torchvisions_of_each_image(example: ModuleType, case: Any) -> None:
    """One image at a time, the layers in evaluation mode, with the random numbers that are drawn here."""
    model, images, targets = case
    model.eval()
    found = losses(model, images, targets)
    _, objects = example.batch(range(3))
    detector = model.model
    for module in (detector, detector.rpn, detector.roi_heads):
        module.training = True
    for i, truth in enumerate(objects):
        torch.manual_seed(0)
        expected = detector([images[i]], [truth])
        assert set(found) == set(expected)
        for name, loss in expected.items():
            torch.testing.assert_close(found[name][i], loss.detach())


def test_an_image_alone_and_at_every_pass_has_the_same_losses(case: Any) -> None:
    model, images, targets = case
    model.eval()
    together, again = (losses(model, images, targets) for _ in range(2))
    for i in range(3):
        alone = losses(model, images[i : i + 1], {name: target[i : i + 1] for name, target in targets.items()})
        for name, loss in together.items():
            torch.testing.assert_close(alone[name][0], loss[i])
            assert torch.equal(loss, again[name])


def test_modes_statistics_and_random_numbers_stay(case: Any) -> None:
    model, images, targets = case
    modes = [module.training for module in model.modules()]
    state = {name: value.clone() for name, value in model.state_dict().items()}
    numbers = torch.get_rng_state()
    mta.FGSM(model, model.tasks(), eps=EPS)(images, targets)
    assert [module.training for module in model.modules()] == modes
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
    assert torch.equal(torch.get_rng_state(), numbers)
    with pytest.raises(RuntimeError):
        model(torch.rand(1, 5, 64, 64), targets["boxes"][:1], targets["labels"][:1])
    assert [module.training for module in model.modules()] == modes


@pytest.mark.parametrize(
    ("attack", "options"),
    [
        ("PGD", {"steps": 3, "random_start": False}),
        ("APGD", {"steps": 3}),
        ("AutoSAGA", {"steps": 2}),
        ("Square", {"n_queries": 10, "stop_at": 0.05}),
    ],
)
def test_attacks_raise_the_losses(case: Any, attack: str, options: dict[str, Any]) -> None:
    model, images, targets = case
    model.eval()
    found = getattr(mta, attack)(model, model.tasks(), eps=EPS, **options)(images, targets)
    assert float((found - images).abs().max()) <= EPS + 1e-6
    before, after = (sum(losses(model, x, targets).values()) for x in (images, found))
    assert float(after.mean()) > float(before.mean())


def test_images_with_many_few_and_no_objects(case: Any) -> None:
    model, images, _ = case
    model.eval()
    box = torch.tensor([[8.0, 8.0, 24.0, 24.0]])
    truths = [
        {"boxes": box.repeat(3, 1), "labels": torch.tensor([1, 2, 1])},
        {"boxes": box, "labels": torch.tensor([2])},
        {"boxes": torch.zeros(0, 4), "labels": torch.zeros(0, dtype=torch.long)},
    ]
    targets = model.targets(truths)
    assert targets["boxes"].shape == (3, 3, 4)
    assert targets["labels"].tolist() == [[1, 2, 1], [2, -1, -1], [-1, -1, -1]]
    found = losses(model, images, targets)
    assert float(found["loss_rpn_box_reg"][2]) == 0
    assert not torch.equal(mta.FGSM(model, model.tasks())(images, targets), images)


@pytest.mark.parametrize("more", ["mask", "keypoint"])
def test_masks_and_key_points_are_one_task_more(example: ModuleType, more: str) -> None:
    detection = pytest.importorskip("torchvision.models.detection")
    torch.manual_seed(0)
    plain = example.detector()
    arguments = {"num_classes": 3} | ({"num_keypoints": 2} if more == "keypoint" else {})
    backbone = plain.backbone
    backbone.out_channels = plain.rpn.head.conv[0][0].in_channels
    made = {"mask": detection.MaskRCNN, "keypoint": detection.KeypointRCNN}[more]
    detector = made(backbone, min_size=64, max_size=64, rpn_anchor_generator=plain.rpn.anchor_generator, **arguments)
    for pool in ("box_roi_pool", f"{more}_roi_pool"):
        getattr(detector.roi_heads, pool).featmap_names = ["0"]
    images, objects = example.batch(range(2))
    for truth in objects:
        count = len(truth["boxes"])
        masks = torch.zeros(count, 64, 64, dtype=torch.uint8)
        for mask, (left, top, right, bottom) in zip(masks, truth["boxes"].int().tolist(), strict=True):
            mask[top:bottom, left:right] = 1
        corners = truth["boxes"].reshape(count, 2, 2)
        truth |= (
            {"masks": masks} if more == "mask" else {"keypoints": torch.cat([corners, torch.ones(count, 2, 1)], dim=2)}
        )
    model = mta.models.DetectorLosses(detector.eval())
    assert model.losses[4:] == (f"loss_{more}",)
    targets = model.targets(objects)
    with torch.no_grad():
        found = model(images, **{name: targets[name] for name in model.other_inputs})
    for module in (detector, detector.rpn, detector.roi_heads):
        module.training = True
    for i, truth in enumerate(objects):
        torch.manual_seed(0)
        for name, loss in detector([images[i]], [truth]).items():
            torch.testing.assert_close(found[name][i], loss.detach())
    detector.eval()
    adversarial = mta.PGD(model, model.tasks(), steps=2)(images, targets)
    with torch.no_grad():
        after = model(adversarial, **{name: targets[name] for name in model.other_inputs})
    assert float(sum(after.values()).mean()) > float(sum(found.values()).mean())
    with pytest.raises(KeyError, match=rf"truths\[0\].*{more}s"):
        model.targets([{"boxes": targets["boxes"][0], "labels": targets["labels"][0]}])


def test_what_is_no_faster_rcnn_is_refused() -> None:
    with pytest.raises(TypeError, match="model: expected a two-stage detector of torchvision, found Linear"):
        mta.models.DetectorLosses(nn.Linear(1, 1))


def test_average_precision(example: ModuleType) -> None:
    """By hand: of two squares and a disc, a square is found twice (the second time wrongly), the disc once."""
    square, other, disc = torch.tensor([[0.0, 0, 10, 10], [20, 20, 30, 30], [40, 40, 50, 50]]).unbind()
    truth = {"boxes": torch.stack([square, other, disc]), "labels": torch.tensor([1, 1, 2])}
    found = {
        "boxes": torch.stack([square, square + 1, other, disc]),
        "labels": torch.tensor([1, 1, 1, 2]),
        "scores": torch.tensor([0.9, 0.8, 0.7, 0.6]),
    }
    # Precision against recall at COCO's 101 recalls: squares 1 up to a half (51 of them), then 2/3; the disc 1.
    right = 100 * ((51 + 50 * 2 / 3) / 101 + 1) / 2
    assert example.average_precision([found], [truth])["AP50"] == pytest.approx(right)
    nothing = {"boxes": torch.zeros(0, 4), "labels": torch.zeros(0, dtype=torch.long), "scores": torch.zeros(0)}
    assert example.average_precision([nothing], [truth]) == {"mAP": 0, "AP50": 0}


def test_the_example_runs_untrained(example: ModuleType, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    picture = tmp_path / "detector.png"
    example.main(["--train-steps", "1", "--images", "5", "--steps", "1", "--figure", str(picture)])
    assert picture.stat().st_size > 10_000
    printed = capsys.readouterr().out
    assert all(rule in printed for rule in example.RULES)
