"""`landform validate`."""

from __future__ import annotations

from pathlib import Path

import click

from compiler.cli.options import (
    BLUEPRINT_ERRORS,
    blueprint_argument,
    color_option,
    format_option,
    show,
)
from compiler.cli.progress import progress
from compiler.cli.render import Format
from compiler.compilation import compile_blueprints
from compiler.diagnostics import has_errors
from compiler.streaming import Streaming


@click.command("validate")
@blueprint_argument
@format_option
@color_option
@click.pass_context
def command(context: click.Context, path: Path, format_: Format, color: str) -> None:
    """Check a blueprint: everything that compile checks, without output."""
    with progress("checking", "components") as watch:
        compilation = compile_blueprints(path, Streaming(watch=watch))
    show(compilation.diagnostics, compilation.sources, format_, color)
    if has_errors(compilation.diagnostics):
        context.exit(BLUEPRINT_ERRORS)
    if format_ == "text":
        stacks = sum(len(one.stacks) for one in compilation.blueprints)
        click.echo(
            f"valid: {len(compilation.blueprints)} blueprint(s), {stacks} stack(s)", err=True
        )
