"""A multi-task model as an ART estimator."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from art import config
from art.estimators.pytorch import PyTorchEstimator
from art.preprocessing.standardisation_mean_std.pytorch import StandardisationMeanStdPyTorch
from torch import Tensor, nn

from art_plugins.batches import in_batches
from art_plugins.fitting import FitMixin
from art_plugins.labels import Array, Label, Labels
from art_plugins.network import Network
from mt_torchattacks import Rule, Tasks, checks


class PyTorchMultiTaskEstimator(FitMixin, PyTorchEstimator):
    """This class wraps a PyTorch model with several outputs, for ART's attacks, preprocessors, defences and metrics.

    The gradient that ART's attacks ascend is the attack direction of a balancing rule over the tasks' losses.

    Labels `y` are a dict of arrays by task, or a list with a dict for each image; for ART's own attacks, which slice
    them, :meth:`labels` makes an array of dicts. Class labels may be integers or one-hot.
    Outputs and targets have the model's own layout, whatever `channels_first` says of the images.

    Example:
        >>> import mt_torchattacks as mta
        >>> from art.attacks.evasion import ProjectedGradientDescent
        >>> model, tasks = torch.nn.Conv2d(3, 1, 1), mta.Tasks(depth=mta.losses.L1())
        >>> estimator = PyTorchMultiTaskEstimator(model, tasks, input_shape=(3, 8, 8), clip_values=(0.0, 1.0))
        >>> x, y = np.random.rand(4, 3, 8, 8).astype(np.float32), {"depth": np.zeros((4, 1, 8, 8))}
        >>> attack = ProjectedGradientDescent(estimator, eps=8 / 255, eps_step=2 / 255, max_iter=5, verbose=False)
        >>> attack.generate(x, estimator.labels(x, y)).shape
        (4, 3, 8, 8)
    """

    estimator_params = [  # noqa: RUF012 - ART's name and form
        *PyTorchEstimator.estimator_params,
        "tasks",
        "input_shape",
        "balance",
        "optimizer",
    ]

    def __init__(
        self,
        model: nn.Module,
        tasks: Tasks,
        input_shape: tuple[int, ...],
        balance: str | Rule = "dgba",
        optimizer: torch.optim.Optimizer | None = None,
        clip_values: Any = None,
        channels_first: bool = True,
        preprocessing_defences: Any = None,
        postprocessing_defences: Any = None,
        preprocessing: Any = None,
        device_type: str = "gpu",
    ) -> None:
        """Create a :class:`.PyTorchMultiTaskEstimator` instance.

        :param model: The model; its output is a mapping, a dataclass or a tuple of tensors, one for each task.
        :param tasks: The model's tasks (`mta.Tasks`): their losses, and what an attack does to each.
        :param input_shape: The shape of one input sample: `(C, H, W)` or `(H, W, C)` for images, which may have any
            height and width; any other for signals `(C, L)`, rows of a table `(D,)`, volumes and the like.
        :param balance: The balancing rule, or its name.
        :param optimizer: The optimizer for training the model.
        :param clip_values: Tuple of the form `(min, max)` of floats or `np.ndarray` representing the minimum and
               maximum values allowed for features.
        :param channels_first: Whether images are `(N, C, H, W)` or `(N, H, W, C)`.
        :param preprocessing_defences: Preprocessing defence(s) to be applied by the estimator. They see images in the
               layout in which they are given.
        :param postprocessing_defences: Postprocessing defence(s) to be applied by the estimator to each task's output.
        :param preprocessing: Tuple of the form `(subtrahend, divisor)` of floats or `np.ndarray` of values to be used
               for data preprocessing, after the defences.
        :param device_type: Type of device on which the model is run, either `gpu` or `cpu`.
        """
        checks.require(isinstance(model, nn.Module), "model", "a torch.nn.Module", checks.describe(model), TypeError)
        super().__init__(
            model=model,
            clip_values=clip_values,
            channels_first=channels_first,
            preprocessing_defences=preprocessing_defences,
            postprocessing_defences=postprocessing_defences,
            preprocessing=preprocessing,
            device_type=device_type,
        )
        self._tasks = tasks
        self._input_shape = tuple(input_shape)
        self._balance = balance
        self._optimizer = optimizer
        self._check_params()

    @property
    def tasks(self) -> Tasks:
        """The model's tasks."""
        return self._tasks

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of one input sample."""
        return self._input_shape

    @property
    def balance(self) -> str | Rule:
        """The balancing rule, or its name."""
        return self._balance

    @property
    def optimizer(self) -> torch.optim.Optimizer | None:
        """The optimizer."""
        return self._optimizer

    @property
    def layer_names(self) -> list[str]:
        """The names of the model's innermost modules, in the order in which they are registered."""
        return [name for name, module in self.model.named_modules() if name and not list(module.children())]

    @property
    def nb_classes(self) -> int:
        """Refused: several tasks have no common number of classes."""
        raise AttributeError(
            "nb_classes: expected an estimator of one classifier, found one of several tasks; what looks at "
            "the classes of one classifier has no meaning for it."
        )

    def predict(self, x: Array, batch_size: int = 128, **kwargs: Any) -> list[Label]:
        """Perform prediction for a batch of inputs.

        :param x: Samples of shape NCHW or NHWC.
        :param batch_size: Batch size.
        :return: Predictions of format `list[dict[str, np.ndarray]]`, one for each image: every task's output. Used as
                 labels, they are turned into targets, and stand for the image that they were predicted for.
        """
        images, network = self.images(x), Network(self)
        found: list[Label] = []
        with self.attacked(), torch.no_grad():
            for batch in in_batches(images, batch_size):
                outputs = self.tasks.by_task(network(batch.to(self.device)))
                arrays = {name: self._postprocessed(output) for name, output in outputs.items()}
                found += _labels(arrays, batch, predicted=True)
        return found

    def labels(self, x: Array, y: Labels) -> Array:
        """Labels for ART's own attacks: one for each image, which remembers that image as the clean one.

        :param x: Samples of shape NCHW or NHWC.
        :param y: Targets: a dict of arrays, or a list of dicts.
        :return: An array of `(nb_samples,)` dicts of arrays, which can be sliced and masked like any array.
        """
        images = self.images(x)
        goals = self.targets(y, len(images))
        return np.array(_labels({name: goal.cpu().numpy() for name, goal in goals.items()}, images), dtype=object)

    def loss_gradient(self, x: Array | Tensor, y: Labels, **kwargs: Any) -> Array | Tensor:
        """Compute the attack direction of the balancing rule w.r.t. `x`.

        :param x: Samples of shape NCHW or NHWC.
        :param y: Target values: a dict of arrays, or a list of dicts. For a rule whose direction refers to the losses
                  on the clean images ("relative", "wgd") labels that know these: see :meth:`labels`.
        :return: Directions of the same shape as `x`, an array or a tensor as `x` is.
        """
        images, objective = self.images(x), self.objective()
        bound = self.bind(objective, self._clean(objective, images, y), self.targets(y, len(images)))
        with self.attacked():
            point = images.detach().to(self.device).requires_grad_()
            (gradient,) = torch.autograd.grad(bound(point).sum(), point)
        return gradient if isinstance(x, Tensor) else gradient.cpu().numpy()

    def compute_losses(self, x: Array | Tensor, y: Labels) -> dict[str, Array]:
        """Compute each task's loss.

        :param x: Samples of shape NCHW or NHWC.
        :param y: Target values: a dict of arrays, or a list of dicts.
        :return: Loss of each sample, of shape `(nb_samples,)`, by task.
        """
        images = self.images(x)
        goals = {name: goal.to(self.device) for name, goal in self.targets(y, len(images)).items()}
        with self.attacked(), torch.no_grad():
            losses = self.tasks.losses(Network(self)(images.to(self.device)), goals)
        return {name: loss.cpu().numpy() for name, loss in losses.items()}

    def compute_loss(self, x: Array | Tensor, y: Labels, reduction: str = "none", **kwargs: Any) -> Array:
        """Compute the sum of the losses of the tasks that the balancing rule looks at.

        :param x: Samples of shape NCHW or NHWC.
        :param y: Target values: a dict of arrays, or a list of dicts.
        :param reduction: "none" for the loss of each sample, "mean" or "sum" for that of all.
        :return: Loss values, of shape `(nb_samples,)` or `()`.
        """
        reduce: dict[str, Callable[[Array], Any]] = {"none": np.asarray, "mean": np.mean, "sum": np.sum}
        checks.one_of(reduction, "reduction", reduce)
        losses = self.compute_losses(x, y)
        total = np.sum([losses[name] for name in self.objective().names], axis=0)
        return np.asarray(reduce[reduction](total))

    def get_activations(
        self, x: Array, layer: int | str, batch_size: int = 128, framework: bool = False
    ) -> Array | Tensor:
        """Return the output of a specific layer for samples `x`.

        :param x: Samples of shape NCHW or NHWC.
        :param layer: Index in :attr:`layer_names`, or the name of any module of the model.
        :param batch_size: Batch size.
        :param framework: If true, return the activations as a tensor through which gradients flow to `x`.
        :return: The output of `layer`, where the first dimension is that of `x`.
        """
        modules = dict(self.model.named_modules())
        name = self.layer_names[layer] if isinstance(layer, int) else layer
        checks.one_of(name, "layer", [known for known in modules if known])
        images, network = self.images(x), Network(self)
        found: list[Tensor] = []
        handle = modules[name].register_forward_hook(lambda module, inputs, output: found.append(output))
        try:
            with self.attacked(), torch.set_grad_enabled(framework):
                for batch in in_batches(images, batch_size):
                    network(batch.to(self.device))
        finally:
            handle.remove()
        activations = torch.cat(found)
        return activations if framework else activations.cpu().numpy()

    def save(self, filename: str, path: str | None = None) -> None:
        """Save the state of the model (and of the optimizer) to `filename.model` (and `filename.optimizer`).

        :param filename: Name of the file.
        :param path: Path of the folder; if no path is specified, the default data location `ART_DATA_PATH` of ART.
        """
        full_path = Path(config.ART_DATA_PATH if path is None else path) / filename
        full_path.parent.mkdir(parents=True, exist_ok=True)
        torch.save(self.model.state_dict(), f"{full_path}.model")
        if self.optimizer is not None:
            torch.save(self.optimizer.state_dict(), f"{full_path}.optimizer")

    def set_params(self, **kwargs: Any) -> None:
        """Take a dictionary of parameters and apply checks before setting them as attributes; all are set, or none.

        :param kwargs: A dictionary of attributes.
        """
        if isinstance(kwargs.get("preprocessing"), tuple):
            mean, std = kwargs["preprocessing"]
            kwargs["preprocessing"] = StandardisationMeanStdPyTorch(mean=mean, std=std, device_type=self.device_type)
        before = {**vars(self), "preprocessing_operations": list(self.preprocessing_operations)}
        try:
            super().set_params(**kwargs)
        except Exception:
            self.__dict__.update(before)
            raise

    def __repr__(self) -> str:
        values = ", ".join(f"{name}={value!r}" for name, value in self.get_params().items())
        return f"{type(self).__name__}({values})"

    def _check_params(self) -> None:
        super()._check_params()
        whole = all(size is None or (isinstance(size, (int, np.integer)) and size > 0) for size in self.input_shape)
        checks.require(len(self.input_shape) > 0 and whole, "input_shape", "the sizes of one input", self.input_shape)
        images = self.channels_first or len(self.input_shape) == 3
        checks.require(images, "channels_first", "True, since the inputs are no images", self.channels_first)
        self.model.to(self.device)
        self.objective()  # tasks and balancing rule are checked there

    def _postprocessed(self, output: Tensor) -> Array:
        array = (output.float() if output.is_floating_point() else output).cpu().numpy()
        return np.asarray(self._apply_postprocessing(array, fit=False))


def _labels(arrays: Mapping[str, Array], images: Tensor, *, predicted: bool = False) -> list[Label]:
    rows = images.detach().cpu().numpy()
    return [
        Label({name: array[i] for name, array in arrays.items()}, row, predicted=predicted)
        for i, row in enumerate(rows)
    ]
