"""`landform schema`."""

from __future__ import annotations

from pathlib import Path

import click

from compiler.cli.options import BLUEPRINT_ERRORS, show
from compiler.diagnostics import has_errors
from compiler.kinds.available import kinds_at
from compiler.kinds.schema import schema_text


@click.command("schema")
@click.argument("path", type=click.Path(path_type=Path), required=False)
@click.pass_context
def command(context: click.Context, path: Path | None) -> None:
    """Print the JSON Schema of a blueprint, for editors; with PATH, the team's own kinds included."""
    if path is None:
        click.echo(schema_text(), nl=False)
        return
    kinds, diagnostics, sources = kinds_at(path)
    show(diagnostics, sources, "text", "auto")
    if has_errors(diagnostics):
        context.exit(BLUEPRINT_ERRORS)
    click.echo(schema_text(kinds), nl=False)
