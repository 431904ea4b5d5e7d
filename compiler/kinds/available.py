"""The kinds that a blueprint can use: Landform's own, installed ones, and those in its `kinds/`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from pydantic import ConfigDict

from compiler.blueprint import nodes
from compiler.blueprint.files import SourceFile, read_blueprints
from compiler.blueprint.shapes import Shape
from compiler.diagnostics import Diagnostic, Span, in_order
from compiler.kinds import KINDS
from compiler.kinds.installed import Installed, installed
from compiler.kinds.team import team_kinds
from compiler.organization.kind import Kind

DEFAULT = Path("blueprints")

Users = Mapping[str, tuple[str, Span]]


class _Anything(Shape):
    """Stands for inputs that cannot be known."""

    model_config = ConfigDict(extra="allow")


def available(
    sources: Iterable[SourceFile] = (),
    environment: Installed | None = None,
    *,
    unread: Iterable[str] = (),
) -> tuple[dict[str, Kind], tuple[Diagnostic, ...]]:
    """All kinds by name, and what is wrong with the files of the team's own.

    A kind that cannot be read or loaded is there too, as one that nothing is known of: components
    are not blamed for its absence. `environment` is what is installed, if not the actual one;
    `unread` are the paths of files that could not be read.
    """
    found = environment or installed()
    kinds = {**{name: _unknown(name) for name in found.failures}, **found.kinds, **KINDS}
    sources = tuple(sources)
    own, wrong = team_kinds(sources, kinds)
    paths = (*(source.path for source in sources), *unread)
    broken = {name: _unknown(name) for name in map(_name, paths) if name not in kinds}
    return {**kinds, **broken, **own}, wrong


def kinds_at(
    path: Path | None,
) -> tuple[dict[str, Kind], tuple[Diagnostic, ...], dict[str, str]]:
    """The kinds that the blueprints at `path` can use, what is wrong, and the sources by path.

    None stands for the folder that commands compile by default, where there is one.
    """
    where = path or DEFAULT
    if path is None and not where.exists():
        return {name: kind for name, kind in available()[0].items() if kind.home}, (), {}
    blueprints, diagnostics = read_blueprints(where)
    found = list(diagnostics)
    kinds: dict[str, Kind] = dict(available()[0])
    sources: dict[str, str] = {}
    for blueprint in blueprints:
        own, wrong = available(blueprint.kinds)
        kinds |= own
        found += wrong
        sources |= {source.path: source.text for source in blueprint.kinds}
    return {n: kind for n, kind in kinds.items() if kind.home}, in_order(found), sources


def _name(path: str) -> str:
    return path.rpartition("/")[2].rpartition(".")[0]


def _unknown(name: str) -> Kind:
    return Kind(name=name, summary="", inputs=_Anything, build=lambda draft: None, home="")


def users(root: nodes.Mapping) -> Users:
    """The first component of each kind in a blueprint's tree, with its place."""
    found: dict[str, tuple[str, Span]] = {}
    components = root.get("components")
    for name, entry in components.entries.items() if isinstance(components, nodes.Mapping) else ():
        kind = entry.value.get("kind") if isinstance(entry.value, nodes.Mapping) else None
        value = nodes.plain(kind) if kind is not None else None
        if isinstance(value, str):
            found.setdefault(value, (name, entry.key_span))
    return found


def with_users(found: Iterable[Diagnostic], by: Users) -> Iterator[Diagnostic]:
    """What is wrong with kinds' files, with a component that uses the kind."""
    for diagnostic in found:
        path = diagnostic.span.path if diagnostic.span else ""
        user = by.get(_name(path))
        if user:
            name, span = user
            related = (*diagnostic.related, (f'used by component "{name}"', span))
            diagnostic = replace(diagnostic, related=related)
        yield diagnostic


def unusable(by: Users, environment: Installed | None = None) -> Iterator[Diagnostic]:
    """Components of installed kinds that cannot be used, or that have the name of another."""
    found = environment or installed()
    for name, (component, span) in by.items():
        if name in KINDS and (name in found.kinds or name in found.failures):
            message = (
                f'component "{component}": an installed package has a kind called "{name}" too'
            )
            hint = "rename that kind, or take the package out of the environment"
            yield Diagnostic(code="E331", message=message, span=span, hint=hint)
        elif name in found.failures:
            message = f'component "{component}": the kind "{name}": {found.failures[name]}'
            hint = "repair the package that has the kind"
            yield Diagnostic(code="E332", message=message, span=span, hint=hint)
