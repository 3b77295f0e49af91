"""An attack's arguments, each said once; its signature, documentation and checks are made from what is said."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable
from typing import Any, ClassVar, TypeAlias

from mt_torchattacks import checks
from mt_torchattacks.attacks.host.attack import MultiTaskAttack
from mt_torchattacks.balancing import Rule
from mt_torchattacks.geometry.box import Bounds

Check: TypeAlias = Callable[[Any, str], None]
"""``check(value, name)`` raises an error that names the argument if it does not take the value."""

_IN = 4 * " "
_SECTIONS = ("Shape:", "Returns:", "Raises:", "Example:")


class Argument:
    """What a class says of an argument; the values are on the attacks themselves. See :func:`argument`."""

    def __init__(self, default: Any, text: str, check: Check | None, *, annotation: Any = "", attribute: str = ""):
        self.default, self.text, self.check = default, text, check
        self.annotation, self.attribute = annotation, attribute
        self.name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name
        self.annotation = self.annotation or inspect.get_annotations(owner).get(name, Any)

    def __get__(self, attack: object | None, owner: type | None = None) -> Any:
        if attack is None:
            return self
        if self.attribute:
            return getattr(attack, self.attribute)
        raise AttributeError(f"{type(attack).__name__!r} object has no attribute {self.name!r}")

    def parameter(self, kind: Any = inspect.Parameter.POSITIONAL_OR_KEYWORD) -> inspect.Parameter:
        """The argument in a signature."""
        return inspect.Parameter(self.name, kind, default=self.default, annotation=self.annotation)


class _NoArgument:
    """In the place of an inherited argument that a class does not have."""

    def __get__(self, attack: object | None, owner: type | None = None) -> Any:
        raise AttributeError("no such argument")


def argument(default: Any, text: str, check: Check | None = None, *, attribute: str = "") -> Any:
    """Say what an attack takes, in the body of its class, which gives it the name and the type.

    Args:
        default: its default.
        text: what it is, for the documentation; with the range and the unit of a number.
        check: raises an error if a value does not fit; see :func:`number` and :mod:`mt_torchattacks.checks`.
        attribute: of the attack, where the value is to be found, if that is not called as the argument.

    Example:
        >>> from mt_torchattacks.attacks.native import NativeAttack
        >>> class _Shifted(NativeAttack):
        ...     shift: float = argument(0.5, "how far to go, as a share of eps in [0, 1].")
        ...     def run(self, bound, ball, generator):
        ...         return ball.project(ball.images + self.shift * ball.radius)
        >>> list(inspect.signature(_Shifted).parameters)
        ['model', 'tasks', 'balance', 'norm', 'eps', 'steps', 'seed', 'shift', 'bounds']
    """
    return Argument(default, text, check, attribute=attribute)


def length(default: float, text: str) -> Any:
    """Declare an argument that is a length in pixel values > 0: a number, or one a channel where the norm is Linf."""
    return Argument(default, text, None, annotation="PerChannel")


def no_argument() -> Any:
    """Declare that a class does not have an argument that its base has."""
    return _NoArgument()


def number(expected: str, fits: Callable[[Any], bool]) -> Check:
    """A check that a value is a number that fits.

    Example:
        >>> number("a number >= 0", lambda value: value >= 0)(-1, "decay")
        Traceback (most recent call last):
        ValueError: decay: expected a number >= 0, found -1.
    """

    def check(value: Any, name: str) -> None:
        checks.require(checks.is_number(value), name, expected, repr(value), TypeError)
        checks.require(fits(value), name, expected, value)

    return check


class Declared(MultiTaskAttack):
    """Base of the attacks whose arguments are declared in the body of the class by :func:`argument`.

    A subclass has its base's arguments, then its own in the order of the body. One that is declared again stands where
    it is declared again; a plain value in the place of an argument means that the class has no such argument.
    """

    arguments: ClassVar[dict[str, Argument]] = {}
    rule_names: ClassVar[dict[str, str]] = {}
    """Names that balancing rules have in this attack only, with the usual ones."""

    counts = ()  # every argument has its own check

    balance: str | Rule = argument("dgba", "balancing rule or its name.")
    bounds: Bounds = argument((0.0, 1.0), "smallest and largest pixel value, each a number or one a channel.")

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        inherited = {name: found for name, found in _declared(cls.__mro__[1]).items() if name not in vars(cls)}
        cls.arguments = inherited | {n: found for n, found in vars(cls).items() if isinstance(found, Argument)}
        lengths = (name for name, found in cls.arguments.items() if found.annotation == "PerChannel")
        cls.lengths = tuple(dict.fromkeys((*cls.lengths, *lengths)))
        generated = cls.__init__ is Declared.__init__
        cls.__signature__ = _signature(cls.arguments) if generated else None
        if generated and vars(cls).get("__doc__"):
            cls.__doc__ = _documented(cls)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        try:
            given = _signature(self.arguments).bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{type(self).__name__}: {error}") from None
        given.apply_defaults()
        rule = given.arguments["balance"]
        balance = self.rule_names.get(rule, rule) if isinstance(rule, str) else rule
        super().__init__(**given.arguments | {"balance": balance})

    def _check_arguments(self) -> None:
        super()._check_arguments()
        for name, declared in self.arguments.items():
            if declared.check is not None:
                declared.check(getattr(self, name), name)


def _declared(cls: type) -> dict[str, Argument]:
    """The arguments of a class, those of :class:`Declared` itself included."""
    found = {name: value for name, value in vars(Declared).items() if isinstance(value, Argument)}
    return found | getattr(cls, "arguments", {})


def _signature(arguments: dict[str, Argument]) -> inspect.Signature:
    """``(model, tasks, balance, <the attack's own>, *, bounds)``."""
    given = inspect.signature(MultiTaskAttack.__init__).parameters
    own = [value.parameter() for name, value in arguments.items() if name not in ("balance", "bounds")]
    balance, bounds = arguments["balance"].parameter(), arguments["bounds"].parameter(inspect.Parameter.KEYWORD_ONLY)
    return inspect.Signature([given["model"], given["tasks"], balance, *own, bounds])


def _documented(cls: type[Declared]) -> str:
    """The class's docstring with sections on its arguments and shapes before the others."""
    lines = inspect.cleandoc(cls.__doc__ or "").splitlines()
    if "Args:" in lines:
        return cls.__doc__ or ""
    at = next((i for i, line in enumerate(lines) if line in _SECTIONS), len(lines))
    texts = {"model": "model to attack; a forward pass gives all tasks' outputs.", "tasks": "its tasks."}
    names = list(inspect.signature(cls).parameters)
    texts |= {name: cls.arguments[name].text for name in names[2:]}
    if "norm" in names:
        texts["norm"] += " " + " or ".join(f'``"{norm}"``' for norm in cls.norms) + "."
    wrap = textwrap.TextWrapper(116, initial_indent=_IN, subsequent_indent=2 * _IN)
    shown = [wrap.fill(f"{name}: {texts[name]}") for name in names]
    inputs = "images ``(N, C, H, W)``" + ("" if cls.traits.images else ", or inputs ``(N, ...)`` of any shape,")
    shape = f"    {inputs} within ``bounds``, targets by task; returns the same shape."
    return "\n".join([*lines[:at], "Args:", *shown, "", "Shape:", shape, "", *lines[at:]])
