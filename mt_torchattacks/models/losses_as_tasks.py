"""What models have in common whose outputs are losses: these are tasks, and lists of truths padded tensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from mt_torchattacks import checks
from mt_torchattacks.tasks import Tasks
from mt_torchattacks.tasks.losses import OwnLoss

NONE = -1
"""The label of a row that holds no object."""


class LossesAsTasks(nn.Module):
    """A model whose outputs are losses, and whose truths are among its inputs.

    Attributes:
        losses: names of the losses, which are the tasks.
        other_inputs: names of the truths, each with one row an object.
        label: the truth that says which rows hold an object.
    """

    losses: tuple[str, ...]
    other_inputs: tuple[str, ...]
    label: str

    def tasks(self) -> Tasks:
        """The losses as tasks; roles are changed by :meth:`~mt_torchattacks.Tasks.with_roles`."""
        return Tasks({name: OwnLoss() for name in self.losses})

    def targets(self, truths: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
        """What an attack is given beside the images, from a dictionary for each image as the model takes it.

        Args:
            truths: for each image the tensors ``(M, ...)`` that :attr:`other_inputs` names; M may differ.

        Returns:
            Each of them padded, ``(N, largest M, ...)``, the labels with -1, and for each task N zeros, which nobody
            reads.

        Raises:
            KeyError: an image's dictionary lacks something.
        """
        for number, truth in enumerate(truths):
            checks.keys(truth, f"truths[{number}]", self.other_inputs)
        found = {}
        for name in self.other_inputs:
            padding = NONE if name == self.label else 0
            found[name] = pad_sequence([truth[name] for truth in truths], batch_first=True, padding_value=padding)
        return found | {name: torch.zeros(len(truths)) for name in self.losses}

    def truths(self, padded: Mapping[str, Tensor]) -> list[dict[str, Tensor]]:
        """The dictionary of each image that :meth:`targets` was given."""
        there = padded[self.label] != NONE
        return [{name: of[i][there[i]] for name, of in padded.items()} for i in range(len(there))]
