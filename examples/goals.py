"""Bring some tasks of a model to given outputs, and harm or preserve the others.

The goals are depths 20 % above the model's own, and the labels of another room. From the repository's root:

    python examples/goals.py

prints, for each room set, how far the goals are reached and what happens to the other tasks.
"""

from __future__ import annotations

import argparse

import pandas as pd
import torch
from torch import Tensor, nn

import mt_torchattacks as mta
from mt_torchattacks.report import to_markdown
from mt_torchattacks.tasks import standard_tasks

EPS = 8 / 255
Batch = tuple[Tensor, dict[str, Tensor]]

# What happens to segmentation, normal and depth: a role, or a budget in which the task is preserved.
ROLES = {
    "depth": ("ignore", "ignore", "target"),
    "depth; harm the others": ("attack", "attack", "target"),
    "depth; preserve the others": (0.05, 0.05, "target"),
    "labels": ("target", "ignore", "ignore"),
    "labels; harm the others": ("target", "attack", "attack"),
    "labels; preserve the others": ("target", 0.05, 0.05),
    "labels and depth; preserve normals": ("target", 0.05, "target"),
}


def goals(model: nn.Module, rooms: Batch) -> dict[str, Tensor]:
    """Depths 20 % above the model's own, the labels of the next room, and the true normals."""
    images, truth = rooms
    with torch.no_grad():
        depth = 1.2 * model(images)["depth"]
    return {"segmentation": truth["segmentation"].roll(1, dims=0), "normal": truth["normal"], "depth": depth}


def tasks_for(chosen: tuple[str | float, ...]) -> mta.Tasks:
    """The standard tasks with these roles and budgets."""
    made = {}
    for (name, task), role in zip(standard_tasks().items(), chosen, strict=True):
        within = isinstance(role, float)
        made[name] = mta.Task(task.loss, role="preserve", budget=role) if within else mta.Task(task.loss, role=role)
    return mta.Tasks(made)


def effects(model: nn.Module, rooms: Batch, goal: dict[str, Tensor], x: Tensor) -> dict[str, float]:
    """In percent: how the depths moved, the pixels with the goal's label, and the rise of the true losses."""
    images, truth = rooms
    with torch.no_grad():
        before, after = model(images), model(x)
        losses = [standard_tasks().losses(outputs, truth) for outputs in (before, after)]
    moved = (after["depth"] / before["depth"]).flatten(1).median(dim=1).values - 1
    labelled = (after["segmentation"].argmax(dim=1) == goal["segmentation"]).double().mean()
    rises = {f"{name} loss": 100 * float((losses[1][name] / losses[0][name] - 1).mean()) for name in losses[0]}
    return {"depth moved": 100 * float(moved.mean()), "goal's labels": 100 * float(labelled)} | rises


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="rooms3/all-shared", help="a model of the zoo with the three tasks")
    parser.add_argument("--rooms", type=int, default=16, help="number of held-out rooms")
    parser.add_argument("--steps", type=int, default=20, help="steps of PGD and APGD")
    parser.add_argument("--balance", default="dgba", help="balancing rule of both")
    options = parser.parse_args()
    model = mta.models.zoo(options.model)
    rooms = mta.data.Rooms(length=options.rooms, seed=1).render(range(options.rooms))
    goal = goals(model, rooms)
    truth = rooms[1]
    rows = [{"goal": "none", "attack": ""} | effects(model, rooms, goal, rooms[0])]
    for name, chosen in ROLES.items():
        tasks = tasks_for(chosen)
        # A task that is not brought to a goal is measured against the truth.
        targets = {task: goal[task] if tasks[task].role == "target" else truth[task] for task in tasks}
        for attack in (
            mta.PGD(model, tasks, options.balance, eps=EPS, alpha=EPS / 8, steps=options.steps, random_start=False),
            mta.APGD(model, tasks, options.balance, eps=EPS, steps=options.steps, random_start=False),
        ):
            found = effects(model, rooms, goal, attack(rooms[0], targets))
            rows.append({"goal": name, "attack": type(attack).__name__} | found)
    print(to_markdown(pd.DataFrame(rows)))


if __name__ == "__main__":
    main()
