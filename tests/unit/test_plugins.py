"""What another package adds is found by itself, as long as the package can be imported."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mt_torchattacks.plugins import load_plugins

ROOT = Path(__file__).parents[2]

SOURCE = """
import torch
import mt_torchattacks as mta
from mt_torchattacks.data import DATASETS, Rooms

class Loudest(mta.LossRule):
    name = "loudest"
    def weights(self, losses, clean):
        return (losses == losses.amax(1, keepdim=True)).to(losses.dtype)

class OneStep(mta.NativeAttack):
    '''One step along the gradient's sign.'''
    def run(self, bound, ball, generator):
        x = ball.images.clone().requires_grad_()
        gradient, = torch.autograd.grad(bound(x).sum(), x)
        return ball.project(ball.images + self.eps * gradient.sign()).detach()

class Temperature(mta.kinds.Kind):
    names = ("temperature",)

DATASETS["plugged"] = Rooms
"""

USE = """
import sys
import torch
import mt_torchattacks as mta
assert "plugged_in" not in sys.modules
assert mta.balancing.resolve("loudest").name == "loudest" and "loudest" in mta.balancing.rule_names()
assert "plugged_in" in sys.modules
assert "OneStep" in mta.attacks.ATTACKS and "plugged" in mta.data.DATASETS
assert type(mta.kinds.get("temperature")) is mta.kinds.Temperature
model, tasks = torch.nn.Conv2d(3, 1, 1), mta.Tasks(depth=mta.losses.L1())
attack = mta.create("one_step", model, tasks, balance="loudest", eps=4 / 255)
images, targets = torch.rand(2, 3, 4, 4), {"depth": torch.rand(2, 1, 4, 4)}
assert type(attack) is mta.OneStep and 0 < (attack(images, targets) - images).abs().max() <= 4 / 255 + 1e-6
print("found")
"""


def install(folder: Path, name: str, source: str) -> Path:
    """A distribution with one module that is a plugin, as an installer would leave it."""
    information = folder / f"{name}-1.0.dist-info"
    information.mkdir(parents=True)
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n", "utf-8")
    (information / "entry_points.txt").write_text(f"[mt_torchattacks.plugins]\n{name} = {name}\n", "utf-8")
    (folder / f"{name}.py").write_text(source, "utf-8")
    return folder


def test_what_a_plugin_adds_is_found_when_a_registry_is_read(tmp_path: Path) -> None:
    path = os.pathsep.join([str(install(tmp_path, "plugged_in", SOURCE)), str(ROOT)])
    environment = {**os.environ, "PYTHONPATH": path}
    ran = subprocess.run([sys.executable, "-c", USE], env=environment, text=True, capture_output=True, check=False)
    assert ran.stdout.strip() == "found", ran.stderr


def test_a_broken_plugin_is_left_out_with_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(install(tmp_path, "broken_plugin", "import no_such_module_anywhere"))
    with pytest.warns(
        RuntimeWarning, match="the plugin 'broken_plugin' .* is left out: ModuleNotFoundError: .*no_such"
    ):
        load_plugins()
    load_plugins()  # said once
