"""`landform plan`."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import click

from compiler.cli.options import OUT_OF_DATE, blueprint_argument, color_option, shard_option
from compiler.cli.running import Options, finish, make_run, run_options, tell
from compiler.running.plans import PlansError, prepare, save


@click.command("plan")
@blueprint_argument
@run_options
@color_option
@click.option(
    "--save",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Keep the plans there, for `apply --plans`. They may hold secrets.",
)
@shard_option("Only the I-th of N parts of these stacks: one for each CI job.")
@click.option("--exit-code", is_flag=True, help="Exit with 3 where anything would change.")
@click.pass_context
def command(
    context: click.Context,
    /,
    folder: Path | None,
    shard: tuple[int, int],
    exit_code: bool,
    **given: Any,
) -> None:
    """Plan the compiled stacks with the real Terraform, several at once.

    A stack is planned when those that it depends on are; behind one that fails, its dependents are
    skipped and all others go on. With --shard those that another job plans are not waited for. Ctrl-C lets the running Terraform end; a second one kills it.

    Exit codes: 0 planned; 1 the blueprint has errors; 2 wrong usage; 3 the output is out of date, a
    plan destroys without --allow-destroy, or there are changes and --exit-code; 4 Terraform or git
    failed or is missing; 130 interrupted.
    """
    options = Options(**given)
    run = make_run(context, options, shard)
    with tempfile.TemporaryDirectory(prefix="landform-plans-") as scratch:
        target = folder or Path(scratch)
        try:
            prepare(target)
        except PlansError as error:
            raise click.UsageError(str(error)) from error
        with run.terraform.programs.listening(tell):
            report = run.plan(target)
        if folder:
            save(folder, report.results)
    differs = exit_code and bool(report.having("planned"))
    finish(context, report, options, OUT_OF_DATE if differs else 0)
