"""What joins stacks: the order in which they are applied, and the access between them.

Taken together by stack, by account or by unit.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Literal

from compiler.access.ledger import Edge, Entry
from compiler.graph.records import Graph, principal_home, resource_home

Level = Literal["stack", "account", "unit"]
LEVELS: tuple[Level, ...] = ("stack", "account", "unit")


@dataclass(frozen=True, slots=True)
class Ends:
    """The stacks that an entry of the ledger joins.

    `source` writes the principal's half. `targets` write the other: none where the resource's own
    account has no statement, the source itself where it has all.
    """

    source: str | None
    targets: tuple[str, ...]

    @property
    def all(self) -> tuple[str, ...]:
        """Every stack with a statement of it."""
        return (*([self.source] if self.source else ()), *self.targets)


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """From one node to another. `order`: the source is applied before the target.

    `grants` are the ids of the entries whose principal is in the source, and whose resource in the target.
    """

    source: str
    target: str
    order: bool = False
    grants: tuple[str, ...] = ()


def ends(entry: Entry, known: Collection[str]) -> Ends:
    """Which stacks the entry joins; `known` are all paths."""
    if isinstance(entry, Edge):
        own = [each.stack for each in entry.statements if each.side == "identity"]
        others = dict.fromkeys(each.stack for each in entry.statements if each.stack not in own)
        source = own[0] if own else None
        inside = not others and entry.principal_account == entry.resource_account
        return Ends(source, (source,) if inside and source else tuple(others))
    # It has one half. The principal is made by the stack of the same component, if by one at all.
    made_by = f"{principal_home(entry)}/{entry.component}"
    return Ends(made_by if made_by in known else None, (entry.stack,))


def links(graph: Graph, level: Level = "stack") -> list[Link]:
    """Those between different nodes, sorted by source and target."""
    before: set[tuple[str, str]] = set()
    grants: dict[tuple[str, str], list[str]] = {}
    node = {stack.path: node_of(graph, stack.home, stack.path, level) for stack in graph.stacks}
    for stack in graph.stacks:
        for path in stack.depends_on:
            if path in node:
                before.add((node[path], node[stack.path]))
    for entry in graph.entries:
        for pair in dict.fromkeys(_pairs(graph, entry, node, level)):
            grants.setdefault(pair, []).append(entry.id)
    pairs = sorted(pair for pair in {*before, *grants} if pair[0] != pair[1])
    return [
        Link(source=a, target=b, order=(a, b) in before, grants=tuple(grants.get((a, b), ())))
        for a, b in pairs
    ]


def node_of(graph: Graph, home: str, path: str, level: Level) -> str:
    """The node that a stack is a part of: its path, its account's key or its unit."""
    if level == "stack":
        return path
    return home if level == "account" else graph.homes[home].unit


def _pairs(
    graph: Graph, entry: Entry, node: dict[str, str], level: Level
) -> Iterator[tuple[str, str]]:
    if level == "stack":
        found = ends(entry, node)
        for target in found.targets:
            if found.source in node and target in node:
                yield node[found.source], node[target]
        return
    own, home = principal_home(entry), resource_home(entry)
    if own is not None and own in graph.homes and home in graph.homes:
        yield node_of(graph, own, "", level), node_of(graph, home, "", level)
