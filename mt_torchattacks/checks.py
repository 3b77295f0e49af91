"""Every input check of the library, with one style of error: *name*: expected *this*, found *that*."""

from __future__ import annotations

import importlib
import sys
import warnings
from collections.abc import Collection, Mapping
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, NoReturn, TypeGuard

from mt_torchattacks.names import hint

if TYPE_CHECKING:
    from torch import Tensor

_INSTALL = {
    "torchattacks": (
        "pip install 'mt-torchattacks[torchattacks]', or, beside packages newer than its pinned requests~=2.25.1 "
        "(which it never uses), pip install --no-deps torchattacks"
    ),
}


def fail(name: str, expected: str, found: object, error: type[Exception] = ValueError) -> NoReturn:
    """Raise ``error`` with the argument's name, what was expected and what was found.

    Example:
        >>> fail("eps", "a positive number", -1.0)
        Traceback (most recent call last):
        ValueError: eps: expected a positive number, found -1.0.
    """
    raise error(f"{name}: expected {expected}, found {found}.")


def require(condition: bool, name: str, expected: str, found: object, error: type[Exception] = ValueError) -> None:
    """Call :func:`fail` unless ``condition`` holds."""
    if not condition:
        fail(name, expected, found, error)


def deprecated(what: str, instead: str, *, since: str, until: str) -> None:
    """Warn that a public name goes away; called by what stands in for it. The policy is in CONTRIBUTING.md.

    Args:
        what: the name, as users write it.
        instead: what to write.
        since: the first version that warns.
        until: the version that no longer has it; a test fails when it is reached.

    Example:
        >>> with warnings.catch_warnings(record=True) as said:
        ...     warnings.simplefilter("always")
        ...     deprecated("mta.attack", "mta.create", since="0.2", until="0.4")
        >>> str(said[-1].message)
        'mta.attack goes away in version 0.4 (deprecated since 0.2): write mta.create instead.'
    """
    message = f"{what} goes away in version {until} (deprecated since {since}): write {instead} instead."
    warnings.warn(message, FutureWarning, stacklevel=3)


def optional(module: str, *, extra: str) -> Any:
    """Import an optional dependency, or raise an ``ImportError`` that names the extra which brings it.

    Args:
        module: dotted name of the module.
        extra: the extra of this package that installs it.

    Example:
        >>> optional("math", extra="none").sqrt(4.0)
        2.0
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as missing:
        if missing.name is None or missing.name.split(".")[0] != module.split(".")[0]:
            raise
        how = _INSTALL.get(extra, f"pip install 'mt-torchattacks[{extra}]'")
        raise ImportError(f"{module.split('.')[0]} is needed here and is not installed: {how}.") from missing


def listed(names: Collection[str]) -> str:
    """Names for a message: ``'depth', 'normal'``, or ``nothing``."""
    return ", ".join(repr(name) for name in names) or "nothing"


def describe(value: object) -> str:
    """A tensor's dtype and shape, any other value's type, for a message."""
    if _is_tensor(value):
        return f"{str(value.dtype).removeprefix('torch.')} of shape {tuple(value.shape)}"
    return type(value).__name__


def _is_tensor(value: object) -> TypeGuard[Tensor]:
    """Whether a value is a tensor; none is where PyTorch is not loaded, and asking does not load it."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def inputs(
    value: object,
    name: str = "images",
    *,
    bounds: tuple[float, float] | None = (0.0, 1.0),
    image_shaped: bool = False,
) -> None:
    """Check floating-point inputs ``(N, ...)``, finite and within ``bounds`` (None: any).

    Args:
        value: what should be the inputs.
        name: for the message.
        bounds: the smallest and the largest value.
        image_shaped: they have to be images ``(N, C, H, W)``.

    Raises:
        TypeError: not a floating-point tensor.
        ValueError: not a batch, not four-dimensional where that is asked for, empty, with NaN or infinity, or out of
            bounds.
    """
    shape = "(N, C, H, W)" if image_shaped else "(N, ...), such as images (N, C, H, W)"
    if not _is_tensor(value):
        fail(name, f"a tensor of shape {shape}", describe(value), TypeError)
    scale = " (bytes: .float() / 255)" if str(value.dtype) == "torch.uint8" else ""
    require(value.is_floating_point(), name, f"a floating-point dtype{scale}", describe(value), TypeError)
    fits = value.ndim == 4 if image_shaped else value.ndim >= 2
    require(fits, name, f"shape {shape}", describe(value))
    require(value.numel() > 0, name, "at least one sample", f"an empty batch, {describe(value)}")
    require(value.device.type != "meta", name, "values", "a tensor on the device 'meta', which has none")
    finite(value, name)
    if bounds is not None:
        within(value, name, *bounds)


def within(value: Tensor, name: str, low: float, high: float, advice: str = "") -> None:
    """Check that all values are between two numbers, but for what un-normalizing or half types leave of rounding.

    Args:
        value, name: the tensor and its name.
        low, high: the numbers.
        advice: what to do, for the end of the message.
    """
    import torch

    smallest, largest = (float(v) for v in value.detach().aminmax())
    slack = max(1e-5, 2 * torch.finfo(value.dtype).eps) * (high - low)
    expected = f"values in [{low:g}, {high:g}]"
    found = f"values in [{smallest:g}, {largest:g}]{advice}"
    require(low - slack <= smallest and largest <= high + slack, name, expected, found)


def finite(value: Tensor, name: str) -> None:
    """Check that a floating-point tensor holds neither NaN nor infinity."""
    if value.is_floating_point() and not bool(value.isfinite().all()):
        bad = int((~value.isfinite()).sum())
        fail(name, "finite values", f"{bad} of {value.numel()} values NaN or infinite")


def positive(value: object, name: str) -> None:
    """Check a number > 0 (or a tensor whose entries all are)."""
    if _is_tensor(value):
        require(bool((value > 0).all()), name, "numbers > 0", value.tolist())
    else:
        require(is_number(value), name, "a number > 0", repr(value), TypeError)
        require(value > 0, name, "a number > 0", value)  # type: ignore[operator]


def whole(value: object, name: str) -> None:
    """Check a whole number > 0."""
    positive(value, name)
    require(isinstance(value, Integral), name, "a whole number > 0", value, TypeError)


def is_number(value: object) -> bool:
    """Whether a value is a number, Python's or NumPy's, and no truth value."""
    return isinstance(value, Real) and not isinstance(value, bool)


def one_of(value: object, name: str, choices: Collection[str]) -> None:
    """Check that a name is one of those there are."""
    require(value in choices, name, f"one of {listed(choices)}", f"{value!r}{hint(value, choices)}")


def keys(value: object, name: str, wanted: Collection[str], *, allowed: Collection[str] | None = None) -> None:
    """Check a mapping's keys: all of ``wanted``, and (where given) none outside ``allowed``.

    Raises:
        TypeError: not a mapping.
        KeyError: a key is missing.
        ValueError: a key is there that is not allowed.
    """
    if not isinstance(value, Mapping):
        fail(name, f"a mapping with the keys {listed(wanted)}", describe(value), TypeError)
    missing = [key for key in wanted if key not in value]
    if missing:
        raise MissingKeyError(
            f"{name}: expected the keys {listed(wanted)}; {listed(missing)} missing among {listed(value)}."
        )
    extra = [] if allowed is None else [key for key in value if key not in allowed]
    require(not extra, name, f"only the keys {listed(allowed or ())}", f"also {listed(extra)}")


class MissingKeyError(KeyError):
    """A ``KeyError`` whose message reads like any other error's (``KeyError`` shows it quoted)."""

    def __str__(self) -> str:
        return str(self.args[0])
