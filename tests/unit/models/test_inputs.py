"""Models of several inputs: what is not attacked stays with its sample, whatever an attack does to the batch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import mt_torchattacks as mta
from mt_torchattacks.training.step import TrainingStep
from tests import toys
from tests.attack_cases import ALL, make

TASKS = ("segmentation", "depth")
STOP = 0.002  # a score that some samples reach in a few queries


class Guided(toys.Toy):
    """Its outputs depend on a guide of each sample's own: on a wrong sample's they are wrong."""

    def forward(self, image: Tensor, guide: Tensor, count: Tensor) -> dict[str, Tensor]:  # type: ignore[override]
        assert len(image) == len(guide) == len(count)
        turned = image * guide + count.reshape(-1, 1, 1, 1) * image.roll(1, dims=2)
        outputs = super().forward(turned)
        return {name: outputs[name] for name in TASKS}


class Given(Guided):
    """The same model with the guides of one sample built in."""

    def __init__(self, guide: Tensor, count: Tensor) -> None:
        super().__init__()
        self.guide, self.count = guide, count

    def forward(self, image: Tensor) -> dict[str, Tensor]:  # type: ignore[override]
        guide, count = (one.expand(len(image), *one.shape[1:]) for one in (self.guide, self.count))
        return super().forward(image, guide, count)


def tasks() -> mta.Tasks:
    return mta.Tasks({name: toys.tasks()[name] for name in TASKS})


def model() -> nn.Module:
    return mta.inputs(Guided(), attacked="image", others=["guide", "count"])


def batch(n: int = 4) -> tuple[Tensor, dict[str, Tensor]]:
    images, targets = toys.batch(n)
    g = torch.Generator().manual_seed(5)
    guides = {"guide": torch.randn(n, 1, 16, 16, generator=g), "count": torch.arange(n)}
    return images, {name: targets[name] for name in TASKS} | guides


@pytest.mark.parametrize("name", ALL)
def test_every_attack_keeps_the_other_inputs_with_their_samples(name: str) -> None:
    images, targets = batch()
    found = make(name, model(), tasks())(images, targets)
    assert found.shape == images.shape
    with torch.no_grad():
        before, after = (
            torch.stack(list(tasks().losses(Guided()(x, targets["guide"], targets["count"]), targets).values()))
            for x in (images, found)
        )
    assert bool((after.sum(dim=0) > before.sum(dim=0)).any())


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("PGD", {"random_start": False}),
        ("APGD", {"random_start": False}),
        ("Square", {}),
        ("Square", {"stop_at": STOP}),
        ("SPSA", {"stop_at": STOP}),
        ("AutoSAGA", {}),
    ],
)
def test_a_batch_gives_each_sample_what_the_model_with_its_inputs_gives(name: str, arguments: dict[str, Any]) -> None:
    images, targets = batch()
    images = images.double()  # else a pixel whose gradient is nearly 0 may go the other way in a batch
    targets = {key: target.double() if target.is_floating_point() else target for key, target in targets.items()}
    together = make(name, model().double(), tasks(), **arguments)(images, targets)
    for i in range(len(images)):
        own = {key: target[i : i + 1] for key, target in targets.items()}
        alone = Given(own.pop("guide"), own.pop("count")).double()
        expected = make(name, alone, tasks(), **arguments)(images[i : i + 1], own)
        torch.testing.assert_close(together[i : i + 1], expected, rtol=0, atol=1e-5)


def test_some_samples_are_left_out_on_the_way() -> None:
    """The case above is one: with a score to stop at, Square goes on with a part of the batch."""
    sizes = set()

    class Seen(Guided):
        def forward(self, image: Tensor, guide: Tensor, count: Tensor) -> dict[str, Tensor]:  # type: ignore[override]
            sizes.add(len(image))
            return super().forward(image, guide, count)

    wrapped = mta.inputs(Seen(), attacked="image", others=["guide", "count"])
    make("Square", wrapped, tasks(), stop_at=STOP)(*batch())
    assert len(sizes) > 1


def test_noisy_copies_of_each_sample() -> None:
    images, targets = batch(2)
    bound = mta.Objective(model(), tasks(), "total").bind(images, targets)
    assert torch.equal(bound(images.repeat_interleave(3, dim=0)), bound(images).repeat_interleave(3))


def test_goals_made_by_a_function() -> None:
    images, targets = batch()
    attack = mta.PGD(model(), tasks(), steps=2, random_start=False)
    attack.set_mode_targeted_by_function(lambda _, given: {name: given[name] for name in TASKS}, quiet=True)
    assert not torch.equal(attack(images, targets), images)


def test_measured_saved_and_trained(tmp_path: Path) -> None:
    images, targets = batch()
    attack = mta.PGD(model(), tasks(), steps=2, random_start=False)
    loader = [(images[:2], {key: target[:2] for key, target in targets.items()})]
    frame = mta.evaluate(attack.model, tasks(), loader, {"pgd": attack}).to_frame()
    assert set(frame["task"]) == set(TASKS)
    attack.save(loader, tmp_path / "saved.pt", verbose=False)
    (saved,) = mta.load(tmp_path / "saved.pt")
    assert torch.equal(saved[1]["count"], targets["count"][:2])
    network = model()
    step = TrainingStep(network, tasks(), torch.optim.SGD(network.parameters(), 1e-3), attack=attack)
    assert step(images, targets).shape == (2,)


def test_what_does_not_fit_is_said() -> None:
    images, targets = batch()
    attack = mta.PGD(model(), tasks())
    with pytest.raises(KeyError, match="targets: expected the keys 'guide', 'count'; 'guide' missing"):
        attack(images, {key: value for key, value in targets.items() if key != "guide"})
    with pytest.raises(ValueError, match=r"targets\['count'\]: expected a tensor with 4 samples"):
        attack(images, targets | {"count": targets["count"][:3]})
    with pytest.raises(TypeError, match="model: expected a forward that takes 'image', 'guides', found one for which"):
        mta.inputs(Guided(), attacked="image", others=["guides"])
    with pytest.raises(ValueError, match="others: expected inputs beside the attacked 'image', found 'image'"):
        mta.inputs(Guided(), attacked="image", others=["image"])
    with pytest.raises(ValueError, match="others: expected the name of at least one other input, found none"):
        mta.inputs(Guided(), attacked="image", others=[])
    with pytest.raises(TypeError, match="others: expected a list of names, found 'guide'"):
        mta.inputs(Guided(), attacked="image", others="guide")
    with pytest.raises(KeyError, match="other inputs: expected the keys 'guide', 'count'; 'guide', 'count' missing"):
        model()(images)
