"""Clean and adversarial images with the predictions for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from torch import Tensor

from mt_torchattacks import checks
from mt_torchattacks.figures import new_figure
from mt_torchattacks.report.pictures import Picture, pictures
from mt_torchattacks.tasks.kinds import find
from mt_torchattacks.tasks.kinds.drawing import class_colour

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.gridspec import SubplotSpec

_ROWS = ("ground truth", "prediction,\nclean image", "prediction,\nadversarial image")
_IMAGES = ("clean image", "perturbation, amplified", "adversarial image")
_SIDE = 1.6  # inches of a picture


def prediction_figure(
    images: Tensor,
    adversarial: Tensor,
    targets: Mapping[str, Tensor],
    clean_outputs: Mapping[str, Tensor],
    adversarial_outputs: Mapping[str, Tensor],
    *,
    title: str = "",
    class_names: Sequence[str] | Mapping[str, Sequence[str]] = (),
) -> Figure:
    """For each image a block: clean image, perturbation and adversarial image; each task's truth and predictions.

    Args:
        images: ``(N, 3, H, W)`` in [0, 1]; a few.
        adversarial: the adversarial images, of the same shape.
        targets: one target a task, as the tasks' data sets have them.
        clean_outputs: the model's outputs on ``images``.
        adversarial_outputs: the model's outputs on ``adversarial``.
        title: heading of the figure.
        class_names: names of the classes, of every task that shows any or of each by its name, for a legend of those
            that occur.

    Raises:
        ImportError: matplotlib is not installed.
        KeyError, ValueError: an output is missing, or the shapes differ.
    """
    same = adversarial.shape == images.shape
    checks.require(same, "adversarial", f"shape {tuple(images.shape)}", checks.describe(adversarial))
    for name, outputs in (("clean_outputs", clean_outputs), ("adversarial_outputs", adversarial_outputs)):
        checks.keys(outputs, name, targets.keys())
    parts = (targets, clean_outputs, adversarial_outputs)
    figure, cells = _cells(len(images), len(targets) + 1)
    figure.suptitle(title, fontsize=12, y=1 - 0.1 / figure.get_figheight(), va="top")
    for index, cell in enumerate(cells):
        shown = {"image": _images(images[index], adversarial[index])} | {
            task: pictures(task, [part[task][index] for part in parts], (images.shape[-2], images.shape[-1]))
            for task in targets
        }
        _block(cell.subgridspec(3, len(shown), wspace=0.05, hspace=0.12).subplots(squeeze=False), shown)
    names = class_names if isinstance(class_names, Mapping) else dict.fromkeys(targets, class_names)
    labels = {label for task in targets for label in _labels(task, parts, names.get(task, ()))}
    if labels:
        _class_legend(figure, sorted(labels))
    return figure


def _cells(images: int, pictures_across: int) -> tuple[Figure, list[SubplotSpec]]:
    """A figure, and for each image its place in it: two side by side, then the next row."""
    across = min(2, images)
    down = -(-images // across)
    width, height = across * (pictures_across * _SIDE + 1.0) + 0.2, down * (3.3 * _SIDE + 0.3) + 1.1
    figure = new_figure(width, height)
    margins = {"left": 0.7 / width, "right": 1 - 0.5 / width, "top": 1 - 0.65 / height, "bottom": 0.75 / height}
    grid = figure.add_gridspec(down, across, wspace=0.16, hspace=0.15, **margins)
    return figure, [grid[index // across, index % across] for index in range(images)]


def _images(clean: Tensor, adversarial: Tensor) -> list[Picture]:
    """Clean image, perturbation scaled to fill [0, 1] around grey, adversarial image."""
    clean, adversarial = clean.detach().cpu().float(), adversarial.detach().cpu().float()
    change = adversarial - clean
    largest = float(change.abs().max()) or 1.0
    shown = (clean, 0.5 + change / (2 * largest), adversarial)
    return [Picture(image.clamp(0, 1).permute(1, 2, 0)) for image in shown]


def _block(grid: Any, shown: Mapping[str, list[Picture]]) -> None:
    """Draw one image's pictures on the axes of ``grid``, three rows, a column for each of ``shown``."""
    for column, (name, triple) in enumerate(shown.items()):
        drawn = [picture.draw(row[column]) for row, picture in zip(grid, triple, strict=True)]
        if name != "image":
            unit = find(name).unit
            grid[0][column].set_title(f"{name} ({unit})" if unit else name, fontsize=10)
        if triple[0].low is not None:
            axes = grid[1][column]
            bar = axes.figure.colorbar(drawn[0], cax=axes.inset_axes([1.04, -0.3, 0.07, 1.6]), extend="both")
            bar.ax.tick_params(labelsize=7)
    for row, label, content in zip(grid, _ROWS, _IMAGES, strict=True):
        row[0].set_ylabel(label, fontsize=9)
        row[0].set_xlabel(content, fontsize=8, labelpad=1)


def _labels(task: str, parts: Sequence[Mapping[str, Tensor]], names: Sequence[str]) -> set[tuple[int, str]]:
    """The classes of a task that pictures show, and their names, as far as there are names."""
    found = {label for part in parts for sample in part[task] for label in find(task).classes_shown(sample)}
    return {(label, names[label]) for label in found if 0 <= label < len(names)}


def _class_legend(figure: Figure, labels: Sequence[tuple[int, str]]) -> None:
    patches = checks.optional("matplotlib.patches", extra="plot")
    handles = [patches.Patch(color=class_colour(label), label=name) for label, name in labels]
    figure.legend(
        handles=handles, loc="lower center", ncols=min(7, len(handles)), fontsize=8, frameon=False, handlelength=1.0
    )
