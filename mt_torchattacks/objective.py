"""The one object that every attack ascends: a differentiable score per sample for a model with several tasks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from mt_torchattacks import checks
from mt_torchattacks.balancing import LossRule, Rule, resolve
from mt_torchattacks.balancing.constraint import Constraint
from mt_torchattacks.balancing.direction import direction, separate_gradients, weighted_sum
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
        checks.require(bool(tasks.balanced), "tasks", "a task to attack", f"only {tasks!r}")
        self.model = model
        self.all_tasks = tasks
        self.rule = resolve(balance)
        self.names = tuple(self.rule.select(tasks.balanced))
        self.kept = tasks.kept
        self.tasks = tasks.only((*self.names, *self.kept))

    def bind(
        self,
        images: Images,
        targets: Targets,
        *,
        noise: float = 8 / 255,
        bounds: tuple[float, float] = (0.0, 1.0),
        norm: str = "Linf",
    ) -> BoundObjective:
        """The objective for these clean images and targets.

        Args:
            images: ``(N, C, H, W)`` clean images within ``bounds``.
            targets: one tensor a task, each with N as its first dimension.
            noise: size of the uniform noise under which losses are taken where the clean loss is as good as 0.
            bounds: smallest and largest pixel value.
            norm: of the host's steps, which tasks preserved within a budget depend on: ``"Linf"`` for steps along
                the direction's sign, any other for the direction itself.

        Raises:
            TypeError, KeyError, ValueError: images or targets do not fit; the message names which.
        """
        return BoundObjective(self, images, targets, noise, bounds, norm)


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
        self,
        objective: Objective,
        images: Images,
        targets: Targets,
        noise: float,
        bounds: tuple[float, float],
        norm: str,
    ) -> None:
        checks.images(images, bounds=bounds)
        names = (*objective.names, *objective.kept)
        checks.keys(targets, "targets", names)
        for name in names:
            target = targets[name]
            checks.require(
                isinstance(target, Tensor) and target.ndim > 0 and len(target) == len(images),
                f"targets[{name!r}]",
                f"a tensor with {len(images)} samples, one for each image",
                checks.describe(target),
            )
        self.objective = objective
        self.images = images.detach()
        self.targets = {name: targets[name].to(images.device) for name in names}
        self._given = targets
        self._noise = noise
        self._bounds = bounds
        self._norm = norm
        budgets = [objective.tasks[name].budget or 0.0 for name in objective.kept]
        radius = noise * images[0].numel() ** {"Linf": 0.0, "L1": 1.0}.get(norm, 0.5)
        self._constraint = Constraint(torch.tensor(budgets, device=images.device), norm, radius) if budgets else None
        self._reference: Tensor | None = None  # (N, T + K) signed losses that relative increases refer to
        self._start: Tensor | None = None  # (N, C, H, W) noisy images of the samples that need them
        self._checked = False
        self._gradient_seen = False

    def __call__(self, x: Images) -> Tensor:
        """Scores ``(N,)`` whose gradient with respect to x is the attack direction.

        Raises:
            KeyError, TypeError, ValueError: an output or target does not fit, a clean loss is NaN or infinite, a
                sample has no task left, or the gradient does not reach the input.
        """
        start = self._with_gradient_check(self._moved_to_start(x))
        direct = isinstance(self.objective.rule, LossRule) and self._constraint is None
        point = start if direct else start.detach().requires_grad_(x.requires_grad)
        losses = self._signed(point)
        if self._reference is None:
            clean = losses.detach() if self._is_clean(x) else self._signed_without_gradient(self.images)
            self._reference = self._reference_from(clean)
            if self._start is not None:
                return self(x)
        reference = self._reference.repeat_interleave(self._copies(x), dim=0)
        score = self._score(losses.detach(), reference)
        if not (torch.is_grad_enabled() and x.requires_grad):
            return score
        surrogate = self._surrogate(start, point, losses, reference)
        return score + (surrogate - surrogate.detach())

    def under(self, balance: str | Rule, tasks: Tasks | None = None) -> BoundObjective:
        """The same model, images and targets under another rule, and with other tasks' losses where given."""
        objective = Objective(self.objective.model, tasks or self.objective.all_tasks, balance)
        return BoundObjective(objective, self.images, self._given, self._noise, self._bounds, self._norm)

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
        return torch.stack([tasks[name].sign * losses[name].to(dtype) for name in self.targets], dim=1)

    def _score(self, losses: Tensor, reference: Tensor) -> Tensor:
        count = len(self.objective.names)
        score = self.objective.rule.score(losses[:, :count], reference[:, :count])
        if self._constraint is None:
            return score
        return self._constraint.score(score, _rises(losses[:, count:], reference[:, count:]))

    def _surrogate(self, x: Tensor, point: Tensor, losses: Tensor, reference: Tensor) -> Tensor:
        """What has the direction for its gradient with respect to x."""
        rule, count = self.objective.rule, len(self.objective.names)
        raised, before = losses[:, :count], reference[:, :count]
        if isinstance(rule, LossRule) and self._constraint is None:
            return weighted_sum(rule, raised, before)
        found = direction(rule, raised, before, point)
        if self._constraint is not None:
            self._check_first_gradient(found)  # what the constraint leaves of it may rightly be zero
            rises = _rises(losses[:, count:], reference[:, count:])
            found = self._constraint.direction(found, separate_gradients(rises, point), rises.detach())
        return ((x - x.detach()) * found).flatten(1).sum(dim=1)

    def _reference_from(self, clean: Tensor) -> Tensor:
        """The losses that increases refer to; where some are as good as 0, also the noisy start."""
        names, count = tuple(self.targets), len(self.objective.names)
        _check_clean(clean, names)
        tasks = [self.objective.tasks[name] for name in names]
        flat = torch.tensor([getattr(task.loss, "flat_at_zero", True) for task in tasks], device=clean.device)
        automatic = torch.tensor([task.floor is None for task in tasks], device=clean.device)
        floors = clean.new_tensor([_FLOOR if task.floor is None else task.floor for task in tasks])
        attacked = torch.arange(len(names), device=clean.device) < count
        small = (clean.abs() <= floors) & (flat | ~attacked | self.objective.rule.relative)
        if small.any():
            noisy_images = self._noisy_images()
            noisy = self._signed_without_gradient(noisy_images)
            zero = small & (~automatic | (clean.abs() <= _SHARE_OF_NOISE * noisy.abs()))
            clean = torch.where(zero, noisy, clean)
            moved = (zero & flat & attacked & (noisy != 0)).any(dim=1).reshape(-1, 1, 1, 1)
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
        without = (self._reference[:, : len(self.objective.names)] == 0).all(dim=1)
        empty = (~reached & without).nonzero().flatten().tolist()
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


def _rises(kept: Tensor, reference: Tensor) -> Tensor:
    """Relative loss increases ``(N, K)`` from signed losses; of a loss that is 0 under noise too, over a floor."""
    return (reference - kept) / torch.where(reference == 0, _FLOOR, reference.abs())


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
