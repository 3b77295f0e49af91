"""Inner layers' outputs as tasks: what they are, hooks that are gone whatever happens, an attack without labels."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import mt_torchattacks as mta
from mt_torchattacks.tasks.losses import FeatureDistance
from tests import toys


class Encoder(nn.Module):
    """Two blocks, the second of which returns a tuple, a layer that is not called, and an output without a name."""

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Conv2d(8, 8, 3, padding=1)

        def forward(self, x: Tensor) -> tuple[Tensor, str]:
            return torch.tanh(self.layer(x)), "attention weights, say"

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.backbone = nn.ModuleDict({"first": nn.Conv2d(3, 8, 3, padding=1), "second": self.Block()})
        self.norm = nn.BatchNorm2d(8)
        self.unused = nn.Linear(1, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.backbone["second"](self.norm(self.backbone["first"](x)))[0].mean(dim=(2, 3))


def hooks(model: nn.Module) -> int:
    return sum(len(module._forward_hooks) for module in model.modules())


def test_layers_by_name_beside_the_models_outputs() -> None:
    encoder, (images, _) = Encoder().eval(), toys.batch(2)
    model = mta.features(encoder, {"early": "backbone.first"}, late="backbone.second")
    found = model(images)
    assert list(found) == ["early", "late"]
    assert torch.equal(found["early"], encoder.backbone["first"](images))
    assert torch.equal(found["late"].mean(dim=(2, 3)), encoder(images))
    assert list(mta.features(toys.Toy(), trunk="trunk")(images)) == [*toys.NAMES, "trunk"]
    assert hooks(encoder) == 0


def test_hooks_are_gone_whatever_happens() -> None:
    encoder = Encoder()
    model = mta.features(encoder, first="backbone.first", norm="norm")
    with pytest.raises(RuntimeError, match="expected input"):
        model(torch.rand(1, 5, 4, 4))
    assert hooks(encoder) == 0
    with pytest.raises(KeyError):
        mta.PGD(model, mta.Tasks(first=FeatureDistance()))(torch.rand(1, 3, 4, 4), {})
    assert hooks(encoder) == 0


def test_what_is_not_there_or_not_called() -> None:
    images = torch.rand(1, 3, 4, 4)
    with pytest.raises(ValueError, match="layer: expected one of .*, found 'backbone.frist'.*backbone.first"):
        mta.features(Encoder(), a="backbone.frist")
    with pytest.raises(ValueError, match="layers: expected the name of at least one layer, found none"):
        mta.features(Encoder())
    with pytest.raises(
        RuntimeError, match="layer 'unused': expected a layer that the forward pass calls, found no cal"
    ):
        mta.features(Encoder(), a="unused")(images)
    with pytest.raises(TypeError, match="model: expected a torch.nn.Module"):
        mta.features(lambda x: x, a="b")  # type: ignore[arg-type]


@pytest.mark.parametrize("attack", ["PGD", "APGD", "AutoSAGA", "Square"])
def test_an_encoder_is_attacked_without_labels(attack: str) -> None:
    """Every sample's features end further away than under noise of the same size."""
    model, (images, _) = mta.features(Encoder(), early="backbone.first", late="backbone.second"), toys.batch(3)
    model.train()
    clean = model.clean(images)
    assert model.model.norm.training
    tasks = mta.Tasks(early=FeatureDistance(), late=FeatureDistance())
    options: dict[str, Any] = {"n_queries": 200} if attack == "Square" else {"steps": 10}
    found = getattr(mta, attack)(model, tasks, eps=8 / 255, **options)(images, clean)
    noisy = (images + 8 / 255 * (torch.rand_like(images) * 2 - 1)).clamp(0, 1)
    model.eval()
    assert bool((tasks.losses(model(images), clean)["late"] == 0).all())
    far, near = (tasks.losses(model(x), clean) for x in (found, noisy))
    assert all(bool((far[name] > near[name]).all()) for name in clean)


def test_towards_the_features_of_another_image() -> None:
    model, (images, _) = mta.features(Encoder().eval(), late="backbone.second"), toys.batch(4)
    tasks = mta.Tasks(late=mta.Task(FeatureDistance(), role="target"))
    goal = {name: feature.flip(0) for name, feature in model.clean(images).items()}
    found = mta.APGD(model, tasks, eps=16 / 255, steps=10)(images, goal)
    before, after = (tasks.losses(model(x), goal)["late"] for x in (images, found))
    assert bool((after < before).all())


def test_the_layers_of_a_model_of_several_inputs() -> None:
    class Pair(Encoder):
        def forward(self, x: Tensor, scale: Tensor) -> Tensor:  # type: ignore[override]
            return super().forward(x * scale.reshape(-1, 1, 1, 1))

    model = mta.features(mta.inputs(Pair(), attacked="x", others=["scale"]), late="model.backbone.second")
    images, scale = toys.batch(2)[0], torch.tensor([0.5, 2.0])
    targets = {**model.clean(images, scale=scale), "scale": scale}
    found = mta.PGD(model, mta.Tasks(late=FeatureDistance()), steps=2)(images, targets)
    assert not torch.equal(found, images)


@pytest.mark.parametrize("shape", [(6,), (5, 6), (3, 4, 4), (2, 3, 4, 5)])
@pytest.mark.parametrize("scale", [1.0, 1e-4, 1e4])
def test_the_distance_is_a_share_of_any_features_length(shape: tuple[int, ...], scale: float) -> None:
    target, output = torch.randn(3, *shape), torch.randn(3, *shape)
    expected = ((output - target).double().flatten(1).norm(dim=1) / target.double().flatten(1).norm(dim=1)) ** 2
    found = FeatureDistance()(scale * output, scale * target)
    torch.testing.assert_close(found.double(), expected, rtol=1e-4, atol=0)
    assert float(FeatureDistance()(target, target).max()) == 0


def test_features_without_length_and_those_that_do_not_count() -> None:
    assert float(FeatureDistance()(torch.ones(1, 4), torch.zeros(1, 4))) == 4
    target, output = torch.tensor([[3.0, float("nan")]]), torch.tensor([[0.0, 5.0]])
    assert float(FeatureDistance(valid=mta.losses.finite)(output, target)) == 1


# While it traces, torch.compile looks at what it warns of.
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")
@pytest.mark.parametrize("outside", [True, False])
def test_a_compiled_model_is_hooked_at_every_call(outside: bool) -> None:
    encoder, (images, _) = Encoder().eval(), toys.batch(2)
    plain = mta.features(encoder, late="backbone.second")
    if outside:
        model: Any = torch.compile(plain, backend="aot_eager")
    else:
        model = mta.features(torch.compile(encoder, backend="aot_eager"), late="_orig_mod.backbone.second")
    for x in (images, 1 - images, images):
        torch.testing.assert_close(model(x)["late"], plain(x)["late"])
