"""`landform graph`."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import click

from compiler.access.delta import Snapshot
from compiler.cli.options import (
    BLUEPRINT_ERRORS,
    blueprint_argument,
    color_option,
    format_choice,
    from_option,
    show,
)
from compiler.cli.progress import progress
from compiler.cli.render import visible
from compiler.compilation import compile_blueprints
from compiler.diagnostics import has_errors
from compiler.diff import Revision
from compiler.git import GitError, RepositoryError
from compiler.graph.changes import compared
from compiler.graph.dot import as_dot
from compiler.graph.html import as_html
from compiler.graph.links import LEVELS, Level
from compiler.graph.mermaid import as_mermaid, refused
from compiler.graph.model import graph_of, narrowed
from compiler.graph.record import as_json
from compiler.graph.records import Graph
from compiler.graph.text import as_text
from compiler.revision import Side, SideError, named, of_the_same, snapshot
from compiler.revision_stacks import compiled_revisions
from compiler.running.stacks import SelectionError

TOOL_FAILED = 4
_FORMATS = ("text", "json", "dot", "mermaid", "html")
# Those that have everything in them, at every level.
_WHOLE = ("json", "html")


@click.command("graph")
@blueprint_argument
@from_option("Show what changes since")
@click.option(
    "--by",
    type=click.Choice(LEVELS),
    default="stack",
    show_default=True,
    help="What a line or a box stands for (text, dot, mermaid).",
)
@click.option(
    "--only",
    multiple=True,
    metavar="GLOB",
    help="Stacks by path: * within one part, ** over several. May be repeated.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write it there instead of to standard output.",
)
@format_choice(_FORMATS, "How to show it.")
@color_option
@click.pass_context
def command(
    context: click.Context,
    path: Path,
    from_: str | None,
    by: Level,
    only: tuple[str, ...],
    output: Path | None,
    format_: str,
    color: str,
) -> None:
    """Stacks by account and unit, what waits for what, and who has access where.

    For people: `--format html --output graph.html` makes one page that needs no network. For documents:
    dot (Graphviz) and mermaid. With --from all of them show what changes.

    Exit codes: 0 done; 1 a blueprint has errors, today's or the old one, or FILE cannot be written;
    2 wrong usage; 4 git failed or is missing.
    """
    if by != "stack" and format_ in _WHOLE:
        raise click.UsageError(f"--by is for text, dot and mermaid: {format_} has all levels")
    if format_ == "html" and output is None and sys.stdout.isatty():
        raise click.UsageError("a page is nothing to read here: add --output graph.html")
    graphs = _graphs(context, path, from_, color)
    try:
        graphs = narrowed(graphs, only) if only else graphs
    except SelectionError as error:
        raise click.UsageError(str(error)) from error
    with progress("drawing"):
        text = _drawn(graphs, format_, by)
    if format_ == "mermaid" and (why := refused(text)):
        click.echo(f"warning: {why}; --by account, --by unit or --only make it smaller", err=True)
    _write(text, output)


def _graphs(context: click.Context, path: Path, from_: str | None, color: str) -> list[Graph]:
    """Ends the command where a blueprint has errors, or git fails."""
    with progress("checking"):
        compilation = compile_blueprints(path)
    show(compilation.diagnostics, compilation.sources, "text", color)
    if has_errors(compilation.diagnostics):
        context.exit(BLUEPRINT_ERRORS)
    if from_ is None:
        return [graph_of(one) for one in compilation.blueprints]
    after = Side(
        label=str(path),
        snapshots={one.organization: snapshot(one) for one in compilation.blueprints},
        revisions=dict(compiled_revisions(compilation)),
    )
    before = of_the_same(_before(context, from_, path, color), after, path)
    if before.there and not before.snapshots:
        names = ", ".join(after.snapshots)
        click.echo(f"{before.label} has nothing of {names}: everything is new", err=True)
    drawn = {one.organization: graph_of(one) for one in compilation.blueprints}
    with progress("comparing"):
        return list(_compared(drawn, before, after))


def _compared(drawn: Mapping[str, Graph], before: Side, after: Side) -> Iterator[Graph]:
    """Organisations that are gone come last."""

    def known(side: Side, name: str) -> tuple[Revision, Snapshot]:
        return side.revisions.get(name, Revision()), side.snapshots.get(name, Snapshot())

    for name in dict.fromkeys((*drawn, *sorted(before.snapshots))):
        graph = drawn.get(name) or Graph(organization=name, stacks=(), homes={}, entries=())
        yield compared(graph, known(before, name), known(after, name), before.label)


def _before(context: click.Context, from_: str, path: Path, color: str) -> Side:
    try:
        with progress(f"checking {from_}"):
            before = named(from_, path)
    except GitError as error:
        click.echo(f"error: {error}", err=True)
        context.exit(TOOL_FAILED)
    except (RepositoryError, SideError) as error:
        raise click.UsageError(str(error)) from error
    if before.failed:
        show(before.diagnostics, before.sources, "text", color)
        click.echo(f"error: {before.label} has errors: there is nothing to compare with", err=True)
        context.exit(BLUEPRINT_ERRORS)
    if not before.there:
        click.echo(f"{path} did not exist at {from_}: everything is new", err=True)
    return before


def _drawn(graphs: Sequence[Graph], format_: str, by: Level) -> str:
    if format_ == "json":
        return as_json(graphs)
    if format_ == "dot":
        return as_dot(graphs, by)
    if format_ == "mermaid":
        return as_mermaid(graphs, by)
    if format_ == "html":
        return as_html(graphs)
    return visible("\n".join(as_text(graph, by) for graph in graphs), keep="\n")


def _write(text: str, output: Path | None) -> None:
    if output is None:
        sys.stdout.write(text)
        return
    try:
        output.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise click.FileError(str(output), error.strerror or "") from error
