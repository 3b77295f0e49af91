"""Attack the three heads of a pretrained face detector (face score, box, landmarks) on real photographs.

The model is MTCNN's O-Net; its weights come with ``pip install --no-deps facenet-pytorch==2.6.0``. The photographs, 100
faces and 100 crops without a face, come with scikit-image. Nothing is downloaded. From the repository's root:

    python examples/face_detector.py --out results/face_detector

prints what FGSM, PGD and APGD do to each head under each balancing rule, and writes the table (CSV) and a picture.
"""

from __future__ import annotations

import argparse
import itertools
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import torch
import torch.nn.functional as F
from facenet_pytorch.models.mtcnn import ONet
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from skimage.data import lfw_subset
from torch import Tensor, nn

import mt_torchattacks as mta
from mt_torchattacks.evaluation import Evaluation

SIZE = 48  # O-Net's input, in pixels
LABELS = {"non-faces": 0, "faces": 1}
HOSTS = ("FGSM", "PGD", "APGD")
RULES = ("single:face", "single:box", "single:landmarks", "total", "dgba", "relative")
STEPS = 10
# Two forward passes of one photograph, alone and in a batch, differ by some 1e-5 pixels: no error to refer to.
TASKS = mta.Tasks(
    face=mta.losses.CrossEntropy(),
    box=mta.Task(mta.losses.L1(), floor=1e-3),
    landmarks=mta.Task(mta.losses.L1(), floor=1e-3),
)
BEFORE, AFTER = "#2ec4ff", "#ff3b30"  # colours
MARGIN = 12  # around a photograph in the picture, in its pixels

Attack = Callable[[Tensor, Mapping[str, Tensor]], Tensor]


class FaceDetector(nn.Module):
    """O-Net on crops ``(N, 3, 48, 48)`` in [0, 1].

    Returns ``face`` (N, 2), the scores of 'no face' and 'face' before the softmax; ``box`` (N, 4), left, top, right and
    bottom; ``landmarks`` (N, 10), the x, then the y, of eyes, nose and corners of the mouth; both in the crop's pixels.

    O-Net itself returns probabilities. That of a clear face can be exactly 1 in float32: its cross-entropy is exactly 0
    and has no gradient. Hence the scores, and in float64, in which the loss of a clear face is small but not 0.
    """

    def __init__(self) -> None:
        super().__init__()
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "You are using `torch.load`", FutureWarning)  # torch < 2.6
            self.onet = ONet()
        self.onet.softmax6_1 = nn.Identity()
        self.register_buffer("corners", torch.tensor([0.0, 0.0, SIZE, SIZE]))
        self.eval().to(memory_format=torch.channels_last)  # twice as fast on a CPU

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        box, landmarks, scores = self.onet((255 * images - 127.5) / 128)
        return {"face": scores.double(), "box": self.corners + SIZE * box, "landmarks": SIZE * landmarks}


def photographs(kind: str, count: int) -> Tensor:
    """The first ``count`` (at most 100) photographs of 'faces' or 'non-faces', (count, 3, 48, 48) in [0, 1]."""
    first = {"faces": 0, "non-faces": 100}[kind]
    grey = torch.from_numpy(lfw_subset()[first : first + 100][:count]).float().unsqueeze(1)
    return F.interpolate(grey, size=(SIZE, SIZE), mode="bilinear", align_corners=False).expand(-1, 3, -1, -1)


def with_targets(model: nn.Module, images: Tensor, label: int) -> tuple[Tensor, dict[str, Tensor]]:
    """The images, their true label, and the model's own predictions as targets of box and landmarks."""
    with torch.no_grad():
        predicted = model(images)
    return images, {**predicted, "face": torch.full((len(images),), label)}


def attacks(model: nn.Module, eps: float) -> dict[str, Attack]:
    """Every attack with every rule by name, and noise of the same size; ``eps`` in 255ths."""

    def noise(images: Tensor, targets: Mapping[str, Tensor]) -> Tensor:
        return (images + eps / 255 * torch.randn_like(images).sign()).clamp(0, 1)

    budget: dict[str, dict[str, Any]] = {
        "FGSM": {"eps": eps / 255},
        "PGD": {"eps": eps / 255, "alpha": eps / 255 / 4, "steps": STEPS},
        "APGD": {"eps": eps / 255, "steps": STEPS},
    }
    pairs = itertools.product(HOSTS, RULES)
    made = {f"{host}/{rule}/{eps:g}": getattr(mta, host)(model, TASKS, rule, **budget[host]) for host, rule in pairs}
    return {f"noise/random signs/{eps:g}": noise, **made}


def wrong(scores: Tensor, labels: Tensor) -> Tensor:
    """1 for each photograph ``(N,)`` that is taken for what it is not, otherwise 0."""
    return (scores.argmax(dim=1) != labels).float()


def measure(model: nn.Module, eps: list[float], count: int) -> dict[str, Evaluation]:
    """What each attack does to each head, on faces and on non-faces."""
    chosen = {name: attack for size in eps for name, attack in attacks(model, size).items()}
    return {
        kind: mta.evaluate(
            model,
            TASKS,
            [with_targets(model, photographs(kind, count), label)],
            chosen,
            metrics={"face": mta.metrics.TaskError(wrong)},
        )
        for kind, label in LABELS.items()
    }


def table(found: Mapping[str, Evaluation]) -> pd.DataFrame:
    """A row for each attack: right face scores in percent, errors of box and landmarks on faces in pixels."""
    faces, others = ({"clean/-/0": found[kind].clean, **found[kind].attacked} for kind in ("faces", "non-faces"))
    rows = [
        {
            **dict(zip(("attack", "rule", "eps"), name.split("/"), strict=True)),
            "faces found %": 100 * (1 - faces[name].metrics["face"]["error"]),
            "non-faces rejected %": 100 * (1 - others[name].metrics["face"]["error"]),
            "box error px": faces[name].metrics["box"]["error"],
            "landmark error px": faces[name].metrics["landmarks"]["error"],
        }
        for name in faces
    ]
    return pd.DataFrame(rows)


def picture(model: nn.Module, eps: float, count: int, path: Path) -> None:
    """Boxes and landmarks before and after APGD: a row for each face, a column for each rule; ``eps`` in 255ths."""
    images, targets = with_targets(model, photographs("faces", count), LABELS["faces"])
    columns = {"photograph": images}
    for name, attack in attacks(model, eps).items():
        host, rule, _ = name.split("/")
        if host in ("noise", "APGD"):
            columns[rule] = attack(images, targets)
    figure = Figure(figsize=(1.7 * len(columns), 1.95 * len(images) + 1), layout="constrained")
    axes = figure.subplots(len(images), len(columns), squeeze=False)
    for column, (title, shown) in zip(axes.T, columns.items(), strict=True):
        with torch.no_grad():
            outputs = model(shown)
        column[0].set_title(title.replace(":", ":\n").replace(" ", "\n"), fontsize=12)
        for row, axis in enumerate(column):
            show(axis, shown[row], float(outputs["face"][row].softmax(dim=0)[LABELS["faces"]]))
            draw(axis, targets, row, BEFORE)
            if shown is not images:
                draw(axis, outputs, row, AFTER)
    lines = [Line2D([], [], color=color, marker="o", linewidth=2) for color in (BEFORE, AFTER)]
    figure.legend(lines, ("before", "after"), loc="outside lower center", ncols=2, frameon=False, fontsize=12)
    figure.suptitle(f"The three heads before and after APGD ({STEPS} steps, {eps:g}/255)\n", fontsize=14)
    figure.savefig(path, dpi=100)


def show(axis: Axes, image: Tensor, probability: float) -> None:
    """An image with its face score below it, in a margin that shows boxes which leave it."""
    axis.imshow(image.permute(1, 2, 0).numpy(), extent=(0, SIZE, SIZE, 0))
    limits = -MARGIN, SIZE + MARGIN
    axis.set(xlim=limits, ylim=limits[::-1], xticks=[], yticks=[], facecolor="#f2f2f2")
    axis.spines[:].set_visible(False)
    axis.set_xlabel(f"face {100 * probability:.0f} %", color="black" if probability > 0.5 else AFTER, fontsize=11)


def draw(axis: Axes, outputs: Mapping[str, Tensor], row: int, color: str) -> None:
    """A sample's box and landmarks."""
    left, top, right, bottom = outputs["box"][row].tolist()
    axis.add_patch(Rectangle((left, top), right - left, bottom - top, fill=False, color=color, linewidth=2))
    across, down = outputs["landmarks"][row].reshape(2, 5).tolist()
    axis.scatter(across, down, s=24, color=color, edgecolors="black", linewidths=0.6, zorder=3)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("results/face_detector"), help="folder for table and picture")
    parser.add_argument("--eps", type=float, nargs="+", default=[2, 8], help="sizes of the attacks, in 255ths")
    parser.add_argument("--photos", type=int, default=20, help="how many faces, and how many non-faces (at most 100)")
    options = parser.parse_args(arguments)
    torch.manual_seed(0)
    model = FaceDetector()
    results = table(measure(model, options.eps, options.photos))
    print(results.round(2).to_string(index=False))
    options.out.mkdir(parents=True, exist_ok=True)
    results.to_csv(options.out / "table.csv", index=False, float_format="%.4f")
    picture(model, max(options.eps), min(options.photos, 4), options.out / "faces.png")


if __name__ == "__main__":
    main()
