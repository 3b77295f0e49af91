"""The comparison: the same budgets for ART's attacks, the plugin's and this library's, in one run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from art.attacks import evasion
from torch import Tensor, nn

import art_plugins
from benchmarks.art.baselines import baseline
from benchmarks.art.cases import Case, faces, rooms
from benchmarks.art.measure import Attack, Measured, timed
from mt_torchattacks import attacks, checks
from mt_torchattacks.evaluation import Evaluation, evaluate
from mt_torchattacks.report.tables import arp_table, save_table, to_markdown

if TYPE_CHECKING:
    from pandas import DataFrame

_HOSTS = {"FGM": "FastGradientMethod", "PGD": "ProjectedGradientDescent", "APGD": "AutoProjectedGradientDescent"}
_OURS = {"FGM": "FGSM", "PGD": "PGD", "APGD": "APGD"}
_RULES = ("total", "dgba")


def run(
    out: str | Path,
    *,
    model: str | nn.Module = "rooms3/all-shared",
    images: int = 32,
    photographs: int = 32,
    steps: int = 10,
    eps: float = 8 / 255,
    batch_size: int = 16,
    rounds: int = 2,
) -> dict[str, DataFrame]:
    """Compare ART's attacks as its users run them on several tasks today with the plugin's.

    Prints a table for each model and writes it as `rooms.csv`, `rooms.md`, `faces.csv` and `faces.md`: what each attack
    does to each task, and what it costs.

    :param out: Folder for the tables.
    :param model: Name of a model of the zoo, or a model with the tasks segmentation (13 classes), normal and depth.
    :param images: Number of rooms.
    :param photographs: Number of faces for the face detector; 0 to leave it out.
    :param steps: Steps of PGD and APGD.
    :param eps: Radius of the perturbation.
    :param batch_size: Images at a time.
    :param rounds: How often each attack is run; seconds are the least of all rounds.
    :return: The tables by name.
    """
    for name, value in (("images", images), ("steps", steps), ("batch_size", batch_size), ("rounds", rounds)):
        checks.whole(value, name)
    checks.require(photographs >= 0, "photographs", "a number of faces, or 0 for none", photographs)
    checks.positive(eps, "eps")
    Path(out).mkdir(parents=True, exist_ok=True)  # what cannot be written is said before anything is measured
    cases = [rooms(model, images, batch_size), faces(photographs, batch_size) if photographs else None]
    tables = {}
    for case in filter(None, cases):
        tables[case.name] = table = compare(case, steps, eps, rounds)
        save_table(table, Path(out) / case.name)
        print(f"\n{case.name}\n\n{to_markdown(table, digits=2)}\n\n{time_ratios(table)}")
    return tables


def compare(case: Case, steps: int, eps: float, rounds: int) -> DataFrame:
    """One row an attack: what it does to each task, seconds, peak MiB, forward and backward passes a batch."""
    made = {name: Measured(attack, case.model) for name, attack in _attacks(case, steps, eps).items()}
    evaluation = evaluate(case.model, case.tasks, case.batches, _seeded(made), case.metrics)
    seconds = {name: measured.seconds for name, measured in made.items()}
    for _ in range(rounds - 1):
        for name, measured in made.items():
            seconds[name] = min(seconds[name], sum(timed(measured.attack, *batch)[1] for batch in case.batches))
    table = _harm(case, evaluation)
    table["seconds"] = list(seconds.values())
    table["peak MiB"] = [measured.memory for measured in made.values()]
    table["forwards"] = [measured.forward / len(case.batches) for measured in made.values()]
    table["backwards"] = [measured.backward / len(case.batches) for measured in made.values()]
    return table


def time_ratios(table: DataFrame) -> str:
    """The plugin's seconds over those of this library's same attack, both of one run."""
    seconds = table.set_index(["attack", "rule"])["seconds"]
    ratios = [f"{host} {seconds[f'plugin {host}', 'dgba'] / seconds[f'mta {host}', 'dgba']:.2f}" for host in _HOSTS]
    return f"Seconds of the plugin / of mt_torchattacks, dgba: {', '.join(ratios)}."


def _attacks(case: Case, steps: int, eps: float) -> dict[str, Attack]:
    singles = [f"single:{task}" for task in case.tasks.active]
    example = case.batches[0][0][:1]
    channels, height, width = example.shape[1:]
    estimator = art_plugins.PyTorchMultiTaskEstimator(
        case.model, case.tasks, (channels, height, width), clip_values=(0.0, 1.0)
    )
    made: dict[str, Attack] = {}
    for host, name in _HOSTS.items():
        arguments = _arguments(host, steps, eps)
        for rule in [*singles, "total"]:
            names = case.tasks.active if rule == "total" else [rule.removeprefix("single:")]
            made[f"ART {host}/{rule}"] = baseline(case.model, case.tasks, names, name, arguments, example)
        for rule in [*singles, *_RULES]:
            plugin = getattr(art_plugins, name)(estimator, balance=rule, batch_size=10**6, **arguments)
            made[f"plugin {host}/{rule}"] = _on_arrays(plugin)
        made[f"mta {host}/dgba"] = _of_this_library(host, case, steps, eps)
    host_loop = evasion.ProjectedGradientDescent(estimator, batch_size=10**6, **_arguments("PGD", steps, eps))
    made["ART's PGD on the estimator/dgba"] = _on_arrays(host_loop, estimator.labels)
    return made


def _arguments(host: str, steps: int, eps: float) -> dict[str, Any]:
    if host == "FGM":
        return {"eps": eps}
    own = {"eps_step": eps / 4} if host == "PGD" else {"eps_step": 2 * eps, "nb_random_init": 1}
    return {"eps": eps, "max_iter": steps, "verbose": False, **own}


def _of_this_library(host: str, case: Case, steps: int, eps: float) -> Attack:
    own: dict[str, dict[str, Any]] = {
        "FGM": {},
        "PGD": {"alpha": eps / 4, "steps": steps, "random_start": False},
        "APGD": {"steps": steps},
    }
    made: Attack = getattr(attacks, _OURS[host])(case.model, case.tasks, balance="dgba", eps=eps, **own[host])
    return made


def _on_arrays(attack: Any, labels: Callable[[Any, Any], Any] | None = None) -> Attack:
    """An ART attack as a function of tensors; its transfers from and to arrays count."""

    def run(images: Tensor, targets: Mapping[str, Tensor]) -> Tensor:
        x, y = images.cpu().numpy(), {name: target.cpu().numpy() for name, target in targets.items()}
        found = attack.generate(x, y if labels is None else labels(x, y))
        return torch.from_numpy(found).to(images.device)

    return run


def _seeded(made: Mapping[str, Measured]) -> dict[str, Attack]:
    def seeded(measured: Measured) -> Attack:
        def run(images: Tensor, targets: Mapping[str, Tensor]) -> Tensor:
            np.random.seed(0)  # noqa: NPY002 - what ART draws from
            torch.manual_seed(0)
            return measured(images, targets)

        return run

    return {name: seeded(measured) for name, measured in made.items()}


def _harm(case: Case, evaluation: Evaluation) -> DataFrame:
    if case.relative:
        return arp_table(evaluation).drop(columns="eps")
    rows = [
        {**dict(zip(("attack", "rule"), name.split("/"), strict=True)), **found.losses}
        for name, found in evaluation.attacked.items()
    ]
    return checks.optional("pandas", extra="plot").DataFrame(rows)
