"""What DOT and Mermaid draw: boxes in boxes, nodes in them, and lines; the same for both."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from compiler.graph.links import Level, Link, links
from compiler.graph.records import SIGNS, Graph, Home, Stack, Status
from compiler.graph.text import NOWHERE, count, summary, touched
from compiler.graph.tree import Unit, stacks_by_home, tree


@dataclass(frozen=True, slots=True)
class Node:
    """`lines` are its label, `status` that of all that it stands for."""

    key: str
    lines: tuple[str, ...]
    status: Status = "same"


@dataclass(slots=True)
class Box:
    """A unit or an account with what is in it."""

    label: str
    boxes: list[Box] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)

    def keys(self) -> Iterator[str]:
        """Those of all nodes in it."""
        yield from (node.key for node in self.nodes)
        for box in self.boxes:
            yield from box.keys()


@dataclass(frozen=True, slots=True)
class Line:
    """`label` says how many grants it stands for; `order`: the first is applied before the second."""

    source: str
    target: str
    label: str
    order: bool


def boxes(graph: Graph, level: Level) -> Box:
    """The organisation as one box."""
    return _Shaper(graph, level).unit(tree(graph), graph.organization)


def lines(graph: Graph, level: Level) -> list[Line]:
    """Each link as one line for the order and one for the access."""
    found = []
    drawn = set(boxes(graph, level).keys())
    for link in links(graph, level):
        source, target = key(graph, link.source), key(graph, link.target)
        if not drawn >= {source, target}:
            continue
        if link.order:
            found.append(Line(source, target, "", True))
        if link.grants:
            found.append(Line(source, target, _label(link), False))
    return found


def key(graph: Graph, node: str) -> str:
    """What names a node among those of all organisations."""
    return f"{graph.organization}/{node}"


def _label(link: Link) -> str:
    return count(len(link.grants), "grant")


@dataclass(frozen=True, slots=True)
class _Shaper:
    graph: Graph
    level: Level

    def unit(self, unit: Unit, label: str) -> Box:
        box = Box(label)
        by_home = stacks_by_home(self.graph.stacks)
        if self.level == "unit":
            stacks = [stack for home in unit.homes for stack in by_home[home.key]]
            if stacks:
                box.nodes.append(self._node(unit.path, unit.path or NOWHERE, stacks))
        elif self.level == "account":
            box.nodes += [
                self._node(h.key, f"{h.key} ({h.id})", by_home[h.key]) for h in unit.homes
            ]
        else:
            box.boxes += [self._home(home, by_home[home.key]) for home in unit.homes]
        for inner in unit.units.values():
            made = self.unit(inner, inner.name)
            # A unit with nothing but itself in it needs no frame.
            if self.level == "unit" and not inner.units:
                box.nodes += made.nodes
            else:
                box.boxes.append(made)
        return box

    def _home(self, home: Home, stacks: Sequence[Stack]) -> Box:
        return Box(f"{home.key} ({home.id})", nodes=[self._stack(stack) for stack in stacks])

    def _stack(self, stack: Stack) -> Node:
        wave = "gone" if stack.wave is None else f"wave {stack.wave}"
        size = count(stack.size, "resource")
        sign = f"{SIGNS[stack.status]} " if stack.status != "same" else ""
        label = [f"{sign}{stack.component}", stack.kind, f"{wave}, {size}"]
        label += [touched(stack)] if stack.touched else []
        return Node(key(self.graph, stack.path), tuple(filter(None, label)), stack.status)

    def _node(self, name: str, label: str, stacks: Sequence[Stack]) -> Node:
        statuses: set[Status] = {stack.status for stack in stacks}
        status: Status = statuses.pop() if len(statuses) == 1 else "changed"
        sign = f"{SIGNS[status]} " if status != "same" else ""
        return Node(key(self.graph, name), (f"{sign}{label}", *summary(stacks).split(", ")), status)
