"""The demo: every rule with three attacks on a trained model, as tables and figures."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from mt_torchattacks.data import Rooms
from mt_torchattacks.evaluation import Evaluation, NamedData, attack_specs, evaluate
from mt_torchattacks.models.zoo import zoo
from mt_torchattacks.report.bars import arp_figure
from mt_torchattacks.report.explanation import explain
from mt_torchattacks.report.predictions import prediction_figure
from mt_torchattacks.report.style import save_figure
from mt_torchattacks.report.tables import AttackName, arp_table, by_rule, clean_table, save_evaluation, to_markdown
from mt_torchattacks.tasks import Tasks
from mt_torchattacks.training import MeanPrediction
from mt_torchattacks.training.measure import measure

_SEED = 1  # rooms that the zoo was not trained on
_SHOWN = "apgd/dgba/8"  # the attack in the figure of predictions


def run_demo(
    out: str | Path = "results/demo",
    *,
    model: str | nn.Module = "rooms3/all-shared",
    scenes: int = 32,
    steps: int = 10,
    batch_size: int = 16,
    progress: bool = True,
) -> Evaluation:
    """Attack a model on held-out rooms with FGSM, PGD and APGD and every rule, at eps 4/255 and 8/255.

    Prints the clean metrics beside those of a constant prediction, the average relative performance (ARP) for all
    tasks and for each, and where ``dgba`` is not the strongest rule and why.

    Args:
        out: folder for ``arp.csv`` and ``.md`` (ARP by attack), ``metrics.csv`` (each metric), ``evaluation.json``,
            ``arp.png`` and ``predictions.png``.
        model: name of a model of the zoo, or a model with the tasks segmentation (13 classes), normal and depth.
        scenes: number of rooms.
        steps: steps of PGD and APGD.
        batch_size: rooms at a time.
        progress: whether to show progress bars.

    Returns:
        The evaluation; its attacks are named ``attack/rule/eps``.

    Raises:
        ImportError: torchattacks, matplotlib or pandas is not installed.
    """
    start, out = time.perf_counter(), Path(out)
    rooms, network = Rooms(length=scenes, seed=_SEED), zoo(model) if isinstance(model, str) else model
    data = NamedData.of(f"rooms(seed={_SEED})", rooms, scenes, batch_size)
    named = demo_attacks(network, data.tasks, steps)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        evaluation = evaluate(network, data.tasks, data.batches, named, data.metrics, progress=progress)
        _save_predictions(network, named[_SHOWN], data, rooms.class_names, out / "predictions.png")
    baseline = measure(MeanPrediction(rooms, rooms.num_classes), data.tasks, rooms, data.metrics)
    print(f"\nClean metrics\n\n{to_markdown(clean_table(evaluation, baseline), digits=3)}")
    _print_arp(evaluation)
    _save(evaluation, out)
    print(f"\n{scenes} rooms, {len(named)} attacks, {time.perf_counter() - start:.0f} s; written to {out}")
    return evaluation


def demo_attacks(model: nn.Module, tasks: Tasks, steps: int = 10) -> dict[str, Any]:
    """FGSM, PGD and APGD with every rule of the papers and ``relative``, at eps 4/255 and 8/255.

    Args:
        model: the model to attack.
        tasks: its tasks.
        steps: steps of PGD (of size eps / 4, as in 'Attacking All Tasks at Once') and of APGD.

    Returns:
        The attacks by name, ``attack/rule/eps``.
    """
    hosts, rules = ("fgsm", "pgd", "apgd"), ("single", "total", "sign_total", "dgba", "relative")
    plans = [plan for size in (4, 8) for plan in attack_specs(hosts, rules, [size], tasks, steps=steps)]
    return {plan.name: plan.build(model, tasks) for plan in plans}


def _print_arp(evaluation: Evaluation) -> None:
    table = arp_table(evaluation)
    for measured in ("total", *evaluation.clean.metrics):
        of = "mean of all tasks" if measured == "total" else measured
        print(f"\nARP, {of} (%; higher is the stronger attack)\n\n{to_markdown(by_rule(table, measured))}")
    print("", *explain(evaluation), sep="\n")


def _save(evaluation: Evaluation, out: Path) -> None:
    save_evaluation(evaluation, out)
    title = f"Average relative performance under attack, {evaluation.clean.samples} held-out rooms"
    save_figure(arp_figure(arp_table(evaluation), title), out / "arp.png")


def _save_predictions(model: nn.Module, attack: Any, data: NamedData, names: Sequence[str], path: Path) -> None:
    images, targets = data.first(2).batches[0]
    adversarial = attack(images, targets)
    with torch.no_grad():
        before, after = model(images), model(adversarial)
    name = AttackName.parse(_SHOWN)
    title = f"Predictions before and after {name.attack.upper()} with {name.rule}, eps = {name.eps}/255"
    save_figure(prediction_figure(images, adversarial, targets, before, after, title=title, class_names=names), path)
