"""Further outputs of a model: what they are, that an attack follows them, and what is refused."""

from __future__ import annotations

import pytest
import torch

import mt_torchattacks as mta
from mt_torchattacks.models import WithOutputs
from tests import toys
from tests.toys import Toy


def test_the_own_outputs_stay_and_the_further_ones_follow() -> None:
    model, images = Toy(), toys.batch(2)[0]
    own = model(images)
    found = WithOutputs(model, far=lambda outputs: outputs["depth"].amax(dim=(1, 2, 3)))(images)
    assert list(found) == [*own, "far"]
    assert all(torch.equal(found[name], own[name]) for name in own)
    assert torch.equal(found["far"], own["depth"].amax(dim=(1, 2, 3)))


def test_an_attack_on_a_further_output_is_one_on_what_it_follows_from() -> None:
    model, (images, targets) = Toy(), toys.batch(2)
    loss = mta.losses.L1()
    tasks = mta.Tasks(depth=loss)
    plain = mta.PGD(model, tasks, eps=8 / 255, steps=2, random_start=False)(images, targets)
    copied = WithOutputs(model, copy=lambda outputs: outputs["depth"] + 0)
    found = mta.PGD(copied, mta.Tasks(copy=loss), eps=8 / 255, steps=2, random_start=False)(
        images, {"copy": targets["depth"]}
    )
    assert torch.equal(found, plain)


def test_modes_and_weights_are_those_of_the_model() -> None:
    model = Toy()
    watched = WithOutputs(model, one=lambda outputs: outputs["depth"])
    watched.eval()
    assert not model.training
    assert [id(weight) for weight in watched.parameters()] == [id(weight) for weight in model.parameters()]


def test_what_is_refused() -> None:
    images = toys.batch(1)[0]
    with pytest.raises(TypeError, match="model: expected a torch.nn.Module"):
        WithOutputs("a model", far=len)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="far: expected a function of the outputs"):
        WithOutputs(Toy(), far=3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="depth"):
        WithOutputs(Toy(), depth=lambda outputs: outputs["depth"])(images)
    with pytest.raises(TypeError, match="model output: expected a mapping"):
        WithOutputs(torch.nn.Identity(), far=lambda outputs: outputs["depth"])(images)
