"""What the page is made from, small: 1,000 stacks have 10,000 grants, and 5 MB of plain JSON.

Stacks and grants of one kind are alike but for the names and ids of accounts and components. So each is a
pattern with holes, and what fills them; patterns are written once, and so are the texts in them. The
page puts them together again.
No compression: what a zip library makes differs between its versions.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from compiler.access.delta.records import Change, Party
from compiler.access.ledger import Binding, Edge, Entry
from compiler.graph.links import ends
from compiler.graph.record import change_record
from compiler.graph.records import Graph, Stack, principal_home, resource_home

# A hole is one of these characters; a text that has one of its own is written as it is.
_FIRST_HOLE = 0xE000
_NONE = -1


def camel(name: str) -> str:
    """As statements spell a name.

    >>> camel("train-eu")
    'TrainEu'
    """
    return "".join(part[:1].upper() + part[1:] for part in name.split("-"))


def fillings(names: Sequence[str]) -> list[str]:
    """What fills the holes for these names, in the order of the holes: as it is, as an address, as a Sid."""
    return [form for name in names for form in (name, name.replace("-", "_"), camel(name))]


class Table:
    """Values, each once; gives their numbers."""

    def __init__(self) -> None:
        self.values: list[Any] = []
        self._numbers: dict[str, int] = {}

    def add(self, value: Any) -> int:
        """The number of the value."""
        key = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        number = self._numbers.setdefault(f"{type(value).__name__}{key}", len(self.values))
        if number == len(self.values):
            self.values.append(value)
        return number


def perforated(value: Any, names: Sequence[str]) -> Any:
    """The value with holes where these names stand, or None where its own text looks like a hole."""
    marks = [(form, chr(_FIRST_HOLE + n)) for n, form in enumerate(fillings(names)) if form]
    # The longest first: "training-us" before "training". Of two equal forms the first hole is enough.
    marks.sort(key=lambda mark: -len(mark[0]))
    last = chr(_FIRST_HOLE + 3 * len(names))

    def cut(text: str) -> str:
        if any(chr(_FIRST_HOLE) <= letter < last for letter in text):
            raise _OwnHoleError
        for form, mark in marks:
            text = text.replace(form, mark)
        return text

    try:
        return _mapped(value, cut)
    except _OwnHoleError:
        return None


class _OwnHoleError(Exception):
    pass


def _mapped(value: Any, change: Callable[[str], str | int]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [_mapped(each, change) for each in value]
    return value


def packed(graphs: Iterable[Graph]) -> dict[str, Any]:
    """All organisations, as the page reads them."""
    return {"version": 1, "organizations": [_Packer(graph).whole() for graph in graphs]}


class _Packer:
    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.patterns, self.words, self.names = Table(), Table(), Table()
        self.homes = {key: number for number, key in enumerate(graph.homes)}
        self.known = list(graph.homes.values())
        self.stacks = {stack.path: number for number, stack in enumerate(graph.stacks)}

    def whole(self) -> dict[str, Any]:
        """One organisation: tables, and rows that hold numbers of them."""
        graph = self.graph
        made = {
            "name": graph.organization,
            "since": graph.since,
            "homes": [
                [home.cloud, home.name, home.id, self.names.add(home.unit)]
                for home in graph.homes.values()
            ],
            "stacks": [self._stack(stack) for stack in graph.stacks],
            "entries": [self._entry(entry) for entry in graph.entries],
            "access": [self._change(change) for change in graph.access],
        }
        tables = {"names": self.names, "patterns": self.patterns, "words": self.words}
        return {**made, **{name: table.values for name, table in tables.items()}}

    def _stack(self, stack: Stack) -> list[Any]:
        """Home, component, kind, region, wave, dependencies, resources, place, status, changes, origin."""
        home, at, add = self.graph.homes[stack.home], stack.declared, self.names.add
        own = (stack.component, home.name, home.id)
        touched = [[t.address, t.status, list(t.parts), list(t.notes)] for t in stack.touched]
        return [
            self.homes[stack.home],
            add(stack.component),
            add(stack.kind),
            add(stack.region),
            _NONE if stack.wave is None else stack.wave,
            [self.stacks[path] for path in stack.depends_on if path in self.stacks],
            self._pattern(list(stack.resources), own),
            [add(at.path), at.line, at.column] if at else [],
            stack.status,
            self._pattern(touched, own),
            stack.origin,
        ]

    def _entry(self, entry: Entry) -> list[int]:
        """Pattern, component, principal's home, resource's home."""
        own, home = self._home(principal_home(entry)), self._home(resource_home(entry))
        pattern = self._pattern(self._words(entry), self._holes(entry.component, own, home))
        return [pattern, self.names.add(entry.component), own, home]

    def _words(self, entry: Entry) -> list[Any]:
        """Id, principal, actions, resource, condition, statements, the stacks that it joins."""
        joined = ends(entry, self.stacks)
        pair = [joined.source or "", list(joined.targets)]
        if isinstance(entry, Edge):
            steps = [[e.stack, e.address, e.side, e.sid] for e in entry.statements]
            words = [entry.principal_arn, list(entry.actions), entry.resource_arn, ""]
        elif isinstance(entry, Binding):
            steps = [[entry.stack, entry.address, "binding", ""]]
            words = [entry.member, [entry.role], entry.resource, entry.condition or ""]
        else:
            steps = [[entry.stack, address, entry.side, ""] for address in entry.addresses]
            words = [entry.principal, [entry.text], entry.resource, ""]
        return [entry.id, *words, steps, *pair]

    def _change(self, change: Change) -> list[Any]:
        """What was gained or lost: pattern, principal's home, resource's home."""
        own, home = self._party(change.who), self._party(change.on)
        found = change_record(change)
        keys = ("kind", "principal", "from", "actions", "resource", "to", "marks", "stacks")
        words = [found[key] for key in keys]
        return [self._pattern(words, self._holes("", own, home)), _NONE, own, home]

    def _party(self, party: Party) -> int:
        return self._home(f"{party.cloud}/{party.home}" if party.home else None)

    def _home(self, key: str | None) -> int:
        return self.homes.get(key, _NONE) if key else _NONE

    def _holes(self, component: str, *homes: int) -> tuple[str, ...]:
        found = [component]
        for number in homes:
            home = self.known[number] if number != _NONE else None
            found += [home.name, home.id] if home else ["", ""]
        return tuple(found)

    def _pattern(self, value: list[Any], names: Sequence[str]) -> int:
        """Its number, or, where it is to be read as it stands, that number from the end: -1, -2, …"""
        cut = perforated(value, names)
        number = self.patterns.add(_mapped(value if cut is None else cut, self.words.add))
        return number if cut is not None else -1 - number
