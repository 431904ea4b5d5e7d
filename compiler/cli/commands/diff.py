"""`landform diff`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from compiler.access.delta import MARKS, Change, Delta, Snapshot, delta
from compiler.cli import delta_report
from compiler.cli.delta_sarif import as_sarif
from compiler.cli.options import (
    BLUEPRINT_ERRORS,
    OUT_OF_DATE,
    blueprint_argument,
    color_option,
    show,
)
from compiler.cli.progress import progress
from compiler.git import GitError, RepositoryError
from compiler.revision import Side, SideError, from_path, named

DIFFERS = OUT_OF_DATE
TOOL_FAILED = 4
_FORMATS = ("text", "json", "markdown", "sarif")


@click.command("diff")
@blueprint_argument
@click.option(
    "--access", is_flag=True, help="Compare who may do what (nothing else is compared yet)."
)
@click.option(
    "--from",
    "from_",
    metavar="REV|DIR",
    default="HEAD",
    show_default=True,
    help="What to compare with: a revision of PATH's repository, a blueprint, or generated output.",
)
@click.option(
    "--fail-on",
    multiple=True,
    type=click.Choice(("widened", *MARKS)),
    help="Exit with 3 where access grew: at all (widened), or with that mark. May be repeated.",
)
@click.option("--exit-code", is_flag=True, help="Exit with 3 where anything differs.")
@click.option(
    "--format",
    "format_",
    type=click.Choice(_FORMATS),
    default="text",
    show_default=True,
    help="How to show it.",
)
@color_option
@click.pass_context
def command(
    context: click.Context,
    path: Path,
    access: bool,
    from_: str,
    fail_on: tuple[str, ...],
    exit_code: bool,
    format_: str,
    color: str,
) -> None:
    """Who can do more, or less, than at another revision, and through which statements.

    PATH is a blueprint or a folder of generated output, as DIR is: a folder with manifest.json and
    access.json, or of such folders, is taken as output. Both are evaluated; nothing is written, and
    the work tree and git's index stay as they are.

    Exit codes: 0 no difference, or none that --exit-code or --fail-on asks about; 1 a blueprint has
    errors, today's or the old one; 2 wrong usage, an unknown revision among it; 3 a difference that
    they ask about; 4 git failed or is missing.
    """
    if not access:
        raise click.UsageError("say what to compare: --access")
    try:
        before, after = _sides(path, from_)
    except GitError as error:
        click.echo(f"error: {error}", err=True)
        context.exit(TOOL_FAILED)
    for side in (after, before):
        if side.failed or side is after:
            show(side.diagnostics, side.sources, "text", color)
        if side.failed:
            click.echo(f"error: {side.label} has errors, so there is nothing to compare", err=True)
            context.exit(BLUEPRINT_ERRORS)
    if not before.there:
        click.echo(f"{path} did not exist at {from_}: everything is new", err=True)
    with progress("comparing"):
        deltas = tuple(_deltas(before, after))
    refused = [change for one in deltas for change in one.fails(fail_on)]
    sys.stdout.write(_shown(format_, deltas, refused, before.label, after.label))
    if refused and format_ == "text":
        noun = "change" if len(refused) == 1 else "changes"
        click.echo(f"refused: {len(refused)} {noun} ({', '.join(fail_on)})", err=True)
    if refused or (exit_code and any(one.changes for one in deltas)):
        context.exit(DIFFERS)


def _sides(path: Path, from_: str) -> tuple[Side, Side]:
    try:
        with progress("checking"):
            after = from_path(path, label=str(path))
        with progress(f"checking {from_}"):
            return named(from_, path), after
    except (RepositoryError, SideError) as error:
        raise click.UsageError(str(error)) from error


def _deltas(before: Side, after: Side) -> Iterator[Delta]:
    """One for each organisation that either side has."""
    for name in sorted({*before.snapshots, *after.snapshots}):
        nothing = Snapshot()
        yield delta(name, before.snapshots.get(name, nothing), after.snapshots.get(name, nothing))


def _shown(
    format_: str, deltas: tuple[Delta, ...], refused: list[Change], before: str, after: str
) -> str:
    if format_ == "json":
        return delta_report.as_json(deltas, before, after)
    if format_ == "markdown":
        return delta_report.as_markdown(deltas, before, after)
    if format_ == "sarif":
        return as_sarif(deltas, refused, before, after)
    return delta_report.as_text(deltas, before, after)
