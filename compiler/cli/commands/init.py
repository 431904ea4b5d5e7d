"""`landform init`."""

from __future__ import annotations

from pathlib import Path

import click

from compiler.cli.starter import SCHEMA_NAME, starter
from compiler.kinds.schema import schema_text


@click.command("init")
@click.argument(
    "folder", type=click.Path(path_type=Path, file_okay=False), default=Path("blueprints")
)
@click.option("--name", default="acme", show_default=True, help="Name of the organisation.")
def command(folder: Path, name: str) -> None:
    """Start a new blueprint that compiles, with its schema for the editor."""
    files = {folder / "landform.yaml": starter(name), folder / SCHEMA_NAME: schema_text()}
    for path in files:
        if path.exists():
            raise click.UsageError(f"{path} exists already; init writes new blueprints only")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, text in files.items():
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise click.UsageError(f"cannot write to {folder}: {error.strerror}") from error
    click.echo(f"wrote {folder}/landform.yaml; next: landform compile {folder}")
