"""Attacks: torchattacks' own loops on all tasks of a model, and what torchattacks does not have."""

from typing import TYPE_CHECKING

from mt_torchattacks.attacks import classes
from mt_torchattacks.attacks.host.catalogue import REFUSED
from mt_torchattacks.lazy import lazily

if TYPE_CHECKING:
    from mt_torchattacks.attacks.adversarial_patch import AdversarialPatch
    from mt_torchattacks.attacks.attention import Rollout
    from mt_torchattacks.attacks.classes import *  # noqa: F403
    from mt_torchattacks.attacks.create import ATTACKS, attack_name, attack_names, create
    from mt_torchattacks.attacks.ensemble import Ensemble
    from mt_torchattacks.attacks.host.attack import MultiTaskAttack
    from mt_torchattacks.attacks.host.catalogue import HOSTED, OWN, attack_class, multitask
    from mt_torchattacks.attacks.host.saving import load
    from mt_torchattacks.attacks.multi import MultiAttack
    from mt_torchattacks.attacks.native import NativeAttack
    from mt_torchattacks.attacks.universal_perturbation import UniversalPerturbation
else:
    lazily(__name__, find=classes.find, reasons=REFUSED)

__all__ = [
    "ATTACKS",
    "HOSTED",
    "OWN",
    "REFUSED",
    "AdversarialPatch",
    "Ensemble",
    "MultiAttack",
    "MultiTaskAttack",
    "NativeAttack",
    "Rollout",
    "UniversalPerturbation",
    "attack_class",
    "attack_name",
    "attack_names",
    "create",
    "load",
    "multitask",
]
__all__ += classes.__all__
