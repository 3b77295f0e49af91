"""Draw ``rooms.png``: eight rooms of :class:`mt_torchattacks.data.Rooms` with their labels."""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from torch import Tensor

from mt_torchattacks.data import Rooms

BRIGHTEST = {"keypoints2d": 0.4, "keypoints3d": 0.6, "edge_texture": 0.5, "principal_curvature": 2}
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
    if task.startswith("depth"):
        return array[0], {"cmap": "magma_r"}
    return array[0], {"cmap": "gray", "vmin": 0, "vmax": BRIGHTEST.get(task, 1)}


def main() -> None:
    """Write the figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, nargs=2, default=(150, 200))
    parser.add_argument("--rooms", type=int, nargs="+", default=list(range(8)))
    parser.add_argument("--tasks", nargs="+", default=[task for task in Rooms.TASKS if task != "autoencoder"])
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("rooms.png"))
    arguments = parser.parse_args()
    length = max(arguments.rooms) + 1
    rooms = Rooms(length, size=tuple(arguments.size), seed=1, tasks=arguments.tasks, classes=40)
    images, targets = rooms.render(arguments.rooms)
    rows, columns = 1 + len(arguments.tasks), len(images)
    width = 2 * arguments.size[1] / arguments.size[0] * 0.75
    figure, axes = plt.subplots(rows, columns, figsize=(width * columns, 1.5 * rows), squeeze=False)
    for line, name in zip(axes, ("image", *arguments.tasks), strict=True):
        for cell, target in zip(line, images if name == "image" else targets[name], strict=True):
            shown, how = picture(name, target)
            cell.imshow(shown, interpolation="nearest", **how)
            cell.set(xticks=[], yticks=[])
            cell.spines[:].set_visible(False)
        line[0].set_ylabel(name.replace("_", " "), fontsize=9)
    figure.subplots_adjust(0.015, 0.002, 0.998, 0.998, wspace=0.02, hspace=0.02)
    figure.savefig(arguments.out, dpi=100)


if __name__ == "__main__":
    main()
