"""The commands that measure attacks, from the command line to the files."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pandas as pd
import pytest
import torch

from mt_torchattacks.cli import main
from mt_torchattacks.data import Rooms
from mt_torchattacks.evaluation import Evaluation
from mt_torchattacks.models import zoo
from mt_torchattacks.models.checkpoint import save_checkpoint
from mt_torchattacks.models.zoo import zoo_record
from tests.data_factories import FACTORIES

TINY = ["--scenes", "2", "--steps", "1"]


def tables(text: str) -> list[list[str]]:
    """The rows of the printed tables, as words."""
    return [line.strip("|").replace("|", " ").split() for line in text.splitlines() if line.startswith("| ")]


def test_evaluate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["evaluate", "--attack", "fgsm", "--attack", "P_GD", "--balance", "single", "--balance", "dgba"]
    assert main([*words, "--eps", "4", "--eps", "8", *TINY, "--output", str(tmp_path)]) == 0
    printed = tables(capsys.readouterr().out)
    assert printed[0] == ["task", "metric", "model"]
    evaluation = Evaluation.load(tmp_path / "evaluation.json")
    assert printed[1][:2] == ["segmentation", "miou"]
    assert float(printed[1][2]) == pytest.approx(evaluation.clean.metrics["segmentation"]["miou"], abs=5e-4)
    arp = printed[13:]
    assert arp[0] == ["attack", "rule", "eps", "segmentation", "normal", "depth", "total"]
    assert len(arp) == 1 + 2 * 2 * 4
    row = next(row for row in arp if row[:3] == ["pgd", "single:depth", "8"])
    assert float(row[-1]) == pytest.approx(evaluation.relative["pgd/single:depth/8"].total, abs=0.05)
    assert len(pd.read_csv(tmp_path / "arp.csv")) == 16
    assert (tmp_path / "metrics.md").is_file()
    assert list(pd.read_csv(tmp_path / "rows.csv")["attack"])[:2] == ["clean", "fgsm/single:segmentation/4"]


@pytest.mark.parametrize("attack", ["auto_saga", "worst_case", "square", "spsa"])
def test_every_kind_of_attack(attack: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--attack", attack, "--balance", "dgba", "--queries", "4", *TINY, "--output", str(tmp_path)]
    assert main(["evaluate", *words]) == 0
    row = tables(capsys.readouterr().out)[-1]
    assert row[:3] == [attack.replace("_", ""), "dgba", "8"]
    assert all(-100 < float(number) < 1000 for number in row[3:])


def test_climbing_errors(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["evaluate", "--climb", "losses", "--climb", "errors", "--scenes", "4", "--steps", "5"]
    assert main([*words, "--output", str(tmp_path)]) == 0
    evaluation = Evaluation.load(tmp_path / "evaluation.json")
    losses, errors = evaluation.relative["apgd/dgba/8"], evaluation.relative["apgd/dgba on errors/8"]
    assert errors.total > losses.total
    assert tables(capsys.readouterr().out)[-1][:5] == ["apgd", "dgba", "on", "errors", "8"]
    assert pd.read_csv(tmp_path / "arp.csv")["rule"].tolist() == ["dgba", "dgba on errors"]


def test_worst_case(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["worst-case", "--model", "rooms3/independent", "--eps", "4", "--eps", "8", "--judge", "errors"]
    words += [*TINY, "--queries", "3", "--output", str(tmp_path)]
    assert main(words) == 0
    wins = pd.read_csv(tmp_path / "wins.csv")
    assert wins["eps"].tolist() == [4, 8]
    assert wins.iloc[:, 2:].sum(axis=1).tolist() == [2, 2]
    printed = capsys.readouterr().out
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "cells").iterdir()}
    assert main(words) == 0
    assert capsys.readouterr().out == printed
    assert before == {path: path.stat().st_mtime_ns for path in (tmp_path / "cells").iterdir()}


def test_stealth(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["stealth", "--attack", "normal,depth", "--scenes", "2", "--steps", "2", "--output", str(tmp_path)]
    assert main(words) == 0
    table = pd.read_csv(tmp_path / "rooms3-all-shared.csv")
    assert set(table["attacked"]) == {"normal+depth"}
    assert table["damage"][0] == 100
    assert (tmp_path / "rooms3-all-shared.png").is_file()
    assert "Stealthy APGD on rooms3/all-shared, eps = 8/255, 2 steps, 2 images" in capsys.readouterr().out


def test_evaluate_goes_on_where_it_was(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["evaluate", "--attack", "fgsm", *TINY, "--output", str(tmp_path)]
    assert main(words) == 0
    [cell] = (tmp_path / "cells").iterdir()
    marked = json.loads(cell.read_text())
    marked["value"]["clean"]["metrics"]["depth"]["abs"] = 123.0
    cell.write_text(json.dumps(marked))
    capsys.readouterr()
    assert main([*words, "--attack", "apgd"]) == 0
    assert ["depth", "abs", "123.000"] in tables(capsys.readouterr().out)
    assert len(list((tmp_path / "cells").iterdir())) == 2


def test_a_checkpoint_is_evaluated_like_the_zoo(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = "rooms3/partly-shared"
    save_checkpoint(zoo(name), zoo_record(name), tmp_path / "model", torch.float16)
    printed = []
    for model in (name, str(tmp_path / "model"), str(tmp_path / "model.safetensors")):
        words = ["--attack", "fgsm", "--balance", "segmentation=0.1,normal=0.1,depth=0.8", *TINY]
        assert main(["evaluate", "--model", model, *words, "--output", str(tmp_path / "out")]) == 0
        printed.append(tables(capsys.readouterr().out))
    assert printed[0] == printed[1] == printed[2]


def test_a_data_set_on_disk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rooms = Rooms(length=2, seed=3)
    FACTORIES["nyuv2/libmtl"](tmp_path / "nyuv2", [rooms[0], rooms[1]])
    printed = []
    for data in ("rooms:3", f"nyuv2:{tmp_path / 'nyuv2'}"):
        words = ["evaluate", "--attack", "fgsm", "--data", data, "--split", "train", *TINY]
        assert main([*words, "--output", str(tmp_path / data[:5])]) == 0
        printed.append(tables(capsys.readouterr().out))
    assert printed[0] == printed[1]


def test_transfer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = ["rooms3/all-shared", "rooms3/independent"]
    words = ["transfer", "--surrogate", ",".join(names), "--targets", ",".join(names), "--attack", "mifgsm"]
    assert main([*words, "--balance", "dgba", "--balance", "total", *TINY, "--output", str(tmp_path)]) == 0
    lines = tables(capsys.readouterr().out)
    frame = pd.read_csv(tmp_path / "transfer.csv")
    assert frame.groupby("setting").size().to_dict() == {"black_box": 4, "white_box": 4}
    black = frame.query("surrogate == 'rooms3/all-shared' and setting == 'black_box' and rule == 'dgba'").iloc[0]
    assert "rooms3/all-shared (white box)" in " ".join(lines[0])
    row = next(row for row in lines if row[:3] == ["8", "mifgsm", "dgba"])
    assert float(row[4]) == pytest.approx(black["total"], abs=0.06)
    means = frame.query("setting == 'black_box'").groupby("rule")["total"].mean()
    assert lines[-2] == ["eps", "attack", "dgba", "total"]
    assert [float(word) for word in lines[-1][2:]] == pytest.approx([means["dgba"], means["total"]], abs=0.06)


def test_weights(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["weights", "--model", "rooms3/independent", "--attack", "fgsm", "--step", "0.25", "--rungs", "1"]
    assert main([*words, "--scenes", "2", "--output", str(tmp_path)]) == 0
    assert "independent" in capsys.readouterr().out
    row = pd.read_csv(tmp_path / "weights.csv").iloc[0]
    grid = pd.read_csv(tmp_path / "rooms3-independent.csv")
    assert len(grid) == 3
    assert row["weighted total"] == grid["arp"].max()
    best = grid.loc[grid["arp"].idxmax()]
    assert row["weights"].startswith(f"{best['segmentation']:g}:{best['normal']:g}:{best['depth']:g} ")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["evaluate", "--model", "rooms3/none"], "model: expected one of 'rooms3.*or the path of a checkpoint"),
        (["evaluate", "--attack", "pdg"], "attack: expected one of 'APGD'"),
        (["evaluate", "--attack", "cw"], "attack: expected an attack on several tasks, found 'cw': its loss"),
        (["evaluate", "--balance", "dbga"], "balance: expected one of .*'dgba'"),
        (["evaluate", "--data", "kitti:here"], "data: expected one of 'rooms', 'nyuv2'"),
        (["evaluate", "--data", "nyuv2:nowhere"], "root: expected a folder, found none at nowhere"),
        (["evaluate", "--data", "rooms:x"], "data: expected rooms or rooms:SEED, found rooms:x"),
        (["evaluate", "--scenes", "0"], "scenes: expected a number >= 1, found 0"),
        (["evaluate", "--scenes", "-3"], "scenes: expected a number >= 1, found -3"),
        (["evaluate", "--batch-size", "0"], "batch_size: expected a number >= 1, found 0"),
        (["evaluate", "--data", "nyuv2"], "data: expected nyuv2:ROOT, with the folder that it is in, found 'nyuv2'"),
        (["evaluate", "--device", "abacus"], "device: expected a device that is here, .* found 'abacus'"),
        (["evaluate", "--device", "meta"], "device: expected a device that is here, .* found 'meta'"),
        (["evaluate", "--model", "rooms3/*"], "model: expected one model, found 3 for 'rooms3/\\*'"),
        (["evaluate", "--output", __file__], "output: expected a folder, found the file .*test_cli_evaluate.py"),
        (["evaluate", "--output", f"{__file__}/deeper"], "output: expected a folder, found the file"),
        (["worst-case", "--model", "rooms9/*"], "model: expected one of"),
        (["stealth", "--attack", "face"], "attacked: expected one of 'segmentation'"),
        (["queries", "--queries", "0"], "n_queries: expected a number > 0"),
        (["transfer", "--targets", "rooms9/*"], "model: expected one of"),
        (["weights", "--step", "0.3"], "step: expected the inverse of a whole number"),
    ],
)
def test_errors_are_one_line(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main([words[0], "--scenes", "2", "--output", str(tmp_path), *words[1:]]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert re.search(f"^mt-attack {words[0]}: .*{message}", error)


def test_a_checkpoint_whose_record_is_of_another_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_checkpoint(zoo("rooms3/all-shared"), zoo_record("rooms3/independent"), tmp_path / "model", torch.float16)
    assert main(["evaluate", "--model", str(tmp_path / "model"), "--output", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert error.startswith("mt-attack evaluate: model: expected weights of the model in the record beside them")
    assert error.count("\n") == 1
