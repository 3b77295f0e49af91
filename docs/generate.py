"""The pages that are made from the library itself: attacks, rules, losses, studies, models, and all public names."""

from __future__ import annotations

import importlib
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mt_torchattacks as mta
from mt_torchattacks.attacks import ATTACKS, attack_class
from mt_torchattacks.balancing import rule_names
from mt_torchattacks.files import write_whole
from mt_torchattacks.models import zoo_names, zoo_record
from mt_torchattacks.studies import all_studies

ROOT = Path(__file__).parents[1]
MODULES = (
    *("", "attacks", "objective", "balancing", "tasks.losses", "tasks", "metrics", "models", "data"),
    *("evaluation", "training", "report", "published", "recipes", "studies", "geometry"),
)
"""The public modules of the reference."""


def write_all(folder: Path) -> None:
    """Write all generated pages; those that are the same already are left alone, so that Sphinx reads them once."""
    pages = {
        "attacks.md": attacks(),
        "rules.md": rules(),
        "losses.md": losses(),
        "studies.md": studies(),
        "zoo.md": zoo(),
        "benchmarks.md": benchmarks(),
        "readme.md": beside("README.md"),
        "contributing.md": beside("CONTRIBUTING.md"),
        "changelog.md": beside("CHANGELOG.md"),
    }
    seen: set[object] = set()
    pages |= {f"api-{module or 'main'}.rst": api(module, seen) for module in MODULES}
    pages["api.md"] = _contents("API reference", [f"api-{module or 'main'}" for module in MODULES])
    for name, text in pages.items():
        path = folder / name
        if not path.exists() or path.read_text("utf-8") != text:
            write_whole(path, text)


def benchmarks() -> str:
    """The page of what the benchmarks have printed."""
    sys.path.insert(0, str(ROOT))
    try:
        return str(importlib.import_module("benchmarks.measured").page())
    finally:
        sys.path.remove(str(ROOT))


def beside(name: str) -> str:
    """A file beside the folder of documents as a page: its links are the same, from another place."""
    text = (ROOT / name).read_text("utf-8")
    text = re.sub(r"\]\(docs/", "](../", text)
    for file in ("README", "CONTRIBUTING", "CHANGELOG"):
        text = text.replace(f"]({file}.md", f"]({file.lower()}.md")
    return re.sub(r"\[([^\]]+)\]\((?!https?:|\.\./|#|readme|contributing|changelog)[^)]+\)", r"\1", text)


def attacks() -> str:
    """A table of all attacks by their traits, then each with its arguments."""
    head = ["| attack | loop of | norm | inputs | random with default arguments |", "|:--|:--|:--|:--|:--|"]
    rows, parts = [], []
    for name in sorted(ATTACKS):
        cls: Any = attack_class(name)
        traits = cls.traits
        loop = "this library" if issubclass(cls, mta.NativeAttack) else "torchattacks"
        norm = "Linf, L2, L1" if name == "APGD" else "Linf, L2" if name in ("Square", "SPSA") else traits.norm
        shape = "images" if traits.images else "any shape"
        random = "no" if traits.deterministic else "yes"
        rows.append(f"| [{name}](#{name.lower()}) | {loop} | {norm} | {shape} | {random} |")
        parts += ["", f"## {name}", "", _described(cls), "", f"```text\nmta.{name}{_signature(cls)}\n```"]
    about = (
        "Every attack takes a model, its tasks and a balancing rule; how the rules differ: [Balancing rules](rules.md)."
    )
    return "\n".join(["# Attacks", "", about, "", *head, *rows, *parts]) + "\n"


def rules() -> str:
    """A table of all rules by what a step of them costs, then each with what it does."""
    rows, parts = [], []
    for name in sorted(rule_names()):
        cls: Any = mta.Rule.registry[name]
        passes = "one" if not _needs_gradients(cls) else "one for each task"
        rows.append(f"| [`{name}`](#rule-{name.replace('_', '-')}) | {passes} |")
        parts += ["", f"(rule-{name.replace('_', '-')})=", f"## {name}", "", _described(cls)]
        arguments = _signature(cls)
        parts += ["", f"```text\n{cls.__name__}{arguments}\n```"] if arguments != "()" else []
    head = ["| rule | backward passes of a step |", "|:--|:--|"]
    about = (
        "A balancing rule makes one direction and one score of the tasks' losses. `single:TASK` attacks one task "
        "alone, and `mta.Weighted({...})` takes fixed weights. Which one to take: "
        "[Which attack and rule?](../which-rule.md)."
    )
    return "\n".join(["# Balancing rules", "", about, "", *head, *rows, *parts]) + "\n"


def losses() -> str:
    """Every loss, with its arguments."""
    parts = [
        "# Losses",
        "",
        "A task's loss is one number for each sample. Any function of output and target is one, too.",
    ]
    for name in sorted(mta.losses.__all__):
        cls = getattr(mta.losses, name)
        if inspect.isclass(cls):
            parts += ["", f"## {name}", "", _described(cls), "", f"```text\nmta.losses.{name}{_signature(cls)}\n```"]
    return "\n".join(parts) + "\n"


def studies() -> str:
    """Every study, with an example of its command."""
    parts = ["# Studies", "", "Each is a command, and what a [recipe](../reproduce.md) can name."]
    for name, study in all_studies().items():
        parts += ["", f"## {name}", "", _described(study), "", f"```sh\nmt-attack {name} {study.example}\n```"]
    return "\n".join(parts) + "\n"


def zoo() -> str:
    """A card for each model: what it is, how it was trained, what it reaches on clean images."""
    about = (
        "Small models of rooms with three tasks. One is part of the library, the others are in the package "
        "`mt-torchattacks-zoo` (`pip install ./zoo` in a copy of the repository). Metrics are on 512 held-out rooms."
    )
    head = ["| model | backbone | trained | mIoU | mean angle | depth error |", "|:--|:--|:--|--:|--:|--:|"]
    rows = []
    for name in zoo_names():
        record = zoo_record(name)
        found = record["metrics"]
        numbers = (found["segmentation"]["miou"], found["normal"]["mean"], found["depth"]["abs"])
        trained = mta.models.zoo_about(name).partition("trained ")[2]
        rows.append(
            f"| `{name}` | {record['backbone']} | {trained} | {numbers[0]:.3f} | {numbers[1]:.1f}° | {numbers[2]:.3f} |"
        )
    return "\n".join(["# The zoo", "", about, "", *head, *rows]) + "\n"


def zoo_readme() -> str:
    """The README of the package of models: the same cards."""
    _, _, text = zoo().partition("\n")
    about = (
        "# mt-torchattacks-zoo\n\nTrained models for mt-torchattacks: where this package is installed, "
        "`mta.models.zoo(name)` and `mt-attack ... --model name` find them. This file is written by "
        "`python docs/generate.py`.\n"
    )
    return about + text


def api(module: str, seen: set[object]) -> str:
    """The public names of a module, with their docstrings; what was ``seen`` in another one does not count there."""
    whole = f"mt_torchattacks.{module}".rstrip(".")
    there = importlib.import_module(whole)
    title = f"``{whole}``"
    lines = [title, "=" * len(title), "", f".. automodule:: {whole}", "   :no-members:", ""]
    for name in _public(there):
        value = getattr(there, name)
        kind = "class" if inspect.isclass(value) else "function" if inspect.isroutine(value) else ""
        if kind and str(getattr(value, "__module__", "")).startswith("mt_torchattacks"):
            options = ["   :members:"] * (kind == "class") + ["   :no-index:"] * (value in seen)
            lines += [f".. auto{kind}:: {whole}.{name}", *options, ""]
            seen.add(value)
    return "\n".join(lines) + "\n"


def _public(module: Any) -> Iterator[str]:
    names = getattr(module, "__all__", None) or dir(module)
    yield from (name for name in sorted(names) if not name.startswith("_"))


def _contents(title: str, pages: list[str]) -> str:
    return "\n".join([f"# {title}", "", "```{toctree}", *pages, "```", ""])


def _needs_gradients(cls: Any) -> bool:
    return issubclass(cls, (mta.balancing.base.GradientRule, mta.balancing.base.GramianRule))


def _described(cls: Any) -> str:
    """A docstring without its sections, in Markdown."""
    text = inspect.cleandoc(cls.__doc__ or "")
    text = re.split(r"\n(?=(?:Args|Attributes|Example|Raises|Returns):)", text)[0]
    text = re.sub(r":\w+:`~?(?:[\w.]+ <)?([\w.]+)>?`", lambda match: f"`{match[1].rsplit('.', 1)[-1]}`", text)
    return text.replace("``", "`").replace("::\n", ":\n")


def _signature(cls: Any) -> str:
    try:
        return re.sub(r"mt_torchattacks\.[\w.]*?(\w+)(?=[,\] )=|])", r"\1", str(inspect.signature(cls)))
    except ValueError:
        return "(...)"


if __name__ == "__main__":
    write_all(ROOT / "docs" / "_generated")
    write_whole(ROOT / "zoo" / "README.md", zoo_readme())
