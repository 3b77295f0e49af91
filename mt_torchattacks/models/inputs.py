"""Models of several inputs: one is attacked, the others come along, each sample's with that sample."""

from __future__ import annotations

import inspect
from collections.abc import Sequence

from torch import Tensor, nn

from mt_torchattacks import checks
from mt_torchattacks.types import Outputs, Targets


class SeveralInputs(nn.Module):
    """A model of several inputs as a model of one; made by :func:`inputs`.

    Attributes:
        model: the model itself.
        attacked: the name of the argument that is attacked.
        other_inputs: the names of the arguments that come along. Any module that has this attribute, and takes these
            keyword arguments after its first input, is given them from the targets.
    """

    def __init__(self, model: nn.Module, attacked: str, others: Sequence[str]) -> None:
        super().__init__()
        self.model = model
        self.attacked = attacked
        self.other_inputs = tuple(others)

    def forward(self, x: Tensor, **others: Tensor) -> Outputs:
        """The model's outputs; ``others`` by name, as many samples of each as of x."""
        checks.keys(others, "other inputs", self.other_inputs, allowed=self.other_inputs)
        return self.model(**{self.attacked: x}, **others)


def inputs(model: nn.Module, attacked: str, others: Sequence[str]) -> SeveralInputs:
    """A model of several inputs for attacks on one of them.

    The other inputs travel among the targets, under their names: ``attack(images, {"depth": ..., "tokens": ...})``.
    There is no other way to give them, so they are always of the samples that are attacked, also where an attack makes
    noisy copies of each sample, leaves out those that are done, or takes a part of the batch.

    Args:
        model: called with keyword arguments.
        attacked: the argument that is attacked, a floating-point tensor ``(N, ...)``.
        others: the arguments that come along, tensors ``(N, ...)`` of any dtype. An input that is the same for all
            samples belongs into the model.

    Raises:
        TypeError: not a ``torch.nn.Module``, or names that its ``forward`` does not take.
        ValueError: no other input, or the attacked one among them.

    Example:
        >>> import torch, mt_torchattacks as mta
        >>> class Answer(nn.Module):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.words, self.see = nn.Embedding(9, 4), nn.Linear(48, 4)
        ...     def forward(self, image, question):
        ...         return {"answer": self.see(image.flatten(1)) * self.words(question).mean(1)}
        >>> model = inputs(Answer(), attacked="image", others=["question"])
        >>> targets = {"answer": torch.tensor([0, 3]), "question": torch.tensor([[1, 2, 0], [5, 8, 3]])}
        >>> mta.PGD(model, mta.Tasks(answer=mta.losses.CrossEntropy()))(torch.rand(2, 3, 4, 4), targets).shape
        torch.Size([2, 3, 4, 4])
    """
    checks.require(isinstance(model, nn.Module), "model", "a torch.nn.Module", checks.describe(model), TypeError)
    text = isinstance(others, str)
    checks.require(not text, "others", "a list of names", repr(others), TypeError)
    checks.require(len(others) > 0, "others", "the name of at least one other input", "none")
    checks.require(attacked not in others, "others", f"inputs beside the attacked {attacked!r}", checks.listed(others))
    try:
        inspect.signature(model.forward).bind_partial(**dict.fromkeys((attacked, *others)))
    except TypeError as error:
        expected = f"a forward that takes {checks.listed((attacked, *others))}"
        checks.fail("model", expected, f"one for which {error}", TypeError)
    return SeveralInputs(model, attacked, others)


def other_inputs(model: object, targets: Targets) -> dict[str, Tensor]:
    """The inputs beside the attacked one that a model takes from among the targets; none for most models.

    Raises:
        KeyError: one is missing.

    Example:
        >>> other_inputs(nn.Linear(2, 2), {"depth": None})
        {}
    """
    names: Sequence[str] = getattr(model, "other_inputs", ())
    checks.keys(targets, "targets", names)
    return {name: targets[name] for name in names}
