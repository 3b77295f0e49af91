"""Outputs that are not finite at some iterate cost that iterate, not the rest of the sample's attack."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

import mt_torchattacks as mta
from tests import toys

EPS = 8 / 255


class Failing(toys.Toy):
    """Its depth of the first image is NaN in some of its forward passes, which are counted from 1."""

    def __init__(self, *calls: int) -> None:
        super().__init__()
        self.bad, self.calls = calls, 0

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        assert bool(torch.isfinite(x).all())
        outputs = super().forward(x)
        self.calls += 1
        if self.calls in self.bad:
            factors = torch.tensor([torch.nan, *[1.0] * (len(x) - 1)])  # its gradient is NaN too
            outputs["depth"] = factors.reshape(-1, 1, 1, 1) * outputs["depth"]
        return outputs


def score(adversarial: Tensor) -> Tensor:
    """The sum of relative loss increases of each image of the toys' batch, for a model that works."""
    images, targets = toys.batch(2)
    with torch.no_grad():
        return mta.Objective(toys.Toy(), toys.tasks(), "dgba").bind(images, targets)(adversarial)


# Forward passes: APGD's first start, the clean images, ... its last iterate of the first run.
CASES: dict[str, tuple[str, dict[str, Any], tuple[int, ...]]] = {
    "a start": ("APGD", {"steps": 3, "n_restarts": 2}, (1,)),
    "a start of the only run": ("APGD", {"steps": 3}, (1,)),
    "an iterate": ("APGD", {"steps": 8}, (3,)),
    "an iterate in L2": ("APGD", {"steps": 20, "norm": "L2", "eps": 1.0}, (3,)),
    "an iterate in L1": ("APGD", {"steps": 8, "norm": "L1", "eps": 10.0}, (3,)),
    "an iterate of Auto-SAGA": ("AutoSAGA", {"steps": 8}, (4,)),
    "a trial point of Auto-SAGA": ("AutoSAGA", {"steps": 8}, (3,)),
    "the first query": ("Square", {"n_queries": 100}, (2,)),
    "a pair of SPSA's points": ("SPSA", {"n_queries": 100}, (2,)),
}


@pytest.mark.parametrize("case", CASES)
def test_the_attack_of_the_sample_goes_on(case: str) -> None:
    name, arguments, calls = CASES[case]
    found = {}
    for model in (toys.Toy(), Failing(*calls)):
        adversarial = getattr(mta, name)(model, toys.tasks(), **{"eps": EPS} | arguments)(*toys.batch(2))
        assert bool(torch.isfinite(adversarial).all())
        found[type(model)] = score(adversarial)
    assert found[Failing][0] > 0.6 * found[toys.Toy][0]
    torch.testing.assert_close(found[Failing][1], found[toys.Toy][1])  # nor does it reach another sample
