"""What several commands take, and how they show what they found."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import click

from compiler.catalogue import CODES
from compiler.cli.render import FORMATS, Format, Result, render, wants_color
from compiler.diagnostics import Diagnostic

BLUEPRINT_ERRORS = 1
OUT_OF_DATE = 3

Decorated = Callable[..., Any]

blueprint_argument = click.argument(
    "path", type=click.Path(path_type=Path), default=Path("blueprints")
)


def format_choice(
    formats: Iterable[str] = ("text", "json"), help: str | None = None
) -> Callable[[Decorated], Decorated]:
    """`--format` of a command that knows these; one of them is text."""
    return click.option(
        "--format",
        "format_",
        type=click.Choice(tuple(formats)),
        default="text",
        show_default=True,
        help=help,
    )


def from_option(does: str, **more: Any) -> Callable[[Decorated], Decorated]:
    """`--from` of a command that compares; `more` is for click."""
    what = "a revision of PATH's repository, a blueprint, or generated output."
    return click.option("--from", "from_", metavar="REV|DIR", help=f"{does} {what}", **more)


format_option = format_choice(FORMATS, "How to show problems and results.")
_NUMBER = re.compile("[1-9][0-9]{0,3}")


def shard_option(does: str) -> Callable[[Decorated], Decorated]:
    """`--shard` of a command whose work can be split: (2, 5) is the second of five parts."""
    return click.option("--shard", metavar="I/N", default="1/1", callback=_shard, help=does)


def _shard(context: click.Context, option: click.Parameter, value: str) -> tuple[int, int]:
    number, _, of = value.partition("/")
    if not (_NUMBER.fullmatch(number) and _NUMBER.fullmatch(of) and int(number) <= int(of)):
        raise click.BadParameter("a shard is one of several: 1/4 to 4/4", context, option)
    return int(number), int(of)


color_option = click.option(
    "--color",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    show_default=True,
    help="Colours in text; auto also honours NO_COLOR.",
)


def show(
    diagnostics: Iterable[Diagnostic],
    sources: Mapping[str, str],
    format_: Format,
    color: str,
    result: Result | None = None,
) -> None:
    """Text goes to standard error, formats for programs to standard output."""
    stream = sys.stderr if format_ == "text" else sys.stdout
    text = render(
        diagnostics,
        sources,
        format_,
        wants_color(color, stream, os.environ),
        result=result,
        codes=CODES,
    )
    stream.write(text)
    stream.flush()
