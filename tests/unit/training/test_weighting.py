from __future__ import annotations

import math

import pytest
import torch

from mt_torchattacks.training import fit
from mt_torchattacks.training.weighting import Aggregated, Equal, Static, Uncertainty, Weighting, resolve_weighting
from tests.unit.training.models import TASKS, fresh, samples


def gradients(weighting: Weighting) -> torch.Tensor:
    """Of two parameters ``a, b`` with the losses ``a``, ``2 a + b**2 / 2`` at (1, 3): rows (1, 0) and (2, 3)."""
    a, b = torch.tensor(1.0, requires_grad=True), torch.tensor(3.0, requires_grad=True)
    losses = torch.stack([a, 2 * a + b**2 / 2])
    weighting.backward(losses, [a, b, torch.zeros(1, requires_grad=True)], torch.Tensor.backward)
    return torch.stack([a.grad, b.grad])


def test_equal_and_static() -> None:
    assert gradients(Equal()).tolist() == [3, 3]
    assert gradients(Static([0.5, 2.0])).tolist() == [4.5, 6]
    assert gradients(resolve_weighting({"y": 2.0}, ("x", "y"))).tolist() == [5, 6]


def test_uncertainty_is_kendalls_formula() -> None:
    weighting = Uncertainty(2)
    with torch.no_grad():
        weighting.log_variances.copy_(torch.tensor([2 * math.log(3.0), 2 * math.log(0.5)]))  # sigma 3 and 1/2
    losses = torch.tensor([6.0, 7.0])
    expected = 6 / (2 * 9) + math.log(3) + 7 / (2 * 0.25) + math.log(0.5)
    assert weighting.total(losses).item() == pytest.approx(expected, rel=1e-6)
    assert gradients(weighting).tolist() == pytest.approx([1 / 18 + 2 * 2, 3 * 2], rel=1e-6)


def test_uncertainty_tends_to_half_the_inverse_loss() -> None:
    """At the minimum over s, exp(-s) L / 2 + s / 2 has exp(s) = L: each task counts as 1/2, whatever its unit."""
    weighting, losses = Uncertainty(2), torch.tensor([0.02, 30.0])
    optimizer = torch.optim.Adam(weighting.parameters(), lr=0.05)
    for _ in range(1000):
        optimizer.zero_grad()
        weighting.total(losses).backward()
        optimizer.step()
    torch.testing.assert_close(weighting.log_variances.exp(), losses, rtol=0.01, atol=0)


def test_fit_trains_the_uncertainties_without_weight_decay() -> None:
    """One AdamW step of size lr, of which the decay must have no part."""
    weighting = Uncertainty(2)
    with torch.no_grad():
        weighting.log_variances.fill_(3.0)
    options = {
        "epochs": 1,
        "batch_size": 20,
        "lr": 0.01,
        "weight_decay": 50.0,
        "schedule": "constant",
        "progress": False,
    }
    fit(fresh(), TASKS, samples(), weights=weighting, **options)
    assert weighting.log_variances.tolist() == pytest.approx([2.99, 2.99], abs=1e-6)


def test_torchjd_mean_is_the_mean_and_upgrad_avoids_conflict() -> None:
    """UPGrad projects each row on the cone of directions that harm no task, then takes the mean."""
    assert gradients(resolve_weighting("torchjd:Mean", ("x", "y"))).tolist() == [1.5, 1.5]
    a = torch.tensor([0.0, 0.0], requires_grad=True)
    losses = torch.stack([a[0], -a[0] + a[1]])  # rows (1, 0) and (-1, 1) conflict
    resolve_weighting("torchjd:UPGrad", ("x", "y")).backward(losses, [a], torch.Tensor.backward)
    # (1, 0) becomes (1/2, 1/2) and (-1, 1) becomes (0, 1).
    torch.testing.assert_close(a.grad, torch.tensor([0.25, 0.75]), rtol=1e-3, atol=1e-3)
    assert getattr(a, "jac", None) is None


def test_fit_with_torchjd_sum_is_fit_with_equal_weights() -> None:
    found = {}
    for weights in ("equal", "torchjd:Sum"):
        model = fresh(plain=True)
        fit(model, TASKS, samples(), epochs=2, batch_size=8, weights=weights, progress=False)
        found[weights] = model.state_dict()
    for name, value in found["equal"].items():
        torch.testing.assert_close(found["torchjd:Sum"][name], value)


def test_by_name_or_object() -> None:
    assert isinstance(resolve_weighting(None, ("x",)), Equal)
    assert isinstance(resolve_weighting("equal", ("x",)), Equal)
    assert isinstance(resolve_weighting("uncertainty", ("x", "y")), Uncertainty)
    assert resolve_weighting(own := Static([1.0]), ("x",)) is own
    assert resolve_weighting("torchjd:UPGrad", ("x",)).resumable
    assert not resolve_weighting("torchjd:GradVac", ("x",)).resumable


def test_errors() -> None:
    with pytest.raises(ValueError, match="weights: expected 'equal', 'uncertainty', .* found 'kendall'"):
        resolve_weighting("kendall", ("x",))
    with pytest.raises(ValueError, match="weights: expected one of .*'UPGrad'.*, found 'Aggregator'"):
        resolve_weighting("torchjd:Aggregator", ("x",))
    with pytest.raises(TypeError, match="weights: expected 'equal', .* found 3"):
        resolve_weighting(3, ("x",))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="weights: expected only the keys 'x', found also 'y'"):
        resolve_weighting({"y": 1.0}, ("x",))
    with pytest.raises(ValueError, match="weights: expected numbers >= 0"):
        Static([-1.0])
    with pytest.raises(ValueError, match="weights: expected finite values"):
        Static([math.inf])


def test_without_torchjd_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "torchjd.aggregation", None)
    with pytest.raises(ImportError, match=r"pip install 'mt-torchattacks\[torchjd\]'"):
        resolve_weighting("torchjd:UPGrad", ("x",))
    assert Aggregated(None).linear is False
