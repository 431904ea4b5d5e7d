"""`landform kinds`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import click

from compiler.cli.options import BLUEPRINT_ERRORS, format_choice, show
from compiler.diagnostics import has_errors, nearest
from compiler.kinds.available import kinds_at
from compiler.kinds.manual import inputs_of, manual
from compiler.organization.kind import Kind


@click.command("kinds")
@click.argument("kind", required=False)
@click.option(
    "--blueprint",
    type=click.Path(path_type=Path),
    default=None,
    help="With the kinds in the folder kinds/ of this blueprint.  [default: blueprints]",
)
@format_choice()
@click.pass_context
def command(context: click.Context, kind: str | None, blueprint: Path | None, format_: str) -> None:
    """List the kinds of components, or show one kind's inputs."""
    kinds, diagnostics, sources = kinds_at(blueprint)
    # In text both go to people; JSON is for programs, and holds nothing else.
    show(diagnostics, sources, "text", "auto")
    if kind is None:
        _list(kinds, format_)
    elif kind not in kinds:
        guess = nearest(kind, kinds)
        hint = f' Did you mean "{guess}"?' if guess else f" Kinds: {', '.join(sorted(kinds))}."
        raise click.UsageError(f'there is no kind "{kind}".{hint}')
    elif format_ == "json":
        found = kinds[kind]
        rows = [row._asdict() for row in inputs_of(found.inputs)]
        click.echo(json.dumps({"kind": kind, "summary": found.summary, "inputs": rows}, indent=2))
    else:
        click.echo(manual(kinds[kind]), nl=False)
    if has_errors(diagnostics):
        context.exit(BLUEPRINT_ERRORS)


def _list(found: Mapping[str, Kind], format_: str) -> None:
    kinds = sorted(found.values(), key=lambda kind: kind.name)
    if format_ == "json":
        rows = [{"kind": kind.name, "summary": kind.summary} for kind in kinds]
        click.echo(json.dumps({"kinds": rows}, indent=2))
        return
    width = max(len(kind.name) for kind in kinds)
    for kind in kinds:
        click.echo(f"{kind.name:<{width}}  {kind.summary}")
