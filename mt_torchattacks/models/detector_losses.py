"""A two-stage detector as a model whose outputs are its own losses, each image's from that image alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from mt_torchattacks import checks
from mt_torchattacks.models.losses_as_tasks import LossesAsTasks
from mt_torchattacks.models.state import modes_kept
from mt_torchattacks.types import Images

_PARTS = ("transform", "backbone", "rpn", "roi_heads")
_SEED = 0
_MORE = {"mask": ("masks", "loss_mask"), "keypoint": ("keypoints", "loss_keypoint")}
"""What a head may have beside boxes: the name of its truths, and of its loss."""


class DetectorLosses(LossesAsTasks):
    """torchvision's two-stage detectors as models whose tasks are the losses that they are trained with, one a sample.

    Faster R-CNN has four, Mask R-CNN and Keypoint R-CNN one more. The true boxes, masks and key points are inputs that
    come along (see :func:`~mt_torchattacks.inputs`); :meth:`targets` makes everything that an attack is given of the
    lists that torchvision takes. The backbone runs once for all images; proposals and heads run image by image, because
    torchvision averages their losses over the batch. The proposals that losses are taken of are drawn at random: here
    with the same seed at every pass, so that the losses are functions of the image.

    Whatever the detector's mode, only proposals and heads work as in training. Batch normalization and dropout stay as
    they are, so an attack (which calls ``eval()``) uses running statistics.

    Args:
        model: a Faster R-CNN, Mask R-CNN or Keypoint R-CNN, or any model with their parts.

    Raises:
        TypeError: another model.

    Example:
        >>> from torchvision.models.detection import fasterrcnn_mobilenet_v3_large_320_fpn
        >>> import mt_torchattacks as mta
        >>> detector = fasterrcnn_mobilenet_v3_large_320_fpn(weights=None, weights_backbone=None, min_size=64)
        >>> model, boxes = DetectorLosses(detector), torch.tensor([[4.0, 8.0, 30.0, 40.0]])
        >>> targets = model.targets([{"boxes": boxes, "labels": torch.tensor([1])}])
        >>> mta.FGSM(model, model.tasks())(torch.rand(1, 3, 64, 64), targets).shape
        torch.Size([1, 3, 64, 64])
    """

    losses: tuple[str, ...] = ("loss_classifier", "loss_box_reg", "loss_objectness", "loss_rpn_box_reg")
    other_inputs: tuple[str, ...] = ("boxes", "labels")
    label = "labels"

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        fits = isinstance(model, nn.Module) and all(hasattr(model, part) for part in _PARTS)
        checks.require(fits, "model", "a two-stage detector of torchvision", checks.describe(model), TypeError)
        self.model: Any = model
        has = {name: getattr(self.model.roi_heads, f"has_{name}", bool)() for name in _MORE}
        more = [_MORE[name] for name, there in has.items() if there]
        self.losses = (*type(self).losses, *(loss for _, loss in more))
        self.other_inputs = (*type(self).other_inputs, *(truth for truth, _ in more))

    def targets(self, truths: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
        """What an attack is given beside the images, from a dictionary for each image as torchvision takes it.

        Args:
            truths: ``boxes (M, 4)`` in pixels (left, top, right, bottom) and ``labels (M,)``; M may differ, or be 0.
                For a Mask R-CNN ``masks (M, H, W)``, 0 or 1, too; for a Keypoint R-CNN ``keypoints (M, K, 3)``.

        Returns:
            ``boxes (N, largest M, 4)``, ``labels (N, largest M)`` and the rest, with rows for no object at the end, and
            for each task N zeros, which nobody reads.

        Raises:
            KeyError: an image's dictionary lacks something.
        """

        def plain(truth: Mapping[str, Tensor]) -> dict[str, Tensor]:
            boxes = {"boxes": truth["boxes"].reshape(-1, 4).float()} if "boxes" in truth else {}
            return {**truth, **boxes}

        return super().targets([plain(truth) for truth in truths])

    def forward(self, x: Images, boxes: Tensor, labels: Tensor, **others: Tensor) -> dict[str, Tensor]:
        """Each loss ``(N,)`` by its name, for images ``(N, C, H, W)`` and truths as :meth:`targets` gives them."""
        truths = self.truths({"boxes": boxes, "labels": labels, **others})
        images, truths = self.model.transform(list(x), truths)
        features = self.model.backbone(images.tensors)
        features = {"0": features} if isinstance(features, Tensor) else features
        with self._training():
            found = [
                self._of_one(
                    type(images)(images.tensors[i : i + 1], images.image_sizes[i : i + 1]),
                    {name: level[i : i + 1] for name, level in features.items()},
                    truths[i],
                )
                for i in range(len(x))
            ]
        return {name: torch.stack([losses[name] for losses in found]) for name in self.losses}

    def _of_one(self, image: Any, features: dict[str, Tensor], truth: dict[str, Tensor]) -> dict[str, Tensor]:
        """The losses of one image, numbers."""
        device = truth["boxes"].device
        with torch.random.fork_rng([device] if device.type == "cuda" else []):
            torch.manual_seed(_SEED)
            proposals, of_proposals = self.model.rpn(image, features, [truth])
            _, of_heads = self.model.roi_heads(features, proposals, image.image_sizes, [truth])
        return {**of_proposals, **of_heads}

    @contextmanager
    def _training(self) -> Iterator[None]:
        """Proposals and heads compute losses; the layers inside them keep their modes."""
        with modes_kept(self.model):
            self.model.rpn.training = self.model.roi_heads.training = True
            yield
