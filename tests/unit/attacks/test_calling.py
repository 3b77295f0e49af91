"""How attacks are called: by position or by keyword, with more targets than needed, not by torchattacks' own tools."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torchattacks
from torch import Tensor, nn

import mt_torchattacks as mta
from tests import toys
from tests.attack_cases import ALL, make


@pytest.mark.parametrize("name", ALL)
def test_images_and_targets_as_keywords(name: str) -> None:
    attack, (images, targets) = make(name, toys.Toy()), toys.batch(2)
    found = []
    for given in (
        {"images": images, "targets": targets},
        {"inputs": images, "labels": targets},
        {"inputs": images, "targets": targets},
    ):
        torch.manual_seed(0)
        found.append(attack(**given))
    torch.manual_seed(0)
    expected = attack(images, targets=targets)
    assert all(torch.equal(one, expected) for one in found)


def attack_on_toy() -> Any:
    return mta.FGSM(toys.Toy(), toys.tasks())


@pytest.mark.parametrize("attack", [attack_on_toy(), mta.MultiAttack([attack_on_toy()] * 2)], ids=["one", "several"])
def test_an_argument_under_both_names_or_under_none(attack: Any) -> None:
    if isinstance(attack, mta.MultiAttack):
        attack = mta.MultiAttack([mta.FGSM(m := toys.Toy(), toys.tasks()), mta.BIM(m, toys.tasks(), steps=1)])
    images, targets = toys.batch(2)
    assert torch.equal(attack(images=images, targets=targets), attack(images, targets))
    with pytest.raises(TypeError, match="images: expected one of 'images' and 'inputs', found both"):
        attack(images, targets, images=images)
    with pytest.raises(TypeError, match="targets: expected one of 'targets' and 'labels', found both"):
        attack(images, targets, targets=targets)
    with pytest.raises(TypeError, match="images: expected a tensor"):
        attack(targets=targets)


def test_targets_of_tasks_that_are_not_attacked_are_ignored() -> None:
    """A data set may have labels for more tasks than are attacked; a misspelt name is found by the one missing."""
    model, (images, targets) = toys.Toy(), toys.batch(2)
    tasks = toys.tasks()
    more: dict[str, Any] = {**targets, "edges": torch.zeros(7), "boxes": ["a", "list"], "path": None}
    for attack in (mta.BIM(model, tasks, steps=2), mta.WorstCase(model, tasks, steps=1, n_queries=2)):
        assert torch.equal(attack(images, more), attack(images, targets))
    misspelt = {("dpeth" if name == "depth" else name): target for name, target in targets.items()}
    with pytest.raises(KeyError, match="'depth' missing among .*'dpeth'"):
        mta.BIM(model, tasks)(images, misspelt)


def test_what_is_saved_with_more_targets(tmp_path: Any) -> None:
    images, targets = toys.batch(2)
    attack = attack_on_toy()
    attack.save([(images, {**targets, "scene": ["a", "b"]})], tmp_path / "adv.pt", verbose=False)
    ((_, saved),) = mta.load(tmp_path / "adv.pt")
    assert saved.keys() == targets.keys()


def test_the_hosts_load_is_refused() -> None:
    with pytest.raises(NotImplementedError, match="mta.load"):
        attack_on_toy().load("adv.pt")


def test_the_hosts_multiattack_over_these_attacks_is_refused() -> None:
    model, (images, targets) = toys.Toy(), toys.batch(2)
    model.train()
    several = torchattacks.MultiAttack([mta.FGSM(model, toys.tasks()), mta.BIM(model, toys.tasks())])
    with pytest.raises(NotImplementedError, match="mta.MultiAttack"):
        several(images, targets)
    assert all(module.training for module in model.modules())


class Mean(nn.Module):
    """A model without parameters."""

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return {"mean": x.flatten(1).mean(dim=1)}


@pytest.mark.parametrize("name", ALL)
def test_a_model_without_parameters_prints_nothing(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    attack = make(name, Mean(), mta.Tasks(mean=mta.losses.L1()))
    images = torch.rand(2, 3, 8, 8)
    assert not torch.equal(attack(images, {"mean": torch.ones(2)}), images)
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", "")
