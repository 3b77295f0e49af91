"""The table of docs/models-that-work.md: ``python -m tests.end_to_end.models_that_work`` writes it."""

from __future__ import annotations

import functools
import warnings
from collections import OrderedDict, namedtuple
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

import mt_torchattacks as mta
from tests import toys
from tests.attack_cases import EPS

PAGE = Path(__file__).parents[2] / "docs" / "models-that-work.md"
BEGIN, END = "<!-- table -->\n", "<!-- end of the table -->\n"
ATTACKS: dict[str, dict[str, Any]] = {
    "PGD": {"steps": 3, "random_start": False},
    "APGD": {"steps": 5},
    "AutoSAGA": {"steps": 3},
    "Square": {"n_queries": 40},
}
Named = namedtuple("Named", toys.NAMES)


@dataclass
class Data:
    classes: Tensor
    segmentation: Tensor
    normal: Tensor
    depth: Tensor


@dataclass
class ModelOutput(OrderedDict):  # type: ignore[type-arg]
    """An ordered dictionary of those fields that are not None, as Hugging Face's models return."""

    classes: Tensor | None = None
    segmentation: Tensor | None = None
    normal: Tensor | None = None
    depth: Tensor | None = None
    attentions: Tensor | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            if getattr(self, field.name) is not None:
                self[field.name] = getattr(self, field.name)


class Returning(toys.Toy):
    """The toy, with its outputs in another form."""

    def __init__(self, form: Callable[[dict[str, Tensor]], Any]) -> None:
        super().__init__()
        self.form = form

    def forward(self, x: Tensor) -> Any:
        """Its outputs."""
        return self.form(super().forward(x))


class Autocast(toys.Toy):
    """The toy, in bfloat16 where autocast sees fit."""

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        with torch.autocast("cpu", torch.bfloat16):
            return super().forward(x)


class Sensors(toys.Toy):
    """The toy, with a second input."""

    def forward(self, image: Tensor, offset: Tensor) -> dict[str, Tensor]:  # type: ignore[override]
        return super().forward(image + 0 * offset.reshape(-1, 1, 1, 1))


def scripted(how: str) -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # newer versions of torch call it deprecated
        if how == "script":
            return torch.jit.script(toys.Toy())
        return torch.jit.trace(toys.Toy(), torch.rand(2, 3, 16, 16), strict=False)


def compiled() -> Any:
    torch._dynamo.reset()  # what is compiled belongs to the class, not to this object
    return torch.compile(toys.Toy(), backend="aot_eager")


MODELS: dict[str, Callable[[], nn.Module]] = {
    "a mapping": toys.Toy,
    "a dataclass": lambda: Returning(lambda outputs: Data(**outputs)),
    "a named tuple": lambda: Returning(lambda outputs: Named(**outputs)),
    "a `ModelOutput`, as of Hugging Face": lambda: Returning(lambda outputs: ModelOutput(**outputs)),
    "a tuple": lambda: Returning(lambda outputs: tuple(outputs.values())),
    "a list": lambda: Returning(lambda outputs: list(outputs.values())),
    "a longer tuple, with `with_outputs`": lambda: Returning(lambda outputs: ("more", *outputs.values())),
    "several inputs, `mta.inputs`": lambda: mta.inputs(Sensors(), "image", ["offset"]),
    "inner layers too, `mta.features`": lambda: mta.features(toys.Toy(), trunk="trunk"),
    "`torch.jit.script`": lambda: scripted("script"),
    "`torch.jit.trace`": lambda: scripted("trace"),
    "`torch.compile`": compiled,
    "`nn.DataParallel`": lambda: nn.DataParallel(toys.Toy()),
    "Lightning Fabric's module": lambda: Fabric(accelerator="cpu", devices=1).setup_module(toys.Toy()).eval(),
    "autocast to bfloat16": Autocast,
    "float64": lambda: toys.Toy().double(),
    "bfloat16": lambda: toys.Toy().bfloat16(),
}


def row(name: str) -> list[str]:
    """What each attack finds on a kind of model: the images found on the plain one, or others that do harm."""
    images, targets = toys.batch(3)
    tasks = toys.tasks()
    if "longer" in name:
        tasks = tasks.with_outputs({task: place + 1 for place, task in enumerate(tasks)})
    if "inputs" in name:
        targets["offset"] = torch.arange(3.0)
    dtype = {"float64": torch.float64, "bfloat16": torch.bfloat16}.get(name, torch.float32)
    return [cell(attack, MODELS[name](), tasks, images.to(dtype), targets) for attack in ATTACKS]


@functools.cache
def on_the_plain_one(attack: str, dtype: torch.dtype) -> Tensor:
    """The adversarial images found on the network that returns a mapping, in float32."""
    images, targets = toys.batch(3)
    found: Tensor = getattr(mta, attack)(toys.Toy(), toys.tasks(), **ATTACKS[attack])(images.to(dtype).float(), targets)
    return found


def cell(attack: str, model: nn.Module, tasks: mta.Tasks, images: Tensor, targets: dict[str, Tensor]) -> str:
    found = getattr(mta, attack)(model, tasks, **ATTACKS[attack])(images, targets).float()
    expected = on_the_plain_one(attack, images.dtype)
    assert float((found - images.float()).abs().max()) <= EPS * 1.1
    if torch.allclose(found, expected, rtol=0, atol=1e-5):
        return "same"
    with torch.no_grad():
        before, after = (sum(toys.tasks().losses(toys.Toy()(x), targets).values()) for x in (images.float(), found))
    assert bool((after > before).all())  # type: ignore[union-attr]
    return "yes"


def table() -> str:
    lines = [["the model returns, or is", *(f"`{name}`" for name in ATTACKS)], ["---"] * (1 + len(ATTACKS))]
    lines += [[name, *row(name)] for name in MODELS]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def page(text: str) -> str:
    """The page with the table in its place."""
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}\n{table()}\n{END}{rest.split(END)[1]}"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text("utf-8")), "utf-8")
