"""The recipes of the papers' own size run where their data and models are: here small copies at the same paths."""

from __future__ import annotations

from pathlib import Path

import pandas
import pytest
import torch

import mt_torchattacks as mta
from mt_torchattacks.cli import main
from mt_torchattacks.models.checkpoint import save_checkpoint
from mt_torchattacks.models.zoo import zoo_record
from mt_torchattacks.recipes import StudyRecipe, recipe_files
from mt_torchattacks.training.recipe import Recipe, recipe_names
from tests.data_factories import FACTORIES, taskonomy_files

PAPER = [name for name in recipe_files() if name.startswith("paper/")]
STAND_INS = {
    "nyuv2/AS": "rooms3/all-shared",
    "nyuv2/41": "rooms3/partly-shared",
    "nyuv2/IND": "rooms3/independent",
    "nyuv2-mobilenet/AS": "rooms3/all-shared",
    "nyuv2-robust/pgd-dgba": "rooms3-robust/pgd-dgba-0",
    "nyuv2-robust/pgd-total": "rooms3-robust/pgd-total-0",
    **{f"nyuv2-sharing/{shared}-shared": f"rooms3-resnet34/{shared}-shared" for shared in (0, 2, 5)},
}
TASKS = ("segmentation", "normal", "depth", "keypoints2d", "edge_texture")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with data and models where the recipes look for them."""
    folder = tmp_path_factory.mktemp("paper")
    rooms = mta.data.Rooms(length=2, seed=3)
    for name, factory in (("nyuv2", "nyuv2/libmtl"), ("tiny_taskonomy", "tiny_taskonomy/folders")):
        (folder / "data" / name).mkdir(parents=True)
        FACTORIES[factory](folder / "data" / name, [rooms[0], rooms[1]])
    taskonomy_files(folder / "data" / "tiny_taskonomy", "{domain}/taskonomy/ihlen", 7, *rooms[0])
    trained = folder / "results" / "train"
    for name, model in STAND_INS.items():
        save_checkpoint(mta.models.zoo(model), zoo_record(model), trained / name / "model", torch.float16)
    for name, layout in (("AS", "all_shared"), ("IND", "independent")):
        heads = {task: mta.kinds.find(task).channels(17) for task in TASKS}
        torch.manual_seed(0)
        model = mta.models.branched("tiny_resnet", layout, heads)
        record = {"backbone": "tiny_resnet", "options": {}, "layout": str(model.layout), "heads": heads}
        own = {"data": {"size": 64}}
        save_checkpoint(model, record | own, trained / "tiny_taskonomy" / name / "model", torch.float32)
        save_checkpoint(model, record | own, trained / "tiny_taskonomy-mobilenet" / name / "model", torch.float32)
    return folder


@pytest.mark.filterwarnings("ignore:.*is undefined; it is left out")  # of models that were not trained
@pytest.mark.parametrize("name", PAPER)
def test_a_recipe_runs_beside_the_published_numbers(
    name: str, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place)
    recipe = StudyRecipe.load(recipe_files()[name])
    assert main(["run", name, "--reduced", "--quiet", "--output", str(tmp_path)]) == 0
    claims = pandas.read_csv(tmp_path / "claims.csv", keep_default_na=False)
    assert claims["claim"].tolist() == [claim.says for claim in recipe.claims]
    assert set(claims["verdict, measured"]) <= {"holds", "does not hold", "undecided"}
    for table, of in recipe.published.items():
        beside = pandas.read_csv(tmp_path / f"{table}_published.csv")
        assert len(beside) > 0, table
        if "{}" in str(of.get("values")):  # models have the names that the published tables give them
            assert {"model", "target"} & set(beside.columns), beside.columns


def test_every_model_that_a_recipe_takes_can_be_trained() -> None:
    """``results/train/NAME`` is where ``mt-attack train NAME`` writes; robust ones are told apart by the docs."""
    trainable = set(recipe_names())
    for name in PAPER:
        options = StudyRecipe.load(recipe_files()[name]).options
        for path in [*options.get("model", []), *options.get("targets", []), *options.get("surrogate", [])]:
            wanted = path.removeprefix("results/train/")
            known = any(Path(one).match(wanted) for one in trainable)
            assert known or wanted.startswith("nyuv2-robust/"), path
    assert [Recipe.named(f"nyuv2-sharing/{k}-shared").layout.count("[0, 1, 2]") for k in range(6)] == list(range(6))
    assert Recipe.named("nyuv2-sharing/3-shared").fit == Recipe.named("nyuv2/AS").fit


def test_options_in_place_of_the_recipes(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    data, model = place / "data" / "nyuv2", place / "results" / "train" / "nyuv2" / "AS"
    own = [
        f"data=nyuv2:{data}",
        f"model=[{model}]",
        "images=1",
        "eps=[1/255, 2/255, 4/255]",
        "attack=[fgsm]",
        "balance=[dgba]",
    ]
    words = ["run", "paper/nyuv2-radius", "--set", *own, "--quiet", "--output", str(tmp_path / "out")]
    assert main(words) == 0
    claims = pandas.read_csv(tmp_path / "out" / "claims.csv").set_index("claim")["verdict, measured"]
    assert claims.iloc[0] == "not measured"  # there is no Total to compare with
    arp = pandas.read_csv(tmp_path / "out" / "arp.csv")
    assert (set(arp["eps"]), set(arp["attack"]), set(arp["rule"])) == ({1.0, 2.0, 4.0}, {"fgsm"}, {"dgba"})


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("images", "set: expected NAME=VALUE, found 'images'"),
        ("eps=[4", "set: expected a value in YAML, found 'eps=[4'"),
        ("imagess=4", "imagess"),
    ],
)
def test_what_is_no_option_is_said(word: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "rooms/white-box", "--set", word, "--output", str(tmp_path)]) == 2
    assert message in capsys.readouterr().err
