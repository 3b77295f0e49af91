"""A small net with two heads for :class:`~mt_torchattacks.data.TwoDigits`, trained in less than a minute."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mt_torchattacks.data.two_digits import TwoDigits

_CHANNELS, _FEATURES, _LEARNING_RATE, _BATCH = 8, 64, 4e-3, 128


class TwoHeads(nn.Module):
    """Images ``(N, 1, 12, 12)`` to scores ``(N, 10)`` of the left and of the right digit.

    Args:
        channels: of the first convolution, twice as many of the second.
        scales: factors of the heads' scores: with 5 a head predicts the same classes, only more confidently.

    Example:
        >>> {head: tuple(scores.shape) for head, scores in TwoHeads()(torch.rand(3, 1, 12, 12)).items()}
        {'left': (3, 10), 'right': (3, 10)}
    """

    def __init__(self, channels: int = _CHANNELS, scales: dict[str, float] | None = None) -> None:
        super().__init__()
        self.trunk = nn.Sequential(
            nn.Conv2d(1, channels, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(channels, 2 * channels, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(2 * channels * 6 * 6, _FEATURES),
            nn.ReLU(),
        )
        self.heads = nn.ModuleDict({task: nn.Linear(_FEATURES, TwoDigits.num_classes) for task in TwoDigits.TASKS})
        self.scales = scales or {}

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """The scores by head."""
        features = self.trunk(images)
        return {task: self.scales.get(task, 1.0) * head(features) for task, head in self.heads.items()}


def trained(seed: int = 0, *, images: int = 8000, epochs: int = 30) -> TwoHeads:
    """A net in evaluation mode that was trained with Adam on the sum of both heads' cross-entropies.

    Args:
        seed: of the first weights, of the order of the images, and of the images themselves, which are pairs of the
            digits of the split ``"train"``. The global random numbers come back as they were.
        images: number of images.
        epochs: how often each is seen.

    Example:
        >>> trained(images=64, epochs=1).training
        False
    """
    data = TwoDigits(images, "train", seed)
    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        torch.manual_seed(seed)
        model = TwoHeads()
        optimizer = torch.optim.Adam(model.parameters(), lr=_LEARNING_RATE)
        for _ in range(epochs):
            for where in torch.split(torch.randperm(images), _BATCH):
                scores = model(data.images[where])
                loss = sum(F.cross_entropy(scores[task], data.targets[task][where]) for task in data.TASKS)
                optimizer.zero_grad()
                loss.backward()  # type: ignore[union-attr]
                optimizer.step()
    return model.eval()


def scaled(model: TwoHeads, **scales: float) -> TwoHeads:
    """The same net with heads' scores multiplied: ``scaled(model, left=5)``."""
    copy = TwoHeads(model.trunk[0].out_channels, scales)  # type: ignore[arg-type]
    copy.load_state_dict(model.state_dict())
    return copy.train(model.training)
