"""`landform apply`."""

from __future__ import annotations

import signal
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from compiler.cli.options import blueprint_argument, color_option
from compiler.cli.running import Options, destroys, finish, make_run, run_options, tell
from compiler.running.plans import PlansError, SavedPlan, load
from compiler.running.report import StackResult
from compiler.running.run import Run


@click.command("apply")
@blueprint_argument
@run_options
@color_option
@click.option(
    "--plans",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Apply the plans that `plan --save` left there, and nothing else.",
)
@click.option("--yes", is_flag=True, help="Without --plans: apply what is planned, unasked.")
@click.pass_context
def command(context: click.Context, /, folder: Path | None, yes: bool, **given: Any) -> None:
    """Apply the compiled stacks with the real Terraform, in the order that they need.

    With --plans exactly what was planned; a plan that is stale is refused. Without it each wave is
    planned, shown and applied after a yes on the terminal; --yes asks nothing, and is needed where
    there is no terminal. A plan that destroys or replaces is refused without --allow-destroy.

    Behind a stack that fails or is refused its dependents are skipped; all others go on. Ctrl-C lets
    the running Terraform end; a second one kills it.

    Exit codes: 0 applied; 1 the blueprint has errors, or the answer was no; 2 wrong usage; 3 the
    output or a plan is out of date, or a plan destroys; 4 Terraform or git failed or
    is missing; 130 interrupted.
    """
    options = Options(**given)
    if not folder and not yes and not sys.stdin.isatty():
        raise click.UsageError("there is no terminal to ask on: give --plans or --yes")
    plans = _load(folder) if folder else None
    run = make_run(context, options)
    if plans is not None:
        _keep_planned(run, plans, options)
        with run.terraform.programs.listening(tell):
            report = run.apply_saved(plans)
    else:
        with (
            tempfile.TemporaryDirectory(prefix="landform-plans-") as scratch,
            run.terraform.programs.listening(tell),
        ):
            report = run.apply(Path(scratch), None if yes else _Question(run))
    finish(context, report, options)


def _load(folder: Path) -> Mapping[str, SavedPlan]:
    try:
        return load(folder)
    except PlansError as error:
        raise click.UsageError(str(error)) from error


def _keep_planned(run: Run, plans: Mapping[str, SavedPlan], options: Options) -> None:
    """Leave what has no plan out; that is an error where it was asked for."""
    missing = [stack.key for stack in run.stacks if stack.key not in plans]
    if missing and (options.only or options.only_from or options.from_ is not None):
        raise click.UsageError(f'there is no saved plan of "{missing[0]}"')
    run.stacks = [stack for stack in run.stacks if stack.key in plans]


class _Question:
    """Shows what a wave would do, and asks."""

    def __init__(self, run: Run) -> None:
        self._programs = run.terraform.programs

    def __call__(self, results: Sequence[StackResult]) -> bool:
        click.echo("", err=True)
        for result in results:
            click.echo(f"{result.stack.key}: {result.changes}", err=True)
        gone = [result for result in results if result.gated]
        for line in destroys(gone):
            click.echo(line, err=True)
        noun = "this stack" if len(results) == 1 else f"these {len(results)} stacks"
        # At the question Ctrl-C is the answer; elsewhere it is for the running Terraform.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            return click.confirm(f"Apply {noun}?", default=False, err=True)
        except click.Abort:
            self._programs.stop()
            return False
        finally:
            signal.signal(signal.SIGINT, before)
