"""One model's line on a leaderboard: what it does on clean images, at worst, and by whom that was found."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mt_torchattacks import checks
from mt_torchattacks.evaluation.attack_sets import standard_attacks
from mt_torchattacks.evaluation.made import replay
from mt_torchattacks.evaluation.measure import AttackFunction
from mt_torchattacks.evaluation.named import NamedData, NamedModel
from mt_torchattacks.evaluation.passes import count_passes
from mt_torchattacks.evaluation.shown import ShownAsTable
from mt_torchattacks.evaluation.specs import in_255
from mt_torchattacks.evaluation.version import made_by
from mt_torchattacks.evaluation.worst_case import ENVELOPE, WORST, worst_case
from mt_torchattacks.files import write_whole
from mt_torchattacks.geometry.ball import NORMS, length
from mt_torchattacks.models.state import modes_kept

FORMAT = 1
_SLACK = 1e-6  # rounding of pixel values, which are in [0, 1]


@dataclass(frozen=True, repr=False)
class BenchmarkEntry(ShownAsTable):
    """A model on a leaderboard, as its JSON file has it.

    Printed, and at the end of a cell of a notebook, it is a table of the attacks; :meth:`plot` draws it.

    Attributes:
        model: its name.
        weights: digest of its parameters and buffers.
        data: name of the images.
        digest: of the images and targets.
        images: their number.
        norm, eps: the attacks' norm and radius, in pixel values.
        clean: metrics on the clean images, ``{task: {metric: value}}``.
        worst_case: the same if one image of each sample is chosen for all tasks, so that ARP is highest.
        envelope: the same if each task has its own worst images.
        arp: average relative performance in percent, higher is worse, by attack and verdict.
        wins: of how many samples the worst case takes each attack's image.
        passes: forward and backward passes a sample of each attack; 0 for images that others have made.
        external: the names of the attacks whose images others have made.
        seconds: of all attacks.
        made_by: versions of the results, of torch and of torchattacks.
        format: of the file.
    """

    model: str
    weights: str
    data: str
    digest: str
    images: int
    norm: str
    eps: float
    clean: dict[str, dict[str, float]]
    worst_case: dict[str, dict[str, float]]
    envelope: dict[str, dict[str, float]]
    arp: dict[str, float]
    wins: dict[str, int]
    passes: dict[str, float]
    external: list[str] = field(default_factory=list)
    seconds: float = 0.0
    made_by: dict[str, str] = field(default_factory=dict)
    format: int = FORMAT

    def _title(self) -> str:
        radius = f"{in_255(self.eps)}/255" if self.norm == "Linf" else f"{self.eps:g} in {self.norm}"
        return f"{self.model} on {self.images} images of {self.data}, eps {radius}, ARP in percent"

    def _tasks(self) -> tuple[str, ...]:
        return ()

    def _arp(self) -> dict[str, dict[str, float]]:
        return {attack: {"total": total} for attack, total in self.arp.items()}

    def _columns(self) -> dict[str, dict[str, str]]:
        return {
            "passes": {attack: f"{passes:.1f}" for attack, passes in self.passes.items()},
            "wins": {attack: str(wins) for attack, wins in self.wins.items()},
        }

    def save(self, path: str | Path) -> None:
        """Write the JSON file; what is at the path is the old file or the new one, never half of it."""
        write_whole(path, json.dumps(asdict(self), indent=1) + "\n")

    @classmethod
    def load(cls, path: str | Path) -> BenchmarkEntry:
        """Read a JSON file.

        Raises:
            OSError: it cannot be read.
            ValueError, KeyError: it is no entry of this format.
        """
        try:
            found = json.loads(Path(path).read_text("utf-8"))
        except ValueError as error:
            checks.fail(str(path), "JSON", str(error))
        checks.require(isinstance(found, dict), str(path), "a JSON object", type(found).__name__)
        checks.require(found.get("format") == FORMAT, str(path), f"format {FORMAT}", repr(found.get("format")))
        known = [one.name for one in fields(cls)]
        checks.keys(found, str(path), known, allowed=known)
        return cls(**found)


def benchmark(
    model: nn.Module | NamedModel,
    data: NamedData,
    *,
    members: str = "standard",
    eps: float = 8 / 255,
    norm: str = "Linf",
    steps: int = 20,
    n_queries: int = 500,
    seed: int = 0,
    external: Mapping[str, Tensor] | None = None,
    progress: bool = True,
) -> BenchmarkEntry:
    """Attack a model with the standard set and write down what came of it.

    The attacks are those of :func:`~mt_torchattacks.evaluation.standard_attacks`. Images that others have made for this
    model are attacks like the rest: they are checked, and the model itself is run on them; no number of theirs is
    believed.

    Args:
        model: the model, with a name (:class:`~mt_torchattacks.evaluation.NamedModel`), or by the name of its class.
        data: images with tasks and metrics; :meth:`~mt_torchattacks.evaluation.NamedData.of` makes them of a data set.
        members: ``"standard"`` or ``"fast"``.
        eps: radius > 0, in pixel values.
        norm: ``"Linf"`` or ``"L2"``.
        steps: of each Auto-PGD and ACG.
        n_queries: of Square.
        seed: of the attacks' own random numbers.
        external: by name, images that others have made, ``(N, ...)`` in the order of the data.
        progress: whether to show progress bars.

    Raises:
        TypeError, ValueError: external images that are of another shape, not finite, further than the radius from the
            clean ones, or outside of [0, 1]; the message names which.

    Example:
        >>> import mt_torchattacks as mta
        >>> data = NamedData.of("rooms", mta.data.Rooms(length=2, seed=1), 2)
        >>> own = {"steps": 1, "n_queries": 2, "progress": False}
        >>> entry = benchmark(mta.models.zoo("rooms3/all-shared"), data, eps=4 / 255, **own)
        >>> entry.arp["envelope"] >= entry.arp["worst case"], sum(entry.wins.values())
        (True, 2)
    """
    named = model if isinstance(model, NamedModel) else NamedModel(type(model).__name__, model)
    checks.require(isinstance(data, NamedData), "data", "NamedData.of(name, dataset, count)", checks.describe(data))
    given = dict(external or {})
    for name, images in given.items():
        check_external(images, data, eps=eps, norm=norm, name=f"external[{name!r}]")
    own: dict[str, Any] = {"norm": norm, "eps": eps, "steps": steps, "n_queries": n_queries, "seed": seed}
    chosen = standard_attacks(named.model, data.tasks, members=members, **own)
    attacks = {name: _Counted(named.model, attack) for name, attack in chosen.items()}
    for name in given:
        checks.require(name not in attacks, "external", "a name that no attack of the set has", repr(name))
    shown = {name: replay(partial(_parts, data, images)) for name, images in given.items()}
    every: dict[str, AttackFunction] = {**attacks, **shown}
    with modes_kept(named.model), torch.random.fork_rng():
        torch.manual_seed(seed)
        found = worst_case(named.model, data.tasks, data.batches, every, data.metrics, progress=progress)
    measured = found.evaluation
    return BenchmarkEntry(
        named.name,
        named.weights,
        data.name,
        str(data.key["digest"]),
        len(data),
        norm,
        float(eps),
        measured.clean.metrics,
        measured.attacked[WORST].metrics,
        measured.attacked[ENVELOPE].metrics,
        {name: of.total for name, of in measured.relative.items()},
        found.wins,
        {name: attacks[name].passes / len(data) if name in attacks else 0.0 for name in every},
        list(given),
        sum(measured.attacked[name].seconds for name in every),
        made_by(),
    )


def check_external(images: Tensor, data: NamedData, *, eps: float, norm: str = "Linf", name: str = "images") -> None:
    """Check adversarial images that somebody else has made; nothing that is said of them is needed.

    Args:
        images: ``(N, ...)`` in the order of the data.
        data: the clean images.
        eps, norm: the radius that they claim to keep.
        name: of the images in messages.

    Raises:
        TypeError, ValueError: see :func:`~mt_torchattacks.benchmark`.
    """
    checks.require(isinstance(images, Tensor), name, "a tensor", checks.describe(images), TypeError)
    checks.one_of(norm, "norm", NORMS)
    shape = (len(data), *data.batches[0][0].shape[1:])
    checks.require(images.shape == shape, name, f"the data's shape {shape}", checks.describe(images))
    checks.require(images.is_floating_point(), name, "floating-point pixel values", checks.describe(images), TypeError)
    checks.finite(images, name)
    low, high = (float(value) for value in images.aminmax())
    checks.require(low >= -_SLACK and high <= 1 + _SLACK, name, "pixels in [0, 1]", f"values in [{low:g}, {high:g}]")
    furthest = 0.0
    for (clean, _), part in zip(data.batches, _parts(data, images), strict=True):
        furthest = max(furthest, float(length(part.to(clean) - clean, NORMS[norm]).max()))
    found = f"one at a distance of {furthest:.6g}"
    checks.require(
        furthest <= eps * (1 + 10 * _SLACK) + _SLACK, name, f"images within {eps:.6g} of the clean ones ({norm})", found
    )


def _parts(data: NamedData, images: Tensor) -> Iterator[Tensor]:
    """The images in the data's batches."""
    yield from torch.split(images, data.sizes)


class _Counted:
    """An attack that counts its passes, each sample for itself."""

    def __init__(self, model: nn.Module, attack: AttackFunction) -> None:
        self.model, self.attack, self.passes = model, attack, 0

    def __call__(self, images: Tensor, targets: Mapping[str, Tensor]) -> Tensor:
        with count_passes(self.model) as counted:
            found = self.attack(images, targets)
        self.passes += counted.of_samples
        return found
