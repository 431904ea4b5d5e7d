"""`landform diff`."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from compiler.access.delta import MARKS, Change, Delta, Snapshot, delta
from compiler.cli import delta_report
from compiler.cli.comparing import sides
from compiler.cli.delta_sarif import as_sarif
from compiler.cli.diff_annotations import as_github
from compiler.cli.diff_annotations import as_sarif as all_as_sarif
from compiler.cli.diff_markdown import LONGEST, as_markdown
from compiler.cli.diff_report import Compared, as_json, as_text
from compiler.cli.options import (
    OUT_OF_DATE,
    blueprint_argument,
    color_option,
    format_choice,
    from_option,
)
from compiler.cli.progress import progress
from compiler.diff import Difference, Revision, compare
from compiler.revision import Side

DIFFERS = OUT_OF_DATE
_FORMATS = ("text", "json", "markdown", "github", "sarif")
_OF_STACKS = ("destroy", "replace")


@click.command("diff")
@blueprint_argument
@click.option("--access", is_flag=True, help="Only who may do what.")
@from_option("What to compare with:", default="HEAD", show_default=True)
@click.option(
    "--fail-on",
    multiple=True,
    type=click.Choice(("widened", *MARKS, *_OF_STACKS)),
    help="Exit with 3 where access grew: at all (widened), or with that mark; or where something is "
    "destroyed or may be replaced. May be repeated.",
)
@click.option("--exit-code", is_flag=True, help="Exit with 3 where anything differs.")
@format_choice(_FORMATS, "How to show it.")
@click.option(
    "--longest",
    type=click.IntRange(min=2000),
    default=LONGEST,
    show_default=True,
    help="With markdown: how many characters it may have.",
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
    longest: int,
    color: str,
) -> None:
    """What a change does: to access, to resources, to stacks.

    PATH is a blueprint or a folder of generated output, as DIR is: a folder with manifest.json and
    access.json, or of such folders, is taken as output. Both are evaluated; nothing is written, and
    the work tree and git's index stay as they are.

    First comes who can do more, or less, and through which statements; then what the next apply
    destroys or may replace, what moves, and each changed value, told once for all stacks that share
    it.

    Exit codes: 0 no difference, or none that --exit-code or --fail-on asks about; 1 a blueprint has
    errors, today's or the old one; 2 wrong usage, an unknown revision among it; 3 a difference that
    they ask about; 4 git failed or is missing.
    """
    before, after = sides(context, path, from_, format_, color)
    with progress("comparing"):
        found = tuple(_compared(before, after, access=access))
    deltas = tuple(one.delta for one in found)
    grown = [change for one in deltas for change in one.fails(fail_on)]
    if access:
        text = _access(format_, found, grown, before.label, after.label)
    else:
        text = _whole(format_, found, grown, fail_on, longest, before.label, after.label)
    sys.stdout.write(text)
    refused = [*grown, *_gone(found, fail_on)]
    if refused and format_ == "text":
        noun = "change" if len(refused) == 1 else "changes"
        click.echo(f"refused: {len(refused)} {noun} ({', '.join(fail_on)})", err=True)
    if refused or (exit_code and not all(one.same for one in found)):
        context.exit(DIFFERS)


def _compared(before: Side, after: Side, *, access: bool) -> Iterator[Compared]:
    """One for each organisation that either side has."""
    nothing, none = Snapshot(), Revision()
    for name in sorted({*before.snapshots, *after.snapshots}):
        difference = Difference(organization=name, stacks=())
        if not access:
            old, new = before.revisions.get(name, none), after.revisions.get(name, none)
            difference = compare(name, old, new)
        found = delta(name, before.snapshots.get(name, nothing), after.snapshots.get(name, nothing))
        yield Compared(difference=difference, delta=found)


def _gone(found: Sequence[Compared], fail_on: Sequence[str]) -> Iterator[object]:
    """The resources that `--fail-on` refuses to lose."""
    for one in found:
        if "destroy" in fail_on:
            yield from one.difference.having("destroy")
        if "replace" in fail_on:
            yield from one.difference.replaced
            yield from one.difference.relocated


def _access(
    format_: str, found: Sequence[Compared], grown: list[Change], before: str, after: str
) -> str:
    deltas: tuple[Delta, ...] = tuple(one.delta for one in found)
    if format_ == "json":
        return delta_report.as_json(deltas, before, after)
    if format_ == "markdown":
        return delta_report.as_markdown(deltas, before, after)
    if format_ == "sarif":
        return as_sarif(deltas, grown, before, after)
    if format_ == "github":
        return as_github(found, (), grown, before)
    return delta_report.as_text(deltas, before, after)


def _whole(
    format_: str,
    found: Sequence[Compared],
    grown: list[Change],
    fail_on: Sequence[str],
    longest: int,
    before: str,
    after: str,
) -> str:
    if format_ == "json":
        return as_json(found, before, after)
    if format_ == "markdown":
        return as_markdown(found, before, after, longest)
    if format_ == "sarif":
        return all_as_sarif(found, fail_on, grown, before, after)
    if format_ == "github":
        return as_github(found, fail_on, grown, before)
    return as_text(found, before, after)
