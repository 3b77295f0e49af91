"""The tables of an evaluation and its file."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from mt_torchattacks.evaluation import Evaluation, Measurements
from mt_torchattacks.files import write_whole

UP = {"segmentation": {"miou": True}, "depth": {"abs": False, "delta": True}}


def scores(miou: float, absolute: float, delta: float, seconds: float = 0.0) -> Measurements:
    metrics = {"segmentation": {"miou": miou}, "depth": {"abs": absolute, "delta": delta}}
    return Measurements(metrics, {"segmentation": 1 - miou, "depth": absolute}, seconds, samples=4)


EVALUATION = Evaluation(scores(0.4, 0.5, 0.8), {"a": scores(0.1, 1.0, 0.4, 2.5), "b": scores(0.4, 0.5, 0.8)}, UP)


def test_frame_has_a_row_for_each_attack_task_and_metric() -> None:
    frame = EVALUATION.to_frame()
    assert list(frame.columns) == ["attack", "task", "metric", "value", "clean", "relative_change"]
    rows = [tuple(row) for row in frame.itertuples(index=False)]
    assert rows[:3] == [
        ("a", "segmentation", "miou", 0.1, 0.4, pytest.approx(75)),
        ("a", "depth", "abs", 1.0, 0.5, 100.0),
        ("a", "depth", "delta", 0.4, 0.8, 50.0),
    ]
    assert [row[5] for row in rows[3:]] == [0.0, 0.0, 0.0]


def test_arp_table() -> None:
    table = EVALUATION.arp()
    assert list(table.columns) == ["segmentation", "depth", "total"]
    assert table.index.name == "attack"
    assert table.loc["a"].tolist() == pytest.approx([75, 75, 75])
    assert table.loc["b"].tolist() == [0, 0, 0]


def test_an_undefined_change_is_nan_in_the_frame() -> None:
    evaluation = Evaluation(scores(0.0, 0.5, 0.8), {"a": scores(0.1, 1.0, 0.4)}, UP)
    with pytest.warns(UserWarning, match="segmentation/miou"):
        frame = evaluation.to_frame()
    assert math.isnan(frame["relative_change"][0])
    assert math.isnan(evaluation.arp().loc["a", "segmentation"])
    assert evaluation.arp().loc["a", "total"] == pytest.approx(75)


def test_saved_and_loaded_is_the_same(tmp_path: Path) -> None:
    path = tmp_path / "new" / "evaluation.json"
    EVALUATION.save(path)
    assert Evaluation.load(path) == EVALUATION
    assert list(path.parent.iterdir()) == [path]


def test_a_failed_save_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "evaluation.json"
    EVALUATION.save(path)

    def full(self: Path, target: Path) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="no space left"):
        Evaluation(EVALUATION.clean, {}, UP).save(path)
    monkeypatch.undo()
    assert Evaluation.load(path) == EVALUATION
    assert list(tmp_path.iterdir()) == [path]


def test_a_written_file_has_the_usual_permissions(tmp_path: Path) -> None:
    (tmp_path / "usual").write_text("")
    write_whole(tmp_path / "ours", "text")
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_another_json_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.json"
    path.write_text(json.dumps({"clean": {}}))
    with pytest.raises(KeyError, match=r"other.json: expected the keys 'clean', 'attacked', 'directions'"):
        Evaluation.load(path)


def test_it_prints_as_its_table_and_names_cannot_break_the_page() -> None:
    clean = Measurements({"depth": {"abs": 0.5}}, {"depth": 0.4}, 0.0, 8)
    fooled = Measurements({"depth": {"abs": 0.75}}, {"depth": 0.9}, 1.0, 8)
    found = Evaluation(clean, {"<b>pgd": fooled}, {"depth": {"abs": False}})
    title, head, row = repr(found).splitlines()
    assert title == "Evaluation of 8 samples, ARP in percent"
    assert (head.split(), row.split()) == (["attack", "depth", "total"], ["<b>pgd", "50.0", "50.0"])
    assert "<th>&lt;b&gt;pgd</th><td>50.0</td><td>50.0</td>" in found._repr_html_()
    assert repr(Evaluation(clean, {}, {"depth": {"abs": False}})).count("\n") == 1
