"""`landform compile`."""

from __future__ import annotations

import os
from pathlib import Path

import click

from compiler.cli.options import (
    BLUEPRINT_ERRORS,
    OUT_OF_DATE,
    blueprint_argument,
    color_option,
    format_option,
    show,
)
from compiler.cli.progress import progress
from compiler.cli.render import Format, Result
from compiler.compilation import compile_blueprints
from compiler.diagnostics import has_errors
from compiler.emission import apply, joined, plan
from compiler.tree import Changes

# More than this says less.
LISTED = 30


@click.command("compile")
@blueprint_argument
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("generated"),
    show_default=True,
    help="Folder that gets one folder for each organisation.",
)
@click.option("--check", is_flag=True, help="Write nothing; exit 3 if something is out of date.")
@click.option(
    "--prune", is_flag=True, help="Drop stacks that no component makes, if never applied."
)
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    default=os.cpu_count() or 1,
    help="Processes for large organisations.  [default: the machine's cores]",
)
@format_option
@color_option
@click.pass_context
def command(
    context: click.Context,
    path: Path,
    out: Path,
    check: bool,
    prune: bool,
    jobs: int,
    format_: Format,
    color: str,
) -> None:
    """Compile a blueprint, or each one in a folder, to Terraform JSON."""
    with progress("compiling"):
        compilation = compile_blueprints(path)
        diagnostics = list(compilation.diagnostics)
        outputs = []
        if not has_errors(diagnostics):
            outputs = [plan(one, out, prune=prune, jobs=jobs) for one in compilation.blueprints]
            diagnostics += [found for output in outputs for found in output.diagnostics]
        written = not check and not has_errors(diagnostics)
        if written:
            diagnostics += apply(outputs)
    changes = joined(outputs)
    failed = has_errors(diagnostics)
    result = None if failed else Result(changes=changes, written=written)
    if check and not failed and format_ == "text":
        _list(changes)
    show(diagnostics, compilation.sources, format_, color, result)
    if failed:
        context.exit(BLUEPRINT_ERRORS)
    if check and changes.pending:
        context.exit(OUT_OF_DATE)


def _list(changes: Changes) -> None:
    """What is out of date, a file a line."""
    lines = [
        f"{word} {path}"
        for word, paths in (
            ("add   ", changes.added),
            ("change", changes.changed),
            ("remove", changes.removed),
        )
        for path in paths
    ]
    if len(lines) > LISTED:
        lines[LISTED:] = [f"… and {len(lines) - LISTED} more"]
    for line in lines:
        click.echo(line, err=True)
