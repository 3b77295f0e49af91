"""Trained models for mt-torchattacks: ``mt_torchattacks.models.zoo`` finds them where this package is installed."""

from pathlib import Path

from mt_torchattacks.models.zoo import WEIGHT_FOLDERS

WEIGHT_FOLDERS.append(Path(__file__).parent / "weights")
