"""Balancing rules: how several tasks' losses or gradients become one direction and one score per sample."""

from typing import TYPE_CHECKING

from mt_torchattacks.lazy import lazily

if TYPE_CHECKING:
    from mt_torchattacks.balancing.base import GradientRule, GramianRule, LossRule, Rule
    from mt_torchattacks.balancing.names import parse_rule, resolve, rule_names
    from mt_torchattacks.balancing.rules import (
        DGBA,
        WGD,
        Capped,
        MaxMin,
        Normalized,
        Relative,
        SignTotal,
        Single,
        Total,
        Weighted,
    )
    from mt_torchattacks.balancing.torchjd import (
        IMTLG,
        MGDA,
        AlignedMTL,
        CAGrad,
        ConFIG,
        DualProj,
        FairGrad,
        GradDrop,
        JacobianRule,
        NashMTL,
        PCGrad,
        UPGrad,
    )
else:
    lazily(__name__, together=("Rule", "LossRule", "GramianRule", "GradientRule"))

__all__ = [
    "DGBA",
    "IMTLG",
    "MGDA",
    "WGD",
    "AlignedMTL",
    "CAGrad",
    "Capped",
    "ConFIG",
    "DualProj",
    "FairGrad",
    "GradDrop",
    "GradientRule",
    "GramianRule",
    "JacobianRule",
    "LossRule",
    "MaxMin",
    "NashMTL",
    "Normalized",
    "PCGrad",
    "Relative",
    "Rule",
    "SignTotal",
    "Single",
    "Total",
    "UPGrad",
    "Weighted",
    "parse_rule",
    "resolve",
    "rule_names",
]
