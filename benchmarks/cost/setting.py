"""What is attacked: a trunk with light heads, or with one classifier, on random images and targets."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import mt_torchattacks as mta
from mt_torchattacks import checks
from mt_torchattacks.models import Layout, branched

CHANNELS = {"segmentation": 40, "normal": 3, "depth": 1, "edge_texture": 1, "reshading": 1}
LOSSES = {
    "segmentation": mta.losses.CrossEntropy(ignore_index=255),
    "normal": mta.losses.CosineDistance(valid=mta.losses.nonzero),
    "depth": mta.losses.L1(valid=mta.losses.positive),
    "edge_texture": mta.losses.L1(),
    "reshading": mta.losses.L1(),
}
CLASSES = 10
MODELS = ("resnet34", "tiny_resnet", "deeplab_resnet34")


class TrunkWithHeads(nn.Module):
    """A shared trunk of stride 32, and a head of two 1x1 convolutions a task; outputs of the images' size."""

    def __init__(self, trunk: nn.Module, width: int, channels: dict[str, int]) -> None:
        super().__init__()
        self.trunk = trunk
        self.heads = nn.ModuleDict({task: _head(width, n) for task, n in channels.items()})

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        features, size = self.trunk(images), images.shape[-2:]
        return {task: F.interpolate(head(features), size, mode="bilinear") for task, head in self.heads.items()}


class Classifier(nn.Module):
    """Class scores ``(N, CLASSES)``, the only output that the hosts' own attacks take: one dense output, averaged."""

    def __init__(self, dense: nn.Module) -> None:
        super().__init__()
        self.dense = dense

    def forward(self, images: Tensor) -> Tensor:
        (output,) = self.dense(images).values()
        scores: Tensor = output.mean(dim=(2, 3))
        return scores


class PatchEncoder(nn.Module):
    """Patches of 8 x 8 pixels, and four layers of a transformer encoder of width 192."""

    def __init__(self) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(192, 3, 768, activation="gelu", batch_first=True, norm_first=True)
        self.patches = nn.Conv2d(3, 192, 8, stride=8)
        self.layers = nn.TransformerEncoder(layer, 4, enable_nested_tensor=False)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        patches = self.patches(images)
        encoded = self.layers(patches.flatten(2).mT).mT.unflatten(2, patches.shape[2:])
        return {"embedding": encoded}


@dataclass(frozen=True)
class Setting:
    """A model in evaluation mode, its tasks, and a batch."""

    model: nn.Module
    tasks: mta.Tasks
    images: Tensor
    targets: dict[str, Tensor]

    def to(self, device: torch.device | str) -> Setting:
        """The same on a device; the model is moved, not copied."""
        targets = {task: target.to(device) for task, target in self.targets.items()}
        return Setting(self.model.to(device), self.tasks, self.images.to(device), targets)

    def plain_losses(self, model: nn.Module, x: Tensor) -> list[Tensor]:
        """One scalar a task from torch's own functions: what code without any library differentiates."""
        outputs = model(x)
        by_task = outputs if isinstance(outputs, dict) else {"class": outputs}
        return [_plain_loss(task, by_task[task], target) for task, target in self.targets.items()]


def dense_setting(model: str, tasks: int, batch: int, size: int) -> Setting:
    """The first ``tasks`` dense tasks of :data:`CHANNELS` on ``batch`` images of ``size`` x ``size``."""
    torch.manual_seed(0)
    channels = dict(list(CHANNELS.items())[:tasks])
    targets = {task: torch.rand(batch, n, size, size) + 0.5 for task, n in channels.items()}
    targets["segmentation"] = torch.randint(channels["segmentation"], (batch, size, size))
    attacked = mta.Tasks({task: LOSSES[task] for task in channels})
    return Setting(_dense_model(model, channels), attacked, torch.rand(batch, 3, size, size), targets)


def classifier_setting(model: str, batch: int, size: int) -> Setting:
    """One classifier on the same trunk; labels are its predictions, so that no host counts a sample as done already."""
    torch.manual_seed(0)
    classifier = Classifier(_dense_model(model, {"class": CLASSES})).eval()
    images = torch.rand(batch, 3, size, size)
    with torch.no_grad():
        labels = classifier(images).argmax(dim=1)
    return Setting(classifier, mta.Tasks({"class": mta.losses.CrossEntropy()}), images, {"class": labels})


def transformer_setting(batch: int) -> Setting:
    """One dense output of a small transformer encoder on 144 patches: linear layers instead of convolutions."""
    torch.manual_seed(0)
    images, target = torch.rand(batch, 3, 96, 96), torch.rand(batch, 192, 12, 12)
    return Setting(PatchEncoder().eval(), mta.Tasks(embedding=mta.losses.L1()), images, {"embedding": target})


def _dense_model(name: str, channels: dict[str, int]) -> nn.Module:
    checks.one_of(name, "model", MODELS)
    if name != "resnet34":
        return branched(name, Layout.all_shared(len(channels), 5), channels).eval()
    resnet34 = checks.optional("torchvision.models", extra="torchattacks").resnet34()
    trunk = nn.Sequential(*list(resnet34.children())[:-2])  # without its pooling and classifier
    return TrunkWithHeads(trunk, 512, channels).eval()


def _head(width: int, channels: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(width, 64, 1), nn.ReLU(), nn.Conv2d(64, channels, 1))


def _plain_loss(task: str, output: Tensor, target: Tensor) -> Tensor:
    if target.dtype == torch.long:
        return F.cross_entropy(output, target, ignore_index=255)
    if task == "normal":
        return 1 - F.cosine_similarity(output, target, dim=1).mean()
    return F.l1_loss(output, target)
