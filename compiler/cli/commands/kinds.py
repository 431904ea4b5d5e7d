"""`landform kinds`."""

from __future__ import annotations

import json

import click

from compiler.diagnostics import nearest
from compiler.kinds import KINDS
from compiler.kinds.manual import inputs_of, manual


@click.command("kinds")
@click.argument("kind", required=False)
@click.option(
    "--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True
)
def command(kind: str | None, format_: str) -> None:
    """List the kinds of components, or show one kind's inputs."""
    if kind is None:
        _list(format_)
        return
    if kind not in KINDS:
        guess = nearest(kind, KINDS)
        hint = f' Did you mean "{guess}"?' if guess else f" Kinds: {', '.join(sorted(KINDS))}."
        raise click.UsageError(f'there is no kind "{kind}".{hint}')
    found = KINDS[kind]
    if format_ == "json":
        rows = [row._asdict() for row in inputs_of(found.inputs)]
        click.echo(json.dumps({"kind": kind, "summary": found.summary, "inputs": rows}, indent=2))
    else:
        click.echo(manual(found), nl=False)


def _list(format_: str) -> None:
    kinds = sorted(KINDS.values(), key=lambda kind: kind.name)
    if format_ == "json":
        rows = [{"kind": kind.name, "summary": kind.summary} for kind in kinds]
        click.echo(json.dumps({"kinds": rows}, indent=2))
        return
    width = max(len(kind.name) for kind in kinds)
    for kind in kinds:
        click.echo(f"{kind.name:<{width}}  {kind.summary}")
