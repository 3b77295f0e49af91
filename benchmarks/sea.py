"""This library's attacks on segmentation beside SEA, the segmentation ensemble attack, at equal passes.

    python benchmarks/sea.py --images 32 --steps 60

SEA (Croce, Singh and Hein, 'Towards Reliable Evaluation and Fast Training of Robust Semantic Segmentation Models', ECCV
2024, https://arxiv.org/abs/2306.12941) is written here from the paper's text, for one model and one radius, without
this library's losses, attacks and metrics: Auto-PGD within 2, 1.5 and 1 radii (30, 30 and 40 % of the steps) on three
losses, the iterate with the lowest accuracy kept, and over the three runs the lowest accuracy by image, and the lowest
mean intersection over union (mIoU) by a greedy choice.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).parents[1])  # so that 'benchmarks' is found, and its files hide no package

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import default_collate

import mt_torchattacks as mta
from mt_torchattacks.evaluation import count_passes, segmentation_attacks

IGNORED, SEED = 255, 4  # the label that does not count; of the rooms, which no attack was chosen on
CASES = [
    *(("rooms3/all-shared", eps) for eps in (2, 4)),
    *(("rooms3/independent", eps) for eps in (2, 4)),
    *(("rooms3-resnet34/2-shared", eps) for eps in (2, 4)),
    *(("rooms3-robust/pgd-dgba-0", eps) for eps in (4, 8)),
    *(("rooms3-robust/pgd-single-segmentation-0", eps) for eps in (4, 8)),
    *(("rooms3-robust/fgsm-total-0", eps) for eps in (4, 8)),
]
"""Models, and radii in 255ths."""

Logits = Callable[[Tensor], Tensor]
PixelLoss = Callable[[Tensor, Tensor], Tensor]
"""``(logits (N, K, H, W), labels (N, H, W)) -> (N, H, W)``, 0 where the label is ignored."""


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    return F.cross_entropy(logits, labels, ignore_index=IGNORED, reduction="none")


def masked(logits: Tensor, labels: Tensor) -> Tensor:
    return cross_entropy(logits, labels) * (logits.argmax(1) == labels).detach()


def balanced(weights: Tensor) -> PixelLoss:
    """The masked cross-entropy with class weights ``(K,)``."""
    return lambda logits, labels: masked(logits, labels) * weights[labels.clamp(max=len(weights) - 1)]


def jensen_shannon(logits: Tensor, labels: Tensor) -> Tensor:
    p = logits.softmax(1).clamp_min(1e-30)
    true = labels.clamp(max=logits.shape[1] - 1)
    m = (p + F.one_hot(true, logits.shape[1]).movedim(-1, 1)) / 2
    of_prediction, of_label = (p * (p / m).log()).sum(1), -m.gather(1, true[:, None])[:, 0].log()
    return (of_prediction + of_label) / 2 * (labels != IGNORED)


def wrong_share(logits: Tensor, labels: Tensor) -> Tensor:
    counted = labels != IGNORED
    return ((logits.argmax(1) != labels) & counted).flatten(1).sum(1) / counted.flatten(1).sum(1)


def auto_pgd(
    model: Logits, images: Tensor, labels: Tensor, start: Tensor, loss: PixelLoss, eps: float, steps: int
) -> Tensor:
    """Each image's iterate with the lowest accuracy; step sizes are controlled by the plain cross-entropy."""
    lengths, at, rest = [], 0.0, 0.22
    while at + rest <= 1:
        at += rest
        lengths.append(math.ceil(at * steps))
        rest = max(rest - 0.03, 0.06)
    x, size = start.clone(), torch.full((len(images), 1, 1, 1), 2 * eps)
    previous, momentum = x, 1.0
    top = torch.full((len(images),), -math.inf)
    control, control_x, control_gradient = top.clone(), x.clone(), torch.zeros_like(x)
    found, worst = x.clone(), torch.full((len(images),), -1.0)
    rises, last = torch.zeros(len(images)), top.clone()
    checked, was_halved, begin = top.clone(), torch.ones(len(images), dtype=torch.bool), 0
    for step in range(steps + 1):
        x = x.detach().requires_grad_()
        logits = model(x)
        gradient = torch.autograd.grad(loss(logits, labels).flatten(1).mean(1).sum(), x)[0]
        value = cross_entropy(logits.detach(), labels).flatten(1).mean(1)
        x, share = x.detach(), wrong_share(logits.detach(), labels)
        better = share >= worst
        found[better], worst[better] = x[better], share[better]
        rises, last = rises + (value > last), value
        better = value > control
        control[better], control_x[better], control_gradient[better] = value[better], x[better], gradient[better]
        if step in lengths:
            halve = (rises < 0.75 * (step - begin)) | (~was_halved & (control <= checked))
            size[halve] /= 2
            x[halve], gradient[halve] = control_x[halve], control_gradient[halve]
            checked, was_halved, begin, rises = control.clone(), halve, step, torch.zeros(len(images))
        moved = near(x + size * gradient.sign(), images, eps)
        moved = near(x + momentum * (moved - x) + (1 - momentum) * (x - previous), images, eps)
        previous, x, momentum = x, moved, 0.75
    return found


def near(x: Tensor, images: Tensor, eps: float) -> Tensor:
    return torch.minimum(torch.maximum(x, images - eps), images + eps).clamp(0, 1)


def sea(
    model: Logits, images: Tensor, labels: Tensor, losses: Sequence[PixelLoss], eps: float, steps: int
) -> list[Tensor]:
    """The images that each loss found; every loss takes ``steps`` steps."""
    found = []
    for loss in losses:
        x = images
        for larger, share in ((2.0, 0.3), (1.5, 0.3), (1.0, 0.4)):
            x = auto_pgd(model, images, labels, near(x, images, larger * eps), loss, larger * eps, round(share * steps))
        found.append(x)
    return found


def confusion(predicted: Tensor, labels: Tensor, classes: int) -> Tensor:
    """Each image's counts ``(N, K, K)`` of label and prediction."""
    matrices = torch.zeros(len(labels), classes, classes)
    for n in range(len(labels)):
        counted = labels[n] != IGNORED
        pairs = labels[n][counted] * classes + predicted[n][counted]
        matrices[n] = torch.bincount(pairs, minlength=classes**2).reshape(classes, classes)
    return matrices


def mean_iou(matrix: Tensor) -> float:
    """In percent, over the classes that occur in the labels."""
    union = matrix.sum(0) + matrix.sum(1) - matrix.diag()
    occurring = matrix.sum(1) > 0
    return 100 * float((matrix.diag()[occurring] / union[occurring]).mean())


def verdicts(predictions: Sequence[Tensor], labels: Tensor, classes: int) -> tuple[float, float]:
    """Lowest pixel accuracy by image (mean over pixels), and lowest mIoU by one greedy round over the images."""
    matrices = torch.stack([confusion(predicted, labels, classes) for predicted in predictions])
    right = matrices.diagonal(dim1=2, dim2=3).sum(2).amin(0).sum() / matrices[0].sum()
    start = min(range(len(matrices)), key=lambda i: mean_iou(matrices[i].sum(0)))
    total, chosen = matrices[start].sum(0), [start] * len(labels)
    for n in torch.randperm(len(labels), generator=torch.Generator().manual_seed(0)).tolist():
        without = total - matrices[chosen[n], n]
        chosen[n] = min(range(len(matrices)), key=lambda i: mean_iou(without + matrices[i, n]))
        total = without + matrices[chosen[n], n]
    return 100 * float(right), mean_iou(total)


def compared(name: str, eps: float, images: int, steps: int) -> dict[str, float | str]:
    """Accuracy and mIoU in percent, clean and left by both, and passes for each image."""
    heads, data = mta.models.zoo(name), mta.data.Rooms(length=images, seed=SEED)
    x, targets = default_collate([data[i] for i in range(images)])
    labels, classes = targets["segmentation"], data.num_classes

    def model(x: Tensor) -> Tensor:
        return heads(x)["segmentation"]

    def predicted(x: Tensor) -> Tensor:
        with torch.no_grad():
            return model(x).argmax(1)

    weights = 1 / torch.bincount(labels[labels != IGNORED], minlength=classes).clamp_min(1).float()
    row: dict[str, float | str] = {"model": name, "eps": f"{255 * eps:g}/255"}
    row["accuracy"], row["mIoU"] = verdicts([predicted(x)], labels, classes)
    with count_passes(heads) as passes:
        theirs = sea(model, x, labels, (masked, balanced(weights), jensen_shannon), eps, steps)
    row["SEA accuracy"], row["SEA mIoU"] = verdicts([predicted(x), *map(predicted, theirs)], labels, classes)
    row["SEA passes"] = passes.of_samples / images
    # One step less: each of ours looks at the clean and at the returned image too.
    attacks = segmentation_attacks(heads, "segmentation", eps, steps=steps - 1, weight=weights)
    with count_passes(heads) as passes:
        ours = {attack: run(x, targets) for attack, run in attacks.items()}
    for attack, adversarial in ours.items():
        assert float((adversarial - x).abs().max()) <= eps + 1e-6, attack
    row["our accuracy"], row["our mIoU"] = verdicts([predicted(x), *map(predicted, ours.values())], labels, classes)
    row["our passes"] = passes.of_samples / images
    return row


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a row for each model and radius."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=32)
    parser.add_argument("--steps", type=int, default=60, help="of each loss; SEA's own budget is 300")
    args = parser.parse_args(arguments)
    torch.set_num_threads(1)
    rows = [compared(name, eps / 255, args.images, args.steps) for name, eps in CASES]
    print(mta.report.to_markdown(mta.checks.optional("pandas", extra="plot").DataFrame(rows)))


if __name__ == "__main__":
    main()
