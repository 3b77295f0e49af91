"""What the sign does to rules that promise to lower no task's loss.

    python benchmarks/sign_and_conflict.py

For every rule the share of (room, task) pairs whose loss rises: to first order along the rule's direction d
(<d, grad L_i> >= 0) and along sign(d), which is what attacks in the Linf norm step along; and measured, after a step
of 1/255 along sign(d), and after one along d of the same L2 length. Once on clean rooms, once after 10 steps of PGD
with dgba, where tasks conflict more. Then what an attack by each rule does: ARP of PGD at the same number of steps.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).parents[1])  # so that 'benchmarks' is found, and its files hide no package

import torch
from torch import Tensor, nn

import mt_torchattacks as mta
from benchmarks.held_out import Batch, batches, evaluate
from mt_torchattacks.balancing import GradientRule, GramianRule, JacobianRule, LossRule, NashMTL, Rule, resolve
from mt_torchattacks.objective.direction import separate_gradients
from mt_torchattacks.tasks import standard_tasks

EPS, STEP, STEPS = 8 / 255, 1 / 255, 10
PLAIN = ("total", "sign_total", "dgba", "relative", "normalized")
TOLERANCE = 5e-3  # a cosine above minus this is no conflict: some rules solve their problem to such an accuracy


class Point(NamedTuple):
    """Where rules are compared: images ``(N, C, H, W)``, losses ``(N, T)`` there and on the clean images, gradients."""

    x: Tensor
    targets: dict[str, Tensor]
    losses: Tensor
    clean: Tensor
    gradients: Tensor


class Shares(NamedTuple):
    """Shares of pairs whose loss rises, and the processor's seconds that the rule took for a room."""

    along: float
    along_sign: float
    step: float
    step_sign: float
    seconds: float


def main(arguments: Sequence[str] | None = None) -> dict[str, dict[str, Shares]]:
    """Measure, print the tables, and return the shares by place and rule."""
    args = _parser().parse_args(arguments)
    torch.set_num_threads(args.threads)
    found = {}
    for name in args.models:
        model, loader, rules = mta.models.zoo(name), batches(args.rooms), dict(available())
        for place, attacked in (("clean rooms", False), (f"after {STEPS} steps of PGD, dgba", True)):
            points = [point(model, batch, attacked) for batch in loader]
            where = f"{name}, {place}"
            found[where] = {rule: shares(model, made, points) for rule, made in rules.items()}
            print_shares(where, args.rooms, found[where])
        if args.arp:
            print_arp(name, model, loader, rules)
    return found


def available() -> Iterator[tuple[str, Rule]]:
    """The rules by name; without those whose solver is not installed."""
    for name in PLAIN:
        yield name, resolve(name)
    for name, rule in sorted(Rule.registry.items()):
        if issubclass(rule, JacobianRule):
            try:
                yield name, rule()
                yield f"{name}, unit", rule(unit=True)
            except ImportError as missing:
                print(f"{name} left out: {missing}")
    yield "graddrop", resolve("graddrop")


def point(model: nn.Module, batch: Batch, attacked: bool) -> Point:
    """Losses and gradients on the clean images, or where an attack led."""
    images, targets = batch
    tasks = standard_tasks()
    attack = mta.PGD(model, tasks, balance="dgba", eps=EPS, alpha=2 / 255, steps=STEPS, random_start=False)
    x = (attack(images, targets) if attacked else images.clone()).requires_grad_()
    losses = losses_of(model, x, targets)
    with torch.no_grad():
        clean = losses_of(model, images, targets)
    return Point(x.detach(), targets, losses.detach(), clean, separate_gradients(losses, x))


def losses_of(model: nn.Module, x: Tensor, targets: dict[str, Tensor]) -> Tensor:
    return torch.stack(list(standard_tasks().losses(model(x), targets).values()), dim=1)


def shares(model: nn.Module, rule: Rule, points: Sequence[Point]) -> Shares:
    """The rule's shares over all rooms."""
    rose: list[list[Tensor]] = [[], [], [], []]
    seconds = 0.0
    for at in points:
        start = time.process_time()
        found = direction(rule, at)
        seconds += time.process_time() - start
        steps = of_one_length(found), STEP * found.sign()
        for k, step in enumerate(steps):
            rose[k].append(cosine(step.unsqueeze(1), at.gradients) >= -TOLERANCE)
            with torch.no_grad():
                rose[k + 2].append(losses_of(model, at.x + step, at.targets) >= at.losses)
    rooms = sum(len(at.x) for at in points)
    return Shares(*(float(torch.cat(part).double().mean()) for part in rose), seconds / rooms)


def of_one_length(found: Tensor) -> Tensor:
    """The direction as a step as long as one of 1/255 along its sign."""
    length = STEP * found.sign().flatten(1).norm(dim=1) / found.flatten(1).norm(dim=1).clamp_min(1e-30)
    return found * length.reshape(-1, 1, 1, 1)


def direction(rule: Rule, at: Point) -> Tensor:
    """The rule's direction from gradients that are there already."""
    if isinstance(rule, GradientRule):
        return rule.direction(at.gradients)
    flat = at.gradients.flatten(2)
    if isinstance(rule, GramianRule):
        weights = rule.weights(flat @ flat.mT)
    else:
        assert isinstance(rule, LossRule)
        weights = rule.weights(at.losses, at.clean)
    return (weights.unsqueeze(2) * flat).sum(dim=1).reshape(at.x.shape)


def cosine(directions: Tensor, gradients: Tensor) -> Tensor:
    return nn.functional.cosine_similarity(directions.flatten(2).double(), gradients.flatten(2).double(), dim=2)


def print_shares(where: str, rooms: int, found: dict[str, Shares]) -> None:
    """Markdown: a row for each rule."""
    print(f"\n{where}: {rooms} rooms, percent of (room, task) pairs whose loss rises\n")
    print("| rule | along d | along sign(d) | after a step along d | after a step along sign(d) | ms a room |")
    print("|:--|--:|--:|--:|--:|--:|")
    for rule, of in found.items():
        parts = " | ".join(f"{100 * share:.1f}" for share in of[:4])
        print(f"| {rule} | {parts} | {1000 * of.seconds:.2f} |", flush=True)


def print_arp(name: str, model: nn.Module, loader: list[Batch], rules: dict[str, Rule]) -> None:
    """Markdown: ARP of PGD with each rule, at the same number of steps."""
    attacks = {
        rule: mta.PGD(model, standard_tasks(), made, eps=EPS, alpha=2 / 255, steps=STEPS, random_start=False)
        for rule, made in rules.items()
        if not isinstance(made, NashMTL)  # its solver takes longer than all the rest
    }
    evaluation = evaluate(model, loader, attacks)
    tasks = list(evaluation.clean.metrics)
    print(f"\n{name}: ARP of PGD, {STEPS} steps, eps 8/255, percent\n")
    print(f"| rule | backward passes a step | ARP | {' | '.join(tasks)} |")
    print(f"|:--|--:|--:|{'--:|' * len(tasks)}")
    for rule, arp in evaluation.relative.items():
        passes = 1 if isinstance(rules[rule], LossRule) else len(tasks)
        parts = " | ".join(f"{arp.per_task[task]:.1f}" for task in tasks)
        print(f"| {rule} | {passes} | {arp.total:.1f} | {parts} |", flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=["rooms3/all-shared", "rooms3/independent"])
    parser.add_argument("--rooms", type=int, default=32)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--no-arp", dest="arp", action="store_false", help="only the shares")
    return parser


if __name__ == "__main__":
    main()
