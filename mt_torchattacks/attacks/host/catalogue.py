"""Which torchattacks classes attack several tasks, and which cannot, with the reason."""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any

from mt_torchattacks import checks
from mt_torchattacks.attacks.host.traits import Traits
from mt_torchattacks.attacks.registry import REGISTERED, native_class, native_modules

if TYPE_CHECKING:
    from mt_torchattacks.attacks.host.attack import MultiTaskAttack

HOSTED: dict[str, Traits] = {
    "FGSM": Traits(),
    "BIM": Traits(),
    "RFGSM": Traits(deterministic=False),
    "PGD": Traits(deterministic=False),
    "PGDL2": Traits(norm="L2", deterministic=False),
    "EOTPGD": Traits(deterministic=False),
    "FFGSM": Traits(deterministic=False),
    "MIFGSM": Traits(divides=True),
    "NIFGSM": Traits(divides=True),
    "SINIFGSM": Traits(divides=True, a_step=lambda attack: attack.m),
    "VMIFGSM": Traits(deterministic=False, divides=True, a_step=lambda attack: attack.N + 1),
    "VNIFGSM": Traits(deterministic=False, divides=True, a_step=lambda attack: attack.N + 1),
    "DIFGSM": Traits(deterministic=False, divides=True, images=True),
    "TIFGSM": Traits(deterministic=False, divides=True, float32=True, images=True),
    "UPGD": Traits(divides=True),
    "APGD": Traits(deterministic=False),
    "PIFGSM": Traits(float32=True, images=True),
    "PIFGSMPP": Traits(float32=True, images=True),
    "PGDRS": Traits(deterministic=False),
    "PGDRSL2": Traits(norm="L2", deterministic=False),
}
"""The supported classes of torchattacks 3.5.1, by name."""

OWN = native_modules()
"""The attacks that torchattacks does not have, by name, with the module of each."""

_MARGIN = "its loss is a margin between the logits of one classifier"
_DECISION = "it stops at, or searches for, a change of one predicted class"
_NO_GRADIENT = "it looks at no loss, so there is nothing to balance: use torchattacks' class as it is"
REFUSED: dict[str, str] = {
    "CW": _MARGIN,
    "EADL1": _MARGIN,
    "EADEN": _MARGIN,
    "SPSA": f"{_MARGIN}; mta.SPSA raises the score of all tasks",
    "Square": f"{_MARGIN}; mta.Square raises the score of all tasks",
    "Jitter": "its loss is taken between one classifier's scaled logits and a one-hot class",
    "TPGD": "its loss is the divergence from one classifier's clean probabilities",
    "APGDT": "it targets the runner-up classes of one classifier",
    "AutoAttack": "its parts look at margins and classes of one classifier",
    "FAB": _DECISION,
    "DeepFool": _DECISION,
    "SparseFool": _DECISION,
    "OnePixel": _DECISION,
    "Pixle": _DECISION,
    "JSMA": "it needs the Jacobian of one classifier's classes",
    "VANILA": _NO_GRADIENT,
    "GN": _NO_GRADIENT,
    "MultiAttack": "success is not defined for several tasks: mta.MultiAttack keeps each sample's best score",
    "LGV": "it trains classifiers with their cross-entropy: give its models to a multi-task attack instead",
}
"""The classes of torchattacks 3.5.1 that would silently do nothing, or something else, on several tasks."""


def multitask(host: type) -> type[MultiTaskAttack]:
    """The multi-task class of a torchattacks class: its arguments, its loop, all tasks.

    Args:
        host: a supported class of torchattacks, for example ``torchattacks.VMIFGSM``.

    Returns:
        A class built with ``(model, tasks, balance="dgba", <the host's own arguments>)``.

    Raises:
        ImportError: torchattacks is not installed; the message says how to install it.
        TypeError: the class cannot be meant for several tasks, with the reason, or is not of torchattacks.

    Example:
        >>> import torchattacks, mt_torchattacks as mta
        >>> mta.multitask(torchattacks.VMIFGSM) is mta.VMIFGSM
        True
    """
    torchattacks = checks.optional("torchattacks", extra="torchattacks")
    name = getattr(host, "__name__", repr(host))
    if name in REFUSED and getattr(torchattacks, name) is host:
        checks.fail("host", "an attack that can be meant for several tasks", f"{name}: {REFUSED[name]}", TypeError)
    if name not in HOSTED or getattr(torchattacks, name) is not host:
        checks.fail("host", f"a torchattacks class among {checks.listed(HOSTED)}", repr(host), TypeError)
    return hosted(name)


def attack_class(name: str) -> type[MultiTaskAttack]:
    """The class of that name: torchattacks' on several tasks, this library's own, or another package's.

    Raises:
        ImportError: torchattacks is not installed; the message says how to install it.
        KeyError: there is no attack of that name.
    """
    checks.optional("torchattacks", extra="torchattacks")
    return hosted(name) if name in HOSTED else native_class(name)


def registered() -> dict[str, type[MultiTaskAttack]]:
    """The attacks that other packages have declared so far, by name."""
    return {name: cls for name, cls in REGISTERED.items() if name not in HOSTED and name not in OWN}


@functools.cache
def hosted(name: str) -> type[MultiTaskAttack]:
    """The multi-task class of that name; torchattacks must be installed."""
    torchattacks = checks.optional("torchattacks", extra="torchattacks")
    if name == "APGD":
        from mt_torchattacks.attacks.apgd import APGD

        return APGD
    from mt_torchattacks.attacks.host.attack import MultiTaskAttack
    from mt_torchattacks.attacks.host.noise_batch import NoiseBatchAttack

    base = NoiseBatchAttack if name in ("PGDRS", "PGDRSL2") else MultiTaskAttack
    host = getattr(torchattacks, name)
    cls = type(name, (base, host), {"__module__": "mt_torchattacks", "traits": HOSTED[name]})
    return _with_signature(cls, host)


def _with_signature(cls: Any, host: type) -> type[MultiTaskAttack]:
    """Give the class the host's arguments behind ``model, tasks, balance``, and a docstring, for people and editors."""
    from mt_torchattacks.attacks.host.attack import MultiTaskAttack

    ours = list(inspect.signature(MultiTaskAttack.__init__).parameters.values())[1:4]
    theirs = list(inspect.signature(host).parameters.values())[1:]
    bounds = inspect.signature(MultiTaskAttack.__init__).parameters["bounds"]
    cls.__signature__ = inspect.Signature([*ours, *theirs, bounds])
    arguments = ", ".join(f"{p.name}={p.default!r}" for p in theirs)
    inputs = "images ``(N, C, H, W)``" + ("" if cls.traits.images else ", or inputs ``(N, ...)`` of any shape,")
    cls.__doc__ = (
        f"torchattacks' {cls.__name__} on all tasks of a model; its loop runs unchanged.\n\n"
        f"Args:\n"
        f"    model: model to attack; a forward pass gives all tasks' outputs.\n"
        f"    tasks: its tasks (``mta.Tasks``).\n"
        f"    balance: balancing rule or its name.\n"
        f"    {arguments}: see ``torchattacks.{cls.__name__}``.\n"
        f"    bounds: smallest and largest pixel value, each a number or one a channel; lengths are in their unit.\n\n"
        f"Shape:\n"
        f"    {inputs} within ``bounds``, targets by task; returns the same shape.\n\n"
        f"Host's documentation:\n{inspect.cleandoc(host.__doc__ or '').split('Examples')[0]}"
    )
    return cls  # type: ignore[no-any-return]
