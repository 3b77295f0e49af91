"""Jacobian aggregators of torchjd as rules: how training methods resolve conflicts between tasks' gradients.

They were made to lower all losses with one step of the parameters; here the pixels take the step and the losses rise.
torchjd works on one matrix, so the samples' T x T Gramians go through it one by one, in float64 on the CPU. Nothing
is carried from one sample or call to the next, and the user's random numbers stay as they are.
"""

from __future__ import annotations

import warnings
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from mt_torchattacks import checks
from mt_torchattacks.balancing.base import GradientRule, GramianRule

_SEED = 0


class JacobianRule(GramianRule):
    """A torchjd aggregator that looks at the gradients' inner products only; the score is dgba's.

    Tasks whose gradient is zero for a sample have weight 0 and are not shown to the aggregator. The Gramian is divided
    by its mean diagonal first: torchjd takes gradients for zero whose squared lengths sum to less than 1e-4, as those
    of mean losses with respect to pixels do.

    Args:
        unit: give every task's gradient length 1 before they are aggregated, so that the losses' units do not matter.
            By default the gradients are taken as they are, as torchjd does.

    Raises:
        ImportError: torchjd is not installed, or a solver that the aggregator needs; the message names the extra.
    """

    def __init__(self, unit: bool = False) -> None:
        self.unit = unit
        self.build()

    @abstractmethod
    def build(self) -> Any:
        """A new ``torchjd.aggregation`` aggregator, or weighting of a matrix."""

    def weights(self, gramian: Tensor) -> Tensor:
        found = [self._of_sample(matrix) for matrix in gramian.detach().to("cpu", torch.float64)]
        return torch.stack(found).to(gramian)

    def _of_sample(self, gramian: Tensor) -> Tensor:
        lengths = gramian.diagonal().sqrt()
        weights, there = torch.zeros_like(lengths), lengths > 0
        if there.any():
            lengths = lengths[there]
            units = lengths if self.unit else lengths.square().mean().sqrt().expand_as(lengths)
            with _same_draws(gramian.device):
                found = self.combine(gramian[there][:, there] / torch.outer(units, units))
            weights[there] = found / units if self.unit else found
        return weights

    def combine(self, gramian: Tensor) -> Tensor:
        """The weights ``(T,)`` for one sample's Gramian ``(T, T)``, whose diagonal is positive."""
        weights: Tensor = self.build().gramian_weighting(gramian)
        return weights

    def __repr__(self) -> str:
        return f"{type(self).__name__}(unit=True)" if self.unit else super().__repr__()


class _ConeRule(JacobianRule):
    """Projects to the cone of directions along which no loss falls.

    The problem is posed for gradients of length 1, which changes nothing but the solver's accuracy: torchjd adds 1e-4
    of the sum of the squared lengths to the Gramian, in which the conflict of a short gradient with a long one drowns.
    """

    def build(self, preferences: Tensor | None = None) -> Any:
        return _aggregator(type(self).__name__, pref_vector=preferences)

    def combine(self, gramian: Tensor) -> Tensor:
        lengths = gramian.diagonal().sqrt()
        aggregator = self.build(lengths / len(lengths))
        weights: Tensor = aggregator.gramian_weighting(gramian / torch.outer(lengths, lengths)) / lengths
        return weights


class UPGrad(_ConeRule):
    """Each gradient projected to where no loss falls, then their mean (Quinton and Rey, arXiv:2406.16232)."""

    name = "upgrad"


class DualProj(_ConeRule):
    """The mean gradient projected to where no loss falls (Lopez-Paz and Ranzato, 2017, equation 11)."""

    name = "dualproj"


class MGDA(JacobianRule):
    """The shortest convex combination of the gradients (Desideri, 2012; Sener and Koltun, 2018, algorithm 2)."""

    name = "mgda"

    def build(self) -> Any:
        return _aggregator("MGDA")


class PCGrad(JacobianRule):
    """Each gradient less what conflicts with another, summed (Yu et al., arXiv:2001.06782, algorithm 1).

    The order in which conflicts are removed is random there; here it is drawn with a fixed seed, alike for all samples.
    """

    name = "pcgrad"

    def build(self) -> Any:
        return _aggregator("PCGrad")


class IMTLG(JacobianRule):
    """The combination with the same part along every gradient (Liu et al., 2021, IMTL-G)."""

    name = "imtl_g"

    def build(self) -> Any:
        return _aggregator("IMTLG")


class AlignedMTL(JacobianRule):
    """The gradients made orthogonal and of one length, then their mean (Senushkin et al., 2023, algorithm 1)."""

    name = "aligned_mtl"

    def build(self) -> Any:
        return _aggregator("AlignedMTL")


class CAGrad(JacobianRule):
    """Near the mean gradient, the direction that helps the worst task most (Liu et al., arXiv:2110.14048).

    Args:
        c: radius of the search around the mean gradient, as a share of its length >= 0.
        unit: see :class:`JacobianRule`.
    """

    name = "cagrad"

    def __init__(self, c: float = 0.5, unit: bool = False) -> None:
        self.c = c
        super().__init__(unit)

    def build(self) -> Any:
        return _aggregator("CAGrad", c=self.c)


class FairGrad(JacobianRule):
    """Alpha-fair shares of the progress (Ban and Ji, arXiv:2402.15638, equation 4).

    Args:
        alpha: 1 for proportional fairness, more for the worst task.
        unit: see :class:`JacobianRule`.
    """

    name = "fairgrad"

    def __init__(self, alpha: float = 2.0, unit: bool = False) -> None:
        self.alpha = alpha
        super().__init__(unit)

    def build(self) -> Any:
        return _aggregator("FairGrad", alpha=self.alpha)


class NashMTL(JacobianRule):
    """The Nash bargaining solution (Navon et al., arXiv:2202.01017, algorithm 1), solved anew for every sample."""

    name = "nash_mtl"

    def build(self, tasks: int = 1) -> Any:
        return _aggregator("NashMTL", n_tasks=tasks)

    def combine(self, gramian: Tensor) -> Tensor:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the solver's form, and of its accuracy where lengths differ a lot
            weights: Tensor = self.build(len(gramian)).weighting(_root(gramian))
        return weights


class ConFIG(JacobianRule):
    """The direction with the same angle to every gradient (Liu et al., arXiv:2408.11104, equation 2)."""

    name = "config"

    def build(self) -> Any:
        return _aggregator("ConFIG")

    def combine(self, gramian: Tensor) -> Tensor:
        root = _root(gramian)
        weights: Tensor = torch.linalg.pinv(root.T) @ self.build()(root)
        return weights


class GradDrop(GradientRule):
    """At each pixel only the gradients of one sign, drawn by their share (Chen et al., arXiv:2010.06808).

    The draws have a fixed seed: the same for all samples and at every step.

    Raises:
        ImportError: torchjd is not installed.
    """

    name = "graddrop"

    def __init__(self) -> None:
        self.aggregator = _aggregator("GradDrop")

    def direction(self, gradients: Tensor) -> Tensor:
        found = []
        for gradient in gradients.flatten(2):
            with _same_draws(gradient.device):
                found.append(self.aggregator(gradient))
        return torch.stack(found).reshape(gradients[:, 0].shape)


@contextmanager
def _same_draws(device: torch.device) -> Iterator[None]:
    """Inside, the device's global random numbers start from a fixed seed; afterwards they are as they were."""
    cuda = device.type == "cuda"
    generator = torch.cuda.default_generators[device.index] if cuda else torch.default_generator
    state = generator.get_state()
    try:
        generator.manual_seed(_SEED)
        yield
    finally:
        generator.set_state(state)


def _root(gramian: Tensor) -> Tensor:
    """A ``(T, T)`` matrix with the same Gramian, for aggregators that want rows: rotations do not matter to them."""
    values, vectors = torch.linalg.eigh(gramian)
    root: Tensor = (vectors * values.clamp_min(0).sqrt()) @ vectors.mT
    return root


def _aggregator(name: str, **arguments: Any) -> Any:
    return getattr(checks.optional("torchjd.aggregation", extra="torchjd"), name)(**arguments)
