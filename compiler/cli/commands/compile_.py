"""`landform compile`."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import click

from compiler.cache import Cache, Known, default_folder, remember, up_to_date
from compiler.cli.options import (
    BLUEPRINT_ERRORS,
    OUT_OF_DATE,
    blueprint_argument,
    color_option,
    format_option,
    shard_option,
    show,
)
from compiler.cli.progress import Watch, progress
from compiler.cli.render import Format, Result
from compiler.diagnostics import Diagnostic, has_errors
from compiler.tree import Changes

# More than this says less.
LISTED = 30


# The host may be a name, or an address of either version.
_ADDRESS = re.compile(r"dask://[A-Za-z0-9.:\[\]_-]+:[0-9]{1,5}")


def _address(context: click.Context, option: click.Parameter, value: str | None) -> str | None:
    if value is not None and not _ADDRESS.fullmatch(value):
        raise click.BadParameter("an address is dask://HOST:PORT", context, option)
    return value


@click.command("compile")
@blueprint_argument
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("generated"),
    show_default=True,
    help="Folder that gets one folder for each organisation.",
)
@click.option("--check", is_flag=True, help="Write nothing; exit 3 if something is out of date.")
@click.option(
    "--prune", is_flag=True, help="Drop stacks that no component makes, if never applied."
)
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    default=os.cpu_count() or 1,
    help="Processes for large organisations.  [default: the machine's cores]",
)
@shard_option(
    "Only the I-th of N parts of a large blueprint, without manifest and ledger: one for each CI job."
)
@click.option(
    "--executor",
    metavar="dask://HOST:PORT",
    callback=_address,
    help="Where the engine works: a Dask cluster (landform[dask]).  [default: processes of this machine]",
)
@click.option(
    "--cache",
    type=click.Path(path_type=Path, file_okay=False),
    default=default_folder,
    envvar="LANDFORM_CACHE",
    show_envvar=True,
    help="Folder that remembers what was compiled.  [default: landform/compiled in the user's cache]",
)
@click.option("--no-cache", is_flag=True, help="Compile, whatever was compiled before.")
@format_option
@color_option
@click.pass_context
def command(
    context: click.Context,
    path: Path,
    out: Path,
    check: bool,
    prune: bool,
    jobs: int,
    shard: tuple[int, int],
    executor: str | None,
    cache: Path,
    no_cache: bool,
    format_: Format,
    color: str,
) -> None:
    """Compile a blueprint, or each one in a folder, to Terraform JSON."""
    records = None if no_cache else Cache(cache)
    with progress("compiling", "components") as watch:
        same = up_to_date(records, path, out) if records else None
        work = _Work(out, records, check, prune, jobs, executor, watch, shard)
        done = _Done(same) if same else _compile(path, work)
    failed = has_errors(done.diagnostics)
    result = None if failed else Result(changes=done.changes, written=not check)
    if check and not failed and format_ == "text":
        _list(done.changes)
    show(done.diagnostics, done.sources, format_, color, result)
    if failed:
        context.exit(BLUEPRINT_ERRORS)
    if check and done.changes.pending:
        context.exit(OUT_OF_DATE)


@dataclass(frozen=True, slots=True)
class _Done:
    """What a run came to."""

    changes: Changes
    diagnostics: tuple[Diagnostic, ...] = ()
    sources: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Work:
    """What was asked for, beside the blueprint."""

    out: Path
    cache: Cache | None
    check: bool
    prune: bool
    jobs: int
    address: str | None
    watch: Watch
    shard: tuple[int, int]


def _compile(path: Path, work: _Work) -> _Done:
    # Not imported where nothing is to be done: it takes longer than to see that.
    from compiler.compilation import compile_blueprints
    from compiler.emission import apply, joined, plan_all
    from compiler.executors import executor
    from compiler.share_records import ShareRecords
    from compiler.streaming import Streaming

    cache = work.cache
    known = Known(cache) if cache else None
    with executor(work.address, work.jobs) as workers:
        streaming = Streaming(
            out=work.out,
            executor=workers,
            known=known.fingerprints if known else frozenset(),
            records=ShareRecords(cache),
            watch=work.watch,
            shard=work.shard,
        )
        compilation = compile_blueprints(path, streaming)
        diagnostics = list(compilation.diagnostics)
        outputs = []
        if not has_errors(diagnostics):
            several = compilation.several
            outputs = plan_all(compilation.blueprints, work.out, prune=work.prune, several=several)
            diagnostics += [found for output in outputs for found in output.diagnostics]
    if not work.check and not has_errors(diagnostics):
        diagnostics += apply(outputs)
    if cache and known and not has_errors(compilation.diagnostics):
        known.add({each for one in compilation.blueprints for each in one.printer.printed})
    whole = not any(one.partial for one in compilation.blueprints)
    if cache and compilation.repeatable and whole and not diagnostics:
        remember(
            cache,
            compilation.read,
            ((each.root.name, each.digests) for each in outputs if each.tree),
        )
    return _Done(joined(outputs), tuple(diagnostics), compilation.sources)


def _list(changes: Changes) -> None:
    """What is out of date, a file a line."""
    lines = [
        f"{word} {path}"
        for word, paths in (
            ("add   ", changes.added),
            ("change", changes.changed),
            ("remove", changes.removed),
        )
        for path in paths
    ]
    if len(lines) > LISTED:
        lines[LISTED:] = [f"… and {len(lines) - LISTED} more"]
    for line in lines:
        click.echo(line, err=True)
