"""The command line, ``mt-attack``: a command for each study, and those that make models and look at data."""

from mt_torchattacks.cli.main import main

__all__ = ["main"]
