"""Balancing rules: how several tasks' losses or gradients become one direction and one score per sample."""

from mt_torchattacks.balancing.base import GradientRule, GramianRule, LossRule, Rule, resolve
from mt_torchattacks.balancing.rules import DGBA, WGD, Normalized, Relative, SignTotal, Single, Total, Weighted
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

__all__ = [
    "DGBA",
    "IMTLG",
    "MGDA",
    "WGD",
    "AlignedMTL",
    "CAGrad",
    "ConFIG",
    "DualProj",
    "FairGrad",
    "GradDrop",
    "GradientRule",
    "GramianRule",
    "JacobianRule",
    "LossRule",
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
    "resolve",
]
