"""`landform explain`."""

from __future__ import annotations

import click

from compiler.catalogue import CODES
from compiler.diagnostics import nearest


@click.command("explain")
@click.argument("target", metavar="CODE")
def command(target: str) -> None:
    """Explain a diagnostic code: what it means, why it matters, what to do."""
    code = CODES.get(target.upper())
    if code is None:
        guess = nearest(target.upper(), CODES)
        hint = f' Did you mean "{guess}"?' if guess else ""
        raise click.UsageError(f'there is no code "{target}".{hint}')
    click.echo(f"{code.code}: {code.title}\n\n{code.explanation}\n")
    click.echo(f"Wrong:\n\n{_indented(code.wrong)}\nRight:\n\n{_indented(code.right)}", nl=False)


def _indented(text: str) -> str:
    return "".join(f"    {line}\n" if line else "\n" for line in text.strip("\n").split("\n"))
