"""`landform schema`."""

from __future__ import annotations

import click

from compiler.kinds.schema import schema_text


@click.command("schema")
def command() -> None:
    """Print the JSON Schema of a blueprint, for editors."""
    click.echo(schema_text(), nl=False)
