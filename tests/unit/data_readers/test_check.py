"""What a check says: nothing is wrong with good data, and what is wrong with bad data in words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mt_torchattacks.cli import main
from mt_torchattacks.data.check import READERS, Findings, check_data
from mt_torchattacks.data.rooms import Rooms
from tests.data_factories import FACTORIES, Items, npy, png


@pytest.fixture(scope="module")
def rooms() -> Items:
    data = Rooms(length=2, size=(24, 32), seed=3)
    return [data[0], data[1]]


def checked(form: str, root: Path, **options: Any) -> Findings:
    return check_data(form.split("/")[0], root, **options)


@pytest.mark.parametrize("form", ["nyuv2/mat", "nyuv2/treemtl", "nyuv2/libmtl", "cityscapes", "cityscapes/mtan"])
def test_good_data_have_no_problem(form: str, rooms: Items, tmp_path: Path) -> None:
    FACTORIES[form](tmp_path, rooms)
    # The real images are large enough for normals from depth.
    findings = checked(form, tmp_path, **({"tasks": ["segmentation", "depth"]} if form == "nyuv2/mat" else {}))
    assert findings.problems == ()
    assert findings.facts[0].startswith(form.split("/")[0])
    assert "2 items" in findings.facts[0] and str(findings).endswith("no problem found")


@pytest.mark.parametrize("form", FACTORIES)
def test_the_command_names_the_damaged_file_in_each_form(
    form: str, rooms: Items, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    read = type(FACTORIES[form](tmp_path, rooms))(tmp_path)
    words = ["data", "check", form.split("/")[0], str(tmp_path), "--tasks", "segmentation,depth"]
    assert main(words) == 0
    assert capsys.readouterr().out.endswith("no problem found\n")
    for name in ("image", "segmentation", "depth"):
        path = read.file(0, name)
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
        assert main(words) == 1
        shown = capsys.readouterr().out.splitlines()
        assert any(line.startswith("PROBLEM: ") and f"{path.name}: expected" in line for line in shown), shown
        path.write_bytes(whole)


def test_a_misspelt_target_is_a_problem(rooms: Items, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    FACTORIES["tiny_taskonomy/folders"](tmp_path, rooms)
    assert main(["data", "check", "tiny_taskonomy", str(tmp_path), "--tasks", "reshading,keypoint3d"]) == 1
    assert "PROBLEM: tasks: expected one of" in capsys.readouterr().out


def test_constant_targets_are_noticed(rooms: Items, tmp_path: Path) -> None:
    FACTORIES["tiny_taskonomy/folders"](tmp_path, rooms)
    findings = check_data("tiny_taskonomy", tmp_path)
    expected = {f"{task}: every pixel has the same value" for task in ("keypoints2d", "edge_texture")}
    assert set(findings.problems) == expected
    assert "no semseg_prior_factor.npy" in findings.facts[-1]


def test_every_unreadable_file_is_listed(rooms: Items, tmp_path: Path) -> None:
    FACTORIES["nyuv2/treemtl"](tmp_path, rooms)
    (tmp_path / "seg/0000.png").unlink()
    (tmp_path / "depth/0001.npy").write_bytes(b"")
    problems = checked("nyuv2/treemtl", tmp_path).problems
    assert len(problems) == 2
    assert "0000.png: expected a PNG image of labels, found no such file" in problems[0]
    assert "0001.npy: expected a NumPy array" in problems[1]


def test_differing_sizes_are_listed(rooms: Items, tmp_path: Path) -> None:
    FACTORIES["nyuv2/libmtl"](tmp_path, rooms)
    npy(tmp_path / "train/depth/1.npy", np.ones((12, 16, 1), np.float32))
    (problem,) = checked("nyuv2/libmtl", tmp_path).problems
    assert "item 1" in problem and "'image': (24, 32)" in problem and "'depth': (12, 16)" in problem


def test_another_unit_of_depth_is_suspected(rooms: Items, tmp_path: Path) -> None:
    image, targets = rooms[0]
    FACTORIES["nyuv2/libmtl"](tmp_path, [(image, {**targets, "depth": targets["depth"] * 1000})])
    (problem,) = checked("nyuv2/libmtl", tmp_path).problems
    assert problem == "depth: the median is outside 0.1 to 60: in another unit, such as millimetres?"


def test_empty_targets_are_noticed(rooms: Items, tmp_path: Path) -> None:
    image, targets = rooms[0]
    empty = {
        "segmentation": torch.full_like(targets["segmentation"], 255),
        "normal": torch.zeros_like(targets["normal"]),
        "depth": torch.zeros_like(targets["depth"]),
    }
    FACTORIES["nyuv2/libmtl"](tmp_path, [(torch.zeros_like(image), empty)])
    problems = checked("nyuv2/libmtl", tmp_path).problems
    assert [problem.split(":")[0] for problem in problems] == ["image", "segmentation", "normal", "depth"]


def test_swapped_channels_of_normals_are_suspected(rooms: Items, tmp_path: Path) -> None:
    swapped = [(image, {**targets, "normal": targets["normal"].flip(0)}) for image, targets in rooms]
    FACTORIES["nyuv2/treemtl"](tmp_path, swapped)
    (problem,) = checked("nyuv2/treemtl", tmp_path).problems
    assert "are the channels in the order x, y, z?" in problem


def test_normals_in_another_encoding_are_suspected(rooms: Items, tmp_path: Path) -> None:
    read = FACTORIES["nyuv2/treemtl"](tmp_path, rooms[:1])
    png(read.file(0, "normal"), np.full((24, 32, 3), 250, np.uint8))
    (problem,) = checked("nyuv2/treemtl", tmp_path).problems
    assert problem.startswith("normal: most pixels have none")


def test_a_sample_is_spread_over_the_split(rooms: Items, tmp_path: Path) -> None:
    FACTORIES["nyuv2/libmtl"](tmp_path, [rooms[0]] * 9)
    for number in (0, 1, 4, 8):
        (tmp_path / f"train/depth/{number}.npy").write_bytes(b"")
    assert len(checked("nyuv2/libmtl", tmp_path, items=2).problems) == 2
    assert len(checked("nyuv2/libmtl", tmp_path, items=100).problems) == 4


def test_an_empty_split_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "train/image").mkdir(parents=True)
    assert checked("nyuv2/libmtl", tmp_path).problems == ("the split is empty",)


def test_a_root_that_is_not_there_is_a_problem_and_an_unknown_name_an_error(tmp_path: Path) -> None:
    for name in READERS:
        (problem,) = check_data(name, tmp_path / "nowhere").problems
        assert "root: expected a folder" in problem
    with pytest.raises(
        ValueError, match="name: expected one of 'cityscapes', 'nyuv2', 'tiny_taskonomy', found 'rooms'"
    ):
        check_data("rooms", tmp_path)
    with pytest.raises(ValueError, match="items: expected a number > 0, found 0"):
        check_data("nyuv2", tmp_path, items=0)
