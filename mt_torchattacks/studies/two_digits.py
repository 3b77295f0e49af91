"""Classification: two digits an image, one net with two heads, and which balancing rule answers which question."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import mt_torchattacks as mta
from mt_torchattacks.lazy import LazyModule
from mt_torchattacks.studies.base import Data, Models, Study, Table
from mt_torchattacks.studies.options import Radius, names

if TYPE_CHECKING:
    import torch
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from pandas import DataFrame
    from torch import Tensor, nn

    from mt_torchattacks.evaluation import AttackFunction, Store
    from mt_torchattacks.types import Images, Targets
else:
    torch = LazyModule("torch")

CLEAN, BASELINE, PLAIN = "clean", "total", "dgba without logarithms"
QUESTIONS = {
    "left": "left head",
    "right": "right head",
    "mean": "mean of the heads",
    "both": "both correct",
    "one": "at least one correct",
}
"""Shares of images that are classified correctly, and what tables call them; an attack wants all of them low."""

_ANSWERS = {
    "mean": "the lowest accuracy of a head, on average",
    "both": "the most images with at least one head wrong",
    "one": "the most images with both heads wrong",
}


@dataclass
class TwoDigitsOptions:
    """Options of the study ``two-digits``.

    Args:
        seeds: nets, each trained with a seed of its own and attacked on its own held-out images; at least 2
        images: held-out images a net
        eps: radius, written 8/255, 0.03, or 8 for 8/255
        steps: of the attack
        balance: balancing rules, 'single' for each head alone
        attack: pgd from the clean image with steps of eps / 4, or apgd
        scales: factors of the left head's scores; the classifier stays the same and gets more confident
        plain: also dgba as it is for a loss that has no logarithm
        train_images: images that a net is trained on
        epochs: of the training
    """

    seeds: int = 5
    images: int = 500
    eps: Radius = Radius(32 / 255)
    steps: int = 20
    balance: list[str] = names("total", "sign_total", "dgba", "relative", "wgd", "normalized", "single")
    attack: Literal["pgd", "apgd"] = "pgd"
    scales: list[float] = field(default_factory=lambda: [1.0, 5.0, 25.0])
    plain: bool = True
    train_images: int = 8000
    epochs: int = 30


class Digits(NamedTuple):
    """What the study found: shares in percent ``(scales, candidates, seeds, questions)``, and in words on what.

    Attributes:
        shares: the questions are those of :data:`QUESTIONS`.
        zero: share of the images whose clean loss is exactly 0, in percent, ``(scales, seeds, heads)``.
        candidates: ``clean``, then the rules.
        scales: of the left head's scores.
        title: what was measured.
    """

    shares: Tensor
    zero: Tensor
    candidates: list[str]
    scales: list[float]
    title: str


class TwoDigitsStudy(Study[TwoDigitsOptions, Digits]):
    """A net with two heads on pairs of digits under every rule; as trained, and with a more confident left head.

    Every seed is a net and a set of held-out images of its own; rules are compared on the same net and images, and
    intervals are over the seeds. The nets are small and run on the processor.
    """

    name = "two-digits"
    help = "attack a classifier with two heads: which rule answers which question"
    example = "--seeds 2 --images 50 --steps 5 --scales 1 25 --train-images 1000 --epochs 5"
    Options = TwoDigitsOptions

    def run(
        self, store: Store, models: Models, data: Data, options: TwoDigitsOptions, *, progress: bool = True
    ) -> Digits:
        mta.checks.require(options.seeds >= 2, "seeds", "a number >= 2, for intervals", options.seeds)
        mta.checks.require(min(options.scales, default=0) > 0, "scales", "numbers > 0", options.scales)
        candidates = [CLEAN, *rules(options)]
        nets = cache(partial(_trained, options))
        cells = [
            _cell(options, scale, name, seed, nets)
            for seed in range(options.seeds)
            for scale in options.scales
            for name in candidates
        ]
        found = store.cells(cells, progress=progress)
        values = torch.tensor([[value[question] for question in QUESTIONS] for value in found])
        zero = torch.tensor([[value["zero left"], value["zero right"]] for value in found[:: len(candidates)]])
        by_seed = (options.seeds, len(options.scales), len(candidates))
        return Digits(
            values.view(*by_seed, -1).permute(1, 2, 0, 3),
            zero.view(options.seeds, len(options.scales), -1).transpose(0, 1),
            candidates,
            options.scales,
            f"{options.attack}, {options.steps} steps, eps {options.eps}, {options.images} held-out images, "
            f"{options.seeds} nets, 95 % intervals over the nets",
        )

    def tables(self, result: Digits) -> list[Table]:
        shares, differences = [], []
        for scale, of_scale in zip(result.scales, result.shares, strict=True):
            which = f"left scores times {scale:g}"
            title = f"Correct images in percent, {which} ({result.title})"
            shares.append(Table(f"shares_{scale:g}", title, frame(result.candidates, of_scale)))
            if BASELINE in result.candidates:
                paired = of_scale - of_scale[result.candidates.index(BASELINE)]
                title = f"Difference to {BASELINE} on the same net and images, {which}"
                differences.append(Table(f"differences_{scale:g}", title, frame(result.candidates, paired, "+")))
        return [*shares, *differences]

    def notes(self, result: Digits) -> list[str]:
        return [line for k in range(len(result.scales)) for line in _answers(result, k)]

    def figures(self, result: Digits) -> dict[str, Figure]:
        return {"two_digits": figure(result)}


def rules(options: TwoDigitsOptions) -> list[str]:
    """The names of all that is compared."""
    heads = [f"single:{task}" for task in mta.data.TwoDigits.TASKS]
    found = [name for rule in options.balance for name in (heads if rule == "single" else [rule])]
    return list(dict.fromkeys([*found, *([PLAIN] if options.plain else [])]))


class WithoutLogarithm:
    """The cross-entropy as a loss that has no logarithm: exactly 0 from a margin of about 17 on."""

    flat_at_zero = False

    def __call__(self, output: Tensor, target: Tensor) -> Tensor:
        loss: Tensor = torch.nn.functional.cross_entropy(output, target, reduction="none")
        return loss


def attack_of(name: str, model: nn.Module, tasks: mta.Tasks, options: TwoDigitsOptions) -> AttackFunction:
    """The attack with a rule, or with :data:`PLAIN`.

    Args:
        name: a balancing rule, or :data:`PLAIN`.
        model: the net.
        tasks: its tasks.
        options: ``attack``, ``eps`` and ``steps``.
    """
    own: dict[str, Any] = {"eps": float(options.eps), "steps": options.steps}
    if options.attack == "pgd":
        own |= {"alpha": float(options.eps) / 4, "random_start": False}
    if name != PLAIN:
        found: AttackFunction = mta.create(options.attack, model, tasks, balance=name, **own)
        return found
    plain = mta.Tasks({task: WithoutLogarithm() for task in tasks})
    return partial(_where_a_loss_is_left, mta.create(options.attack, model, plain, balance="dgba", **own), plain)


def _where_a_loss_is_left(attack: Any, tasks: mta.Tasks, images: Images, targets: Targets) -> Tensor:
    """The images, attacked; those whose losses are all exactly 0 stay as they are, since nothing leads away."""
    with torch.no_grad():
        losses = torch.stack(list(tasks.losses(attack.model(images), targets).values()), dim=1)
    left = (losses > 0).any(dim=1)
    adversarial = images.clone()
    if left.any():
        adversarial[left] = attack(images[left], {task: target[left] for task, target in targets.items()})
    return adversarial


def shares(correct: Tensor) -> dict[str, float]:
    """Shares of the images in percent by question.

    Args:
        correct: ``(N, 2)`` boolean: is the head correct?

    Example:
        >>> import torch
        >>> shares(torch.tensor([[True, True], [True, False], [True, False], [False, False]]))
        {'left': 75.0, 'right': 25.0, 'mean': 50.0, 'both': 25.0, 'one': 75.0}
    """
    left, right = 100 * correct.double().mean(dim=0)
    both, one = 100 * correct.all(dim=1).double().mean(), 100 * correct.any(dim=1).double().mean()
    found = (left, right, (left + right) / 2, both, one)
    return {question: float(share) for question, share in zip(QUESTIONS, found, strict=True)}


def correct_heads(model: nn.Module, images: Tensor, targets: Targets) -> Tensor:
    """For each image ``(N, 1, 12, 12)`` whether each head is correct, ``(N, 2)``."""
    with torch.no_grad():
        outputs = model(images)
    return torch.stack([outputs[task].argmax(dim=1) == target for task, target in targets.items()], dim=1)


def _trained(options: TwoDigitsOptions, seed: int) -> nn.Module:
    found: nn.Module = mta.models.two_digits.trained(seed, images=options.train_images, epochs=options.epochs)
    return found


def _cell(
    options: TwoDigitsOptions, scale: float, name: str, seed: int, nets: Callable[[int], Any]
) -> tuple[dict[str, Any], Callable[[], dict[str, float]]]:
    """A rule on a net as a cell of a store; the net is trained when a cell of it is missing."""
    key: dict[str, Any] = {"study": "two-digits", "rule": name, "scale": scale, "seed": seed}
    if name != CLEAN:
        key |= {"attack": options.attack, "eps": float(options.eps), "steps": options.steps}
    key |= {"images": options.images, "train_images": options.train_images, "epochs": options.epochs}

    def compute() -> dict[str, float]:
        model = mta.models.two_digits.scaled(nets(seed), left=scale)
        data = mta.data.TwoDigits(options.images, "test", seed)
        images, targets = data.render(range(options.images))
        if name == CLEAN:
            losses = data.tasks.losses(model(images), targets)
            zero = {f"zero {task}": 100 * float((loss == 0).double().mean()) for task, loss in losses.items()}
            return shares(correct_heads(model, images, targets)) | zero
        attack = attack_of(name, model, data.tasks, options)
        [images] = mta.evaluation.make(attack, [(images, targets)], seed=seed)
        return shares(correct_heads(model, images, targets))

    return key, compute


def frame(candidates: Sequence[str], values: Tensor, sign: str = "") -> DataFrame:
    """A row for each candidate: for each question the mean over the seeds and half its 95 % interval.

    Args:
        candidates: the names.
        values: ``(candidates, seeds, questions)``.
        sign: ``"+"`` for differences.
    """
    means, halves = values.mean(dim=1), mta.metrics.half_interval(values.transpose(1, 2))
    rows = [
        {"rule": name}
        | {title: f"{float(mean[k]):{sign}.1f} ± {float(half[k]):.1f}" for k, title in enumerate(QUESTIONS.values())}
        for name, mean, half in zip(candidates, means, halves, strict=True)
    ]
    return mta.checks.optional("pandas", extra="plot").DataFrame(rows)


def _answers(result: Digits, k: int) -> Iterator[str]:
    """In words, which rule answers which question best, and which others cannot be told from it."""
    zero = " and ".join(
        f"{share:.1f} % ({head})"
        for head, share in zip(mta.data.TwoDigits.TASKS, result.zero[k].mean(dim=0).tolist(), strict=True)
    )
    yield f"left scores times {result.scales[k]:g}: the clean loss is exactly 0 on {zero} of the images"
    names, values = result.candidates[1:], result.shares[k, 1:]
    for question, words in _ANSWERS.items():
        of = values[..., list(QUESTIONS).index(question)]
        best = int(of.mean(dim=1).argmin())
        above = of - of[best]
        lower = above.mean(dim=1) - mta.metrics.half_interval(above)
        ties = [name for name, low in zip(names, lower.tolist(), strict=True) if low <= 0 and name != names[best]]
        beside = f"; not told from it: {', '.join(ties)}" if ties else ""
        yield f"  {words}: {names[best]} ({float(of[best].mean()):.1f} % {QUESTIONS[question]}{beside})"
    if {PLAIN, "dgba"} <= set(names):
        yield f"  the logarithm changes dgba by {_gain(values[names.index('dgba')] - values[names.index(PLAIN)])}"


def _gain(paired: Tensor) -> str:
    """Differences ``(seeds, questions)`` in words."""
    means, halves = paired.mean(dim=0).tolist(), mta.metrics.half_interval(paired.T).tolist()
    parts = zip(QUESTIONS.values(), means, halves, strict=True)
    return ", ".join(f"{mean:+.1f} ± {half:.1f} ({title})" for title, mean, half in parts)


def figure(result: Digits) -> Figure:
    """A panel for each scale: bars of each question's share by rule, with intervals."""
    height = 1.4 + 2.4 * len(result.scales)
    found = mta.report.new_figure(10, height)
    panels = found.subplots(len(result.scales), 1, squeeze=False, sharex=True)[:, 0]
    for axes, scale, of_scale in zip(panels, result.scales, result.shares, strict=True):
        _bars(axes, result.candidates, of_scale)
        axes.set_title(f"left scores times {scale:g}", fontsize=11)
        axes.set_ylabel("correct images (%)", fontsize=10)
    found.suptitle("Two digits an image: what is still correct under attack", fontsize=13, y=1 - 0.1 / height, va="top")
    found.legend(*panels[0].get_legend_handles_labels(), loc="upper center", bbox_to_anchor=(0.5, 1 - 0.38 / height),
                 ncols=len(QUESTIONS), frameon=False)  # fmt: skip
    found.tight_layout(rect=(0, 0, 1, 1 - 0.65 / height))
    return found


def _bars(axes: Axes, candidates: Sequence[str], values: Tensor) -> None:
    colours = dict(zip(QUESTIONS, ("#A9D6F0", "#1F5F99", "", "#D55E00", "#595959"), strict=True))
    drawn = [question for question in QUESTIONS if colours[question]]
    for position, question in enumerate(drawn):
        of = values[..., list(QUESTIONS).index(question)]
        places = [k + 0.2 * (position - 1.5) for k in range(len(candidates))]
        half = mta.metrics.half_interval(of).tolist()
        axes.bar(places, of.mean(dim=1).tolist(), 0.19, yerr=half, color=colours[question], label=QUESTIONS[question],
                 error_kw={"linewidth": 0.8})  # fmt: skip
    axes.set_xticks(range(len(candidates)), [name.replace(" without", "\nwithout") for name in candidates], fontsize=8)
    axes.set_ylim(0, 105)
    mta.report.plain(axes)
