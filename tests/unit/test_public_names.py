"""What ``import mt_torchattacks`` gives at once, on first use, and not at all."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import mt_torchattacks as mta
from mt_torchattacks.attacks import ATTACKS
from mt_torchattacks.lazy import LazyPackage

ROOT = Path(__file__).parents[2]
HEAVY = ("art", "matplotlib", "pandas", "scipy", "torch", "torchattacks", "torchjd", "torchmetrics", "torchvision")

STAGES = {
    "import": "import mt_torchattacks as mta",
    "names": "mta.attacks.ATTACKS, mta.balancing.rule_names(), mta.models.zoo_names(), [*mta.data.DATASETS], dir(mta)",
    "objective": "mta.Objective(lambda x: x, mta.Tasks(depth=mta.losses.L1()), mta.Weighted({'depth': 1.0}))",
    "models": "mta.models.Layout.named('nyuv2/41').tree(['a', 'b', 'c'])",
    "attack": "mta.PGD, mta.load",
    "metrics": "mta.metrics.average_relative_performance",
}
"""What a program does, one after the other."""

LOADED = {
    "import": set(),
    "names": set(),
    "objective": {"torch"},
    "models": {"torch"},
    "attack": {"torch", "torchattacks", "scipy"},  # torchattacks loads SciPy
    "metrics": {"torch", "torchattacks", "scipy"},
}
"""The heavy packages that are loaded after each."""

PACKAGES = ("", ".attacks", ".balancing", ".data", ".evaluation", ".geometry", ".metrics", ".models", ".models.layouts")
PACKAGES += (".objective", ".report", ".tasks", ".tasks.kinds", ".tasks.losses", ".training")


def test_heavy_packages_are_loaded_when_they_are_needed_and_not_before() -> None:
    lines = ["import json, sys", "found = {}"]
    for stage, code in STAGES.items():
        lines += [code, f"found[{stage!r}] = [name for name in {HEAVY!r} if name in sys.modules]"]
    command = [sys.executable, "-c", "\n".join([*lines, "print(json.dumps(found))"])]
    ran = subprocess.run(command, cwd=ROOT, text=True, capture_output=True, check=True)
    assert {stage: set(names) for stage, names in json.loads(ran.stdout).items()} == LOADED


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_shows_its_public_names_and_has_them_all(package: str) -> None:
    module = importlib.import_module(f"mt_torchattacks{package}")
    assert isinstance(module, LazyPackage)
    assert dir(module) == sorted(module.__all__)
    assert not [name for name in module.__all__ if name.startswith("_")]
    assert len(set(module.__all__)) == len(module.__all__)
    for name in module.__all__:
        getattr(module, name)


def test_all_attacks_are_public_names() -> None:
    assert set(ATTACKS) <= set(dir(mta))
    assert mta.PGD is mta.attacks.PGD is mta.attacks.attack_class("PGD")


def test_a_function_keeps_its_name_whoever_imports_the_file_of_that_name() -> None:
    module = importlib.import_module("mt_torchattacks.models.zoo")
    assert isinstance(module, ModuleType)
    assert mta.models.zoo is module.zoo
    assert mta.evaluate is importlib.import_module("mt_torchattacks.evaluation.evaluate").evaluate
    assert mta.create is importlib.import_module("mt_torchattacks.attacks.create").create is mta.attacks.create


def test_modules_of_a_package_need_no_import_of_their_own() -> None:
    assert mta.checks.__name__ == "mt_torchattacks.checks"
    assert mta.models.state.__name__ == "mt_torchattacks.models.state"


@pytest.mark.parametrize(
    ("package", "name", "meant"),
    [
        (mta, "PDG", "PGD"),
        (mta, "evaluate_", "evaluate"),
        (mta, "auto_saga", "AutoSAGA"),
        (mta.losses, "CrosEntropy", "CrossEntropy"),
        (mta.attacks, "VMIFSGM", "VMIFGSM"),
        (mta.models, "branch", "branched"),
    ],
)
def test_a_misspelt_name_suggests_the_nearest(package: ModuleType, name: str, meant: str) -> None:
    with pytest.raises(
        AttributeError, match=rf"'{package.__name__}' has no attribute '{name}' \(did you mean '{meant}'"
    ):
        getattr(package, name)


def test_other_names_are_plainly_unknown() -> None:
    with pytest.raises(AttributeError, match=r"has no attribute 'xyzzy'$"):
        mta.xyzzy  # type: ignore[attr-defined]  # noqa: B018
    assert not hasattr(mta, "__wrapped__")
    with pytest.raises(ImportError, match="cannot import name 'PDG'"):
        from mt_torchattacks import PDG  # type: ignore[attr-defined]  # noqa: F401


@pytest.mark.parametrize("package", [mta, mta.attacks])
def test_a_refused_attack_keeps_its_reason(package: ModuleType) -> None:
    with pytest.raises(AttributeError, match="no attribute 'CW': its loss is a margin between the logits"):
        package.CW  # noqa: B018
