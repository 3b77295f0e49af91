"""Every rule's direction and score with T backward passes, written from the equations without the library."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from tests import toys


def reference_losses(outputs: dict[str, Tensor], targets: dict[str, Tensor], i: int) -> Tensor:
    """The four losses of sample i, pixel by pixel where it matters, without the library."""
    logits = outputs["classes"][i]
    classes = torch.logsumexp(logits, 0) - logits[targets["classes"][i]]
    pixel = F.log_softmax(outputs["segmentation"][i], 0)
    label = targets["segmentation"][i]
    counted = label != 255
    segmentation = -pixel.gather(0, label.clamp(max=3).unsqueeze(0))[0][counted].mean()
    n, t = outputs["normal"][i], targets["normal"][i]
    there = t.abs().sum(0) > 0
    cosine = (n * t).sum(0) / (n.norm(dim=0).clamp_min(1e-8) * t.norm(dim=0).clamp_min(1e-8))
    normal = (1 - cosine)[there].mean()
    d = targets["depth"][i]
    depth = (outputs["depth"][i] - d).abs()[d > 0].mean()
    return torch.stack([classes, segmentation, normal, depth])


# gradients (T, C, H, W), losses (T,), clean losses (T,) -> direction, score
Rule = Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]


def along(weights: Tensor, gradients: Tensor) -> Tensor:
    return torch.einsum("t,tchw->chw", weights, gradients)


def relative(losses: Tensor, clean: Tensor) -> Tensor:
    return ((losses - clean) / clean.abs()).sum()


REFERENCE: dict[str, Rule] = {
    "total": lambda g, now, clean: (g.sum(0), now.sum()),
    "single:normal": lambda g, now, clean: (g[2], now[2]),
    "dgba": lambda g, now, clean: (along(1 / now.abs(), g), relative(now, clean)),
    "relative": lambda g, now, clean: (along(1 / clean.abs(), g), relative(now, clean)),
    "wgd": lambda g, now, clean: (along((now / clean) / (now / clean).mean(), g), now.sum()),
    "sign_total": lambda g, now, clean: (g.sign().sum(0), now.sum()),
    "normalized": lambda g, now, clean: (along(1 / g.flatten(1).norm(dim=1), g), relative(now, clean)),
}


def reference(rule: Rule, x: Tensor, images: Tensor, targets: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    """Directions ``(N, C, H, W)`` and scores ``(N,)`` in float64, one sample and one task at a time."""
    model = toys.Toy().double()
    targets = {k: v.double() if v.is_floating_point() else v for k, v in targets.items()}
    directions, scores = [], []
    for i in range(len(x)):
        point = x[i : i + 1].double().requires_grad_()
        one = {k: v[i : i + 1] for k, v in targets.items()}
        losses = reference_losses(model(point), one, 0)
        gradients = torch.stack([torch.autograd.grad(loss, point, retain_graph=True)[0][0] for loss in losses])
        clean = reference_losses(model(images[i : i + 1].double()), one, 0).detach()
        direction, score = rule(gradients, losses.detach(), clean)
        directions.append(direction)
        scores.append(score)
    return torch.stack(directions), torch.stack(scores)
