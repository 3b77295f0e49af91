"""The parser, made from the commands' dataclasses by jsonargparse."""

from __future__ import annotations

import argparse
import inspect
import re
from collections.abc import Mapping, Sequence
from dataclasses import field, fields, make_dataclass
from typing import Any, Literal, get_args, get_origin, get_type_hints

from jsonargparse import ArgumentParser, set_parsing_settings
from jsonargparse.typing import register_type

from mt_torchattacks.cli.command import Command
from mt_torchattacks.cli.command import without_none as _kind
from mt_torchattacks.cli.words import UsageError, arranged, dashed
from mt_torchattacks.studies.options import Radius

register_type(Radius, serializer=str, deserializer=Radius.parse, fail_already_registered=False)
set_parsing_settings(docstring_parse_attribute_docstrings=False)


def parse(command: Command, words: Sequence[str]) -> Any:
    """The options that the words after a command stand for.

    Raises:
        UsageError: they do not fit; the message is one line.
        SystemExit: help was asked for.
    """
    try:
        found = parser_of(command).parse_args(arranged(command, words))
    except argparse.ArgumentError as error:
        raise UsageError(in_one_line(str(error), command)) from None
    return command.options(**{name: getattr(found, name) for name in command.hints})


def parse_mapping(command: Command, options: Mapping[str, Any], where: str) -> Any:
    """The options of a file, as :func:`parse`.

    Args:
        command: the command.
        options: values by the fields' names.
        where: the file, for messages.

    Raises:
        ValueError: an option that there is not, or a value that does not fit.
    """
    try:
        found = parser_of(command).parse_object(dict(options))
    except argparse.ArgumentError as error:
        raise ValueError(f"{where}: {in_one_line(str(error), command)}") from None
    return command.options(**{name: getattr(found, name) for name in command.hints})


def parser_of(command: Command) -> ArgumentParser:
    """A command's parser: an option for each field of its dataclass, and ``--config`` for a YAML file with them."""
    example = f"example: mt-attack {command.name} {command.example}".rstrip()
    parser = ArgumentParser(
        prog=f"mt-attack {command.name}",
        description=f"{command.help[:1].upper()}{command.help[1:]}.",
        usage=f"mt-attack {command.name} {' '.join([*map(str.upper, command.words), '[options]'])}",
        epilog=example,
        exit_on_error=False,
        allow_abbrev=False,
        formatter_class=_Help,
    )
    parser.add_class_arguments(_with_types(command), None, as_group=False, as_positional=True)
    parser.add_argument("--config", action="config", help="YAML file with any of these options")
    return parser


def _with_types(command: Command) -> type[Any]:
    """The options' dataclass with its types in place of their names.

    jsonargparse would look the names up in the study's module, and import for that all that type checkers read there.
    """
    known = get_type_hints(command.options)
    every = [
        (one.name, known[one.name], field(default=one.default, default_factory=one.default_factory))
        for one in fields(command.options)
    ]
    made = make_dataclass("Options", every, namespace={"__module__": __name__})
    texts = [inspect.cleandoc(cls.__doc__ or "").partition("Args:")[2] for cls in reversed(command.options.__mro__)]
    made.__doc__ = "Options.\n\nArgs:" + "".join(texts)
    return made


class _Help(argparse.HelpFormatter):
    """Options as people write them: ``--batch-size INT``, ``--eps RADIUS ...``; defaults behind each text."""

    def __init__(self, prog: str, **more: Any) -> None:
        super().__init__(prog, max_help_position=30, width=110)

    def _format_action_invocation(self, action: argparse.Action) -> str:
        if not action.option_strings:
            return action.dest.upper()
        name = f"--{dashed(action.dest)}"
        if action.dest in ("help", "print_config"):
            return name
        hint = getattr(action, "_typehint", None)
        return f"{name} {_value(hint, action)}".rstrip()

    def _expand_help(self, action: argparse.Action) -> str:
        text, default = (action.help or "").removesuffix("."), action.default
        if action.dest in ("help", "print_config", "config") or not action.option_strings:
            return {"print_config": "print the options as YAML, and stop"}.get(action.dest, text)
        shown = ", ".join(map(str, default)) if isinstance(default, list) else default
        nothing = default is None or default is False or default == []
        return text if nothing else f"{text} (default: {shown})"


def _value(hint: Any, action: argparse.Action) -> str:
    """What stands for an option's value in its help."""
    kind = _kind(hint)
    if kind is bool:
        return ""
    if get_origin(kind) is list:
        return f"{_value(get_args(kind)[0], action)} ..."
    if get_origin(kind) is Literal:
        return "{" + ",".join(map(str, get_args(kind))) + "}"
    return action.dest.upper() if kind in (None, str) else getattr(kind, "__name__", "value").upper()


def in_one_line(message: str, command: Command) -> str:
    """Jsonargparse's message in the project's form: ``--images: expected an int, found x``."""
    text = " ".join(line.strip() for line in message.splitlines() if line.strip()).replace("Not of type Radius: ", "")
    named = re.match(r'Parser key "(\w+)": ?(.*)', text)
    if named is None:
        return text
    name, rest = named[1], named[2]
    option = name if name in command.words else f"--{dashed(name)}"
    wrong = re.search(r"(?:Expected an? )(.*?)\. Got value: (.*)$", rest)
    own = re.search(r"(a radius is .*|.* could be .*: write which\.|.* is more than the range .*)$", rest)
    if own is not None:
        return f"{option}: {own[1]}"
    return f"{option}: expected {_type_in_words(wrong[1])}, found {wrong[2]}" if wrong else f"{option}: {rest}"


def _type_in_words(name: str) -> str:
    words: Mapping[str, str] = {
        "<class 'int'>": "a whole number",
        "<class 'float'>": "a number",
        "<class 'bool'>": "true or false",
    }
    choices = re.match(r"typing\.Literal\[(.*)\]", name)
    return f"one of {choices[1]}" if choices else words.get(name, name)
