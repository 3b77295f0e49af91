"""Projected Adam against torch.optim.Adam, and Auto-PGD within radii that shrink."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import mt_torchattacks as mta

GENERATOR = torch.Generator().manual_seed(0)
IMAGES = torch.rand(3, 3, 8, 8, generator=GENERATOR)
TARGETS = {"depth": torch.rand(3, 1, 8, 8, generator=GENERATOR), "label": torch.tensor([0, 1, 2])}


class Heads(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.trunk, self.depth, self.label = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 1, 1), nn.Linear(8, 4)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        features = self.trunk(x).tanh()
        return {"depth": self.depth(features), "label": self.label(features.mean(dim=(2, 3)))}


MODEL = Heads().eval().requires_grad_(False)
TASKS = mta.Tasks(depth=mta.losses.L1(), label=mta.losses.CrossEntropy())


@pytest.mark.parametrize("steps", [1, 2, 12])
def test_against_torch_s_adam(steps: int) -> None:
    """Each image alone, the gradient of a hand-written DGBA direction, torch's own Adam with AMSGrad."""
    attack = mta.PAdam(MODEL, TASKS, eps=0.1, alpha=0.03, steps=steps, random_start=False)
    found = attack(IMAGES, TARGETS)
    for i in range(3):
        image = IMAGES[i : i + 1]
        targets = {name: target[i : i + 1] for name, target in TARGETS.items()}
        x = image.clone().requires_grad_()
        adam = torch.optim.Adam([x], lr=0.03, amsgrad=True, maximize=True)
        best, top = image, -float("inf")
        clean: dict[str, float] = {}
        for step in range(steps + 1):
            losses = TASKS.losses(MODEL(x), targets)
            values = {name: float(loss.detach()) for name, loss in losses.items()}
            clean = clean or values
            score = sum(value / clean[name] - 1 for name, value in values.items())
            best, top = (x.detach().clone(), score) if score > top else (best, top)
            if step < steps:
                gradient = torch.autograd.grad(sum(loss.log().sum() for loss in losses.values()), x)[0]
                x.grad = gradient / gradient.abs().mean()
                adam.step()
                with torch.no_grad():
                    x.copy_(x.clamp(image - 0.1, image + 0.1).clamp(0, 1))
        torch.testing.assert_close(found[i : i + 1], best, atol=2e-5, rtol=0)


class HalfSaturated(nn.Module):
    """The upper pixels stop at 0.605, so that their gradient is 0 from then on; the others go on."""

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return {"depth": torch.cat([x[:, :1, :4].clamp(max=0.605), x[:, :1, 4:]], dim=2)}


def test_the_largest_mean_square_counts_where_gradients_vanish() -> None:
    """That is AMSGrad: with the present mean square instead, momentum would carry the upper pixels further."""
    image, target = torch.full((1, 1, 8, 8), 0.5), torch.zeros(1, 1, 8, 8)
    attack = mta.PAdam(HalfSaturated(), mta.Tasks(depth=mta.losses.L1()), "total", eps=0.4, alpha=0.01, steps=30,
                       random_start=False)  # fmt: skip
    found = attack(image, {"depth": target})
    x = image.clone().requires_grad_()
    adam = torch.optim.Adam([x], lr=0.01, amsgrad=True, maximize=True)
    for _ in range(30):
        [gradient] = torch.autograd.grad(HalfSaturated()(x)["depth"].abs().mean(), x)
        x.grad = gradient / gradient.abs().mean()
        adam.step()
    torch.testing.assert_close(found, x.detach(), atol=1e-5, rtol=0)


def test_radii_that_shrink_end_within_the_radius_and_begin_outside() -> None:
    seen: list[float] = []

    class Watched(Heads):
        def forward(self, x: Tensor) -> dict[str, Tensor]:
            seen.append(float((x.detach() - IMAGES).abs().max()))
            return super().forward(x)

    watched = Watched().eval().requires_grad_(False)
    arguments = {"eps": 0.05, "steps": 20, "random_start": False}
    found = mta.APGD(watched, TASKS, radii="reduced", **arguments)(IMAGES, TARGETS)
    assert float((found - IMAGES).abs().max()) <= 0.05 + 1e-6
    assert len(seen) == 20 + 3
    assert seen[0] == 0 and max(seen[1:7]) == pytest.approx(0.1, abs=1e-6)  # 6 steps, then a start of the next stage
    assert max(seen[7:14]) == pytest.approx(0.075, abs=1e-6) and max(seen[14:]) == pytest.approx(0.05, abs=1e-6)


def test_a_stage_begins_at_the_best_of_the_one_before() -> None:
    """By hand, with the loop that one stage is."""
    whole = mta.APGD(MODEL, TASKS, "total", eps=0.05, steps=10, radii="reduced", random_start=False)(IMAGES, TARGETS)

    class From(mta.APGD):
        def __init__(self, start: Tensor, *args: object, **kwargs: object) -> None:
            super().__init__(*args, **kwargs)  # type: ignore[arg-type]
            self.start = start

        def _run(self, start: Tensor, ball: object, first: float) -> tuple[Tensor, Tensor]:
            return super()._run(self.start, ball, first)  # type: ignore[arg-type]

    x = IMAGES
    for larger, steps in ((2.0, 3), (1.5, 3), (1.0, 4)):
        near = x.clamp(IMAGES - larger * 0.05, IMAGES + larger * 0.05).clamp(0, 1)
        x = From(near, MODEL, TASKS, "total", eps=larger * 0.05, steps=steps, random_start=False)(IMAGES, TARGETS)
    torch.testing.assert_close(whole, x)


def test_few_steps_and_wrong_names() -> None:
    one = mta.APGD(MODEL, TASKS, eps=0.05, steps=1, radii="reduced")(IMAGES, TARGETS)
    torch.testing.assert_close(one, mta.APGD(MODEL, TASKS, eps=0.05, steps=1)(IMAGES, TARGETS))
    with pytest.raises(ValueError, match="radii: expected one of 'constant', 'reduced'"):
        mta.APGD(MODEL, TASKS, radii="smaller")
