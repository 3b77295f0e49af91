"""Training of the estimator's model, and a copy with new weights."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from art_plugins.batches import Epoch, generated, shuffled
from art_plugins.device import DeviceMixin
from art_plugins.labels import Array, Labels
from art_plugins.network import Network
from mt_torchattacks.training.adversarial import train_on_batches

if TYPE_CHECKING:
    from typing_extensions import Self


class FitMixin(DeviceMixin):
    """What trains the estimator's model: on arrays, on ART's generators, and on batches of tensors."""

    def fit(
        self,
        x: Array,
        y: Labels,
        batch_size: int = 128,
        nb_epochs: int = 10,
        drop_last: bool = False,
        scheduler: Any = None,
        verbose: bool = False,
        **kwargs: Any,
    ) -> None:
        """Fit the model on the training set `(x, y)`: the sum of the tasks' mean losses is minimized.

        :param x: Training data.
        :param y: Target values: a dict of arrays, or a list of dicts.
        :param batch_size: Size of batches.
        :param nb_epochs: Number of epochs to use for training.
        :param drop_last: Leave out an epoch's last batch if it is smaller than the others.
        :param scheduler: Learning rate scheduler, stepped after every epoch.
        :param verbose: Display a progress bar.
        :param kwargs: Framework-specific arguments, which have no effect.
        """
        epoch = shuffled(self, x, y, batch_size, drop_last=drop_last)
        self.train_on(epoch, nb_epochs, scheduler=scheduler, verbose=verbose)

    def fit_generator(
        self, generator: Any, nb_epochs: int = 20, scheduler: Any = None, verbose: bool = False, **kwargs: Any
    ) -> None:
        """Fit the model on the batches of a generator.

        :param generator: An ART data generator, or a PyTorch one over a loader of `(images, targets by task)`.
        :param nb_epochs: Number of epochs to use for training.
        :param scheduler: Learning rate scheduler, stepped after every epoch.
        :param verbose: Display a progress bar.
        :param kwargs: Framework-specific arguments, which have no effect.
        """
        self.train_on(generated(self, generator), nb_epochs, scheduler=scheduler, verbose=verbose)

    def train_on(
        self, epoch: Epoch, nb_epochs: int, *, scheduler: Any = None, verbose: bool = False, **more: Any
    ) -> None:
        """Train on batches of tensors; what :meth:`fit` and the trainer share.

        :param epoch: A function that returns one epoch's batches `(images, targets)`, on the device.
        :param nb_epochs: Number of epochs.
        :param scheduler: Learning rate scheduler, stepped after every epoch.
        :param verbose: Display a progress bar.
        :param more: Further arguments of the training algorithm.
        """
        if self.optimizer is None:
            raise ValueError("optimizer: expected an optimizer to train the model with, found none.")
        network = Network(self, fit=True)
        train_on_batches(
            network, self.tasks, epoch, self.optimizer, nb_epochs, scheduler=scheduler, progress=verbose, **more
        )

    def clone_for_refitting(self) -> Self:
        """Create a copy of the estimator, with new weights, that can be refit from scratch.

        The copy has the same architecture, type of optimizer and parameters.

        :return: New estimator.
        """
        model = copy.deepcopy(self.model)
        for module in model.modules():
            if callable(reset := getattr(module, "reset_parameters", None)):
                reset()
        clone = copy.copy(self)
        clone.preprocessing_operations = list(self.preprocessing_operations)
        clone._model = model
        if self.optimizer is not None:
            clone._optimizer = type(self.optimizer)(model.parameters(), **self.optimizer.defaults)
        return clone
