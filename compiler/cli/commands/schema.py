"""`landform schema`."""

from __future__ import annotations

from pathlib import Path

import click

from compiler.cli.options import BLUEPRINT_ERRORS, format_choice, show
from compiler.cli.render import Format
from compiler.diagnostics import has_errors
from compiler.kinds.available import kinds_at
from compiler.kinds.schema import schema_text


@click.command("schema")
@click.argument("path", type=click.Path(path_type=Path), required=False)
@format_choice(help="How to show problems; the schema is JSON in both.")
@click.pass_context
def command(context: click.Context, path: Path | None, format_: Format) -> None:
    """Print the JSON Schema of a blueprint, for editors; with PATH, the team's own kinds included."""
    if path is None:
        click.echo(schema_text(), nl=False)
        return
    kinds, diagnostics, sources = kinds_at(path)
    failed = has_errors(diagnostics)
    # What does not stop it is for people: JSON on standard output is the schema, or what is wrong.
    show(diagnostics, sources, format_ if failed else "text", "auto")
    if failed:
        context.exit(BLUEPRINT_ERRORS)
    click.echo(schema_text(kinds), nl=False)
