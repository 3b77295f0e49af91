"""Pictures of attacks: a few images, what was done to them, and what the model sees before and after."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import mt_torchattacks as mta
from mt_torchattacks.lazy import LazyModule
from mt_torchattacks.studies.base import Data, Models, Study, Table, one_model
from mt_torchattacks.studies.options import GridOptions, ModelOptions, Radius, grid, names, radii

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from mt_torchattacks.evaluation import AttackSpec, NamedData, NamedModel, Store
else:
    torch = LazyModule("torch")


@dataclass
class GalleryOptions(GridOptions, ModelOptions):
    """Options of the study ``gallery``."""

    images: int = 6
    balance: list[str] = names("single", "total", "dgba")
    eps: list[Radius] = radii(4, 8)


class Shown(NamedTuple):
    """What the study found: the pictures of the clean images, and those of each attack by its name."""

    clean: list[dict[str, Any]]
    attacks: dict[str, list[dict[str, Any]]]
    title: str


class Gallery(Study[GalleryOptions, Shown]):
    """Pictures for people to look at: ``gallery.json`` holds them, and ``mt-attack report`` makes a viewer of it.

    A perturbation is shown around grey, multiplied by what makes the radius of the attack black and white.
    """

    name = "gallery"
    help = "pictures of attacked images and of what the model sees, for mt-attack report"
    example = "--model rooms3/all-shared --attack apgd --balance single dgba --eps 8/255 --images 4"
    Options = GalleryOptions

    def run(self, store: Store, models: Models, data: Data, options: GalleryOptions, *, progress: bool = True) -> Shown:
        model = one_model(models, options.model)
        images = data(model.name)
        specs = grid(options, list(images.tasks))
        first, last = {"study": "gallery", "model": model.name}, images.key | {"weights": model.weights}
        clean = store.cell(first | {"attack": "clean"} | last, partial(clean_pictures, model, images))
        cells = [
            (
                first | spec.key | {"seed": options.seed} | last,
                partial(attack_pictures, model, images, spec, options.seed),
            )
            for spec in specs
        ]
        found = dict(zip([spec.name for spec in specs], store.cells(cells, progress=progress), strict=True))
        return Shown(clean, found, f"{model.name} on {len(images)} images of {images.name}")

    def tables(self, result: Shown) -> list[Table]:
        rows = [
            {"attack": name} | {task: sum(one["rise"][task] for one in shown) / len(shown) for task in shown[0]["rise"]}
            for name, shown in result.attacks.items()
        ]
        frame = mta.checks.optional("pandas", extra="plot").DataFrame(rows)
        return [Table("rises", f"Mean relative loss increase (%), {result.title}", frame)]

    def files(self, result: Shown) -> dict[str, str]:
        found = {"title": result.title, "clean": result.clean, "attacks": result.attacks}
        return {"gallery.json": json.dumps(found) + "\n"}


def clean_pictures(model: NamedModel, data: NamedData) -> list[dict[str, Any]]:
    """Of each image: itself, and each task's truth and prediction."""
    found = []
    for images, targets in data.on(model.device):
        outputs = _outputs(model, images, data)
        for index, image in enumerate(images):
            drawn = {task: _drawn(task, targets[task][index], outputs[task][index], image) for task in data.tasks}
            found.append(
                {
                    "image": png(image.permute(1, 2, 0)),
                    "truth": {task: pair[0] for task, pair in drawn.items()},
                    "predictions": {task: pair[1] for task, pair in drawn.items()},
                }
            )
    return found


def attack_pictures(model: NamedModel, data: NamedData, spec: AttackSpec, seed: int) -> list[dict[str, Any]]:
    """Of each image: adversarial, the perturbation, each task's prediction and relative loss increase (%)."""
    attack = spec.build(model.model, data.tasks, seed)
    found = []
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        for images, targets in data.on(model.device):
            adversarial = attack(images, targets)
            before, after = (_outputs(model, x, data) for x in (images, adversarial))
            losses = [data.tasks.losses(outputs, targets) for outputs in (before, after)]
            factor = 0.5 / spec.eps
            for index, image in enumerate(images):
                changed = (0.5 + (adversarial[index] - image) * factor).clamp(0, 1)
                drawn = {task: _drawn(task, targets[task][index], after[task][index], image) for task in data.tasks}
                found.append(
                    {
                        "image": png(adversarial[index].permute(1, 2, 0)),
                        "perturbation": png(changed.permute(1, 2, 0)),
                        "factor": factor,
                        "predictions": {task: pair[1] for task, pair in drawn.items()},
                        "rise": {task: _rise(losses, task, index) for task in data.tasks},
                    }
                )
    return found


def _rise(losses: list[dict[str, Tensor]], task: str, index: int) -> float:
    before, after = (float(of[task][index]) for of in losses)
    return 100 * (after - before) / max(abs(before), 1e-12)


def _outputs(model: NamedModel, images: Tensor, data: NamedData) -> Mapping[str, Tensor]:
    with torch.no_grad(), mta.models.state.modes_kept(model.model):
        model.model.eval()
        return data.tasks.by_task(model.model(images))


def _drawn(task: str, target: Tensor, output: Tensor, image: Tensor) -> list[str]:
    pictures = mta.report.pictures.pictures(task, [target, output], (image.shape[-2], image.shape[-1]))
    return [png(picture.values, picture.low, picture.high) for picture in pictures]


def png(values: Tensor, low: float | None = None, high: float | None = None) -> str:
    """A picture as a ``data:`` address: colours ``(H, W, 3)`` in [0, 1], or numbers ``(H, W)`` between two limits."""
    image, written = mta.checks.optional("matplotlib.image", extra="plot"), io.BytesIO()
    shown = values.detach().cpu().float()
    image.imsave(written, shown.clamp(0, 1).numpy() if shown.ndim == 3 else shown.numpy(), format="png",
                 cmap="viridis_r", vmin=low, vmax=high)  # fmt: skip
    return f"data:image/png;base64,{base64.b64encode(written.getvalue()).decode()}"
