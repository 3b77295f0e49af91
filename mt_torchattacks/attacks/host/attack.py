"""The torchattacks host: what turns one of its attacks into an attack on all tasks of a model."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from numbers import Integral
from typing import TYPE_CHECKING, Any, ClassVar, TextIO

import torch
from torch import Tensor, nn

from mt_torchattacks import checks
from mt_torchattacks.attacks.best import finite_scores
from mt_torchattacks.attacks.host.arguments import check_call
from mt_torchattacks.attacks.host.base import Host
from mt_torchattacks.attacks.host.rounding import rounded
from mt_torchattacks.attacks.host.saving import save
from mt_torchattacks.attacks.host.scores import Scores
from mt_torchattacks.attacks.host.traits import Traits as Traits
from mt_torchattacks.attacks.host.units import PixelUnits
from mt_torchattacks.balancing import Rule
from mt_torchattacks.geometry.box import Bounds
from mt_torchattacks.geometry.shape import as_images, where
from mt_torchattacks.models.inputs import other_inputs
from mt_torchattacks.models.state import attacking
from mt_torchattacks.objective import BoundObjective, Objective
from mt_torchattacks.objective.labelled import warn_of_unlabelled
from mt_torchattacks.tasks import Tasks
from mt_torchattacks.types import Images, Outputs, Targets

if TYPE_CHECKING:
    from typing_extensions import Self


class MultiTaskAttack(PixelUnits, Host):
    """Mixin that goes before a torchattacks class: its loop runs unchanged and ascends the objective.

    The loop sees the objective's scores where it expects logits
    (:class:`~mt_torchattacks.attacks.host.scores.Scores`) and labels that are zeros. Nothing of a call is stored on the
    attack: the loop runs on a shallow copy of it that holds the bound objective and goes with the call. ``counts``
    names the arguments that are whole numbers > 0.

    Args:
        model: the model to attack; a forward pass gives all tasks' outputs.
        tasks: its tasks.
        balance: the balancing rule or its name.
        args, kwargs: the host's own arguments. A radius, and any other length, is in the unit of the pixels.
        bounds: smallest and largest pixel value, each a number or one a channel. The loop works in coordinates in
            which they are 0 and 1, so one that takes a single number for a radius needs the same share of the range
            in all channels.

    Raises:
        TypeError, ValueError: an argument is not what it should be.
    """

    traits: ClassVar[Traits] = Traits()
    counts: ClassVar[tuple[str, ...]] = ("steps", "num_iter_set", "eot_iter", "n_restarts")

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        if args or kwargs:  # a copy is made without any
            check_call(cls, args, kwargs)
        return super().__new__(cls, *args, **kwargs)

    def __init__(
        self,
        model: nn.Module,
        tasks: Tasks,
        balance: str | Rule = "dgba",
        *args: Any,
        bounds: Bounds = (0.0, 1.0),
        **kwargs: Any,
    ) -> None:
        checks.require(isinstance(model, nn.Module), "model", "a torch.nn.Module", checks.describe(model), TypeError)
        Objective(model, tasks, balance)  # what does not fit is said now, not at the first call
        with _without_the_hosts_line():
            super().__init__(model, *args, **kwargs)
        self.tasks = tasks
        self.balance = balance
        self.bounds = bounds
        self._check_arguments()

    def __call__(
        self,
        inputs: Images | None = None,
        labels: Targets | None = None,
        *,
        images: Images | None = None,
        targets: Targets | None = None,
    ) -> Tensor:
        """Adversarial images for ``inputs``.

        Args:
            inputs: ``(N, C, H, W)`` images within ``bounds`` (or normalized, after ``set_normalization_used``); for
                an attack that does not use the geometry of images, inputs ``(N, ...)`` of any shape.
            labels: the tasks' targets, by name; in a targeted mode the goals. Those of other tasks are ignored.
            images: another name for ``inputs``.
            targets: another name for ``labels``.

        Returns:
            Of the inputs' shape, detached, on the model's device, with the dtype and memory format of ``inputs``.

        Raises:
            TypeError, KeyError, ValueError: images or targets do not fit; the message names which.
        """
        inputs, labels = named_arguments(inputs, labels, images, targets)
        call = self._carrying(self.box)
        seen = call.pixels(inputs)
        with attacking(call.model):
            goals = call.goals(seen, labels)
            call._change_model_mode(call.model.training)
            parts = [call._attack(*chunk) for chunk in call._chunks(seen.clone(), goals)]
            return call.unscaled(torch.cat(parts), inputs)

    def pixels(self, inputs: Images) -> Tensor:
        """Inputs as the loops see them, in [0, 1]: on the model's device, un-normalized, relative to ``bounds``."""
        checks.inputs(inputs, bounds=None, image_shaped=self.traits.images)
        self._check_arguments()
        self.device = _device_of(self.model, inputs.device)
        images = inputs.detach().to(self.device).contiguous()  # else noise drawn like them depends on their layout
        images = self.inverse_normalize(images).to(inputs.dtype) if self._normalization_applied else images
        return self._scaled(images)

    def unscaled(self, pixels: Tensor, inputs: Images) -> Tensor:
        """Images as the caller has them, from those that the loops see: the way back from :meth:`pixels`.

        Args:
            pixels: ``(N, ...)`` in [0, 1].
            inputs: the caller's images; the result has their dtype, memory format and normalization.
        """
        images = self.restored(pixels)
        return _like(self.normalize(images) if self._normalization_applied else images, inputs)

    def bind(self, images: Images, goals: Targets, dtype: torch.dtype | None = None) -> BoundObjective:
        """The objective that this attack ascends.

        Args:
            images: ``(N, ...)`` images in [0, 1].
            goals: the targets by task, in a targeted mode the goals.
            dtype: of the images that the model takes; the images' own by default.
        """
        call = self._carrying(self.box)
        tasks = self.tasks.targeted() if self.targeted else self.tasks
        model = _Called(call, dtype or images.dtype)
        return Objective(model, tasks, self.balance).bind(images, goals, ball=call._ball(images))

    @torch.no_grad()
    def scores(self, candidates: Images, inputs: Images, labels: Targets | None = None) -> Tensor:
        """Scores ``(N,)`` of candidates for the adversarial images: what this attack compares its iterates by.

        Args:
            candidates: ``(N, ...)`` images like ``inputs``.
            inputs, labels: the clean images and the targets, as for the attack itself.

        Returns:
            The higher, the worse for the model; -inf where a loss is NaN.
        """
        with self.binding(inputs, labels) as bound:
            return finite_scores(self.judged(bound).scores(self.pixels(candidates)))

    @contextmanager
    def binding(self, inputs: Images, labels: Targets | None) -> Iterator[BoundObjective]:
        """The objective of some images for the length of a block, in which the model is in the attack's mode.

        Args:
            inputs, labels: as for the attack itself; the objective's images are these in [0, 1].
        """
        call = self._carrying(self.box)
        images = call.pixels(inputs).clone()
        with attacking(call.model):
            call._change_model_mode(call.model.training)
            yield call.bind(images, call.goals(images, labels))

    def judged(self, bound: BoundObjective) -> BoundObjective:
        """The objective that candidates are compared by: the one that is ascended."""
        return bound

    def get_logits(self, inputs: Tensor, labels: object = None, *args: Any, **kwargs: Any) -> Any:
        """Within an attack the scores ``(k * N, 1)`` that the host's loss reduces; outside it the model's outputs."""
        bound: BoundObjective | None = self.__dict__.get("_bound")
        if bound is None:
            return self.model_outputs(self.box.scaled(inputs))
        if inputs.requires_grad:
            inputs = (_NeverZero if self.traits.divides else _InOrder).apply(inputs)
        scores = bound(inputs.reshape(-1, *bound.images.shape[1:]))
        return Scores.of(-scores if self.targeted else scores, noise_copies=len(inputs) // len(bound.images))

    def get_target_label(self, inputs: Tensor, labels: Tensor | None = None) -> Tensor | None:
        """The host's placeholder labels; the goals themselves are in the objective."""
        return labels

    def set_mode_targeted_random(self, quiet: bool = False) -> None:
        """Refused: a random target is not defined for every task; see ``set_mode_targeted_by_function``."""
        _refuse_mode("random")

    def set_mode_targeted_least_likely(self, kth_min: int = 1, quiet: bool = False) -> None:
        """Refused: only classes have a least likely one; see ``set_mode_targeted_by_function``."""
        _refuse_mode("least_likely")

    save = save

    def load(self, *args: Any, **kwargs: Any) -> None:
        """Refused: the host's reads one tensor of labels. Use :func:`mt_torchattacks.load`."""
        raise NotImplementedError(f"{type(self).__name__}.load: expected mta.load(path), found the host's own method.")

    def _change_model_mode(self, given_training: bool) -> None:
        if "_box" not in self.__dict__:  # not one of our calls, which run on copies that carry it
            self._recover_model_mode(given_training)
            raise NotImplementedError(
                "attacks: expected mta.MultiAttack([...]), which keeps each sample's best score, found multi-task "
                "attacks in one of torchattacks, which hands on the samples whose one class has not changed."
            )
        super()._change_model_mode(given_training)

    def _attack(self, images: Tensor, goals: Targets) -> Tensor:
        # Half types have too few bits for the steps of an attack: the loop runs in float32, the model in its own type.
        exact = images.dtype == torch.float64 and not self.traits.float32
        start = images if exact else images.float()
        bound = self.bind(start, goals, images.dtype)
        adversarial = self.ascend(bound)
        warn_of_unlabelled(bound.unlabelled, bound.objective.names)
        return adversarial

    def ascend(self, bound: BoundObjective) -> Tensor:
        """The adversarial images ``(N, ...)`` that the host's loop finds for a bound objective, from its images on.

        For attacks that run other attacks: model modes, normalization, bounds and half types are the caller's.
        """
        images = self._seen(bound.images)
        runner = self._runner(images)
        bound.clock.gradients = self.gradients
        runner.__dict__["_bound"] = bound  # the host's own __setattr__ walks every value
        adversarial: Tensor = runner.forward(images, torch.zeros(len(images), dtype=torch.long, device=images.device))
        return bound.returned(adversarial.detach().reshape(bound.images.shape))

    @property
    def gradients(self) -> int:
        """How many gradients one run asks for, 0 where that is not known; for losses that know the step they are at."""
        return int(getattr(self, "steps", getattr(self, "num_iter_set", 0))) * self.traits.a_step(self)

    def _seen(self, images: Tensor) -> Tensor:
        """Inputs as the loop sees them: torchattacks' loops sum over the four dimensions of images."""
        return as_images(images)

    def normalize(self, inputs: Tensor) -> Tensor:
        """Normalized inputs ``(N, C, ...)``; see ``set_normalization_used``."""
        normalized: Tensor = super().normalize(as_images(inputs))
        return normalized.reshape(inputs.shape)

    def inverse_normalize(self, inputs: Tensor) -> Tensor:
        """The inputs ``(N, C, ...)`` that :meth:`normalize` gave these for."""
        restored: Tensor = super().inverse_normalize(as_images(inputs))
        return restored.reshape(inputs.shape)

    def _chunks(self, images: Tensor, goals: Targets) -> Iterator[tuple[Tensor, Targets]]:
        """Batches for the host's loop: one, unless a host splits its batches itself."""
        yield images, goals

    def goals(self, images: Tensor, targets: Targets | None) -> Targets:
        """The targets, checked; after ``set_mode_targeted_by_function`` what the function makes of them."""
        if self.attack_mode == "targeted(custom)":
            others = other_inputs(self.model, targets or {})
            targets = {**self._target_map_function(self.restored(images), targets), **others}
        if not isinstance(targets, Mapping):
            expected = f"a mapping with the keys {checks.listed(self.tasks.active)}"
            checks.fail("targets", expected, checks.describe(targets), TypeError)
        checks.keys(targets, "targets", self.tasks.active)
        return targets

    def model_outputs(self, x: Tensor, dtype: torch.dtype | None = None, **others: Tensor) -> Outputs:
        """The model's outputs for images ``(N, ...)`` in [0, 1], normalized first where the attack normalizes."""
        dtype = dtype or x.dtype
        x = self.box.restored(x.to(torch.promote_types(x.dtype, dtype)))
        x = self.normalize(x) if self.normalization_used is not None else x
        return self.model(x.to(dtype), **others)

    @property
    def _norm(self) -> str:
        return getattr(self, "norm", self.traits.norm)

    def _check_arguments(self) -> None:
        self._check_lengths()
        for name in self.counts:
            if hasattr(self, name):
                checks.whole(getattr(self, name), name)
        seed = getattr(self, "seed", 0)
        checks.require(isinstance(seed, Integral), "seed", "a whole number", repr(seed), TypeError)
        loss = getattr(self, "loss", "ce")
        reason = "'ce' (here: the tasks' own losses; a margin or DLR needs one classifier)"
        checks.require(loss == "ce", "loss", reason, repr(loss))

    def __repr__(self) -> str:
        return str(super().__repr__()).replace(f"{self.attack}(", f"{type(self).__name__}(", 1)


def named_arguments(
    inputs: Images | None, labels: Targets | None, images: Images | None, targets: Targets | None
) -> tuple[Any, Any]:
    """An attack's two arguments, whose names are torchattacks' or this library's.

    Raises:
        TypeError: one is given under both names.
    """
    for name, other, values in (("images", "inputs", (images, inputs)), ("targets", "labels", (targets, labels))):
        both = values[0] is not None and values[1] is not None
        checks.require(not both, name, f"one of {name!r} and {other!r}", "both", TypeError)
    return inputs if images is None else images, labels if targets is None else targets


class _HostsLine(io.StringIO):
    """Standard output without the line in which torchattacks complains of a model without parameters."""

    def __init__(self, shown: TextIO) -> None:
        super().__init__()
        self.shown, self.silenced = shown, False

    def write(self, text: str) -> int:
        self.silenced = text.startswith("Failed to set device automatically") or (self.silenced and text == "\n")
        return len(text) if self.silenced else self.shown.write(text)


@contextmanager
def _without_the_hosts_line() -> Iterator[None]:
    with redirect_stdout(_HostsLine(sys.stdout)):
        yield


@dataclass(frozen=True)
class _Called:
    """The model as an attack calls it, with the names of its other inputs."""

    attack: MultiTaskAttack
    dtype: torch.dtype

    def __call__(self, x: Tensor, **others: Tensor) -> Outputs:
        return self.attack.model_outputs(x, self.dtype, **others)

    @property
    def other_inputs(self) -> tuple[str, ...]:
        return getattr(self.attack.model, "other_inputs", ())


class _InOrder(torch.autograd.Function):
    """The identity; its gradient is contiguous in any memory format, for hosts that take views of it."""

    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, x: Tensor) -> Tensor:
        return x.view_as(x)

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, *gradients: Tensor) -> Tensor:
        return gradients[0].contiguous()


class _NeverZero(_InOrder):
    """The same; a sample whose gradient is zero everywhere gets one tiny element, so that 0/0 becomes 0."""

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, *gradients: Tensor) -> Tensor:
        gradient = gradients[0].contiguous()
        stuck = (gradient == 0).flatten(1).all(dim=1)
        tiny = torch.zeros_like(gradient[:1])
        tiny.view(-1)[0] = torch.finfo(tiny.dtype).eps
        return where(stuck, tiny, gradient)


def _device_of(model: nn.Module, default: torch.device) -> torch.device:
    first = next(iter([*model.parameters(), *model.buffers()]), None)
    device = default if first is None else first.device
    checks.require(device.type != "meta", "model", "parameters with values", "parameters on the device 'meta'")
    return device


def _like(adversarial: Tensor, inputs: Tensor) -> Tensor:
    channels_last = inputs.is_contiguous(memory_format=torch.channels_last) and not inputs.is_contiguous()
    layout = torch.channels_last if channels_last else torch.contiguous_format
    found = rounded(adversarial.detach(), inputs.detach().to(adversarial.device))
    return found.contiguous(memory_format=layout)


def _refuse_mode(mode: str) -> None:
    raise NotImplementedError(
        f"targeted mode {mode!r}: expected a goal that every task has, found one for a single classifier's classes; "
        "use set_mode_targeted_by_label or set_mode_targeted_by_function with one goal a task."
    )
