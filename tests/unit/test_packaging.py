"""The package as others get it: what a wheel holds, what imports without the extras, what the errors say."""

from __future__ import annotations

import ast
import configparser
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import mt_torchattacks

ROOT = Path(__file__).parents[2]
PACKAGES = ("mt_torchattacks", "art_plugins")
OPTIONAL = (
    *("torchattacks", "art", "h5py", "PIL", "torchvision", "timm", "matplotlib", "pandas"),
    *("lightning_fabric", "tensorboardX", "torchjd"),
)


def run(*command: str, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=cwd, env={**os.environ, **environment}, text=True, capture_output=True, timeout=300, check=False
    )


def python(code: str, **environment: str) -> str:
    """What a fresh interpreter prints; it must succeed."""
    path = os.pathsep.join([environment.pop("PYTHONPATH", ""), str(ROOT)]).strip(os.pathsep)
    result = run(sys.executable, "-c", code, PYTHONPATH=path, **environment)
    assert result.returncode == 0, result.stderr
    return result.stdout


def without(*blocked: str) -> str:
    """Code after which importing these packages fails as if they were not installed."""
    return f"import sys; sys.modules.update(dict.fromkeys({blocked!r}));"


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the source (a build writes into the tree that it builds from)."""
    folder = tmp_path_factory.mktemp("source")
    for name in ("setup.py", "setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    for name in PACKAGES:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


@pytest.fixture(scope="module")
def wheel(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from a copy of the source."""
    folder = tmp_path_factory.mktemp("wheel")
    options = ("--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", str(folder))
    built = run(sys.executable, "-m", "pip", "wheel", *options, ".", cwd=source)
    assert built.returncode == 0, built.stderr
    return next(folder.glob("*.whl"))


def test_a_wheel_holds_every_source_and_data_file(wheel: Path) -> None:
    suffixes = {".py", ".pyi", ".csv", ".json", ".safetensors", ".yaml", ".html"}
    wanted = {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.suffix in suffixes or path.name == "py.typed"
    }
    held = set(zipfile.ZipFile(wheel).namelist())
    assert wanted == {name for name in held if name.split("/")[0] in PACKAGES}
    assert {f"{package}/py.typed" for package in PACKAGES} <= held


def test_an_editable_install_is_a_path_which_type_checkers_follow(source: Path, tmp_path: Path) -> None:
    build = f"from setuptools.build_meta import build_editable; build_editable({str(tmp_path)!r})"
    built = run(sys.executable, "-c", build, cwd=source, PYTHONPATH="")
    assert built.returncode == 0, built.stderr
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as held:
        (name,) = [name for name in held.namelist() if "dist-info/" not in name]
        assert held.read(name).decode().strip() == str(source)


def test_a_wheel_declares_the_command_and_the_extras(wheel: Path) -> None:
    metadata = next(importlib.metadata.distributions(path=[str(wheel)]))
    assert [(point.name, point.value) for point in metadata.entry_points] == [("mt-attack", "mt_torchattacks.cli:main")]
    extras = {"torchattacks", "art", "data", "models", "timm", "plot", "torchjd", "docs", "test", "all"}
    extras |= {"train", "tensorboard", "digits", "detection", "completion", "cluster", "parquet"}
    assert set(metadata.metadata.get_all("Provides-Extra") or []) == extras


def test_a_wheel_is_small(wheel: Path) -> None:
    assert wheel.stat().st_size < 3 * 2**20


def test_the_package_of_models_is_found_where_it_is_installed(tmp_path: Path) -> None:
    folder = tmp_path / "zoo"
    shutil.copytree(ROOT / "zoo", folder, ignore=shutil.ignore_patterns("build", "*.egg-info"))
    options = ("--no-deps", "--no-build-isolation", "--no-index", "--target", str(tmp_path / "site"))
    installed = run(sys.executable, "-m", "pip", "install", *options, ".", cwd=folder)
    assert installed.returncode == 0, installed.stderr
    names = python("import mt_torchattacks as mta; print(mta.models.zoo_names())", PYTHONPATH=str(tmp_path / "site"))
    assert "rooms3-robust/pgd-dgba-0" in names


def test_the_version_is_the_same_everywhere(wheel: Path) -> None:
    version = next(importlib.metadata.distributions(path=[str(wheel)])).version
    assert version == mt_torchattacks.__version__
    assert f"\nversion: {version}\n" in (ROOT / "CITATION.cff").read_text("utf-8")
    assert f"\n## {version}" in (ROOT / "CHANGELOG.md").read_text("utf-8")


def test_importing_loads_no_optional_package() -> None:
    code = f"import sys, mt_torchattacks; print([m for m in {OPTIONAL!r} if m in sys.modules])"
    assert python(code).strip() == "[]"


def test_imports_without_the_optional_packages() -> None:
    python(f"{without(*OPTIONAL)} import mt_torchattacks")


def test_a_missing_torchattacks_is_explained() -> None:
    code = f"{without('torchattacks')}\nimport mt_torchattacks as mta\ntry: mta.PGD\nexcept ImportError as e: print(e)"
    message = python(code)
    assert "pip install 'mt-torchattacks[torchattacks]'" in message
    assert "pip install --no-deps torchattacks" in message


def test_a_missing_torchvision_is_explained() -> None:
    build = "mta.models.branched('deeplab_resnet34', [[[0]]] * 5, {'depth': 1})"
    code = f"{without('torchvision')}\nimport mt_torchattacks as mta\ntry: {build}\nexcept ImportError as e: print(e)"
    assert "pip install 'mt-torchattacks[models]'" in python(code)


def test_a_missing_art_is_explained() -> None:
    code = f"{without('art')}\ntry: import art_plugins\nexcept ImportError as e: print(e)"
    assert "pip install 'mt-torchattacks[art]'" in python(code)


def optional_imports() -> Iterator[tuple[str, str]]:
    """Module and extra of every ``checks.optional("module", extra="extra")`` in the source."""
    for path in (path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == "optional":
                extras = [keyword.value for keyword in node.keywords if keyword.arg == "extra"]
                yield ast.literal_eval(node.args[0]), ast.literal_eval(extras[0])


def test_the_extra_that_an_error_names_brings_the_module() -> None:
    extras = configparser.ConfigParser()
    extras.read(ROOT / "setup.cfg", "utf-8")
    distributions = importlib.metadata.packages_distributions()
    found = list(optional_imports())
    assert found
    for module, extra in found:
        brought = {name.lower() for name in distributions[module.split(".")[0]]}  # several may bring one module
        there = set(re.findall(r"^\s*([\w.-]+)", extras["options.extras_require"][extra], re.MULTILINE))
        assert brought & there, f"{module} is not in the extra {extra}"


@pytest.mark.network
@pytest.mark.skipif(not os.environ.get("CI"), reason="asks the package index; set CI=true to run it")
def test_torchattacks_without_its_pins_works_beside_the_newest_requests(tmp_path: Path) -> None:
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--target", str(tmp_path))
    for arguments in (["--no-deps", "torchattacks==3.5.1"], ["requests"]):
        installed = run(*pip, *arguments)
        assert installed.returncode == 0, installed.stderr
    code = """
import requests, torch, torchattacks
import mt_torchattacks as mta

model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, 3))
images, labels = torch.rand(2, 3, 2, 2), torch.tensor([0, 2])
attack = mta.PGD(model, mta.Tasks(label=mta.losses.CrossEntropy()), balance="total", eps=0.1, alpha=0.05, steps=2)
assert 0 < (attack(images, {"label": labels}) - images).abs().max() <= 0.1 + 1e-6
print(requests.__file__, requests.__version__, torchattacks.__file__)
"""
    requests_file, version, torchattacks_file = python(code, PYTHONPATH=str(tmp_path)).split()
    assert tmp_path in Path(requests_file).parents
    assert tmp_path in Path(torchattacks_file).parents
    assert tuple(int(part) for part in version.split(".")[:2]) > (2, 25)


def dry_run(folder: Path, readme: str) -> subprocess.CompletedProcess[str]:
    """``.ci/run --dry-run`` in a folder with this README."""
    (folder / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "run", folder / ".ci")
    (folder / "README.md").write_text(readme, "utf-8")
    return run("bash", ".ci/run", "--dry-run", cwd=folder)


def test_ci_runs_the_commands_of_the_readme(tmp_path: Path) -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    printed = dry_run(tmp_path, readme).stdout.splitlines()
    assert [line.split(": ", 1)[0] for line in printed] == ["test", "demo"]
    assert all(f"```sh\n{line.split(': ', 1)[1]}\n```" in readme for line in printed)
    assert printed[0].endswith("-m pytest")
    assert printed[1].endswith("mt-attack demo")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<!-- ci: test -->", ""),
        ("<!-- ci: demo -->", "<!-- demo -->"),
        ("<!-- ci: test -->\n```sh", "<!-- ci: test -->\n```sh\ntrue"),
        ("<!-- ci: test -->\n", "<!-- ci: test -->\nprose\n"),
    ],
)
def test_ci_fails_where_the_readme_has_no_command(tmp_path: Path, old: str, new: str) -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    assert old in readme
    result = dry_run(tmp_path, readme.replace(old, new))
    assert result.returncode != 0
    assert "README.md: expected a code block of one line" in result.stderr
