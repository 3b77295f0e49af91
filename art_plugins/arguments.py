"""The arguments of ART's attacks, said once: by ART's own classes."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Callable, Iterator, Mapping
from inspect import Parameter, Signature
from typing import Any, TypeVar

from art.attacks.attack import Attack

_Class = TypeVar("_Class", bound=type)

_STARTS = (
    "Number of random starts within the epsilon ball; each sample keeps its best. 0 to start at the original input."
)
_NOTES = {
    "estimator": "A multi-task estimator.",
    "norm": 'The norm of the adversarial perturbation. Possible values: "inf", `np.inf` or a real `p >= 1`.',
    "targeted": "Indicates whether `y` are goals to approach (True) or targets to leave (False).",
    "num_random_init": _STARTS,
    "nb_random_init": _STARTS,
    "random_eps": "When True, epsilon is drawn randomly from truncated normal distribution, as in ART.",
    "summary_writer": "Activate summary writer for TensorBoard, as in ART.",
    "balance": "The balancing rule, or its name; None for the estimator's.",
}


def arguments_of(host: type[Attack], through: type | None = None, **notes: str) -> Callable[[_Class], _Class]:
    """Give a class the arguments of one of ART's attacks, in ART's order, and `summary_writer` and `balance` behind.

    The class gets `__init__` with its signature and its docstring, and the new arguments' names in `attack_params`.

    :param host: ART's class, whose arguments and whose descriptions of them these are.
    :param through: The class whose `__init__` is called with those of the arguments that it has; the others become
           attributes. `host` by default.
    :param notes: Descriptions that differ from ART's, by argument.
    :return: A class decorator.
    """
    base, parameters = through or host, list(_parameters(host))
    passed = inspect.signature(base.__init__).parameters  # type: ignore[misc]
    signature, own = Signature(parameters), Parameter("self", Parameter.POSITIONAL_OR_KEYWORD)

    def give(cls: _Class) -> _Class:
        def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
            given = signature.bind(*args, **kwargs)
            given.apply_defaults()
            base.__init__(self, **{name: value for name, value in given.arguments.items() if name in passed})  # type: ignore[misc]
            for name in given.arguments.keys() - passed.keys():
                setattr(self, name, given.arguments[name])
            self._check_params()

        __init__.__signature__ = Signature([own, *parameters], return_annotation="None")  # type: ignore[attr-defined]
        __init__.__doc__ = _docstring(cls.__name__, signature.parameters, {**_described(host), **_NOTES, **notes})
        __init__.__qualname__, __init__.__module__ = f"{cls.__name__}.__init__", cls.__module__
        cls.__init__ = __init__  # type: ignore[misc]
        names = [name for name in signature.parameters if name != "estimator"]
        cls.attack_params = list(dict.fromkeys([*cls.attack_params, *names]))  # type: ignore[attr-defined]
        return cls

    return give


def _parameters(host: type[Attack]) -> Iterator[Parameter]:
    """The host's parameters without `self`, the estimator a multi-task one, and the two of every plugin's attack."""
    estimator, *theirs = list(inspect.signature(host).parameters.values())
    yield estimator.replace(annotation="PyTorchMultiTaskEstimator")
    yield from theirs
    added = {"summary_writer": ("str | bool | SummaryWriter", False), "balance": ("str | Rule | None", None)}
    for name, (annotation, default) in added.items():
        if name not in {parameter.name for parameter in theirs}:
            yield Parameter(name, Parameter.POSITIONAL_OR_KEYWORD, default=default, annotation=annotation)


def _described(host: type[Attack]) -> dict[str, str]:
    """ART's description of each argument."""
    entries = re.split(r"^:param ", inspect.cleandoc(host.__init__.__doc__ or ""), flags=re.MULTILINE)[1:]
    found = (entry.partition(":") for entry in entries)
    return {name: " ".join(text.split()) for name, _, text in found}


def _docstring(name: str, parameters: Mapping[str, Parameter], described: Mapping[str, str]) -> str:
    lines = (f":param {parameter}: {described.get(parameter, 'As in ART.')}" for parameter in parameters)
    wrapped = (textwrap.fill(line, 112, subsequent_indent=" " * 7) for line in lines)
    return "\n".join([f"Create a :class:`.{name}` instance.\n", *wrapped])
