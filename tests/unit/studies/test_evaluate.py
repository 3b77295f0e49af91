"""The study ``evaluate``, from the command line to the files."""

from __future__ import annotations

import json
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
from tests.printed import rows_of

TINY = ["--images", "2", "--steps", "1"]


def test_evaluate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["evaluate", "--attack", "fgsm", "P_GD", "--balance", "single", "--balance", "dgba"]
    assert main([*words, "--eps", "4", "8/255", *TINY, "--output", str(tmp_path)]) == 0
    printed = rows_of(capsys.readouterr().out)
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
    row = rows_of(capsys.readouterr().out)[-1]
    assert row[:3] == [attack.replace("_", ""), "dgba", "8"]
    assert all(-100 < float(number) < 1000 for number in row[3:])


def test_attacking_errors(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["evaluate", "--attack-loss", "losses", "--attack-loss", "errors", "--images", "4", "--steps", "5"]
    assert main([*words, "--output", str(tmp_path)]) == 0
    evaluation = Evaluation.load(tmp_path / "evaluation.json")
    losses, errors = evaluation.relative["apgd/dgba/8"], evaluation.relative["apgd/dgba on errors/8"]
    assert errors.total > losses.total
    assert rows_of(capsys.readouterr().out)[-1][:5] == ["apgd", "dgba", "on", "errors", "8"]
    assert pd.read_csv(tmp_path / "arp.csv")["rule"].tolist() == ["dgba", "dgba on errors"]


def test_evaluate_goes_on_where_it_was(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["evaluate", "--attack", "fgsm", *TINY, "--output", str(tmp_path)]
    assert main(words) == 0
    [cell] = (tmp_path / "cells").glob("*-clean-*")
    marked = json.loads(cell.read_text())
    marked["value"]["metrics"]["depth"]["abs"] = 123.0
    cell.write_text(json.dumps(marked))
    capsys.readouterr()
    assert main([*words, "--attack", "apgd"]) == 0
    assert ["depth", "abs", "123.000"] in rows_of(capsys.readouterr().out)
    assert len(list((tmp_path / "cells").iterdir())) == 1 + 2  # the clean images, and each attack


def test_a_checkpoint_is_evaluated_like_the_zoo(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = "rooms3/partly-shared"
    save_checkpoint(zoo(name), zoo_record(name), tmp_path / "model", torch.float16)
    printed = []
    for model in (name, str(tmp_path / "model"), str(tmp_path / "model.safetensors")):
        words = ["--attack", "fgsm", "--balance", "segmentation=0.1,normal=0.1,depth=0.8", *TINY]
        assert main(["evaluate", "--model", model, *words, "--output", str(tmp_path / "out")]) == 0
        printed.append(rows_of(capsys.readouterr().out))
    assert printed[0] == printed[1] == printed[2]


def test_a_data_set_on_disk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rooms = Rooms(length=2, seed=3)
    FACTORIES["nyuv2/libmtl"](tmp_path / "nyuv2", [rooms[0], rooms[1]])
    printed = []
    for data in ("rooms:3", f"nyuv2:{tmp_path / 'nyuv2'}"):
        words = ["evaluate", "--attack", "fgsm", "--data", data, "--split", "train", *TINY]
        assert main([*words, "--output", str(tmp_path / data[:5])]) == 0
        printed.append(rows_of(capsys.readouterr().out))
    assert printed[0] == printed[1]


def test_a_checkpoint_whose_record_is_of_another_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_checkpoint(zoo("rooms3/all-shared"), zoo_record("rooms3/independent"), tmp_path / "model", torch.float16)
    assert main(["evaluate", "--model", str(tmp_path / "model"), "--output", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert error.startswith("mt-attack evaluate: model: expected weights of the model in the record beside them")
    assert error.count("\n") == 1
