"""Which few attacks do nearly what all of them do together: every small set of them, measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from typing import TYPE_CHECKING, Any, NamedTuple

import mt_torchattacks as mta
from mt_torchattacks.studies.base import Data, Models, Study, Table, cells_by_model
from mt_torchattacks.studies.options import ModelOptions, Radius, names, radii

if TYPE_CHECKING:
    from mt_torchattacks.evaluation import NamedData, NamedModel, Store

RULES = ("dgba", "relative", "total", "max_min")
_SHOWN = 5  # sets of each size in the table


@dataclass
class MembersOptions(ModelOptions):
    """Options of the study ``members``.

    Args:
        attack: attacks by name, each with every rule
        eps: radii, written 8/255, 0.03, or 8 for 8/255
        steps: of each attack
        largest: members of the largest sets that are looked at
    """

    model: list[str] = names(
        "rooms3/all-shared", "rooms3-resnet34/2-shared", "rooms3-robust/pgd-dgba-0", "rooms3-robust/pgd-total-0"
    )
    data: str = "rooms:2"
    images: int = 16
    attack: list[str] = names("apgd", "acg")
    eps: list[Radius] = radii(4, 8)
    steps: int = 20
    largest: int = 3


class Members(NamedTuple):
    """What the study found: by model and radius the ARP of each set's worst case, and of all members' together."""

    values: dict[tuple[str, str], dict[str, Any]]
    title: str


class MembersStudy(Study[MembersOptions, Members]):
    """Attacks under each rule, on losses and on errors: the worst case of every set of up to three of them.

    A set's worth is the share that its worst case (average relative performance) has of all members' worst case, in
    the mean over models and radii. Sets of one size make the same number of passes, so the best of a size is the best
    for that budget; AutoAE (Liu and others, 2022) chooses sets for classifiers greedily. The sets are small enough here
    to look at all of them.
    """

    name = "members"
    help = "which few attacks do nearly what all of them do together"
    example = "--model rooms3/all-shared --eps 4/255 --images 4 --steps 5 --largest 2"
    Options = MembersOptions

    def run(
        self, store: Store, models: Models, data: Data, options: MembersOptions, *, progress: bool = True
    ) -> Members:
        mta.checks.require(options.largest >= 1, "largest", "a number >= 1", options.largest)
        found, images = cells_by_model(
            store,
            models(options.model),
            data,
            lambda model, there: (((model.name, str(eps)), _cell(model, there, eps, options)) for eps in options.eps),
            progress=progress,
        )
        return Members(found, f"{len(found)} models and radii, {options.steps} steps, {images}")

    def tables(self, result: Members) -> list[Table]:
        frame = mta.checks.optional("pandas", extra="plot").DataFrame
        every = sorted(shares(result), key=lambda row: (row["members"], -row["mean share"]))
        sizes = sorted({row["members"] for row in every})
        best = [row for size in sizes for row in [one for one in every if one["members"] == size][:_SHOWN]]
        title = "The best sets of each size: share of all members' worst-case ARP (%)"
        return [
            Table("members", f"{title}, {result.title}", frame(best), 1),
            Table("members_all", "Every set", frame(every), 2, shown=False),
        ]


def _cell(
    model: NamedModel, data: NamedData, eps: float, options: MembersOptions
) -> tuple[dict[str, Any], Callable[[], dict[str, Any]]]:
    """A model at a radius as a cell of a store: the harm of each set of members."""
    key = {"model": model.name, "study": "members", "eps": float(eps), "steps": options.steps, "seed": options.seed}
    key |= {"largest": options.largest, "attacks": options.attack}
    return key | data.key | {"weights": model.weights}, partial(_measured, model, data, float(eps), options)


def _measured(model: NamedModel, data: NamedData, eps: float, options: MembersOptions) -> dict[str, Any]:
    rules, losses = (*RULES, "single"), mta.evaluation.specs.ATTACK_LOSSES
    specs = mta.evaluation.attack_specs(options.attack, rules, [eps], data.tasks, losses, steps=options.steps)
    attacks = {
        f"{spec.attack.lower()}/{spec.label}": spec.build(model.model, data.tasks, options.seed) for spec in specs
    }
    found = mta.worst_case(model.model, data.tasks, data.batches, attacks, data.metrics, progress=False)
    harm = mta.evaluation.relative_harm(found.evaluation.clean.metrics, found.evaluation.directions)
    sets = {}
    for size in range(1, options.largest + 1):
        for chosen in combinations(attacks, size):
            sets["+".join(chosen)] = mta.evaluation.select({name: found.members[name] for name in chosen}, harm).harm
    return {"all": found.joint.harm, "sets": sets}


def shares(result: Members) -> list[dict[str, Any]]:
    """A row for each set of members: the mean and the least share, in percent, of what all of them reach together."""
    rows = []
    for chosen in next(iter(result.values.values()))["sets"]:
        found = [100 * value["sets"][chosen] / value["all"] for value in result.values.values()]
        row = {"members": chosen.count("+") + 1, "set": chosen.replace("+", ", ")}
        rows.append(row | {"mean share": sum(found) / len(found), "least share": min(found)})
    return rows
