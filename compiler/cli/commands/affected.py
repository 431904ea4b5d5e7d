"""`landform affected`."""

from __future__ import annotations

import posixpath
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from compiler.blueprint.files import display_path
from compiler.cli import affected_report, pipelines
from compiler.cli.comparing import sides, stacks_affected, warn_of_orphans
from compiler.cli.options import blueprint_argument, color_option, format_choice, from_option
from compiler.diff.affected import Affected
from compiler.revision import Side

_FORMATS = ("text", "list", "json", "github-matrix", "gitlab", "atlantis")


@click.command("affected")
@blueprint_argument
@from_option("What to compare with:", required=True)
@format_choice(
    _FORMATS,
    "text has the reasons, list is for plan --only-from, github-matrix is one line of JSON, "
    "gitlab a child pipeline, atlantis an atlantis.yaml.",
)
@click.option(
    "--out",
    metavar="DIR",
    help="Where the compiled output lies in the repository: folders of stacks start with it.  "
    "[default: PATH where that is output, else generated]",
)
@click.option(
    "--gitlab-include",
    "include",
    metavar="FILE",
    help="With gitlab: the file of the repository that defines the job .landform.",
)
@color_option
@click.pass_context
def command(
    context: click.Context,
    path: Path,
    from_: str,
    format_: str,
    out: str | None,
    include: str | None,
    color: str,
) -> None:
    """The stacks in which a value differs, each with the lines that reach it.

    Compared are values, not files: comments and layout affect nothing, and a stack that depends on
    an affected one is affected only if a value of it differs, too. Where Landform itself was
    updated, name generated output (PATH and DIR, or PATH at REV): a blueprint is compiled with today's
    Landform on both sides.

    Exit codes: 0 done, also where no stack is affected; 1 a blueprint has errors, today's or the old
    one; 2 wrong usage, an unknown revision among it; 4 git failed or is missing.
    """
    if include and format_ != "gitlab":
        raise click.UsageError("--gitlab-include is for --format gitlab")
    before, after = sides(context, path, from_, format_, color)
    found = stacks_affected(before, after)
    place = _place(out, after)
    if format_ == "atlantis" and (place.startswith("/") or ".." in place):
        raise click.UsageError(f'"{place}" is no path from the root of the repository down')
    sys.stdout.write(_shown(format_, found, place, include, before.label, after.label))
    if format_ != "text":
        warn_of_orphans(found)


def _place(out: str | None, after: Side) -> str:
    """The folder that holds those of the organisations."""
    if out is None and after.folders:
        return display_path(next(iter(after.folders.values())).parent)
    return posixpath.normpath(out or "generated")


def _shown(
    format_: str, found: Sequence[Affected], out: str, include: str | None, before: str, after: str
) -> str:
    if format_ == "json":
        return affected_report.as_json(found, out, before, after)
    if format_ == "list":
        return affected_report.as_list(found)
    if format_ == "github-matrix":
        return pipelines.as_matrix(found, out)
    if format_ == "gitlab":
        return pipelines.as_gitlab(found, out, include)
    if format_ == "atlantis":
        return pipelines.as_atlantis(found, out)
    return affected_report.as_text(found)
