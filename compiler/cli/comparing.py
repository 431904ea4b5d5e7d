"""What commands with `--from` share: both sides of the comparison, and the stacks that it affects."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import get_args

import click

from compiler.cli.options import BLUEPRINT_ERRORS, show
from compiler.cli.progress import progress
from compiler.cli.render import Format
from compiler.diff import Revision
from compiler.diff.affected import Affected, affected
from compiler.git import GitError, RepositoryError
from compiler.revision import Side, SideError, from_path, named, of_the_same

TOOL_FAILED = 4


def sides(
    context: click.Context, path: Path, from_: str, format_: str, color: str
) -> tuple[Side, Side]:
    """Both sides without errors; where one has some they are shown, in the format, and that is all.

    Today's comes first: a path that is not there is in no repository either.
    """
    told: Format = next((each for each in get_args(Format) if each == format_), "text")
    try:
        with progress("checking"):
            after = from_path(path, label=str(path))
        _sound(context, after, told, color)
        with progress(f"checking {from_}"):
            before = named(from_, path)
    except (RepositoryError, SideError) as error:
        raise click.UsageError(str(error)) from error
    except GitError as error:
        click.echo(f"error: {error}", err=True)
        context.exit(TOOL_FAILED)
    _sound(context, before, told, color)
    show(after.diagnostics, after.sources, "text", color)
    before = of_the_same(before, after, path)
    if before.there and not before.snapshots:
        names = ", ".join(sorted(after.snapshots))
        click.echo(f"{before.label} has nothing of {names}: everything is new", err=True)
    if not before.there:
        click.echo(f"{path} did not exist at {from_}: everything is new", err=True)
    return before, after


def _sound(context: click.Context, side: Side, told: Format, color: str) -> None:
    """Exits where it has errors, which are shown."""
    if side.failed:
        show(side.diagnostics, side.sources, told, color)
        click.echo(f"error: {side.label} has errors, so there is nothing to compare", err=True)
        context.exit(BLUEPRINT_ERRORS)


def stacks_affected(before: Side, after: Side) -> list[Affected]:
    """Of all organisations that either side has."""
    none = Revision()
    with progress("comparing"):
        return [
            one
            for name in sorted({*before.revisions, *after.revisions})
            for one in affected(
                name, before.revisions.get(name, none), after.revisions.get(name, none)
            )
        ]


def warn_of_orphans(found: Iterable[Affected]) -> None:
    """Say which stacks went without a tombstone, as no list of stacks to plan has them."""
    orphans = [one.key for one in found if one.action == "orphaned"]
    if orphans:
        click.echo(
            f"warning: no longer made, and not to be planned: {', '.join(orphans)}", err=True
        )
        click.echo("hint: list them under removed, so that what they had is destroyed", err=True)
