from __future__ import annotations

import pytest
import torch

from mt_torchattacks.training.optimization import make_optimizer, make_schedule


def rates(schedule: object, steps: int, lr: float = 0.4) -> list[float]:
    optimizer = make_optimizer("sgd", [torch.zeros(1)], lr, 0.0)
    made, found = make_schedule(schedule, optimizer, steps), []  # type: ignore[arg-type]
    for _ in range(steps):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if made is not None:
            made.step()
    return found


def test_schedules() -> None:
    assert rates("constant", 4) == [0.4] * 4
    assert rates({"name": "step", "every": 2, "factor": 0.5}, 5) == [0.4, 0.4, 0.2, 0.2, 0.1]
    cycle = rates("one_cycle", 10)
    assert cycle[0] == pytest.approx(0.4 / 25) and max(cycle) == pytest.approx(0.4) and cycle[-1] < 1e-5


def test_optimizers_take_their_options() -> None:
    weight = torch.nn.Parameter(torch.ones(1))
    betas = make_optimizer({"name": "adam", "betas": [0.5, 0.9]}, [weight], 0.1, 0.2).defaults["betas"]
    assert tuple(betas) == (0.5, 0.9)
    optimizer = make_optimizer({"name": "sgd", "momentum": 0.5}, [weight], 0.1, 0.2)
    (weight * 3).backward()
    optimizer.step()
    assert weight.item() == pytest.approx(1 - 0.1 * (3 + 0.2))


def test_errors() -> None:
    weights = [torch.zeros(1)]
    with pytest.raises(ValueError, match="optimizer: expected one of 'adamw', 'adam', 'sgd', found 'lion'"):
        make_optimizer("lion", weights, 0.1, 0.0)
    with pytest.raises(ValueError, match="lr: expected a number > 0, found -1"):
        make_optimizer("sgd", weights, -1, 0.0)
    with pytest.raises(ValueError, match="weight_decay: expected a number >= 0, found -0.1"):
        make_optimizer("sgd", weights, 0.1, -0.1)
    with pytest.raises(ValueError, match="schedule: expected one of 'one_cycle', 'step', 'constant', found 'None'"):
        make_schedule({"every": 3}, make_optimizer("sgd", weights, 0.1, 0.0), 10)
    with pytest.raises(TypeError, match="factor"):
        make_schedule({"name": "step", "every": 3}, make_optimizer("sgd", weights, 0.1, 0.0), 10)
