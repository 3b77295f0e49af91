"""The one object that every attack ascends: a differentiable score per sample for a model with several tasks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from mt_torchattacks import checks
from mt_torchattacks.balancing import GramianRule, LossRule, Rule, resolve
from mt_torchattacks.balancing.base import GradientRule
from mt_torchattacks.tasks import Tasks
from mt_torchattacks.types import Images, Outputs, Targets

_NOISE_SEED = 0
_FLOOR = 1e-3  # a clean loss of at most this may be as good as 0 ...
_SHARE_OF_NOISE = 1e-2  # ... and is if it is at most this share of the loss under noise


class Objective:
    """A model, its tasks and a balancing rule; bound to images and targets it is the function to ascend.

    The bound objective maps ``x (N, C, H, W)`` to ``s (N,)``: the **value** of s is the score to compare iterates by,
    its **gradient** with respect to x is the attack direction; the two are decoupled (straight-through). Anything that
    can ascend a differentiable function of x can attack all tasks with it.

    Args:
        model: the model to attack; its modes (train, eval) are used as they are.
        tasks: what its outputs are for, and what the attack means to do to each.
        balance: the rule: a name (``"dgba"``, ``"relative"``, ``"total"``, ``"single:<task>"``, ``"wgd"``,
            ``"sign_total"``, ...) or a :class:`~mt_torchattacks.Rule`.

    Raises:
        TypeError, ValueError: tasks or balance are not what they should be.

    Example:
        >>> import mt_torchattacks as mta
        >>> model = torch.nn.Conv2d(3, 2, 1)
        >>> objective = mta.Objective(model, mta.Tasks(flow=mta.losses.L1()), balance="total")
        >>> images = torch.rand(4, 3, 8, 8)
        >>> score = objective.bind(images, {"flow": torch.zeros(4, 2, 8, 8)})
        >>> score(images.requires_grad_()).sum().backward()
        >>> images.grad.shape, model.weight.grad
        (torch.Size([4, 3, 8, 8]), None)
    """

    def __init__(self, model: Callable[[Tensor], Outputs], tasks: Tasks, balance: str | Rule = "dgba") -> None:
        checks.require(isinstance(tasks, Tasks), "tasks", "mta.Tasks(...)", checks.describe(tasks), TypeError)
        checks.require(bool(tasks.active), "tasks", "a task whose role is not 'ignore'", "none")
        self.model = model
        self.rule = resolve(balance)
        self.names = tuple(self.rule.select(tasks.active))
        self.tasks = tasks.only(self.names)

    def bind(
        self, images: Images, targets: Targets, *, noise: float = 8 / 255, bounds: tuple[float, float] = (0.0, 1.0)
    ) -> BoundObjective:
        """The objective for these clean images and targets.

        Args:
            images: ``(N, C, H, W)`` clean images within ``bounds``.
            targets: one tensor a task, each with N as its first dimension.
            noise: size of the uniform noise under which losses are taken where the clean loss is as good as 0.
            bounds: smallest and largest pixel value.

        Raises:
            TypeError, KeyError, ValueError: images or targets do not fit; the message names which.
        """
        return BoundObjective(self, images, targets, noise, bounds)


class BoundObjective:
    """``x (N, C, H, W) -> s (N,)``; made by :meth:`Objective.bind`.

    The clean losses are taken at the first call, from that call's own forward pass if it is at the clean images.
    Where a clean loss is as good as 0 (targets that are the model's own predictions; see ``floor`` of
    :class:`~mt_torchattacks.Task`) the reference is the loss under uniform noise (fixed seed, the same for every
    sample). If such a loss has no gradient there either (an L1 distance of 0), the sample's score and gradient at its
    clean image are those at that noisy image.

    Calls with ``k * N`` images (each image k times in a row, as noise-batch attacks do) repeat targets and references.
    """

    def __init__(
        self, objective: Objective, images: Images, targets: Targets, noise: float, bounds: tuple[float, float]
    ) -> None:
        checks.images(images, bounds=bounds)
        checks.keys(targets, "targets", objective.names)
        for name in objective.names:
            target = targets[name]
            checks.require(
                isinstance(target, Tensor) and target.ndim > 0 and len(target) == len(images),
                f"targets[{name!r}]",
                f"a tensor with {len(images)} samples, one for each image",
                checks.describe(target),
            )
        self.objective = objective
        self.images = images.detach()
        self.targets = {name: targets[name].to(images.device) for name in objective.names}
        self._noise = noise
        self._bounds = bounds
        self._reference: Tensor | None = None  # (N, T) signed losses that relative increases refer to
        self._start: Tensor | None = None  # (N, C, H, W) noisy images of the samples that need them
        self._checked = False
        self._gradient_seen = False

    def __call__(self, x: Images) -> Tensor:
        """Scores ``(N,)`` whose gradient with respect to x is the attack direction.

        Raises:
            KeyError, TypeError, ValueError: an output or target does not fit, a clean loss is NaN or infinite, a
                sample has no task left, or the gradient does not reach the input.
        """
        rule = self.objective.rule
        start = self._with_gradient_check(self._moved_to_start(x))
        point = start if isinstance(rule, LossRule) else start.detach().requires_grad_(x.requires_grad)
        losses = self._signed(point)
        if self._reference is None:
            clean = losses.detach() if self._is_clean(x) else self._signed_without_gradient(self.images)
            self._reference = self._reference_from(clean)
            if self._start is not None:
                return self(x)
        reference = self._reference.repeat_interleave(self._copies(x), dim=0)
        score = rule.score(losses.detach(), reference)
        if not (torch.is_grad_enabled() and x.requires_grad):
            return score
        surrogate = self._surrogate(start, point, losses, reference)
        return score + (surrogate - surrogate.detach())

    def losses(self, x: Images) -> dict[str, Tensor]:
        """Each task's loss per sample ``(N,)`` at x, differentiable, not signed by role."""
        targets = self._targets_for(x)
        with frozen(self.objective.model):
            outputs = self.objective.model(x)
        if not self._checked:
            self.objective.tasks.check(outputs, targets)
            self._checked = True
        return self.objective.tasks.losses(outputs, targets)

    def _signed(self, x: Tensor) -> Tensor:
        losses, tasks = self.losses(x), self.objective.tasks
        if torch.is_grad_enabled() and x.requires_grad:
            for name, loss in losses.items():
                expected = "outputs that can be differentiated with respect to the images"
                checks.require(loss.requires_grad, f"model output {name!r}", expected, "a detached one")
        dtype = max((loss.dtype for loss in losses.values()), key=lambda dtype: dtype.itemsize)
        return torch.stack([tasks[name].sign * losses[name].to(dtype) for name in self.objective.names], dim=1)

    def _surrogate(self, x: Tensor, point: Tensor, losses: Tensor, reference: Tensor) -> Tensor:
        rule = self.objective.rule
        if isinstance(rule, LossRule):
            return (_weights(rule.weights(losses.detach(), reference), losses) * losses).sum(dim=1)
        gradients = separate_gradients(losses, point)
        if isinstance(rule, GramianRule):
            flat = gradients.flatten(2)
            weights = _weights(rule.weights(flat @ flat.mT), losses)
            direction = (weights.unsqueeze(2) * flat).sum(dim=1).reshape(x.shape)
        else:
            assert isinstance(rule, GradientRule)
            direction = rule.direction(gradients)
            expected = f"shape {tuple(x.shape)}"
            checks.require(direction.shape == x.shape, "direction", expected, checks.describe(direction))
        return ((x - x.detach()) * direction.detach()).flatten(1).sum(dim=1)

    def _reference_from(self, clean: Tensor) -> Tensor:
        """The losses that increases refer to; where some are as good as 0, also the noisy start."""
        names, relative = self.objective.names, self.objective.rule.relative
        _check_clean(clean, names)
        tasks = [self.objective.tasks[name] for name in names]
        flat = torch.tensor([getattr(task.loss, "flat_at_zero", True) for task in tasks], device=clean.device)
        automatic = torch.tensor([task.floor is None for task in tasks], device=clean.device)
        floors = clean.new_tensor([_FLOOR if task.floor is None else task.floor for task in tasks])
        small = (clean.abs() <= floors) & (flat | relative)
        if small.any():
            noisy_images = self._noisy_images()
            noisy = self._signed_without_gradient(noisy_images)
            zero = small & (~automatic | (clean.abs() <= _SHARE_OF_NOISE * noisy.abs()))
            clean = torch.where(zero, noisy, clean)
            moved = (zero & flat & (noisy != 0)).any(dim=1).reshape(-1, 1, 1, 1)
            self._start = torch.where(moved, noisy_images, self.images) if moved.any() else None
        return clean

    @torch.no_grad()
    def _signed_without_gradient(self, x: Tensor) -> Tensor:
        return self._signed(x)

    def _is_clean(self, x: Tensor) -> bool:
        return x.shape == self.images.shape and torch.equal(x, self.images)

    def _noisy_images(self) -> Tensor:
        generator = torch.Generator().manual_seed(_NOISE_SEED)
        noise = torch.rand((1, *self.images.shape[1:]), generator=generator).to(self.images) * 2 - 1
        return (self.images + self._noise * noise).clamp(*self._bounds)

    def _moved_to_start(self, x: Tensor) -> Tensor:
        if self._start is None or x.shape != self.images.shape:
            return x
        clean = (x == self.images).flatten(1).all(dim=1).reshape(-1, 1, 1, 1)
        return x + torch.where(clean, self._start - self.images, 0)

    def _with_gradient_check(self, x: Tensor) -> Tensor:
        if self._gradient_seen or not x.requires_grad:
            return x
        checked: Tensor = _GradientCheck.apply(x, self)
        return checked

    def _check_first_gradient(self, gradient: Tensor) -> None:
        """A silent failure would be read as robustness: say which samples, or that no sample, can be attacked."""
        if self._gradient_seen or self._reference is None:
            return
        names = checks.listed(self.objective.names)
        reached = (gradient != 0).reshape(len(self.images), -1).any(dim=1)
        empty = (~reached & (self._reference == 0).all(dim=1)).nonzero().flatten().tolist()
        found = f"the loss of each of {names} exactly 0 for sample(s) {empty}, under noise too, and no gradient"
        checks.require(not empty, "targets", "at least one task to attack for every sample", found)
        expected = f"outputs {names} whose losses change with the images"
        checks.require(bool(reached.any()), "model", expected, "a gradient of zero for all samples and tasks")
        self._gradient_seen = True

    def _copies(self, x: Tensor) -> int:
        copies, rest = divmod(len(x), len(self.images))
        expected = f"{len(self.images)} samples, or each of them k times in a row"
        checks.require(rest == 0 and copies > 0, "x", expected, f"{len(x)} samples")
        return copies

    def _targets_for(self, x: Tensor) -> dict[str, Tensor]:
        copies = self._copies(x)
        return {name: t if copies == 1 else t.repeat_interleave(copies, dim=0) for name, t in self.targets.items()}


def separate_gradients(losses: Tensor, x: Tensor) -> Tensor:
    """Gradient of each task's loss: ``losses (N, T), x (N, C, H, W) -> (N, T, C, H, W)``, T backward passes."""
    last = losses.shape[1] - 1
    gradients = [torch.autograd.grad(losses[:, i].sum(), x, retain_graph=i < last)[0] for i in range(last + 1)]
    return torch.stack(gradients, dim=1)


@contextmanager
def frozen(model: object) -> Iterator[None]:
    """Turn the parameters' ``requires_grad`` off, so that activations which only weight gradients need are not kept."""
    parameters = list(model.parameters()) if isinstance(model, nn.Module) else []
    trainable = [parameter for parameter in parameters if parameter.requires_grad]
    try:
        for parameter in trainable:
            parameter.requires_grad_(False)
        yield
    finally:
        for parameter in trainable:
            parameter.requires_grad_(True)


def _weights(weights: Tensor, losses: Tensor) -> Tensor:
    expected = f"one weight a sample and task, {tuple(losses.shape)}"
    checks.require(weights.shape == losses.shape, "weights", expected, checks.describe(weights))
    return weights.detach()


def _check_clean(clean: Tensor, names: tuple[str, ...]) -> None:
    bad = (~torch.isfinite(clean)).nonzero()
    if len(bad):
        sample, task = (int(index) for index in bad[0])
        found = f"{float(clean[sample, task])} for sample {sample}"
        checks.fail(f"loss of task {names[task]!r}", "a finite value on the clean image", found)


class _GradientCheck(torch.autograd.Function):
    """The identity; looks at the first gradient that passes (see :meth:`BoundObjective._check_first_gradient`)."""

    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, x: Tensor, bound: BoundObjective) -> Tensor:
        ctx.bound = bound  # type: ignore[attr-defined]
        return x.view_as(x)

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, *gradients: Tensor) -> tuple[Tensor, None]:
        ctx.bound._check_first_gradient(gradients[0])  # type: ignore[attr-defined]
        return gradients[0], None
