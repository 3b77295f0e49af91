"""How good the linear approximation of a step is: each task's second-order term beside its first-order one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import mt_torchattacks as mta
from mt_torchattacks.lazy import LazyModule
from mt_torchattacks.studies.base import Data, Models, Study, Table, cells_by_model
from mt_torchattacks.studies.options import ModelOptions, Radius, names, radii

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from mt_torchattacks.evaluation import NamedData, NamedModel, Store
    from mt_torchattacks.types import Images, Targets
else:
    torch = LazyModule("torch")


@dataclass
class LinearizationOptions(ModelOptions):
    """Options of the study ``linearization``.

    Args:
        balance: the rule whose direction is stepped along
        step: lengths of the step, written 2/255, 0.01, or 2 for 2/255
    """

    model: list[str] = names("rooms3/*")
    balance: str = "dgba"
    step: list[Radius] = radii(0.25, 1, 2, 8)
    images: int = 16


class Linearized(NamedTuple):
    """What the study found: the cell's value by model and step, and in words on what."""

    values: dict[tuple[str, Radius], dict[str, dict[str, float]]]
    title: str


class LinearizationStudy(Study[LinearizationOptions, Linearized]):
    """The DGBA rule follows from a first-order Taylor expansion of the losses; this is what the expansion leaves out.

    'Attacking All Tasks at Once', table 5. For a step d = eta sign(g) along the rule's direction g the first-order
    term of a task's loss is <grad L, d> and the second-order one d'Hd / 2, by a Hessian-vector product. The third
    column is the measured change of the loss beside the first-order term: 1 where the loss is linear. A ReLU network
    is linear in pieces, so its second-order term misses the kinks, and the measured ratio has them.
    """

    name = "linearization"
    help = "how good the first-order approximation is that the rules follow from"
    example = "--model rooms3/all-shared --step 1/255 8/255 --images 4"
    Options = LinearizationOptions

    def run(
        self, store: Store, models: Models, data: Data, options: LinearizationOptions, *, progress: bool = True
    ) -> Linearized:
        found, images = cells_by_model(
            store,
            models(options.model),
            data,
            lambda model, there: (
                ((model.name, step), linearization_cell(model, there, options.balance, step)) for step in options.step
            ),
            progress=progress,
        )
        return Linearized(found, f"direction of {options.balance}, {images}")

    def tables(self, result: Linearized) -> list[Table]:
        rows = [
            {"model": model, "step": str(step), "task": task} | of
            for (model, step), value in result.values.items()
            for task, of in value.items()
        ]
        frame = mta.checks.optional("pandas", extra="plot").DataFrame(rows)
        title = f"Medians over the images of each task's terms of a step's Taylor series, {result.title}"
        return [Table("linearization", title, frame, 4)]


def linearization_cell(
    model: NamedModel, data: NamedData, balance: str, step: float
) -> tuple[dict[str, Any], Callable[[], dict[str, Any]]]:
    """A step on a model as a cell of a store: its key, and what computes the ratios by task."""
    key = {"model": model.name, "study": "linearization", "rule": balance, "step": float(step)}

    def compute() -> dict[str, Any]:
        terms = [taylor(model.model, data.tasks, balance, step, *batch) for batch in data.on(model.device)]
        first, second, change = (torch.cat([part[k] for part in terms]) for k in range(3))
        ratios = {"second / first": (second / first).abs(), "measured / first": change / first}
        return {
            task: {name: float(ratio[:, k].nanmedian()) for name, ratio in ratios.items()}
            for k, task in enumerate(data.tasks)
        }

    return key | data.key | {"weights": model.weights}, compute


def taylor(
    model: nn.Module, tasks: mta.Tasks, balance: str, step: float, images: Images, targets: Targets
) -> tuple[Tensor, Tensor, Tensor]:
    """For each sample and task the first- and second-order term of a step's change of the loss, and the change itself.

    Args:
        model: the model, in evaluation mode while it is looked at; left in the modes it came in.
        tasks: its tasks.
        balance: the rule whose direction's signs the step goes along.
        step: length of the step in the infinity norm.
        images: ``(N, ...)``.
        targets: by task.

    Returns:
        Three tensors ``(N, T)``.
    """
    with mta.models.state.attacking(model):
        model.eval()
        x = images.clone().requires_grad_()
        score = mta.Objective(model, tasks, balance).bind(images, targets)(x)
        shift = step * torch.autograd.grad(score.sum(), x)[0].sign()
        terms = []
        for name, before in tasks.losses(model(x), targets).items():
            [gradient] = torch.autograd.grad(before.sum(), x, create_graph=True)
            along = (gradient * shift).flatten(1).sum(dim=1)
            [bent] = torch.autograd.grad(along.sum(), x, retain_graph=True) if along.requires_grad else [x * 0]
            with torch.no_grad():
                after = tasks.losses(model(images + shift), targets)[name]
                terms.append((along.detach(), (bent * shift).flatten(1).sum(dim=1) / 2, after - before.detach()))
    return tuple(torch.stack(part, dim=1) for part in zip(*terms, strict=True))  # type: ignore[return-value]
