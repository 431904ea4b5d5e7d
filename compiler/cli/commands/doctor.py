"""`landform doctor`."""

from __future__ import annotations

import json

import click

from compiler.cli.options import format_choice
from compiler.diagnosis import examine

TOOL_MISSING = 4


@click.command("doctor")
@format_choice()
@click.pass_context
def command(context: click.Context, format_: str) -> None:
    """Say what is missing on this machine, and how to get it."""
    findings = examine()
    if format_ == "json":
        click.echo(json.dumps({"findings": [finding._asdict() for finding in findings]}, indent=2))
    else:
        for finding in findings:
            mark = "ok" if finding.ok else ("missing" if finding.needed else "absent")
            click.echo(f"{mark:<8}{finding.what}: {finding.found}")
            if not finding.ok:
                click.echo(f"        {finding.remedy}")
    if any(finding.needed and not finding.ok for finding in findings):
        context.exit(TOOL_MISSING)
