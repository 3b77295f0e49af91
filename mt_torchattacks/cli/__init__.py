"""The command line, ``mt-attack``: one module per command, each with its arguments and what it runs."""

from mt_torchattacks.cli.main import main

__all__ = ["main"]
