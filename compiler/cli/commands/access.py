"""`landform access`."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import click

from compiler.access import report
from compiler.access.ledger import Entry
from compiler.access.rules import Tuning
from compiler.cli.options import (
    BLUEPRINT_ERRORS,
    blueprint_argument,
    color_option,
    format_choice,
    show,
)
from compiler.cli.progress import progress
from compiler.compilation import Compiled, compile_blueprints
from compiler.diagnostics import has_errors
from compiler.tree_present import MAIN


def _matrix(edges: Sequence[Entry], _: Iterable[Tuning] = ()) -> str:
    """The matrix as CSV; a file of it has one table, so the edges are a format of their own."""
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows(report.matrix(edges))
    return stream.getvalue()


_FORMATS = {
    "text": report.as_text,
    "json": report.as_json,
    "markdown": report.as_markdown,
    "csv": report.as_csv,
    "csv-matrix": _matrix,
}


@click.command("access")
@blueprint_argument
@click.option(
    "--who", default="", help="Principals, accounts or projects: a part of the text, or a glob."
)
@click.option("--to", default="", help="Resources, accounts or projects.")
@click.option("--action", default="", help="Actions, roles of Google, or rights by their names.")
@click.option(
    "--why",
    metavar="QUESTION",
    help='"PRINCIPAL ACTION RESOURCE": allowed, and by what? ACTION may be a right.',
)
@format_choice(
    _FORMATS,
    "text, json and markdown have the edges and the matrix of principals and accounts; csv has the "
    "edges, csv-matrix the matrix.",
)
@color_option
@click.pass_context
def command(
    context: click.Context,
    path: Path,
    who: str,
    to: str,
    action: str,
    why: str | None,
    format_: str,
    color: str,
) -> None:
    """Who may do what where, proven from the policies that the blueprint compiles to."""
    with progress("checking"):
        compilation = compile_blueprints(path)
    show(compilation.diagnostics, compilation.sources, "text", color)
    if has_errors(compilation.diagnostics):
        context.exit(BLUEPRINT_ERRORS)
    blueprints = compilation.blueprints
    if len(blueprints) > 1 and (why is not None or format_ in ("json", "csv", "csv-matrix")):
        names = ", ".join(one.organization for one in blueprints)
        raise click.UsageError(f"PATH has several organisations ({names}); name one blueprint")
    for one in blueprints:
        if why is not None:
            sys.stdout.write(_why(one, why, format_))
            continue
        if len(blueprints) > 1:
            sys.stdout.write(f"# {one.organization}\n\n")
        everything = one.entries
        # A question about some edges is no question about rules.
        exceptions = () if who or to or action else tuple(one.world.exceptions)
        sys.stdout.write(_FORMATS[format_](report.chosen(everything, who, to, action), exceptions))


def _why(one: Compiled, question: str, format_: str) -> str:
    if format_ not in ("text", "json"):
        raise click.UsageError("--why has the formats text and json")
    organization = one.world.organization.aws_id
    try:
        found = report.why(one.documents, one.entries, organization, question)
    except report.QueryError as error:
        raise click.UsageError(str(error)) from error
    if format_ == "json":
        places = {stack: str(span) for stack, span in one.spans.items()}
        return _with_files(report.why_json(found, places))
    told = {stack: f"{stack}/{MAIN}, declared at {span}" for stack, span in one.spans.items()}
    return report.why_text(found, told)


def _with_files(answer: str) -> str:
    """The file of each statement beside its stack, as `diff --access` has it."""
    body = json.loads(answer)
    for link in body["chain"]:
        link["file"] = f"{link['stack']}/{MAIN}"
    return json.dumps(body, indent=2, ensure_ascii=False) + "\n"
