"""Compiled models: a rule with one backward pass a step and one with several, in either order, on the same model."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import mt_torchattacks as mta
from tests import toys

# PyTorch's own tracing looks at .grad of what is no leaf.
pytestmark = pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")

TWICE = {
    "sign_total": lambda model: mta.BIM(model, toys.tasks(), "sign_total", steps=2),
    "Auto-SAGA": lambda model: mta.AutoSAGA(model, toys.tasks(), steps=2),
    "budget": lambda model: mta.BIM(
        model, mta.Tasks({**toys.tasks(), "depth": mta.Task(mta.losses.L1(), role="preserve", budget=0.1)}), steps=2
    ),
}


@pytest.fixture(autouse=True)
def _fresh() -> Any:
    torch.compiler.reset()
    yield
    torch.compiler.reset()


@pytest.mark.parametrize("name", TWICE)
@pytest.mark.parametrize("first", [True, False], ids=["one pass first", "several passes first"])
def test_rules_of_one_and_of_several_passes(name: str, first: bool) -> None:
    model, (images, targets) = toys.Toy(), toys.batch(2)
    compiled = torch.compile(model, backend="aot_eager")  # the kernels are not what this is about

    def one(of: Any) -> torch.Tensor:
        return mta.BIM(of, toys.tasks(), "dgba", steps=2)(images, targets)

    attacks = [one, lambda of: TWICE[name](of)(images, targets)]
    for attack in attacks if first else attacks[::-1]:
        found, expected = attack(compiled), attack(model)
        assert not torch.equal(found, images)
        assert float(((found - expected).abs() > 1e-6).float().mean()) < 0.01
