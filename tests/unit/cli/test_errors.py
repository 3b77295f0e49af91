"""What is wrong with a command line is said in one line, in the user's own words, and nothing runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mt_torchattacks.cli import main


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["evaluate", "--model", "rooms3/none"], "model: expected one of 'rooms3.*the path of a checkpoint"),
        (["evaluate", "--model", "nothing.here:make"], "model: expected package.module:function .*'nothing.here:make'"),
        (["evaluate", "--model", "tests.toy_data:named_data"], "model .*: expected a torch.nn.Module, found"),
        (["evaluate", "--model", "tests.toy_data:toy"], "data: expected package.module:function for 'tests.toy_data"),
        (["evaluate", "--attack", "pdg"], "attack: expected one of 'ACG'"),
        (["evaluate", "--attack", "cw"], "attack: expected an attack on several tasks, found 'cw': its loss"),
        (["evaluate", "--balance", "dbga"], "balance: expected one of .*'dgba'"),
        (["evaluate", "--data", "kitti:here"], "data: expected one of 'cityscapes', 'nyuv2', 'rooms'"),
        (["evaluate", "--data", "nyuv2:nowhere"], "root: expected a folder, found none at nowhere"),
        (["evaluate", "--data", "rooms:x"], "data: expected rooms or rooms:SEED, found rooms:x"),
        (["evaluate", "--images", "0"], "images: expected a number >= 1, found 0"),
        (["evaluate", "--images", "-3"], "images: expected a number >= 1, found -3"),
        (["evaluate", "--batch-size", "0"], "batch_size: expected a number >= 1, found 0"),
        (["evaluate", "--data", "nyuv2"], "data: expected nyuv2:ROOT, with the folder that it is in, found 'nyuv2'"),
        (["evaluate", "--device", "abacus"], "device: expected a device that is here, .* found 'abacus'"),
        (["evaluate", "--device", "meta"], "device: expected a device that is here, .* found 'meta'"),
        (["evaluate", "--model", "rooms3/*"], "model: expected one model, found 3 for 'rooms3/\\*'"),
        (["evaluate", "--output", __file__], "output: expected a folder, found the file .*test_errors.py"),
        (["evaluate", "--output", f"{__file__}/deeper"], "output: expected a folder, found the file"),
        (["worst-case", "--model", "rooms9/*"], "model: expected one of"),
        (["stealth", "--task", "face"], "task: expected one of 'segmentation'"),
        (["queries", "--queries", "0"], "n_queries: expected a number > 0"),
        (["transfer", "--targets", "rooms9/*"], "model: expected one of"),
        (["weights", "--grid-step", "0.3"], "step: expected the inverse of a whole number"),
        (["evaluate", "--epss", "8"], "--epss: no such option .did you mean '--eps'?"),
        (["evaluate", "--att", "pgd"], "--att: no such option"),  # no abbreviations
        (["evaluate", "--eps", "8", "--steps"], "--steps: expected a value, found none"),
        (["evaluate", "--steps", "1", "--steps", "2"], "--steps: expected once, found twice"),
        (["evaluate", "--steps", "few"], "--steps: expected a whole number, found few"),
        (["evaluate", "--eps", "1.0"], "--eps: 1.0 could be 1/255 or 255/255: write which"),
        (["evaluate", "--eps", "256"], "--eps: 256 is more than the range of the pixels"),
        (["evaluate", "--eps", "8/0"], "--eps: a radius is a number above 0, not '8/0'"),
        (["queries", "--norm", "L7"], "--norm: expected one of 'Linf', 'L2', found L7"),
        (["queries", "--eps", "much"], "--eps: a radius is written 8/255, 0.03, or 8 for 8/255, not 'much'"),
    ],
)
def test_errors_are_one_line(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    usual = {"--images": "2", "--output": str(tmp_path)}
    given = [part for name, value in usual.items() if name not in words for part in (name, value)]
    assert main([words[0], *given, *words[1:]]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert re.search(f"^mt-attack {words[0]}: .*{message}", error)
