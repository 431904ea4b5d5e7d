"""`landform import`."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from pathlib import Path

import click

from compiler.cli.options import BLUEPRINT_ERRORS, OUT_OF_DATE, color_option, format_choice, show
from compiler.cli.progress import progress
from compiler.cli.render import wants_color
from compiler.diagnostics import Diagnostic, has_errors
from compiler.importing.aws import AwsError, read_organization
from compiler.importing.codes import OF_AWS
from compiler.importing.records import Change, Note
from compiler.importing.run import FileEdit, Import, plan_import, write
from compiler.importing.target import Target, TargetError, find

TOOL_FAILED = 4
# More notes of one kind than these say less.
LISTED = 10
_STYLES = {"+": "\x1b[32m", "-": "\x1b[31m", "@": "\x1b[36m"}


@click.command("import")
@click.argument("path", type=click.Path(path_type=Path), required=False)
@click.option("--profile", help="Profile of the AWS configuration.  [default: as the AWS CLI]")
@click.option("--name", help="The organisation: of a new blueprint, or which one of several.")
@click.option("--write", "write_", is_flag=True, help="Write the lines; without it they are shown.")
@click.option("--check", is_flag=True, help="Exit with 3 where the blueprint lacks something.")
@click.option(
    "--tag",
    "patterns",
    multiple=True,
    default=("*",),
    metavar="PATTERN",
    help="Only tags of accounts with such a key (env, cost-*). May be repeated.",
)
@click.option("--no-tags", is_flag=True, help="Leave tags out; AWS is then asked much less.")
@format_choice()
@color_option
@click.pass_context
def command(
    context: click.Context,
    path: Path | None,
    profile: str | None,
    name: str | None,
    write_: bool,
    check: bool,
    patterns: tuple[str, ...],
    no_tags: bool,
    format_: str,
    color: str,
) -> None:
    """Bring the units and accounts of a live AWS Organization into a blueprint.

    PATH is a blueprint; the default is the one in blueprints/. Where there is none, --name makes a
    new one. What the blueprint lacks is shown as a diff, and written with --write. What a person
    wrote stays: accounts are known by their ids, units by aws.ou. Nothing is removed, and nothing is
    changed in AWS. Google Cloud is not read.

    Exit codes: 0 done; 1 the blueprint has errors, or cannot be written; 2 wrong usage; 3 --check and
    something is missing; 4 AWS failed or refused, or boto3 is missing.
    """
    if write_ and check:
        raise click.UsageError("--check writes nothing: leave --write out")
    target = _target(path, name)
    if target.organization is None:
        _fail(context, target.diagnostics, target, format_, color)
    try:
        with progress("asking AWS"):
            live = read_organization(profile, tags=not no_tags)
    except AwsError as error:
        _fail(context, (error.diagnostic,), target, format_, color)
    planned = plan_import(target, live, () if no_tags else patterns)
    wrong = planned.diagnostics or (write(planned.edits) if write_ else ())
    if wrong:
        _fail(context, wrong, target, format_, color)
    if format_ == "json":
        click.echo(json.dumps(_json(planned, write_), indent=2, ensure_ascii=False))
    else:
        _text(planned, write_, color)
    if check and planned.changes:
        context.exit(OUT_OF_DATE)


def _target(path: Path | None, name: str | None) -> Target:
    try:
        return find(path, name)
    except TargetError as error:
        raise click.UsageError(str(error)) from error


def _fail(
    context: click.Context,
    diagnostics: tuple[Diagnostic, ...],
    target: Target,
    format_: str,
    color: str,
) -> None:
    show(diagnostics, target.texts, "json" if format_ == "json" else "text", color)
    assert has_errors(diagnostics)
    context.exit(TOOL_FAILED if {d.code for d in diagnostics} & OF_AWS else BLUEPRINT_ERRORS)


def _text(planned: Import, written: bool, color: str) -> None:
    """The diff to standard output, all else to standard error."""
    colored = wants_color(color, sys.stdout, os.environ)
    for edit in planned.edits:
        sys.stdout.write(_painted(edit.diff) if colored else edit.diff)
    sys.stdout.flush()
    for line in _notes(planned.notes):
        click.echo(line, err=True)
    if not planned.changes:
        click.echo(f"nothing to add: the blueprint holds {planned.live.id}", err=True)
        return
    places = ", ".join(edit.path for edit in planned.edits)
    if written:
        click.echo(f"wrote {_counted(planned)} to {places}", err=True)
    else:
        click.echo(f"{_counted(planned)} to write to {places}: run again with --write", err=True)


def _painted(diff: str) -> str:
    lines = diff.splitlines(keepends=True)
    return "".join(
        f"{_STYLES[line[0]]}{line.rstrip(chr(10))}\x1b[0m\n" if line[0] in _STYLES else line
        for line in lines
    )


def _notes(notes: tuple[Note, ...]) -> list[str]:
    """A line each, with its place; of many of one kind only the first."""
    lines: list[str] = []
    seen: Counter[str] = Counter()
    for note in notes:
        seen[note.kind] += 1
        if seen[note.kind] <= LISTED:
            place = f"{note.span}: " if note.span else ""
            lines.append(f"{place}note: {note.message}")
    lines += [
        f"note: {count - LISTED} more of the kind {kind}; --format json has all"
        for kind, count in sorted(seen.items())
        if count > LISTED
    ]
    return lines


def _counted(planned: Import) -> str:
    new = Counter(change.path[0] for change in planned.changes if _is_new(change))
    other = sum(not _is_new(change) and len(change.path) > 1 for change in planned.changes)
    counts = (("unit", new["units"]), ("account", new["accounts"]), ("other line", other))
    return ", ".join(f"{n} {word}{'s' if n != 1 else ''}" for word, n in counts if n)


def _is_new(change: Change) -> bool:
    """Whether it is a whole unit or account."""
    return len(change.path) == 2 and change.path[0] in ("units", "accounts")


def _json(planned: Import, written: bool) -> dict[str, object]:
    return {
        "version": 1,
        "organization": {"id": planned.live.id, "management_account": planned.live.management},
        "changes": [
            {
                "path": list(change.path),
                "value": change.value,
                "replaces": change.replaces,
            }
            for change in planned.changes
        ],
        "files": [_file(edit) for edit in planned.edits],
        "notes": [
            {
                "kind": note.kind,
                "message": note.message,
                "span": note.span._asdict() if note.span else None,
            }
            for note in planned.notes
        ],
        "written": written and bool(planned.edits),
    }


def _file(edit: FileEdit) -> dict[str, object]:
    return {"path": edit.path, "new": edit.before is None, "diff": edit.diff}
