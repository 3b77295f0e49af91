"""What every attack keeps to, whatever its loop: parametrised by the registry and its declared traits."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from mt_torchattacks.attacks.chance import sample_generators, sample_points
from mt_torchattacks.geometry.ball import Ball
from tests import toys
from tests.attack_cases import ALL, EPS, TRAITS, make


def relative_increase(model: nn.Module, images: Tensor, adversarial: Tensor, targets: dict[str, Tensor]) -> Tensor:
    """The sum of relative loss increases, from losses taken one by one."""
    with torch.no_grad():
        before = toys.tasks().losses(model(images), targets)
        after = toys.tasks().losses(model(adversarial), targets)
    return sum(((after[n] - before[n]) / before[n] for n in before), torch.zeros(len(images)))


@pytest.mark.parametrize("name", ALL)
def test_result_is_like_the_images_within_the_ball_and_worse(name: str) -> None:
    model, (images, targets) = toys.Toy(), toys.batch()
    adversarial = make(name, model)(images, targets)
    assert adversarial.shape == images.shape
    assert adversarial.dtype == images.dtype
    assert not adversarial.requires_grad
    assert adversarial.min() >= 0
    assert adversarial.max() <= 1
    delta = (adversarial - images).flatten(1)
    norm = delta.norm(dim=1) if TRAITS[name].norm == "L2" else delta.abs().amax(dim=1)
    assert bool((norm <= (1.0 if TRAITS[name].norm == "L2" else EPS) + 1e-5).all())
    assert relative_increase(model, images, adversarial, targets).mean() > 0.01


@pytest.mark.parametrize("name", ALL)
def test_the_same_seed_gives_the_same_images(name: str) -> None:
    model, (images, targets) = toys.Toy(), toys.batch()
    attack = make(name, model)
    torch.manual_seed(3)
    first = attack(images, targets)
    torch.manual_seed(3)
    assert torch.equal(first, attack(images, targets))


@pytest.mark.parametrize("name", ALL)
def test_images_targets_and_model_come_back_as_they_were(name: str) -> None:
    model, (images, targets) = toys.Toy(), toys.batch()
    model.train()
    model.norm.eval()  # a frozen batch norm inside a model that trains
    model.trunk.weight.requires_grad_(False)
    model.depth.weight.grad = torch.ones_like(model.depth.weight)
    given = copy.deepcopy((model.state_dict(), images, targets))
    make(name, model)(images, targets)
    assert [m.training for m in model.modules()] == [m is not model.norm for m in model.modules()]
    assert [p.requires_grad for p in model.parameters()] == [p is not model.trunk.weight for p in model.parameters()]
    assert torch.equal(model.depth.weight.grad, torch.ones_like(model.depth.weight))
    assert all(p.grad is None for p in model.parameters() if p is not model.depth.weight)
    state, given_images, given_targets = given
    assert all(torch.equal(value, state[key]) for key, value in model.state_dict().items())
    assert torch.equal(images, given_images)
    assert all(torch.equal(targets[key], given_targets[key]) for key in targets)
    assert not images.requires_grad


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("of", ["images", "model", "both"])
def test_channels_last_changes_nothing_but_rounding(name: str, of: str) -> None:
    (images, targets), layout = toys.batch(), torch.channels_last
    torch.manual_seed(3)
    expected = make(name, toys.Toy())(images, targets)
    model = toys.Toy().to(memory_format=layout if of != "images" else torch.contiguous_format)
    torch.manual_seed(3)
    found = make(name, model)(images if of == "model" else images.contiguous(memory_format=layout), targets)
    assert found.is_contiguous(memory_format=torch.contiguous_format if of == "model" else layout)
    assert float(((found - expected).abs() > 1e-4).float().mean()) < 0.05


class Breaking(toys.Toy):
    """Fails at its third forward pass."""

    calls = 0

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        self.calls += 1
        if self.calls == 3:
            raise RuntimeError("out of memory, say")
        return super().forward(x)


@pytest.mark.parametrize("name", [name for name in ALL if name not in ("FGSM", "FFGSM")])
def test_an_exception_in_the_middle_leaves_no_trace(name: str) -> None:
    model, (images, targets) = Breaking(), toys.batch()
    model.train()
    model.norm.eval()
    attack = make(name, model)
    attack.set_normalization_used([0.5] * 3, [0.5] * 3)
    numbers = torch.get_rng_state()
    with pytest.raises(RuntimeError, match="out of memory, say"):
        attack((images - 0.5) / 0.5, targets)
    assert torch.equal(torch.get_rng_state(), numbers)
    assert [m.training for m in model.modules()] == [m is not model.norm for m in model.modules()]
    assert all(p.requires_grad for p in model.parameters())
    assert attack._normalization_applied is True
    assert "_bound" not in vars(attack)
    first = attack((images - 0.5) / 0.5, targets)  # the model no longer fails: the next call is an ordinary one
    assert bool(((first - (images - 0.5) / 0.5).abs().amax() > 0).all())


@pytest.mark.parametrize("name", [name for name in ALL if TRAITS[name].deterministic])
def test_a_sample_alone_gets_what_it_gets_in_a_batch(name: str) -> None:
    model, (images, targets) = toys.Toy().double(), toys.batch()
    images = images.double()
    attack = make(name, model)
    together = attack(images, targets)
    alone = [attack(images[i : i + 1], {key: t[i : i + 1] for key, t in targets.items()}) for i in range(len(images))]
    differs = (torch.cat(alone) - together).abs() > (1e-6 if attack.traits.float32 else 1e-12)
    assert differs.double().mean() <= (1e-3 if attack.traits.float32 else 0)  # float32 signs of nearly zero gradients


def test_apgd_from_the_clean_image_treats_samples_alone() -> None:
    model, (images, targets) = toys.Toy().double(), toys.batch()
    attack = make("APGD", model, steps=12, random_start=False)
    together = attack(images.double(), targets)
    for i in range(len(images)):
        alone = attack(images[i : i + 1].double(), {key: t[i : i + 1] for key, t in targets.items()})
        torch.testing.assert_close(alone[0], together[i], rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", ["APGD", "AutoSAGA", "Square", "SPSA", "WorstCase"])
@pytest.mark.parametrize("seed", [0, 5])
def test_random_numbers_do_not_depend_on_the_batch(name: str, seed: int) -> None:
    """Nor on a sample's place in it; other seeds and restarts give others."""
    model, (images, targets) = toys.Toy().double(), toys.batch()
    images = images.double()
    more = {} if name == "AutoSAGA" else {"seed": seed}
    more |= {"n_restarts": 2} if name in ("APGD", "Square") else {}
    attack = make(name, model, **more)
    together = attack(images, targets)
    turned = attack(images.flip(0), {key: t.flip(0) for key, t in targets.items()}).flip(0)
    torch.testing.assert_close(turned, together, rtol=0, atol=1e-12)
    for i in range(len(images)):
        alone = attack(images[i : i + 1], {key: t[i : i + 1] for key, t in targets.items()})
        torch.testing.assert_close(alone[0], together[i], rtol=0, atol=1e-12)


def test_random_starts_differ_by_seed_by_restart_and_by_image() -> None:
    model, (images, targets) = toys.Toy(), toys.batch()
    attacks = [make("APGD", model, steps=1, eps=EPS, seed=seed) for seed in (0, 1, 2)]
    first, second, third = (attack(images, targets) - images for attack in attacks)
    assert not torch.equal(first, second)
    assert not torch.equal(second, third)
    same = attacks[0](
        images[:1].expand(3, -1, -1, -1), {key: t[:1].expand(3, *t.shape[1:]) for key, t in targets.items()}
    )
    assert torch.equal(same[0], same[1])
    generators = sample_generators(images, 0)
    points = [sample_points(toys.ball(images, EPS), Ball.surface_point, generators) - images for _ in range(2)]
    drawn = torch.cat(points).flatten(1).sign()
    together = (drawn @ drawn.T / drawn.shape[1] - torch.eye(len(drawn))).abs()
    assert float(together.max()) < 0.2  # eight draws of 768 signs that know nothing of each other


@pytest.mark.parametrize("outer", [torch.no_grad, torch.inference_mode], ids=["no_grad", "inference_mode"])
@pytest.mark.parametrize("name", ["PGD", "APGD", "MIFGSM", "PIFGSM", "PGDRS"])
def test_works_inside_contexts_without_gradients(name: str, outer: Any) -> None:
    model, (images, targets) = toys.Toy(), toys.batch()
    attack = make(name, model)
    torch.manual_seed(0)
    expected = attack(images, targets)
    torch.manual_seed(0)
    with outer():
        assert torch.equal(attack(images.clone(), {key: t.clone() for key, t in targets.items()}), expected)
        assert torch.is_grad_enabled() is False


@pytest.mark.parametrize("name", ALL)
def test_normalized_images_give_what_a_model_that_normalizes_gives(name: str) -> None:
    mean, std = [0.4, 0.5, 0.6], [0.2, 0.25, 0.3]
    inner, (images, targets) = toys.Toy().double(), toys.batch()
    m, s = (torch.tensor(v).reshape(1, 3, 1, 1) for v in (mean, std))

    class Normalizing(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = inner

        def forward(self, x: Tensor) -> dict[str, Tensor]:
            return inner((x - m) / s)

    images = images.double()
    torch.manual_seed(0)
    expected = make(name, Normalizing().eval())(images, targets)
    attack = make(name, inner)
    attack.set_normalization_used(mean, std)
    torch.manual_seed(0)
    found = attack((images - m) / s, targets) * s + m
    assert ((found - expected).abs() > 1e-6).double().mean() < 1e-3


@pytest.mark.parametrize("name", [name for name in ALL if name != "PIFGSM"])
def test_targeted_lowers_every_loss_to_its_goal(name: str) -> None:
    model, (images, goals) = toys.Toy(), toys.batch(seed=5)
    attack = make(name, model, balance="total")
    attack.set_mode_targeted_by_label(quiet=True)
    adversarial = attack(images, goals)
    before, after = (sum(toys.tasks().losses(model(x), goals).values()) for x in (images, adversarial))
    assert (after - before).mean() < 0
    attack.set_mode_targeted_by_function(lambda x, targets: {**targets, "depth": targets["depth"] + 1}, quiet=True)
    moved = attack(images, goals)
    assert model(moved)["depth"].mean() > model(images)["depth"].mean()


@pytest.mark.parametrize("name", ALL)
def test_refuses_targets_for_one_classifier(name: str) -> None:
    attack = make(name, toys.Toy())
    for mode in (attack.set_mode_targeted_random, attack.set_mode_targeted_least_likely):
        with pytest.raises(NotImplementedError, match="a goal that every task has"):
            mode()


@pytest.mark.parametrize("name", ALL)
def test_repr_and_pickle(name: str) -> None:
    attack = make(name, toys.Toy())
    assert repr(attack).startswith(f"{name}(")
    assert "balance=dgba" in repr(attack)
    assert "CosineDistance(valid=nonzero)" in repr(attack)
    images, targets = toys.batch()
    torch.manual_seed(0)
    expected = attack(images, targets)
    torch.manual_seed(0)
    assert torch.equal(pickle.loads(pickle.dumps(attack))(images, targets), expected)


@pytest.mark.parametrize("name", ALL)
def test_nothing_of_a_call_stays_on_the_attack(name: str) -> None:
    attack = make(name, toys.Toy())
    before = {key: value for key, value in vars(attack).items() if key != "device"}
    attack(*toys.batch())
    assert {key: value for key, value in vars(attack).items() if key != "device"}.keys() == before.keys()
    assert all(vars(attack)[key] is value for key, value in before.items())


@pytest.mark.parametrize("name", [name for name in ALL if TRAITS[name].divides])
def test_a_step_without_gradient_does_not_end_a_samples_attack(name: str) -> None:
    """Dividing by its mean would put NaN into the momentum for good, and the sign of NaN is 0."""
    images, targets = toys.batch()

    class Flat(toys.Toy):
        """Does not depend on the second image at its clean value, and only there."""

        def forward(self, x: Tensor) -> dict[str, Tensor]:
            flat = (x == images).flatten(1).all(1) & (torch.arange(len(x)) == 1)
            alive = (~flat).to(x.dtype)
            return {k: v * alive.reshape(-1, *[1] * (v.ndim - 1)) + 1e-3 for k, v in super().forward(x).items()}

    adversarial = make(name, Flat())(images, targets)
    assert bool(torch.isfinite(adversarial).all())
    assert (adversarial != images).flatten(1).float().mean(dim=1).min() > 0.5


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("balance", ["total", "sign_total", "relative", "wgd", "normalized", "single:depth"])
def test_every_attack_takes_every_family_of_rules(name: str, balance: str) -> None:
    if name == "AutoSAGA" and balance in ("sign_total", "normalized"):
        pytest.skip("refused with a reason: it blends the tasks' gradients itself, so a rule must give them weights")
    model, (images, targets) = toys.Toy(), toys.batch(2)
    adversarial = make(name, model, balance=balance)(images, targets)
    assert bool(torch.isfinite(adversarial).all())
    assert not torch.equal(adversarial, images)


def test_set_model_training_mode_reaches_the_model_and_leaves_its_statistics() -> None:
    seen = []

    class Watching(toys.Toy):
        def forward(self, x: Tensor) -> dict[str, Tensor]:
            seen.append((self.training, self.norm.training, self.dropout.training))
            return super().forward(x)

    model, (images, targets) = Watching(), toys.batch()
    attack = make("PGD", model)
    attack.set_model_training_mode(model_training=True, batchnorm_training=True, dropout_training=False)
    statistics = model.norm.running_mean.clone()
    attack(images, targets)
    assert set(seen) == {(True, True, False)}
    assert torch.equal(model.norm.running_mean, statistics)
    assert not model.training


def test_apgd_leaves_the_global_random_numbers_alone() -> None:
    attack = make("APGD", toys.Toy(), n_restarts=2)
    state = torch.get_rng_state()
    attack(*toys.batch())
    assert torch.equal(torch.get_rng_state(), state)
