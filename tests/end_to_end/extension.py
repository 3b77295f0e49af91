"""A package of somebody else that adds one of everything, each in one file; its files as texts, by name.

They are texts, so that nothing here makes them known to the tests of the library itself.
"""

from __future__ import annotations

from pathlib import Path

NAME = "halls"

RULE = '''
"""Tasks with large losses count more."""
import mt_torchattacks as mta


class Softmax(mta.LossRule):
    """Weights that are the softmax of the losses."""

    name = "softmax"

    def weights(self, losses, clean):
        return losses.softmax(dim=1)
'''

ATTACK = '''
"""An attack with steps that get shorter."""
import torch

import mt_torchattacks as mta
from mt_torchattacks import checks
from mt_torchattacks.attacks.arguments import argument
from mt_torchattacks.geometry.ball import along


class Descending(mta.NativeAttack):
    """Steps of eps, eps / 2, eps / 3 and so on along the gradient."""

    first: float = argument(1.0, "the first step > 0, as a share of eps.", checks.positive)

    def run(self, bound, ball, generator):
        x = ball.images.clone()
        for i in range(self.steps):
            x.requires_grad_()
            (gradient,) = torch.autograd.grad(bound(x).sum(), x)
            step = along(gradient, self.first * self.eps / (i + 1), ball.norm)
            x = ball.project(x.detach() + step)
        return x
'''

LOSS = '''
"""A loss that forgives small errors."""
import torch

from mt_torchattacks.tasks.losses.pointwise import Pointwise


class LogCosh(Pointwise):
    """Mean logarithm of the error's hyperbolic cosine."""

    def error(self, output, target, mask):
        error = (output - target).abs()
        return error + torch.nn.functional.softplus(-2 * error) - torch.log(torch.tensor(2.0))
'''

METRIC = '''
"""How far brightnesses are off."""
import torch

from mt_torchattacks.metrics import TaskMetrics


class BrightnessMetrics(TaskMetrics):
    """The largest and the mean error."""

    directions = {"mean": False, "close": True}

    def __init__(self):
        super().__init__(torch.zeros(3, dtype=torch.float64))

    def statistics(self, output, target):
        error = (output - target).abs().double()
        return torch.stack([error.sum(), (error < 0.1).sum(), torch.tensor(error.numel())])

    def scores(self, total):
        return {"mean": total[0] / total[2], "close": total[1] / total[2]}
'''

KIND = '''
"""Brightness: the mean of the colours of each pixel."""
from mt_torchattacks.tasks.kinds import Kind

from halls.loss import LogCosh
from halls.metric import BrightnessMetrics


class Brightness(Kind):
    """A map of numbers."""

    names = ("brightness",)
    shares = ("close",)

    def loss(self, *, class_weights=None, resize=None):
        return LogCosh(resize=resize)

    def metrics(self, num_classes=0, *, resize=None, **options):
        return BrightnessMetrics()
'''

DATA = '''
"""Halls: a floor, a wall behind it, and noise."""
import torch

from mt_torchattacks.data import NamedDataset


class Halls(NamedDataset):
    """Images and labels from random numbers."""

    name = "halls"
    TASKS = ("segmentation", "normal", "depth", "brightness")

    def __init__(self, length=8, size=32, seed=0, tasks=TASKS, classes=13):
        self.length, self.seed, self.tasks, self.num_classes = length, seed, tuple(tasks), classes
        self.class_names = tuple(f"part {number}" for number in range(classes))
        self.size = size if isinstance(size, tuple) else (size, size)

    def __len__(self):
        return self.length

    def __getitem__(self, index):
        if not -self.length <= index < self.length:
            raise IndexError(index)
        generator = torch.Generator().manual_seed(self.seed * 1000 + index % self.length)
        image = torch.rand(3, *self.size, generator=generator)
        wall = (torch.arange(self.size[0]) < self.size[0] // 2).long()[:, None].expand(self.size)
        targets = {
            "segmentation": wall.clone(),
            "normal": torch.stack([torch.zeros(self.size), wall - 1.0, -1.0 * wall]),
            "depth": 1 + 2 * torch.rand(1, *self.size, generator=generator),
            "brightness": image.mean(dim=0, keepdim=True),
        }
        return image, {task: targets[task] for task in self.tasks}


def model():
    """A model of one's own."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Heads()


class Heads(torch.nn.Module):
    """Depth and brightness by one convolution."""

    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Conv2d(3, 2, 3, padding=1)

    def forward(self, images):
        depth, brightness = self.layer(images).split(1, dim=1)
        return {"depth": 2 + depth, "brightness": brightness}


def data():
    """What the model is measured on."""
    return Halls(tasks=("depth", "brightness"))
'''

STUDY = '''
"""How losses rise with the radius."""
from dataclasses import dataclass

import mt_torchattacks as mta
from mt_torchattacks.studies.base import Study, Table, one_model
from mt_torchattacks.studies.options import ModelOptions, Radius, radii


@dataclass
class RiseOptions(ModelOptions):
    """Options of the study.

    Args:
        eps: radii, written 8/255, 0.03, or 8 for 8/255
    """

    eps: list[Radius] = radii(2, 8)


class Rise(Study):
    """The mean loss of each task at each radius."""

    name = "rise"
    help = "how losses rise with the radius"
    example = "--model rooms3/all-shared --images 4"
    Options = RiseOptions

    def run(self, store, models, data, options, *, progress=True):
        model = one_model(models, options.model)
        images = data(model.name)
        cells = [
            ({"study": "rise", "model": model.weights, **images.key, "eps": float(eps)},
             lambda eps=eps: self.rise(model, images, float(eps)))
            for eps in options.eps
        ]
        return dict(zip(options.eps, store.cells(cells, progress=progress), strict=True))

    def rise(self, model, images, eps):
        attack = mta.FGSM(model.model, images.tasks, balance="total", eps=eps)
        x, targets = images.batches[0]
        losses = images.tasks.losses(model.model(attack(x, targets)), targets)
        return {name: float(loss.detach().mean()) for name, loss in losses.items()}

    def tables(self, result):
        from pandas import DataFrame

        rows = [{"eps": str(eps), **losses} for eps, losses in result.items()]
        return [Table("rise", "Losses by radius", DataFrame(rows), digits=3)]

    def figures(self, result):
        from mt_torchattacks.figures import new_figure

        figure = new_figure(4, 3)
        axes = figure.add_subplot()
        for task in next(iter(result.values())):
            axes.plot([255 * eps for eps in result], [losses[task] for losses in result.values()], label=task)
        axes.legend()
        return {"rise": figure}
'''

HOST = '''
"""An adapter to `climber`, a library of somebody else that knows models of one output and nothing of tasks."""
import mt_torchattacks as mta
from halls import climber


class Scores:
    """What climber takes for a model and its loss: x to scores, of which it raises the sum."""

    def __init__(self, model, tasks, balance, images, targets):
        self.score = mta.Objective(model, tasks, balance).bind(images, targets)

    def __call__(self, x):
        return self.score(x)

    def loss(self, scores, y):
        return scores.sum()


def climbed(model, tasks, images, targets, balance="dgba", **options):
    """Climber's images, that are adversarial for all tasks."""
    scores = Scores(model, tasks, balance, images, targets)
    return climber.ascend(scores, images, None, criterion=scores.loss, **options)
'''

CLIMBER = '''
"""Stands for an attack library: it has never heard of tasks."""
import torch


def ascend(model, x, y, criterion, eps=0.03, steps=5):
    """Raise the loss of model(x) against y."""
    start = x
    for _ in range(steps):
        x = x.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(criterion(model(x), y), x)
        x = (start + (x + eps / steps * gradient.sign() - start).clamp(-eps, eps)).clamp(0, 1)
    return x.detach()
'''

COMMAND = '''
"""A command that counts."""
from dataclasses import dataclass

from mt_torchattacks.cli.command import Command


@dataclass
class CountOptions:
    """What to count.

    Args:
        up_to: the last number
    """

    up_to: int = 3


def count(options):
    """Print numbers."""
    print(*range(1, options.up_to + 1))


Command("count", "print numbers", "--up-to 4", CountOptions, count).add()
'''

RECIPES = """{
  "backbone": "tiny_resnet",
  "options": {},
  "layouts": {"shared": "[[[0, 1]], [[0, 1]], [[0, 1]], [[0, 1]], [[0, 1]]]"},
  "data": {"name": "halls", "tasks": ["depth", "brightness"], "size": 32},
  "train": {"length": 4, "seed": 0},
  "test": {"length": 2, "seed": 1},
  "fit": {"epochs": 1, "batch_size": 2, "lr": 0.004, "weight_decay": 0.0005, "seed": 0}
}
"""

INIT = '''
"""Everything that this package adds; the module that its entry point names."""
from pathlib import Path

from halls import attack, command, data, kind, rule, study
from mt_torchattacks.recipes.recipe import STUDY_RECIPE_FOLDERS
from mt_torchattacks.training.recipe import RECIPE_FOLDERS

RECIPE_FOLDERS.append(Path(__file__).parent / "recipes")
STUDY_RECIPE_FOLDERS.append(Path(__file__).parent / "study_recipes")
'''

STUDY_RECIPE = """
about: Whether losses rise.
study: rise
options: {model: ["halls.data:model"], data: "halls.data:data", images: 4, eps: [2/255, 8/255]}
claims:
  - says: Depth suffers more at the larger radius.
    table: rise
    column: depth
    of: {eps: "8/255"}
    than: {eps: "2/255"}
"""

FILES = {
    "rule.py": RULE,
    "attack.py": ATTACK,
    "loss.py": LOSS,
    "metric.py": METRIC,
    "kind.py": KIND,
    "data.py": DATA,
    "study.py": STUDY,
    "host.py": HOST,
    "climber.py": CLIMBER,
    "command.py": COMMAND,
    "recipes/halls.json": RECIPES,
    "study_recipes/halls/rise.yaml": STUDY_RECIPE,
    "everything.py": INIT,
    "__init__.py": "",
}


def install(folder: Path) -> Path:
    """Write the package and what an installer would leave beside it; returns the folder to put on the path."""
    information = folder / f"{NAME}-1.0.dist-info"
    information.mkdir(parents=True)
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {NAME}\nVersion: 1.0\n", "utf-8")
    (information / "entry_points.txt").write_text(f"[mt_torchattacks.plugins]\n{NAME} = {NAME}.everything\n", "utf-8")
    for name, text in FILES.items():
        path = folder / NAME / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.lstrip(), "utf-8")
    return folder
