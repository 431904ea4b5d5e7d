"""`landform lock`."""

from __future__ import annotations

import json
import os
from pathlib import Path

import click

from compiler.cli.options import OUT_OF_DATE, blueprint_argument, color_option, format_choice
from compiler.cli.progress import progress
from compiler.cli.running import (
    INTERRUPTED,
    TOOL_FAILED,
    compiled_roots,
    find_terraform,
    out_option,
    tell,
    terraform_option,
)
from compiler.running.locks import PLATFORMS, LockError, ProviderSet, make, provider_sets, spread
from compiler.running.programs import Programs, Stopping
from compiler.running.stacks import read_stacks


@click.command("lock")
@blueprint_argument
@out_option
@click.option(
    "--platform",
    "platforms",
    multiple=True,
    default=PLATFORMS,
    show_default=True,
    help="A platform that Terraform runs on. May be repeated.",
)
@click.option(
    "--mirror",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="A folder of providers, as `terraform providers mirror` makes it, instead of registries.",
)
@click.option("--upgrade", is_flag=True, help="Take the newest versions that are allowed.")
@click.option("--check", is_flag=True, help="Write nothing; exit 3 if a lock file is out of date.")
@terraform_option
@format_choice()
@color_option
@click.pass_context
def command(
    context: click.Context,
    path: Path,
    out: Path,
    platforms: tuple[str, ...],
    mirror: Path | None,
    upgrade: bool,
    check: bool,
    executable: str | None,
    format_: str,
    color: str,
) -> None:
    """Write .terraform.lock.hcl for all platforms: once for each provider set, copied to every stack.

    The versions stay as they were locked, unless --upgrade. Commit the files: what a lock file names
    is what every machine runs.

    Exit codes: 0 done; 1 the blueprint has errors; 2 wrong usage; 3 the output is out of date, or
    with --check a lock file is; 4 Terraform failed or is missing; 130 interrupted.
    """
    roots = compiled_roots(context, path, out, color)
    sets = [each for root in roots for each in provider_sets(root, read_stacks(root))]
    if check:
        changed = _outdated(sets)
    else:
        program = find_terraform(context, executable)
        programs = Programs()
        try:
            with programs.listening(tell), progress("locking the providers"):
                made = [
                    make(
                        each,
                        programs,
                        program,
                        platforms=platforms,
                        mirror=mirror,
                        upgrade=upgrade,
                    )
                    for each in sets
                ]
        except (LockError, Stopping) as error:
            if programs.stopping:
                context.exit(INTERRUPTED)
            click.echo(f"error: terraform providers lock failed\n{error}", err=True)
            context.exit(TOOL_FAILED)
        changed = [f for each, text in zip(sets, made, strict=True) for f in spread(each, text)]
    _show(changed, sets, out, check, format_)
    if check and changed:
        context.exit(OUT_OF_DATE)


def _outdated(sets: list[ProviderSet]) -> list[Path]:
    found = [each.kept for each in sets if not each.kept.is_file()]
    return found + [stack.lock for each in sets for stack in each.outdated()]


def _show(
    changed: list[Path], sets: list[ProviderSet], out: Path, check: bool, format_: str
) -> None:
    names = [Path(os.path.relpath(file, out)).as_posix() for file in changed]
    if format_ == "json":
        kept = [Path(os.path.relpath(each.kept, out)).as_posix() for each in sets]
        body = {"version": 1, "written": not check, "sets": kept, "changed": names}
        click.echo(json.dumps(body, indent=2))
        return
    if not names:
        click.echo("up to date")
    elif check:
        click.echo("\n".join(f"out of date: {name}" for name in names))
    else:
        noun = "file" if len(names) == 1 else "files"
        click.echo(f"wrote {len(names)} {noun}")
