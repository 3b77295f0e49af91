"""Adversarial training on several tasks, in the style of ART's trainers."""

from __future__ import annotations

from typing import Any

from art.defences.trainer.trainer import Trainer

from art_plugins.batch_attack import BatchAttack
from art_plugins.batches import Epoch, generated, shuffled
from art_plugins.estimator import PyTorchMultiTaskEstimator
from art_plugins.labels import Array, Labels
from mt_torchattacks import checks


class AdversarialTrainerMultiTask(Trainer):
    """Class performing adversarial training of a multi-task model, following Madry's protocol.

    | Paper link: https://arxiv.org/abs/1706.06083

    | Please keep in mind the limitations of defences: a model that withstands the attack it was trained with may fall
        to another.

    Example:
        >>> import numpy as np, torch, mt_torchattacks as mta
        >>> from art_plugins import ProjectedGradientDescent
        >>> model, tasks = torch.nn.Conv2d(3, 1, 1), mta.Tasks(depth=mta.losses.L1())
        >>> optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        >>> estimator = PyTorchMultiTaskEstimator(model, tasks, input_shape=(3, 8, 8), optimizer=optimizer)
        >>> attack = ProjectedGradientDescent(estimator, eps=8 / 255, eps_step=4 / 255, max_iter=3, verbose=False)
        >>> trainer = AdversarialTrainerMultiTask(estimator, attack)
        >>> trainer.fit(np.random.rand(8, 3, 8, 8), {"depth": np.ones((8, 1, 8, 8))}, batch_size=4, nb_epochs=1)
    """

    def __init__(self, classifier: PyTorchMultiTaskEstimator, attack: BatchAttack, ratio: float = 1.0) -> None:
        """Create an :class:`.AdversarialTrainerMultiTask` instance.

        :param classifier: Multi-task estimator to train adversarially, with an optimizer.
        :param attack: The attack to train against: one of this package, untargeted, on the same estimator.
        :param ratio: The proportion of samples in each batch to be replaced with their adversarial counterparts.
        """
        right = isinstance(classifier, PyTorchMultiTaskEstimator)
        checks.require(right, "classifier", "a PyTorchMultiTaskEstimator", checks.describe(classifier), TypeError)
        right = isinstance(attack, BatchAttack)
        checks.require(right, "attack", "an attack of art_plugins", checks.describe(attack), TypeError)
        checks.require(not attack.targeted, "attack", "an untargeted attack", "a targeted one")
        checks.require(attack.estimator is classifier, "attack", "an attack on the same estimator", "another estimator")
        checks.require(0 < ratio <= 1, "ratio", "a number in (0, 1]", ratio)
        super().__init__(classifier=classifier)
        self.attack = attack
        self.ratio = ratio

    def fit(
        self, x: Array, y: Labels, batch_size: int = 128, nb_epochs: int = 20, drop_last: bool = False, **kwargs: Any
    ) -> None:
        """Train the model adversarially.

        Arguments are those of :meth:`.PyTorchMultiTaskEstimator.fit`.

        :param kwargs: `scheduler` and `verbose`.
        """
        epoch = shuffled(self.classifier, x, y, batch_size, drop_last=drop_last)
        self._train(epoch, nb_epochs, **kwargs)

    def fit_generator(self, generator: Any, nb_epochs: int = 20, **kwargs: Any) -> None:
        """Train the model adversarially on the batches of a generator.

        Arguments are those of :meth:`.PyTorchMultiTaskEstimator.fit_generator`.

        :param kwargs: `scheduler` and `verbose`.
        """
        self._train(generated(self.classifier, generator), nb_epochs, **kwargs)

    def _train(self, epoch: Epoch, nb_epochs: int, **kwargs: Any) -> None:
        self.classifier.train_on(epoch, nb_epochs, attack=self.attack.perturb, ratio=self.ratio, **kwargs)
