"""`landform init`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from compiler.cli.options import format_choice
from compiler.cli.starter import SCHEMA_NAME, starter
from compiler.kinds.schema import schema_text


@click.command("init")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), required=False)
@click.option("--name", default="acme", show_default=True, help="Name of the organisation.")
@format_choice(help="Of what it says; json lists the files that were written.")
def command(folder: Path | None, name: str, format_: str) -> None:
    """Start a new blueprint that compiles, with its schema for the editor.

    FOLDER is blueprints/<name> unless it is given.
    """
    texts = {"landform.yaml": starter(name), SCHEMA_NAME: schema_text()}
    folder = folder or Path("blueprints") / name
    try:
        there = sorted(path.name for path in folder.glob("*")) if folder.is_dir() else []
        if not there:
            folder.mkdir(parents=True, exist_ok=True)
            for file, text in texts.items():
                (folder / file).write_text(text, encoding="utf-8")
    except OSError as error:
        raise click.UsageError(f"cannot write to {folder}: {error.strerror}") from error
    if there:
        # A landform.yaml would turn whatever YAML lies there into parts of one blueprint.
        raise click.UsageError(f"{folder} is not empty: it holds {there[0]}; name a new folder")
    if format_ == "json":
        files = [(folder / file).as_posix() for file in texts]
        body = {"version": 1, "organization": name, "folder": folder.as_posix(), "written": files}
        click.echo(json.dumps(body, indent=2))
        return
    click.echo(f"wrote {folder}/landform.yaml; next: landform compile {folder}")
