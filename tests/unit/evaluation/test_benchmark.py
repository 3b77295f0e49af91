"""An entry of the leaderboard: its numbers are the worst case's, images of others are checked, files come back."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

import mt_torchattacks as mta
from mt_torchattacks.cli import main
from mt_torchattacks.evaluation import BenchmarkEntry, NamedData, NamedModel, check_external
from tests import toys

EPS = 4 / 255
OWN: dict[str, Any] = {"eps": EPS, "steps": 1, "n_queries": 2, "progress": False}


@pytest.fixture(scope="module")
def data() -> NamedData:
    return NamedData.of("rooms", mta.data.Rooms(length=3, seed=1), 3, batch_size=2)


@pytest.fixture(scope="module")
def model() -> NamedModel:
    return NamedModel("rooms3/all-shared", mta.models.zoo("rooms3/all-shared"))


@pytest.fixture(scope="module")
def entry(model: NamedModel, data: NamedData) -> BenchmarkEntry:
    return mta.benchmark(model, data, **OWN)


def clean_images(data: NamedData) -> Tensor:
    return torch.cat([images for images, _ in data.batches])


def test_it_has_both_verdicts_and_what_they_come_from(entry: BenchmarkEntry, data: NamedData) -> None:
    attacks = ["dgba", "max_min", "relative", "total", "single:segmentation", "single:normal", "single:depth"]
    names = [*(f"apgd/{rule}" for rule in attacks), "square", "acg/dgba", "acg/max_min", "acg/relative"]
    assert list(entry.passes) == [*names, *(f"{name} on errors" for name in names)]
    assert entry.passes["apgd/dgba"] == 2 * (1 + 1) + 1  # as many forward as backward passes, and the clean one
    best = max(arp for name, arp in entry.arp.items() if name in entry.passes)
    assert entry.arp["envelope"] >= entry.arp["worst case"] >= best
    assert sum(entry.wins.values()) == entry.images == 3
    assert entry.made_by["torch"] and entry.digest == data.key["digest"] and entry.external == []


def test_no_number_depends_on_the_global_random_numbers_or_changes_the_model(
    entry: BenchmarkEntry, model: NamedModel, data: NamedData
) -> None:
    model.model.train()
    torch.manual_seed(123)
    before = torch.random.get_rng_state()
    again = mta.benchmark(model, data, **OWN)
    assert model.model.training and torch.equal(torch.random.get_rng_state(), before)
    model.model.eval()
    assert asdict(replace(again, seconds=0)) == asdict(replace(entry, seconds=0))


def test_images_of_others_are_an_attack_like_the_rest(model: NamedModel, data: NamedData) -> None:
    clean = clean_images(data)
    noisy = (clean + EPS * torch.randn(clean.shape, generator=torch.Generator().manual_seed(0)).sign()).clamp(0, 1)
    found = mta.benchmark(model, data, external={"noise": noisy, "nothing": clean}, **OWN)
    assert found.external == ["noise", "nothing"] and found.passes["noise"] == 0
    assert found.arp["nothing"] == pytest.approx(0, abs=1e-6)
    measured = mta.evaluate(model.model, data.tasks, [(noisy[:2], data.batches[0][1]), (noisy[2:], data.batches[1][1])],
                            {}, data.metrics, progress=False)  # fmt: skip
    changed = mta.metrics.average_relative_performance(found.clean, measured.clean.metrics, measured.directions)
    assert found.arp["noise"] == pytest.approx(changed.total, abs=1e-3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x: x[:2], r"the data's shape \(3, 3, 64, 64\)"),
        (
            lambda x: (x + 2 * EPS).clamp(0, 1),
            "images within 0.0156863 of the clean ones .*, found one at a",
        ),
        (lambda x: x - 0.5 * EPS - 0.5, r"pixels in \[0, 1\]"),
        (lambda x: x.index_fill(0, torch.tensor([1]), torch.nan), "finite"),
        (lambda x: (255 * x).byte(), "floating-point pixel values"),
        (lambda x: x.numpy(), "a tensor"),
    ],
)
def test_images_that_are_not_what_they_should_be(data: NamedData, change: Any, message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=message):
        check_external(change(clean_images(data)), data, eps=EPS, name="external['theirs']")
    check_external(clean_images(data), data, eps=EPS)


def test_distances_are_of_the_norm(data: NamedData) -> None:
    clean = clean_images(data)
    moved = clean.clone()
    moved[:, 0, 0, 0] = (clean[:, 0, 0, 0] - 0.1).abs()
    check_external(moved, data, eps=0.11, norm="L2")
    with pytest.raises(ValueError, match=r"images within 0.05 of the clean ones \(L2\)"):
        check_external(moved, data, eps=0.05, norm="L2")


def test_a_name_of_the_set_is_taken_and_unknown_tasks_have_their_losses_alone(data: NamedData) -> None:
    with pytest.raises(ValueError, match="external: expected a name that no attack of the set has, found 'square'"):
        mta.benchmark(nn.Identity(), data, external={"square": clean_images(data)}, **OWN)
    images, targets = toys.batch(2)
    mine = NamedData("mine", [(images, {"flow": targets["depth"]})], mta.Tasks(flow=mta.losses.L1()), {})

    class Flow(nn.Module):
        def forward(self, x: Tensor) -> dict[str, Tensor]:
            return {"flow": x.mean(dim=1, keepdim=True)}

    found = mta.benchmark(Flow(), mine, **OWN)
    assert found.model == "Flow" and not any("on errors" in name for name in found.passes)


def test_files(entry: BenchmarkEntry, tmp_path: Path) -> None:
    path = tmp_path / "new" / "small.json"
    entry.save(path)
    assert BenchmarkEntry.load(path) == entry
    path.write_text(path.read_text().replace('"format": 1', '"format": 2'))
    with pytest.raises(ValueError, match="expected format 1, found 2"):
        BenchmarkEntry.load(path)
    path.write_text("{")
    with pytest.raises(ValueError, match="expected JSON"):
        BenchmarkEntry.load(path)


def test_the_command_ranks_models_and_takes_files_of_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from tests.toy_data import toy, two_images

    images = clean_images(two_images())
    theirs = tmp_path / "theirs.safetensors"
    save_file({"their attack": images.contiguous()}, str(theirs))
    words = [
        "leaderboard",
        "--model",
        "tests.toy_data:toy",
        "tests.toy_data:other_toy",
        "--images",
        "2",
        "--steps",
        "1",
    ]
    words += ["--data", "tests.toy_data:two_images", "--queries", "2", "--output", str(tmp_path / "out")]
    assert main([*words, "--external", f"tests.toy_data:toy={theirs}"]) == 0
    found = {json.loads(path.read_text())["model"]: path for path in (tmp_path / "out" / "entries").glob("*.json")}
    first = BenchmarkEntry.load(found["tests.toy_data:toy"])
    assert first.external == ["their attack"] and first.weights == NamedModel("", toy()).weights
    shown = capsys.readouterr().out
    order = sorted(found, key=lambda name: BenchmarkEntry.load(found[name]).arp["worst case"])
    assert shown.index(order[0]) < shown.index(order[1])
    assert main([*words, "--external", "nobody=x"]) == 2
    assert "external" in capsys.readouterr().err


def test_the_fast_set_is_two_of_the_standard_ones(model: NamedModel, data: NamedData, entry: BenchmarkEntry) -> None:
    fast = mta.benchmark(model, data, members="fast", **OWN)
    assert list(fast.passes) == ["acg/dgba on errors", "acg/max_min on errors"]
    assert sum(fast.passes.values()) < 0.25 * sum(entry.passes.values())
    assert {name: fast.arp[name] for name in fast.passes} == {name: entry.arp[name] for name in fast.passes}
    plain = mta.Tasks(flow=mta.losses.L1())
    assert list(mta.evaluation.standard_attacks(model.model, plain, members="fast")) == ["acg/dgba", "acg/max_min"]
    with pytest.raises(ValueError, match="members: expected one of 'standard', 'fast'"):
        mta.evaluation.standard_attacks(model.model, plain, members="slow")
