"""What CONTRIBUTING.md says of adding things is true: a package of one's own adds one of each, in one file each."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.end_to_end.extension import FILES, install

ROOT = Path(__file__).parents[2]

BEFORE = """
import contextlib, io, json, os, sys, traceback
from pathlib import Path
import torch
import mt_torchattacks as mta
from mt_torchattacks.cli import main

def run(words):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(words.split())
    assert code == 0, err.getvalue()
    return out.getvalue()

def batch():
    from halls.data import Halls
    items = [Halls(4, 16, tasks=("depth", "brightness"))[i] for i in range(4)]
    return torch.stack([x for x, _ in items]), {k: torch.stack([t[k] for _, t in items]) for k in items[0][1]}

SOURCES = "--model halls.data:model --data halls.data:data --images 4 --device cpu"
"""

CASES = {
    "balancing rule": """
assert "softmax" in run("list rules").split()
assert mta.balancing.resolve("softmax").name == "softmax"
tables = json.loads(run(
    "evaluate --model rooms3/all-shared --data halls --images 2 --attack descending --balance softmax --steps 2 "
    "--output evaluate --json --device cpu"
))
assert [row["rule"] for row in tables["arp"]] == ["softmax"]
assert tables["arp"][0]["total"] != 0
""",
    "attack": """
assert "Descending" in run("list attacks").split()
from halls.data import model
tasks = mta.standard_tasks(["depth", "brightness"])
images, targets = batch()
attack = mta.create("descending", model(), tasks, "softmax", first=0.5, steps=3)
assert type(attack) is mta.attacks.Descending is mta.Descending
assert 0 < (attack(images, targets) - images).abs().max() <= 8 / 255 + 1e-6
""",
    "task loss": """
from halls.loss import LogCosh
loss = LogCosh()(torch.tensor([[0.0], [2.0]]), torch.zeros(2, 1))
assert torch.allclose(loss, torch.tensor([0.0, 2.0]).cosh().log(), atol=1e-6)
assert type(mta.standard_tasks(["brightness"])["brightness"].loss) is LogCosh
""",
    "kind of task": """
assert mta.kinds.get("brightness").names == ("brightness",)
assert list(mta.standard_tasks({"light": "brightness"})) == ["light"]
found = mta.kinds.known_names()
assert "brightness" in found
""",
    "metric": """
assert set(mta.standard_metrics(["brightness"])["brightness"].directions) == {"mean", "close"}
tables = json.loads(run(f"evaluate {SOURCES} --attack fgsm --output metric --json"))
assert {row["metric"] for row in tables["clean"] if row["task"] == "brightness"} == {"mean", "close"}, tables["clean"]
""",
    "data set": """
assert "halls" in run("list data").split()
assert mta.data.DATASETS["halls"].__name__ == "Halls" and "halls" in mta.data.dataset_names()
data = mta.evaluation.load_data("halls:3", "rooms3/all-shared", images=2)
assert (data.name, len(data), list(data.tasks)) == ("halls(seed=3)", 2, ["segmentation", "normal", "depth"])
""",
    "host library": """
from halls.data import model
from halls.host import climbed
images, targets = batch()
model, tasks = model(), mta.standard_tasks(["depth", "brightness"])
adversarial = climbed(model, tasks, images, targets, eps=0.03)
assert 0 < (adversarial - images).abs().max() <= 0.03 + 1e-6
before, after = (tasks.losses(model(x), targets) for x in (images, adversarial))
assert all(bool((after[task] > before[task]).all()) for task in tasks)
""",
    "training recipe": """
assert "halls/shared" in mta.training.recipe_names()
run("train halls/shared --output trained --quiet --device cpu")
tables = json.loads(run("evaluate --model trained/model --data halls --images 2 --attack fgsm --output own --json"))
assert {row["task"] for row in tables["clean"]} == {"depth", "brightness"}
""",
    "study": """
assert "rise" in run("list studies").split() and "rise" in run("--help").split()
printed = run(f"rise {SOURCES} --eps 2 8 --output rise")
assert "Losses by radius" in printed
assert Path("rise/rise.png").stat().st_size > 5000
assert json.loads(Path("rise/run.json").read_text())["command"] == "rise"
Path("recipe.yaml").write_text("study: rise\\noptions: {model: [halls.data:model], data: 'halls.data:data', images: 4}")
assert "written to again" in run("run recipe.yaml --output again --device cpu")
""",
    "recipe": """
assert "halls/rise" in run("list recipes")
printed = run("run halls/rise --output judged --device cpu")
assert "Depth suffers more at the larger radius." in printed and "undecided" in printed
assert Path("judged/claims.csv").exists()
""",
    "other command": """
assert "count" in run("--help").split()
assert run("count --up-to 4") == "1 2 3 4\\n"
assert "--up-to INT" in run("count --help")
""",
}
"""For each row of the table in CONTRIBUTING.md, what shows that it is true."""

AFTER = """
failures = {}
os.chdir(sys.argv[1])
for name, code in json.loads(sys.argv[2]).items():
    try:
        exec(code, dict(globals()))
    except BaseException:
        failures[name] = traceback.format_exc()
Path("failures.json").write_text(json.dumps(failures))
"""


@pytest.fixture(name="environment", scope="module")
def _environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """In which the package is installed."""
    path = os.pathsep.join([str(install(tmp_path_factory.mktemp("site"))), str(ROOT)])
    return {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}


@pytest.fixture(name="failures", scope="module")
def _failures(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The cases that fail, each with its traceback; all are run in one process."""
    folder = tmp_path_factory.mktemp("cases")
    words = [sys.executable, "-c", BEFORE + AFTER, str(folder), json.dumps(CASES)]
    ran = subprocess.run(words, env=environment, text=True, capture_output=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return dict(json.loads((folder / "failures.json").read_text("utf-8")))


def test_there_is_a_case_for_each_row_of_the_table() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    table = text.split("| new | where | how |")[1].split("\n\n")[0]
    assert re.findall(r"^\| ([a-z][a-z ]*) \|", table, re.MULTILINE) == list(dict.fromkeys(_rows(table))) != []
    assert set(_rows(table)) == set(CASES)


def _rows(table: str) -> list[str]:
    return [row.split("|")[1].strip() for row in table.splitlines() if row.startswith("|") and "---" not in row]


@pytest.mark.parametrize("row", CASES)
def test_what_the_table_says_is_true(row: str, failures: dict[str, str]) -> None:
    assert row not in failures, failures[row]


def test_the_contract_suites_find_the_new_parts(environment: dict[str, str]) -> None:
    names = ("softmax", "Descending", "brightness", "halls", "rise")
    words = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/contracts", "-k", " or ".join(names), "-rA"]
    ran = subprocess.run(
        [sys.executable, *words], cwd=ROOT, env=environment, text=True, capture_output=True, check=False
    )
    assert ran.returncode == 0, ran.stdout[-5000:]
    passed = re.findall(r"^PASSED (\S+)::.*\[(.*)\]", ran.stdout, re.MULTILINE)
    found = {(Path(file).stem.removeprefix("test_"), name) for file, part in passed for name in names if name in part}
    parts = {"softmax": "rules", "Descending": "attacks", "brightness": "kinds", "halls": "datasets", "rise": "studies"}
    assert found == {(suite, name) for name, suite in parts.items()}


def test_each_part_is_one_file() -> None:
    """Of the size that people write in an hour."""
    assert {name.split(".")[0] for name in FILES} >= {"attack", "rule", "kind", "metric", "data", "study", "host"}
    assert max(text.count("\n") for text in FILES.values()) < 80
