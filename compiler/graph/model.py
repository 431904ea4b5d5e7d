"""A compiled blueprint as a graph."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from compiler.compilation import Compiled
from compiler.diagnostics import nearest
from compiler.graph.links import ends
from compiler.graph.records import Graph, Home, Stack, principal_home, resource_home
from compiler.manifest import waves
from compiler.organization.records import Home as Declared
from compiler.running.stacks import SelectionError, expression


def graph_of(compiled: Compiled) -> Graph:
    """All stacks, accounts and projects, and the ledger."""
    organization = compiled.world.organization
    declared: tuple[Declared, ...] = (
        *organization.accounts.values(),
        *organization.projects.values(),
    )
    homes = [
        Home(cloud=each.cloud, name=each.name, id=each.id, unit=each.unit or "")
        for each in declared
    ]
    wave = waves({stack.path: stack.depends_on for stack in compiled.stacks})
    stacks = [
        Stack(
            path=stack.path,
            home=f"{stack.cloud}/{stack.account}",
            region=stack.region,
            component=stack.component,
            kind=stack.kind,
            wave=wave[stack.path],
            depends_on=tuple(sorted(stack.depends_on)),
            resources=tuple(sorted(each.address for each in stack.resources)),
            declared=compiled.spans.get(stack.path),
        )
        for stack in compiled.stacks
    ]
    return Graph(
        organization=compiled.organization,
        stacks=tuple(sorted(stacks, key=lambda stack: stack.path)),
        homes={home.key: home for home in sorted(homes, key=lambda home: home.key)},
        entries=tuple(sorted(compiled.entries, key=lambda entry: entry.id)),
        units=tuple(sorted(organization.units)),
    )


def narrowed(graphs: Iterable[Graph], patterns: Iterable[str]) -> list[Graph]:
    """Only the stacks that a pattern matches, and the access that touches them.

    A pattern is a stack's path, maybe after the organisation's name; in it `*` stands for anything
    within one part and `**` for any number of parts. Raises SelectionError for one that matches nothing.
    """
    whole = list(graphs)
    chosen: set[tuple[str, str]] = set()
    for pattern in patterns:
        match = re.compile(expression(pattern))
        found = {
            (graph.organization, stack.path)
            for graph in whole
            for stack in graph.stacks
            if match.fullmatch(stack.path) or match.fullmatch(f"{graph.organization}/{stack.path}")
        }
        if not found:
            near = nearest(pattern, (stack.path for graph in whole for stack in graph.stacks))
            hint = f'; did you mean "{near}"?' if near else ""
            raise SelectionError(f'no stack is "{pattern}"{hint}')
        chosen |= found
    return [
        _only(graph, {path for name, path in chosen if name == graph.organization})
        for graph in whole
        if any(name == graph.organization for name, _ in chosen)
    ]


def _only(graph: Graph, paths: set[str]) -> Graph:
    stacks = tuple(stack for stack in graph.stacks if stack.path in paths)
    known = {stack.path for stack in graph.stacks}
    entries = tuple(
        entry for entry in graph.entries if not paths.isdisjoint(ends(entry, known).all)
    )
    access = tuple(
        change for change in graph.access if paths & {step.stack for step in change.statements}
    )
    used = {stack.home for stack in stacks}
    for entry in entries:
        used |= {resource_home(entry), *filter(None, [principal_home(entry)])}
    homes = {key: home for key, home in graph.homes.items() if key in used}
    return replace(graph, stacks=stacks, entries=entries, access=access, homes=homes)
