"""Draw ``rooms.png``: eight scenes of :class:`mt_torchattacks.data.Rooms` with their labels."""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from torch import Tensor

from mt_torchattacks.data import Rooms

SIGNED = ("normal",)
COLOURS = plt.get_cmap("gist_ncar")(np.linspace(0.03, 0.95, 40))[np.random.default_rng(3).permutation(40)]


def picture(task: str, target: Tensor) -> tuple[np.ndarray, dict[str, object]]:
    """A label as an array to show, and how to show it."""
    array = target.numpy()
    if task == "segmentation":
        return COLOURS[array][..., :3], {}
    if task == "normal":
        return (array.transpose(1, 2, 0) * [1, -1, -1] + 1) / 2, {}
    if array.shape[0] == 3:
        return array.transpose(1, 2, 0), {}
    limits = {"principal_curvature": (0, 3)}.get(task, (0, 1))
    if task.startswith("depth"):
        return array[0], {"cmap": "magma_r"}
    return array[0], {"cmap": "gray", "vmin": limits[0], "vmax": limits[1]}


def main() -> None:
    """Write the figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, nargs=2, default=(144, 192))
    parser.add_argument("--scenes", type=int, nargs="+", default=list(range(8)))
    parser.add_argument("--tasks", nargs="+", default=[task for task in Rooms.TASKS if task != "autoencoder"])
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("rooms.png"))
    arguments = parser.parse_args()
    length = max(arguments.scenes) + 1
    rooms = Rooms(length, size=tuple(arguments.size), seed=1, tasks=arguments.tasks, classes=40)
    images, targets = rooms.render(arguments.scenes)
    rows, columns = len(images), 1 + len(arguments.tasks)
    wide = 1.5 * arguments.size[1] / arguments.size[0]
    figure, axes = plt.subplots(rows, columns, figsize=(wide * columns, 1.5 * rows), squeeze=False)
    for row, line in enumerate(axes):
        line[0].imshow(images[row].permute(1, 2, 0).numpy(), interpolation="nearest")
        for cell, task in zip(line[1:], arguments.tasks, strict=True):
            shown, how = picture(task, targets[task][row])
            cell.imshow(shown, interpolation="nearest", **how)
        for cell, title in zip(line, ("image", *arguments.tasks), strict=True):
            cell.set_axis_off()
            if row == 0:
                cell.set_title(title.replace("_", " "), fontsize=7)
    figure.subplots_adjust(0.002, 0.002, 0.998, 0.97, wspace=0.02, hspace=0.02)
    figure.savefig(arguments.out, dpi=100)


if __name__ == "__main__":
    main()
