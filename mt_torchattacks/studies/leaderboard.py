"""Models in the order of their robustness: each attacked with the standard set, a JSON file for each."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import mt_torchattacks as mta
from mt_torchattacks.studies.base import Data, Models, Study, Table, metric_columns
from mt_torchattacks.studies.options import ModelOptions, Radius, names

if TYPE_CHECKING:
    from torch import Tensor

    from mt_torchattacks.evaluation import NamedData, NamedModel, Store


@dataclass
class LeaderboardOptions(ModelOptions):
    """Options of the study ``leaderboard``.

    Args:
        eps: radius, written 8/255, 0.03, or 8 for 8/255
        members: the standard set of attacks, or the two that do the most together, at a twentieth of the passes
        steps: of each Auto-PGD and ACG
        queries: of Square
        external: safetensors files of images that others have made: MODEL=FILE, each tensor of a file an attack
    """

    model: list[str] = names("rooms3/*", "rooms3-robust/*")
    eps: Radius = Radius(4 / 255)
    members: Literal["standard", "fast"] = "standard"
    steps: int = 20
    queries: int = 500
    external: list[str] = field(default_factory=list)


class LeaderboardStudy(Study[LeaderboardOptions, dict[str, dict[str, Any]]]):
    """Every model is attacked with the standard set of :func:`~mt_torchattacks.benchmark`; the worst case ranks them.

    Images that others have made for a model are checked, not believed: they have to be within the radius, and the model
    is run on them. Models are comparable only at one radius and on the same images.
    """

    name = "leaderboard"
    help = "rank models by their worst case under the standard set of attacks"
    example = "--model 'rooms3/*' --images 8 --steps 5 --queries 20"
    Options = LeaderboardOptions

    def run(
        self, store: Store, models: Models, data: Data, options: LeaderboardOptions, *, progress: bool = True
    ) -> dict[str, dict[str, Any]]:
        external = external_files(options.external)
        there = list(models(options.model))
        known = [model.name for model in there]
        for name in external:
            mta.checks.one_of(name, "external", known)
        cells = [_cell(model, data(model.name), options, external.get(model.name, {})) for model in there]
        return dict(zip(known, store.cells(cells, progress=progress), strict=True))

    def tables(self, result: dict[str, dict[str, Any]]) -> list[Table]:
        rows = []
        worst, envelope = mta.evaluation.WORST, mta.evaluation.ENVELOPE
        for name, entry in sorted(result.items(), key=lambda item: item[1]["arp"][worst]):
            row: dict[str, Any] = {"model": name, "ARP, worst case": entry["arp"][worst]}
            singles = {attack: arp for attack, arp in entry["arp"].items() if attack not in (worst, envelope)}
            row |= {"ARP, envelope": entry["arp"][envelope], "strongest attack": max(singles, key=singles.__getitem__)}
            first = {task: dict([next(iter(metrics.items()))]) for task, metrics in entry["clean"].items()}
            row |= {f"clean {column}": value for column, value in metric_columns(first).items()}
            rows.append(row | {"passes": round(sum(entry["passes"].values()))})
        one = next(iter(result.values()))
        title = f"Models by worst case, the most robust first; {one['norm']}, eps {Radius(one['eps'])}, "
        title += f"{one['images']} images of {one['data']}; ARP in percent; the first clean metric of each task"
        return [Table("leaderboard", title, mta.checks.optional("pandas", extra="plot").DataFrame(rows), 2)]

    def files(self, result: dict[str, dict[str, Any]]) -> dict[str, str]:
        return {
            f"entries/{name.replace('/', '-')}.json": json.dumps(entry, indent=1) + "\n"
            for name, entry in result.items()
        }


def external_files(given: list[str]) -> dict[str, dict[str, Tensor]]:
    """The images in ``MODEL=FILE`` by model, and by the names that the file's tensors have.

    Raises:
        ValueError: another form.
        OSError: a file cannot be read.
    """
    found: dict[str, dict[str, Tensor]] = {}
    for one in given:
        name, equals, path = one.partition("=")
        mta.checks.require(bool(name and equals and path), "external", "MODEL=FILE", repr(one))
        mta.checks.require(Path(path).is_file(), "external", "a safetensors file", repr(path))
        from safetensors.torch import load_file

        found.setdefault(name, {}).update(load_file(path))
    return found


def _cell(
    model: NamedModel, data: NamedData, options: LeaderboardOptions, external: Mapping[str, Tensor]
) -> tuple[dict[str, Any], Callable[[], dict[str, Any]]]:
    """A model as a cell of a store; its value is its entry."""
    for name, images in external.items():
        mta.evaluation.check_external(images, data, eps=float(options.eps), name=f"external[{name!r}]")
    own: dict[str, Any] = {"eps": float(options.eps), "steps": options.steps, "seed": options.seed}
    own |= {"n_queries": options.queries, "members": options.members}
    key = {"model": model.name, "study": "leaderboard"} | own | data.key | {"weights": model.weights}
    if external:
        key["external"] = mta.evaluation.fingerprint(dict(external))
    return key, partial(_measured, model, data, own, external)


def _measured(
    model: NamedModel, data: NamedData, own: Mapping[str, Any], external: Mapping[str, Tensor]
) -> dict[str, Any]:
    return asdict(mta.benchmark(model, data, **own, external=external, progress=False))
