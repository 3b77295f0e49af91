from __future__ import annotations

import csv
from pathlib import Path

import pytest
import torch
from torch import Tensor

import mt_torchattacks as mta
from mt_torchattacks.data import JointAugmentation, Rooms
from mt_torchattacks.training import InMemory, fit
from tests.unit.training.models import TASKS, TwoHeads, fresh, samples


def train(**options) -> tuple[list[dict[str, float]], dict[str, Tensor]]:
    model = fresh()
    rows = fit(model, TASKS, samples(), progress=False, **{"epochs": 3, "batch_size": 8} | options)
    assert not model.training
    return rows, model.state_dict()


def loop_written_out(epochs: int, size: int, lr: float, decay: float, factors: dict[str, float]) -> TwoHeads:
    """AdamW and one cycle on whole batches, each mirrored by a coin a sample; nothing of the library but the losses."""
    model, data, generator = fresh().train(), samples(), torch.Generator().manual_seed(5)
    steps = len(data) // size
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=decay, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, lr, epochs=epochs, steps_per_epoch=steps)
    for _ in range(epochs):
        order = torch.randperm(len(data), generator=generator)
        for indices in order.split(size)[:steps]:
            coins = torch.rand(size, generator=generator) < 0.5
            images = torch.stack([data[i][0] for i in indices])
            targets = {task: torch.stack([data[i][1][task] for i in indices]) for task in TASKS}
            for i in coins.nonzero().flatten():
                images[i] = images[i].flip(-1)
                targets = {task: target.clone() for task, target in targets.items()}
                for task in TASKS:
                    targets[task][i] = targets[task][i].flip(-1)
                targets["normal"][i, 0] *= -1
            losses = TASKS.losses(model(images), targets)
            optimizer.zero_grad()
            sum(factors[task] * losses[task].mean() for task in TASKS).backward()
            optimizer.step()
            schedule.step()
    return model


@pytest.mark.parametrize("in_memory", [False, True])
def test_weights_are_bit_for_bit_those_of_the_loop_written_out(in_memory: bool) -> None:
    expected = loop_written_out(4, 6, 0.01, 0.02, {"depth": 1.0, "normal": 3.0}).state_dict()
    model, data = fresh(), InMemory(samples()) if in_memory else samples()
    options = {"lr": 0.01, "weight_decay": 0.02, "weights": {"normal": 3.0}, "seed": 5}
    fit(model, TASKS, data, epochs=4, batch_size=6, progress=False, **options)
    for name, value in model.state_dict().items():
        assert torch.equal(value, expected[name]), name


def test_the_seed_decides_the_result() -> None:
    (rows, weights), (again, same), (_, other) = train(), train(), train(seed=1)
    assert rows == again
    assert all(torch.equal(weights[name], same[name]) for name in weights)
    assert not torch.equal(weights["depth.weight"], other["depth.weight"])


def test_processes_that_load_the_data_change_nothing() -> None:
    augment = JointAugmentation(4)
    (rows, weights), (again, same) = train(augment=augment, epochs=1), train(augment=augment, epochs=1, workers=2)
    assert rows == again
    assert all(torch.equal(weights[name], same[name]) for name in weights)


def test_losses_fall_and_are_logged(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    rows, _ = train(epochs=60, lr=0.03, augment=None, folder=folder)
    assert rows[-1]["depth"] < 0.3 * rows[0]["depth"]
    assert rows[-1]["normal"] < 0.3 * rows[0]["normal"]
    with (folder / "log.csv").open(newline="") as file:
        assert [{k: float(v) for k, v in row.items()} for row in csv.DictReader(file)] == rows


def test_a_task_of_weight_zero_does_not_train_its_head() -> None:
    _, once = train(weights={"normal": 0.0}, weight_decay=0.0)
    untrained = fresh().state_dict()
    assert torch.equal(once["normal.weight"], untrained["normal.weight"])
    assert not torch.equal(once["depth.weight"], untrained["depth.weight"])


def test_an_ignored_task_is_not_trained_and_not_logged() -> None:
    model = fresh()
    rows = fit(model, TASKS.with_roles(normal="ignore"), samples(), epochs=1, batch_size=8, progress=False)
    assert list(rows[0]) == ["epoch", "depth"]
    assert torch.equal(model.normal.bias, fresh().normal.bias)


def test_first_logged_losses_are_means_of_per_sample_losses() -> None:
    """With one step per epoch, the first row is the untrained model's."""
    model = fresh(plain=True)
    images, targets = InMemory(samples()).take(torch.arange(20))
    with torch.no_grad():
        expected = {task: loss.mean().item() for task, loss in TASKS.losses(model(images), targets).items()}
    rows = fit(model, TASKS, samples(), epochs=1, batch_size=20, augment=None, progress=False)
    assert {task: rows[0][task] for task in TASKS} == pytest.approx(expected, rel=1e-5)


def test_an_epoch_may_have_any_number_of_steps() -> None:
    """Two steps go through the 20 samples once; four epochs of three steps are six such passes, with the same steps."""
    passes, cut = train(epochs=6)[1], train(epochs=4, steps_per_epoch=3)[1]
    assert all(torch.equal(passes[name], cut[name]) for name in passes)


def test_adversarial_training_sees_attacked_images() -> None:
    """With a ratio of one half, three of five images are replaced; the model is attacked in evaluation mode."""
    model, seen, modes = fresh(plain=True), [], []

    def attack(images: Tensor, targets: dict[str, Tensor]) -> Tensor:
        modes.append(set(targets))
        return images + 10

    model.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    fit(model, TASKS, samples(5), epochs=1, batch_size=5, attack=attack, ratio=0.5, progress=False)
    assert int((seen[0].flatten(1).amin(1) > 5).sum()) == 3
    assert modes == [{"depth", "normal"}]


def test_training_with_a_real_attack_and_rooms() -> None:
    model = fresh()
    attack = mta.PGD(model, TASKS, balance="dgba", eps=8 / 255, steps=2)
    rows = fit(
        model, TASKS, Rooms(8, 8, tasks=("depth", "normal")), epochs=2, batch_size=4, attack=attack, progress=False
    )
    clean = fit(fresh(), TASKS, Rooms(8, 8, tasks=("depth", "normal")), epochs=2, batch_size=4, progress=False)
    assert rows[0]["depth"] + rows[0]["normal"] > clean[0]["depth"] + clean[0]["normal"]


def test_errors() -> None:
    with pytest.raises(ValueError, match="epochs: expected a number > 0, found 0"):
        train(epochs=0)
    with pytest.raises(ValueError, match="batch_size: expected a number > 0, found 0"):
        train(batch_size=0)
    with pytest.raises(ValueError, match="steps_per_epoch: expected a number > 0, found 0"):
        train(steps_per_epoch=0)
    with pytest.raises(ValueError, match="dataset: expected at least one batch of 32, found 20 samples"):
        train(batch_size=32)
    with pytest.raises(ValueError, match="weights: expected only the keys 'depth', 'normal', found also 'edges'"):
        train(weights={"edges": 1.0})
    with pytest.raises(ValueError, match=r"ratio: expected a number in \(0, 1\], found 2"):
        train(ratio=2)
