"""How an attack is used in training, beside loops written out: ramps, apart statistics, free training, kept epochs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import mt_torchattacks as mta
from mt_torchattacks.cli.train import TrainOptions, attack_arguments
from mt_torchattacks.training import Keep, Scheme, fit, make_fabric
from mt_torchattacks.training.scheme import scaled
from tests.unit.training.models import TASKS, TwoHeads, fresh, samples

SGD: dict[str, Any] = {"optimizer": "sgd", "lr": 0.1, "weight_decay": 0.0, "schedule": "constant", "augment": None}


class Seen:
    """An attack that adds a constant and notes its radius; its arguments are those of torchattacks' PGD."""

    def __init__(self, eps: float = 0.08, alpha: float = 0.02) -> None:
        self.eps, self.alpha = eps, alpha
        self.radii: list[tuple[float, float]] = []

    def __call__(self, images: Tensor, targets: dict[str, Tensor]) -> Tensor:
        self.radii.append((self.eps, self.alpha))
        return (images + self.eps).clamp(0, 1)


def trained(**options: Any) -> tuple[TwoHeads, list[dict[str, float]]]:
    model = fresh()
    rows = fit(model, TASKS, samples(), progress=False, **{"epochs": 2, "batch_size": 5} | options)
    return model, rows


def same_weights(one: torch.nn.Module, other: torch.nn.Module) -> bool:
    there = other.state_dict()
    return all(torch.equal(value, there[name]) for name, value in one.state_dict().items())


def test_the_radius_grows_over_the_ramp() -> None:
    attack = Seen()
    trained(attack=attack, scheme=Scheme(ramp=0.5))
    factors = [0.25, 0.5, 0.75, 1, 1, 1, 1, 1]  # 2 epochs of 4 steps
    assert [eps for eps, _ in attack.radii] == pytest.approx([0.08 * factor for factor in factors])
    assert [alpha for _, alpha in attack.radii] == pytest.approx([0.02 * factor for factor in factors])
    assert (attack.eps, attack.alpha) == (0.08, 0.02)


def test_a_radius_comes_back_after_an_error() -> None:
    attack = mta.PGD(fresh(), TASKS, eps=0.08, alpha=0.02)

    def fail() -> None:
        with scaled(attack, 0.5):
            assert (attack.eps, attack.alpha) == (0.04, 0.01)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert (attack.eps, attack.alpha) == (0.08, 0.02)


@pytest.mark.parametrize("name", ["PGD", "FriendlyPGD", "APGD"])
def test_real_attacks_stay_within_the_grown_radius(name: str) -> None:
    model = fresh().eval()
    images = torch.rand(4, 3, 6, 6)
    targets = {task: torch.stack([of[task] for _, of in samples(4)]) for task in TASKS}
    attack = mta.create(name, model, TASKS, eps=0.08, steps=3)
    with scaled(attack, 0.25):
        moved = (attack(images, targets) - images).abs().amax()
    assert 0.01 < float(moved) <= 0.02 + 1e-6
    assert float((attack(images, targets) - images).abs().amax()) > 0.03


def batches(epochs: int, size: int = 5, seed: int = 0) -> list[tuple[Tensor, dict[str, Tensor]]]:
    """The batches of a training, in its order."""
    data, generator = samples(), torch.Generator().manual_seed(seed)
    found = []
    for _ in range(epochs):
        for indices in torch.randperm(len(data), generator=generator).split(size):
            images = torch.stack([data[i][0] for i in indices])
            found.append((images, {task: torch.stack([data[i][1][task] for i in indices]) for task in TASKS}))
    return found


def test_free_training_is_the_loop_written_out() -> None:
    attack, model = Seen(eps=0.05), fresh().train()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    for images, targets in batches(2):
        moved = torch.zeros_like(images)
        for _ in range(3):
            x = (images + moved).clamp(0, 1).requires_grad_()
            losses = TASKS.losses(model(x), targets)
            optimizer.zero_grad()
            sum(loss.mean() for loss in losses.values()).backward()
            optimizer.step()
            moved = (moved + 0.05 * x.grad.sign()).clamp(-0.05, 0.05)
    found, _ = trained(attack=attack, scheme=Scheme(replays=3), **SGD)
    assert attack.radii == []  # which is not run
    for name, value in model.state_dict().items():
        torch.testing.assert_close(found.state_dict()[name], value, rtol=1e-5, atol=1e-6)


def test_free_training_takes_that_many_steps_of_the_schedule() -> None:
    steps: list[float] = []
    plain = torch.optim.lr_scheduler.OneCycleLR.step

    def step(self: Any, *given: Any) -> None:
        plain(self, *given)
        steps.append(self.get_last_lr()[0])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.optim.lr_scheduler.OneCycleLR, "step", step)
        trained(attack=Seen(), scheme=Scheme(replays=3))
    assert len(steps) == 1 + 2 * 4 * 3  # with the first one of its own
    assert steps[-1] < steps[1]


def test_apart_each_part_of_a_batch_has_its_own_statistics() -> None:
    """Two of five images are attacked; what batch normalization sees is written out."""
    attack, model = Seen(eps=0.3), fresh().train()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    [(images, targets)] = batches(1)[:1]
    torch.manual_seed(3)
    chosen = torch.randperm(5)[:2]
    rest = torch.tensor([i for i in range(5) if i not in chosen.tolist()])
    parts = [((images[chosen] + 0.3).clamp(0, 1), chosen), (images[rest], rest)]
    total = sum(
        loss.sum() / 5
        for part, places in parts
        for loss in TASKS.losses(model(part), {task: of[places] for task, of in targets.items()}).values()
    )
    total.backward()
    optimizer.step()
    found = fresh()
    torch.manual_seed(3)
    data = [(image, {task: of[i] for task, of in targets.items()}) for i, image in enumerate(images)]
    order = torch.randperm(5, generator=torch.Generator().manual_seed(0)).argsort()
    data = [data[i] for i in order]  # the first batch of the training is then this one
    scheme = Scheme(statistics="apart")
    fit(found, TASKS, data, epochs=1, batch_size=5, attack=attack, ratio=0.4, scheme=scheme, progress=False, **SGD)
    for name, value in model.state_dict().items():
        torch.testing.assert_close(found.state_dict()[name], value, rtol=1e-5, atol=1e-6)
    assert int(found.trunk[1].num_batches_tracked) == 2  # type: ignore[arg-type]


@pytest.mark.parametrize("mix", [0.0, 0.5, 1.0])
def test_the_epoch_with_the_best_mix_is_kept(mix: float) -> None:
    """A learning rate that is much too large at the end: the kept weights are those of a shorter training."""
    held_out = samples(30)[20:]
    options = SGD | {"lr": 0.3, "weights": {"depth": 4.0}, "batch_size": 4}
    keep = Keep(held_out, Seen(eps=0.2), mix)
    model, rows = trained(epochs=6, attack=Seen(), scheme=Scheme(keep=keep), **options)
    scores = [(1 - mix) * row["clean"] + mix * row["robust"] for row in rows]
    best = scores.index(min(scores))
    assert best < 5  # or this says nothing
    shorter, _ = trained(epochs=best + 1, attack=Seen(), **options)
    assert same_weights(model, shorter)
    assert rows[0]["clean"] == pytest.approx(1)
    losses = mta.evaluation.measure(shorter, TASKS, [torch.utils.data.default_collate(held_out)]).losses
    first, _ = trained(epochs=1, attack=Seen(), **options)
    reference = mta.evaluation.measure(first, TASKS, [torch.utils.data.default_collate(held_out)]).losses
    assert rows[best]["clean"] == pytest.approx(sum(losses[task] / reference[task] for task in TASKS) / 2, rel=1e-5)


def test_a_resumed_training_is_the_uninterrupted_one(tmp_path: Path) -> None:
    """The ramp and the best epoch go on where they were."""

    class Stop(Exception):
        pass

    class Stopping(Seen):
        def __init__(self, calls: int) -> None:
            super().__init__()
            self.calls = calls

        def __call__(self, images: Tensor, targets: dict[str, Tensor]) -> Tensor:
            if len(self.radii) == self.calls:
                raise Stop
            return super().__call__(images, targets)

    def options(calls: int) -> dict[str, Any]:
        scheme = Scheme(ramp=0.8, keep=Keep(samples(30)[20:], Seen(eps=0.2)))
        attack = Stopping(calls) if calls else Seen()
        return {"epochs": 4, "attack": attack, "scheme": scheme, **SGD, "lr": 0.3, "weights": {"depth": 4.0}}

    whole, rows = trained(**options(0))
    with pytest.raises(Stop):
        trained(folder=tmp_path, resume=True, **options(10))
    resumed, again = trained(folder=tmp_path, resume=True, **options(0))
    assert again == rows
    assert same_weights(whole, resumed)
    for ramp, message in ((0.5, "ramp: expected 0.5, found 0.8"), (0.0, "ramp: expected None, found 0.8")):
        changed = options(0) | {"scheme": Scheme(ramp=ramp, keep=Keep(samples(30)[20:], Seen()))}
        with pytest.raises(ValueError, match=message):
            trained(folder=tmp_path, resume=True, **changed)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scheme": Scheme(ramp=0.5)}, "ramp: expected an attack with a radius eps, found None"),
        ({"scheme": Scheme(replays=2), "attack": lambda x, _: x}, "replays: expected an attack with a radius eps"),
        ({"scheme": Scheme(replays=2), "attack": Seen(), "ratio": 0.5}, "replays: expected all images of a batch"),
        ({"scheme": Scheme(statistics="apart"), "attack": Seen()}, "statistics: expected a ratio below 1 for 'apart'"),
        (
            {"scheme": Scheme(replays=2), "attack": mta.APGD(fresh(), TASKS, norm="L2", eps=0.5)},
            "replays: expected an attack in the infinity norm, found 'L2'",
        ),
        ({"scheme": Scheme(replays=2), "attack": Seen(), "weights": "torchjd:UPGrad"}, "one number of the losses"),
    ],
)
def test_what_does_not_go_together_is_said(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        trained(**options)


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (lambda: Scheme(ramp=1.5), r"ramp: expected a number in \[0, 1\], found 1.5"),
        (lambda: Scheme(replays=0), "replays: expected a whole number >= 1, found 0"),
        (lambda: Scheme(statistics="both"), "statistics: expected one of 'together', 'apart', found 'both'"),
        (lambda: Keep(samples(2), Seen(), mix=2), r"mix: expected a number in \[0, 1\], found 2"),
        (lambda: Keep([], Seen()), "dataset: expected at least one image"),
    ],
)
def test_arguments_out_of_range(made: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        made()


def test_the_command_line_says_it_in_the_recipe(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from mt_torchattacks.cli import main

    usual = attack_arguments(TrainOptions("rooms3/all-shared", attack="pgd"))
    assert not usual.keys() & {"ramp", "statistics", "replays", "keep", "held_out"}
    words = ["train", "rooms3/all-shared", "--rooms", "64", "--epochs", "2", "--attack", "pgd", "--steps", "1"]
    words += ["--ramp", "0.5", "--keep", "0.5", "--held-out", "16", "--quiet", "--output", str(tmp_path)]
    assert main(words) == 0
    record = mta.models.checkpoint.load_record(tmp_path / "model")
    assert record["attack"]["ramp"] == 0.5
    assert record["samples"]["train"] == 48
    assert (tmp_path / "log.csv").read_text().splitlines()[0] == "epoch,segmentation,normal,depth,clean,robust"
    assert main([*words[:2], "--rooms", "8", "--attack", "pgd", "--keep", "0.5", "--output", str(tmp_path / "b")]) == 2
    assert "held_out: expected 1 to 7 images, found 256" in capsys.readouterr().err


def test_several_processes_and_apart() -> None:
    with pytest.raises(ValueError, match="statistics: expected one process for 'apart', found 2"):
        Scheme(statistics="apart").check(Seen(), 0.5, linear=True, processes=2)
    assert make_fabric(accelerator="cpu").world_size == 1


def test_options_of_an_attack_without_one_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from mt_torchattacks.cli import main

    assert main(["train", "rooms3/all-shared", "--held-out", "8", "--output", str(tmp_path)]) == 2
    assert "--attack: expected an attack, found none beside --held-out" in capsys.readouterr().err
