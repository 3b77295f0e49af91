"""Attack the four heads of a Faster R-CNN, which computes its own losses, on shapes that are drawn on the fly.

    python examples/detector.py          # half a minute of one core to train, more than that again to attack

trains a small detector of squares and discs, attacks it, and prints the average precision on held-out images before and
after: torchmetrics' mean average precision, which needs pycocotools (``pip install "mt-torchattacks[detection]"``).
"""

from __future__ import annotations

import argparse
import time

import pandas as pd
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle
from torch import Tensor, nn
from torchmetrics.detection import MeanAveragePrecision
from torchvision.models.detection import FasterRCNN
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.ops import MultiScaleRoIAlign, box_iou

import mt_torchattacks as mta
from mt_torchattacks.report import new_figure, save_figure, to_markdown

SIZE, CLASSES = 64, ("square", "disc")
LOOKS = (("square", "#00C8FF", "-"), ("disc", "#FFD000", "--"))  # name, colour and line of each class's boxes
EPS = 8 / 255
RULES = (*(f"single:{loss}" for loss in mta.models.DetectorLosses.losses), "total", "dgba")
Objects = dict[str, Tensor]


def draw(seed: int) -> tuple[Tensor, Objects]:
    """An image ``(3, 64, 64)`` of one to three shapes on noise, and their boxes and labels (1: square, 2: disc)."""
    g = torch.Generator().manual_seed(seed)
    image = 0.3 + 0.1 * torch.randn(3, SIZE, SIZE, generator=g)
    rows, columns = torch.meshgrid(torch.arange(SIZE), torch.arange(SIZE), indexing="ij")
    boxes, labels = [], []
    for _ in range(int(torch.randint(1, 4, (), generator=g))):
        side = int(torch.randint(12, 25, (), generator=g))
        left, top = torch.randint(0, SIZE - side, (2,), generator=g).tolist()
        box = torch.tensor([left, top, left + side, top + side], dtype=torch.float)
        if boxes and float(box_iou(box[None], torch.stack(boxes)).max()) > 0.05:
            continue
        label = int(torch.randint(1, 3, (), generator=g))
        down, across = (rows - top - side / 2 + 0.5).abs(), (columns - left - side / 2 + 0.5).abs()
        inside = torch.maximum(down, across) < side / 2 if label == 1 else down**2 + across**2 < (side / 2) ** 2
        image = torch.where(inside, 0.4 + 0.6 * torch.rand(3, 1, 1, generator=g), image)
        boxes.append(box)
        labels.append(label)
    return image.clamp(0, 1), {"boxes": torch.stack(boxes), "labels": torch.tensor(labels)}


def batch(seeds: range) -> tuple[Tensor, list[Objects]]:
    """Images ``(N, 3, 64, 64)`` and the objects of each."""
    images, objects = zip(*map(draw, seeds), strict=True)
    return torch.stack(images), list(objects)


def detector() -> FasterRCNN:
    """A Faster R-CNN with a backbone of four convolutions, for images of 64 x 64 pixels."""
    widths, layers = (3, 16, 32, 48, 48), []
    for i in range(4):
        layers += [nn.Conv2d(widths[i], widths[i + 1], 3, 2 if i < 3 else 1, padding=1), nn.BatchNorm2d(widths[i + 1])]
        layers += [nn.ReLU()]
    backbone = nn.Sequential(*layers)
    backbone.out_channels = widths[-1]
    return FasterRCNN(
        backbone,
        rpn_anchor_generator=AnchorGenerator(((14, 20),), ((1.0,),)),
        box_roi_pool=MultiScaleRoIAlign(["0"], output_size=5, sampling_ratio=2),
        box_head=TwoMLPHead(widths[-1] * 25, 64),
        box_predictor=FastRCNNPredictor(64, 1 + len(CLASSES)),
        min_size=SIZE,
        max_size=SIZE,
        image_mean=[0.5] * 3,
        image_std=[0.25] * 3,
        rpn_pre_nms_top_n_train=100,
        rpn_post_nms_top_n_train=40,
        rpn_pre_nms_top_n_test=100,
        rpn_post_nms_top_n_test=40,
        rpn_batch_size_per_image=64,
        box_batch_size_per_image=32,
    )


def trained(steps: int, size: int = 8) -> FasterRCNN:
    """A detector after some steps of Adam on images drawn on the way, in evaluation mode."""
    torch.manual_seed(0)
    model = detector().train()
    optimizer = torch.optim.Adam(model.parameters(), 2e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=max(steps, 1))
    for step in range(steps):
        images, objects = batch(range(step * size, (step + 1) * size))
        loss = sum(model(list(images), objects).values())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return model.eval()


def average_precision(found: list[Objects], truths: list[Objects]) -> dict[str, float]:
    """Mean average precision over the classes in percent: over the overlaps 0.5 to 0.95 (mAP), and at 0.5 (AP50)."""
    metric = MeanAveragePrecision()
    metric.update(found, truths)
    measured = metric.compute()
    return {name: 100 * float(measured[key]) for name, key in (("mAP", "map"), ("AP50", "map_50"))}


@torch.no_grad()
def row(model: mta.models.DetectorLosses, images: Tensor, objects: list[Objects]) -> dict[str, float]:
    """Mean average precision and mean losses on some images."""
    targets = model.targets(objects)
    losses = model(images, targets["boxes"], targets["labels"])
    precision = average_precision(model.model(list(images)), objects)
    return precision | {name.removeprefix("loss_"): float(loss.mean()) for name, loss in losses.items()}


@torch.no_grad()
def figure(detector: nn.Module, images: Tensor, adversarial: Tensor, objects: list[Objects], rule: str) -> Figure:
    """True boxes, detections on clean images, and on the same ones attacked: a row each; sure detections only."""
    count = 4
    drawn = new_figure(2 * count, 6.6)
    panels = drawn.subplots(3, count)
    rows = {
        "true": (images, objects),
        "found, clean": (images, detector(list(images[:count]))),
        f"found, attacked\n({rule})": (adversarial, detector(list(adversarial[:count]))),
    }
    for axes, (title, (shown, boxes)) in zip(panels, rows.items(), strict=True):
        for panel, image, found in zip(axes, shown, boxes, strict=False):
            panel.imshow(image.permute(1, 2, 0).numpy(), interpolation="nearest")
            panel.set_xticks([])
            panel.set_yticks([])
            _draw(panel, found)
        axes[0].set_ylabel(title, fontsize=11)
    handles = [Patch(fill=False, edgecolor=colour, linestyle=line, label=name) for name, colour, line in LOOKS]
    drawn.legend(handles=handles, loc="upper center", ncols=2, frameon=False)
    drawn.tight_layout(rect=(0, 0, 1, 0.96))
    return drawn


def _draw(panel: Axes, found: Objects) -> None:
    """The boxes, those of detections with a score of at least one half."""
    scores = found.get("scores", torch.ones(len(found["labels"])))
    for box, label, score in zip(found["boxes"].tolist(), found["labels"].tolist(), scores.tolist(), strict=True):
        if score >= 0.5:
            left, top, right, bottom = box
            _, colour, line = LOOKS[label - 1]
            look = {"fill": False, "edgecolor": colour, "linestyle": line, "linewidth": 2}
            panel.add_patch(Rectangle((left, top), right - left, bottom - top, **look))


def main(arguments: list[str] | None = None) -> None:
    """Train, attack, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--train-steps", type=int, default=500, help="steps of training, 8 images each")
    parser.add_argument("--images", type=int, default=40, help="held-out images that are attacked")
    parser.add_argument("--steps", type=int, default=10, help="steps of PGD")
    parser.add_argument("--figure", help="picture of what the strongest rule does to four of the images")
    options = parser.parse_args(arguments)
    begin = time.perf_counter()
    model = mta.models.DetectorLosses(trained(options.train_steps)).eval()
    print(f"trained in {time.perf_counter() - begin:.0f} s")
    images, objects = batch(range(10**6, 10**6 + options.images))
    noise = EPS * torch.randn(images.shape, generator=torch.Generator().manual_seed(0)).sign()
    rows = [{"rule": "none"} | row(model, images, objects)]
    rows.append({"rule": "noise, random signs"} | row(model, (images + noise).clamp(0, 1), objects))
    made = {}
    for rule in RULES:
        attack = mta.PGD(model, model.tasks(), rule, eps=EPS, alpha=EPS / 4, steps=options.steps, random_start=False)
        made[rule] = attack(images, model.targets(objects))
        rows.append({"rule": rule} | row(model, made[rule], objects))
    print(to_markdown(pd.DataFrame(rows), 2))
    if options.figure:
        strongest = min(rows[2:], key=lambda one: one["mAP"])["rule"]
        save_figure(figure(model.model, images, made[strongest], objects, strongest), options.figure)


if __name__ == "__main__":
    main()
