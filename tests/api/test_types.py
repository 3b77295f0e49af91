"""What a user's type checker says of a script: mypy --strict and pyright (basedpyright, which brings its own node)."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

SCRIPT = """
from collections.abc import Mapping

import torch
from torch import Tensor, nn

import mt_torchattacks as mta

model: nn.Module = nn.Conv2d(3, 1, 1)
tasks = mta.Tasks(depth=mta.losses.L1())
images, targets = torch.rand(2, 3, 8, 8), {"depth": torch.rand(2, 1, 8, 8)}
attack = mta.PGD(model, tasks, eps=8 / 255)
reveal_type(attack)
reveal_type(attack(images, targets))
reveal_type(mta.APGD(model, tasks, "total", "L2", eps=1.0, bounds=(0.0, 255.0))(images, targets))
reveal_type(mta.AutoSAGA(model, tasks, steps=3).balance)
reveal_type(mta.create("vmi_fgsm", model, tasks, balance="depth=1", eps=4 / 255))
attack.set_normalization_used([0.5] * 3, [0.5] * 3)
attack.set_mode_targeted_by_label(quiet=True)
attack.save([(images, targets)], "adversarial.pt", verbose=False)
mta.WorstCase(model, tasks).only("square").components
mta.multitask(mta.PGD)
mta.load("adversarial.pt")
mta.Objective(model, tasks, balance=mta.Weighted({"depth": 1.0})).bind(images, targets)
mta.metrics.average_relative_performance({}, {}, {}).total
mta.evaluate(model, tasks, [(images, targets)], attacks={"pgd": attack}).to_frame()
"""

WRONG = {
    'mta.APGD(model, tasks, epsilon=3, stepz="many")': "stepz",
    'mta.PGD(model, tasks, steps="many")': "steps",
    'mta.AutoSAGA(model, tasks, learning_rate="fast")': "learning_rate",
    "mta.PGD(model)": "tasks",
    "mta.PDG(model, tasks)": "PDG",
    "attack(images, targets).no_such_method()": "no_such_method",
    "attack.set_normalization_used(0.5)": "std",
}
"""Lines that are wrong, each with a word of what must be said of it."""

REVEALED = ["PGD", "Tensor", "Tensor", "str | ", "MultiTaskAttack"]


def _script(folder: Path) -> tuple[Path, dict[int, str]]:
    """The script with the wrong lines at its end, and the lines' numbers."""
    first = len(SCRIPT.splitlines()) + 1
    path = folder / "script.py"
    path.write_text(SCRIPT + "\n".join(WRONG) + "\n", "utf-8")
    return path, {first + i: word for i, word in enumerate(WRONG.values())}


def _ran(*command: str, cwd: Path) -> str:
    environment = {**os.environ, "MYPYPATH": str(ROOT)}
    ran = subprocess.run([sys.executable, "-m", *command], cwd=cwd, env=environment, text=True, capture_output=True)
    assert ran.stdout, ran.stderr
    return ran.stdout


def _joined(messages: Iterable[tuple[int, str]]) -> dict[int, str]:
    """All that is said of each line."""
    found: dict[int, str] = {}
    for line, message in messages:
        found[line] = f"{found.get(line, '')}\n{message}"
    return found


def _mypy(path: Path) -> tuple[dict[int, str], list[str]]:
    # As for an installed package, only what is wrong in the script itself is said.
    options = ("--strict", "--follow-imports=silent", "--no-error-summary", "--output=json")
    out = _ran("mypy", *options, "--cache-dir", str(ROOT / ".mypy_cache" / "users"), path.name, cwd=path.parent)
    found = [json.loads(line) for line in out.splitlines()]
    errors = _joined((f["line"], f["message"]) for f in found if f["severity"] == "error")
    return errors, [f["message"] for f in found if "Revealed type" in f["message"]]


def _pyright(path: Path) -> tuple[dict[int, str], list[str]]:
    settings = {"typeCheckingMode": "standard", "extraPaths": [str(ROOT)]}
    (path.parent / "pyrightconfig.json").write_text(json.dumps(settings), "utf-8")
    out = _ran("basedpyright", "--outputjson", "--pythonpath", sys.executable, path.name, cwd=path.parent)
    found = json.loads(out)["generalDiagnostics"]
    errors = _joined((f["range"]["start"]["line"] + 1, f["message"]) for f in found if f["severity"] == "error")
    return errors, [f["message"] for f in found if f["message"].startswith("Type of")]


@pytest.mark.parametrize("checker", ["mypy", "basedpyright"])
def test_a_checker_sees_the_attacks_arguments(checker: str, tmp_path: Path) -> None:
    if importlib.util.find_spec(checker) is None:
        pytest.skip(f"{checker} is not installed")
    path, wrong = _script(tmp_path)
    errors, revealed = (_mypy if checker == "mypy" else _pyright)(path)
    assert set(errors) == set(wrong)
    assert all(word in errors[line] for line, word in wrong.items()), errors
    assert len(revealed) == len(REVEALED) and all(r in found for r, found in zip(REVEALED, revealed, strict=True))
