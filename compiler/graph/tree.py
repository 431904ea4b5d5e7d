"""Accounts and projects below their units, as the formats that nest draw them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from compiler.graph.records import Graph, Home, Stack


@dataclass(slots=True)
class Unit:
    """A unit with the units and homes in it. The root has the path ""."""

    path: str
    units: dict[str, Unit] = field(default_factory=dict)
    homes: list[Home] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The last step of its path."""
        return self.path.rpartition("/")[2]

    def all(self) -> Iterator[Unit]:
        """It and every unit below, each before those in it."""
        yield self
        for unit in self.units.values():
            yield from unit.all()


def tree(graph: Graph) -> Unit:
    """The units that hold an account or project with stacks, and what is in them, sorted."""
    by_home = stacks_by_home(graph.stacks)
    root = Unit("")
    for home in sorted(graph.homes.values(), key=lambda home: (home.unit, home.key)):
        if home.key in by_home:
            _below(root, home.unit).homes.append(home)
    return root


def _below(root: Unit, path: str) -> Unit:
    found = root
    steps = path.split("/") if path else []
    for length in range(1, len(steps) + 1):
        inner = "/".join(steps[:length])
        found = found.units.setdefault(inner, Unit(inner))
    return found


def stacks_by_home(stacks: Iterable[Stack]) -> dict[str, list[Stack]]:
    """The stacks of each account or project, by its key."""
    found: dict[str, list[Stack]] = {}
    for stack in stacks:
        found.setdefault(stack.home, []).append(stack)
    return found
