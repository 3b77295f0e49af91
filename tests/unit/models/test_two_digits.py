"""The small net with two heads: it learns, repeats, and is the same classifier at every scale."""

from __future__ import annotations

import torch

from mt_torchattacks.data import TwoDigits
from mt_torchattacks.models.two_digits import scaled, trained


def test_it_learns_and_repeats_and_leaves_random_numbers_alone() -> None:
    torch.manual_seed(7)
    before = torch.get_rng_state()
    with torch.no_grad():  # a caller may have switched gradients off
        model, again = (trained(3, images=1500, epochs=6) for _ in range(2))
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(one, two) for one, two in zip(model.parameters(), again.parameters(), strict=True))
    assert not model.training
    images, targets = TwoDigits(200, "test").render(range(200))
    outputs = model(images)
    for task, target in targets.items():
        assert float((outputs[task].argmax(dim=1) == target).double().mean()) > 0.4  # a tenth by chance


def test_a_scaled_head_predicts_the_same() -> None:
    model = trained(images=256, epochs=1)
    images = TwoDigits(16).images
    plain, confident = model(images), scaled(model, left=5.0)(images)
    assert torch.equal(confident["left"], 5 * plain["left"])
    assert torch.equal(confident["right"], plain["right"])
    assert not scaled(model, left=5.0).training
