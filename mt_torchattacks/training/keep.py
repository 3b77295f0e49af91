"""Which epoch of an adversarial training is the result: the best mix of clean and robust losses on held-out images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from mt_torchattacks import checks, evaluation
from mt_torchattacks.tasks import Tasks

_LEAST = 1e-12  # a mean loss that is divided by


@dataclass(frozen=True)
class Keep:
    """Keep the weights of the epoch that is best on held-out images, clean and attacked.

    After each epoch the tasks' mean losses are measured on the clean images and under the attack, each as a multiple of
    its clean loss after the first epoch; ``clean`` and ``robust`` in the log are the means over the tasks. The epoch
    with the lowest ``(1 - mix) clean + mix robust`` is kept. A late epoch may be much less robust than an earlier one
    (Rice et al., 2020, https://arxiv.org/abs/2002.11569).

    Args:
        dataset: map-style, ``(image, targets)`` samples that are neither trained on nor tested on.
        attack: on the model that is trained, ``(images, targets) -> adversarial images``.
        mix: in [0, 1]: 1 for the most robust epoch, 0 for the best one on clean images.
        batch_size: images at a time.

    Raises:
        ValueError: a mix outside of [0, 1], or no images.
    """

    dataset: Any
    attack: evaluation.AttackFunction
    mix: float = 0.5
    batch_size: int = 64

    def __post_init__(self) -> None:
        checks.require(0 <= self.mix <= 1, "mix", "a number in [0, 1]", self.mix)
        checks.require(len(self.dataset) > 0, "dataset", "at least one image to measure epochs on", "none")


class Keeper:
    """Looks at a model after each epoch and remembers the best weights.

    Args:
        keep: what is best.
        tasks: the tasks' losses.
    """

    def __init__(self, keep: Keep, tasks: Tasks) -> None:
        self.keep, self.tasks = keep, tasks
        self._first: dict[str, float] = {}
        self._score = float("inf")
        self._weights: dict[str, Tensor] = {}

    def look(self, model: nn.Module) -> dict[str, float]:
        """Measure the model, keep its weights if it is the best so far; the log's numbers."""
        loader = DataLoader(self.keep.dataset, self.keep.batch_size, generator=torch.Generator())
        with torch.random.fork_rng():
            torch.manual_seed(0)
            clean, robust = (
                evaluation.measure(model, self.tasks, loader, attack=attack).losses
                for attack in (None, self.keep.attack)
            )
        self._first = self._first or clean
        found = {"clean": self._mean(clean), "robust": self._mean(robust)}
        score = (1 - self.keep.mix) * found["clean"] + self.keep.mix * found["robust"]
        if score < self._score:
            self._score = score
            self._weights = {name: value.detach().clone() for name, value in model.state_dict().items()}
        return found

    def restore(self, model: nn.Module) -> None:
        """Give the model the best weights."""
        model.load_state_dict(self._weights)

    def state_dict(self) -> dict[str, Any]:
        """What a resumed training needs."""
        score = None if self._score == float("inf") else self._score
        return {"first": self._first, "score": score, "weights": self._weights}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Put back what :meth:`state_dict` gave."""
        self._first, self._weights = dict(state["first"]), dict(state["weights"])
        self._score = float("inf") if state["score"] is None else state["score"]

    def _mean(self, losses: Mapping[str, float]) -> float:
        """The tasks' losses as multiples of the first epoch's clean ones, their mean."""
        shares = [losses[task] / max(abs(first), _LEAST) for task, first in self._first.items()]
        return sum(shares) / len(shares)
