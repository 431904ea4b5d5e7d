"""What `plan`, `apply` and `lock` share: their options, the compiled stacks, what they show."""

from __future__ import annotations

import codecs
import contextlib
import json
import os
import shutil
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TextIO

import click

from compiler.cache import Cache, default_folder, up_to_date
from compiler.cli.options import (
    BLUEPRINT_ERRORS,
    OUT_OF_DATE,
    Decorated,
    format_choice,
    from_option,
    show,
)
from compiler.cli.progress import progress
from compiler.cli.render import visible, wants_color
from compiler.diagnostics import has_errors
from compiler.running.programs import Programs
from compiler.running.report import RunReport, StackResult
from compiler.running.run import Run
from compiler.running.stacks import RunStack, SelectionError, read_stacks, select
from compiler.running.terraform import CACHE, Terraform

TOOL_FAILED = 4
INTERRUPTED = 130
JOBS = 4
CODES = {
    "done": 0,
    "declined": 1,
    "refused": OUT_OF_DATE,
    "failed": TOOL_FAILED,
    "interrupted": INTERRUPTED,
}
LISTED = 10
_COLOURS = ("cyan", "green", "magenta", "blue", "yellow", "bright_cyan", "bright_magenta")


def with_options(*options: Callable[[Decorated], Decorated]) -> Callable[[Decorated], Decorated]:
    """One decorator of several, shown in this order by --help."""

    def decorate(function: Decorated) -> Decorated:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


out_option = click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("generated"),
    show_default=True,
    help="The compiled output.",
)
terraform_option = click.option(
    "--terraform",
    "executable",
    metavar="PATH",
    envvar="LANDFORM_TERRAFORM",
    help="Terraform or OpenTofu.  [default: terraform, else tofu, on PATH]",
)
run_options = with_options(
    out_option,
    from_option("Only the stacks that `affected --from` names; compared with"),
    click.option(
        "--only",
        multiple=True,
        metavar="STACK",
        help="Only these: aws/shared/churn, or with * (in one part) and ** (any). May be repeated.",
    ),
    click.option(
        "--only-from",
        type=click.File("rb"),
        metavar="FILE",
        help="Only the stacks listed there, one a line; - is standard input.",
    ),
    click.option(
        "--jobs",
        type=click.IntRange(min=1),
        default=JOBS,
        show_default=True,
        help="Stacks at once; each runs a Terraform and its providers.",
    ),
    click.option(
        "--allow-destroy", is_flag=True, help="Let plans pass that destroy or replace resources."
    ),
    terraform_option,
    click.option(
        "--report",
        type=click.Path(path_type=Path, dir_okay=False),
        metavar="FILE",
        help="Also write the run report there, as JSON.",
    ),
    format_choice(help="Of the result; with json Terraform's output goes to standard error."),
)


@dataclass(frozen=True, slots=True)
class Options:
    """What a run of `plan` or `apply` was asked for."""

    path: Path
    out: Path
    from_: str | None
    only: tuple[str, ...]
    only_from: BinaryIO | None
    jobs: int
    allow_destroy: bool
    executable: str | None
    report: Path | None
    format_: str
    color: str


def compiled_roots(context: click.Context, path: Path, out: Path, color: str) -> list[Path]:
    """The folders of the organisations, which are as the blueprints say; exits where they are not."""
    with progress("checking that the output is up to date"):
        cache = Cache(default_folder())
        if same := up_to_date(cache, path, out):
            return [out / name for name in sorted({file.split("/")[0] for file in same.same})]
        # Not imported where nothing is to be compiled: it takes longer than to see that.
        from compiler.compilation import compile_blueprints
        from compiler.emission import plan_all
        from compiler.share_records import ShareRecords
        from compiler.streaming import Streaming

        compilation = compile_blueprints(path, Streaming(out=out, records=ShareRecords(cache)))
        diagnostics = list(compilation.diagnostics)
        outputs = []
        if not has_errors(diagnostics):
            outputs = plan_all(compilation.blueprints, out, several=compilation.several)
            diagnostics += [found for output in outputs for found in output.diagnostics]
    show(diagnostics, compilation.sources, "text", color)
    if has_errors(diagnostics):
        context.exit(BLUEPRINT_ERRORS)
    if any(output.changes.pending for output in outputs):
        click.echo(f'error: "{out}" is out of date', err=True)
        click.echo(f"hint: landform compile {path} --out {out}, and review the diff", err=True)
        context.exit(OUT_OF_DATE)
    return [output.root for output in outputs]


def find_terraform(context: click.Context, given: str | None) -> str:
    """The program to run; exits with 4 where there is none."""
    names = [given] if given else ["terraform", "tofu"]
    for name in names:
        if found := shutil.which(name):
            return os.path.abspath(found)
    click.echo(f'error: "{names[0]}" is not there, or cannot be run', err=True)
    click.echo("hint: install Terraform 1.10 or newer, or name it with --terraform", err=True)
    context.exit(TOOL_FAILED)


def make_run(context: click.Context, options: Options, shard: tuple[int, int] = (1, 1)) -> Run:
    """The run over the selected stacks of the compiled tree, or over that part of them."""
    if os.path.isabs(os.environ.get("TF_DATA_DIR", "")):
        raise click.UsageError("TF_DATA_DIR is one folder for all stacks: unset it")
    executable = find_terraform(context, options.executable)
    roots = compiled_roots(context, options.path, options.out, options.color)
    stacks = [stack for root in roots for stack in read_stacks(root)]
    chosen = _chosen(context, stacks, options)[shard[0] - 1 :: shard[1]]
    stream = sys.stderr if options.format_ == "json" else sys.stdout
    printer = Printer(stream, chosen, wants_color(options.color, stream, os.environ))
    plugins = Path(os.environ.get(CACHE) or _plugin_folder())
    plugins.mkdir(parents=True, exist_ok=True)
    terraform = Terraform(executable, Programs(), plugins.resolve(), printer.line)
    return Run(chosen, terraform, options.jobs, options.allow_destroy)


def _chosen(context: click.Context, stacks: Sequence[RunStack], options: Options) -> list[RunStack]:
    """Those that were selected and, with `--from`, are affected."""
    listed = _listed(options.only_from) if options.only_from else None
    try:
        chosen = select(stacks, options.only, listed)
    except SelectionError as error:
        raise click.UsageError(str(error)) from error
    if options.from_ is None:
        return chosen
    # Not imported without it: both compile the blueprint, which else only its cache is asked about.
    from compiler.cli.comparing import sides, stacks_affected, warn_of_orphans

    found = stacks_affected(*sides(context, options.path, options.from_, "text", options.color))
    warn_of_orphans(found)
    affected = {one.key for one in found if one.planned}
    return [stack for stack in chosen if stack.key in affected]


def _listed(file: BinaryIO) -> list[str]:
    """The stacks in a list; Windows PowerShell writes what it redirects in UTF-16, with a mark."""
    content = file.read()
    marked = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = content.decode("utf-16" if marked else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise click.UsageError(f'"{file.name}" is no list of stacks: it is not UTF-8') from error
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def _plugin_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(base) / "landform" / "plugins"


class Printer:
    """Terraform's lines, each after the stack that it is from."""

    def __init__(self, stream: TextIO, stacks: Sequence[RunStack], color: bool) -> None:
        self._stream = stream
        self._guard = threading.Lock()
        several = len({stack.organization for stack in stacks}) > 1
        self._names = {s.key: f"[{s.key if several else s.path}]" for s in stacks}
        if color:
            for number, (key, name) in enumerate(self._names.items()):
                self._names[key] = click.style(name, fg=_COLOURS[number % len(_COLOURS)])

    def line(self, stack: RunStack, text: str) -> None:
        """Print one line, whole. Nothing where nobody reads it: Terraform is not cut off for that."""
        if text.strip():
            with self._guard, contextlib.suppress(OSError):
                self._stream.write(f"{self._names[stack.key]} {visible(text)}\n")
                self._stream.flush()


def tell(text: str) -> None:
    """A line about the run itself."""
    click.echo(f"landform: {text}", err=True)


def finish(context: click.Context, report: RunReport, options: Options, differs: int = 0) -> None:
    """Show what came of it, write the report, and exit with the code of the outcome."""
    body = json.dumps(report.as_json(), indent=2) + "\n"
    if options.report:
        try:
            options.report.write_text(body, encoding="utf-8")
        except OSError as error:
            raise click.FileError(str(options.report), error.strerror or "") from error
    if options.format_ == "json":
        click.echo(body, nl=False)
    else:
        click.echo("\n".join(summary(report)))
    if code := CODES[report.outcome] or differs:
        context.exit(code)


def summary(report: RunReport) -> list[str]:
    """A line for each stack that is not simply unchanged, then the errors, then all in one line."""
    if not report.results:
        return [f"no stacks to {report.command}"]
    lines = [""]
    for result in report.results:
        if result.status != "unchanged":
            lines.append(f"{result.status:<12} {result.stack.key}{_about(result)}")
    for result in report.having("failed", "interrupted"):
        lines += ["", f"{result.stack.key}: terraform {result.step} failed"]
        lines += [f"  {visible(line)}" for line in (result.error or "").splitlines()]
    gated = [] if report.allow_destroy else report.gated()
    if gated:
        lines += ["", "refused without --allow-destroy:", *destroys(gated)]
    counts = ", ".join(f"{number} {status}" for status, number in sorted(report.counts().items()))
    return [*lines, "", f"{report.command}: {report.outcome}; {counts}"]


def _about(result: StackResult) -> str:
    if result.status == "skipped":
        return f": behind {', '.join(result.behind)}"
    if result.status == "refused" and not result.gated:
        return f": {result.error}"
    return f": {result.changes}" if result.changes else ""


def destroys(results: Iterable[StackResult]) -> list[str]:
    """The addresses that plans destroy, the first of each stack."""
    lines = []
    for result in results:
        gone = result.changes.gone if result.changes else ()
        lines.append(f"  {result.stack.key} destroys or replaces {len(gone)}:")
        lines += [f"    {visible(address)}" for address in gone[:LISTED]]
        if len(gone) > LISTED:
            lines.append(f"    … and {len(gone) - LISTED} more")
    return lines
