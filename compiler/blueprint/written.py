"""Where a file says a part of a stack, for what is found out about the part later.

A kind that a team wrote says its resources in lines of its own. What a check finds in the finished
stack, by address and path, is told at those lines.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from compiler.blueprint import nodes
from compiler.diagnostics import Span

Path = tuple[str | int, ...]
Answer = tuple[Span | None, tuple[tuple[str, Span], ...]]


@dataclass(frozen=True, slots=True)
class Written:
    """One part: where its name stands, and what is written below it."""

    span: Span
    node: nodes.Node | None = None

    def at(self, path: Path) -> Span:
        """The place of the deepest step of `path` that is written: a key, or an item of a list."""
        place, node = self.span, self.node
        for step in path:
            if isinstance(node, nodes.Mapping) and step in node.entries:
                place, node = node.entries[str(step)]
            elif (
                isinstance(node, nodes.Sequence)
                and isinstance(step, int)
                and step < len(node.items)
            ):
                node = node.items[step]
                place = node.span
            else:
                break
        return place

    def statement(self, argument: str, sid: str) -> Span:
        """The place of a policy's statement: by its Sid, or by its number where it has none."""
        node = self.node
        policy = node.get(argument) if isinstance(node, nodes.Mapping) else None
        found = _statements(policy if policy is not None else node)
        for number, statement in enumerate(found, start=1):
            named = statement.get("Sid")
            if (nodes.plain(named) if named else str(number)) == sid:
                return statement.span
        return self.at((argument,))

    def below(self, step: str) -> Written | None:
        """The part of that name within this one."""
        entry = self.node.entries.get(step) if isinstance(self.node, nodes.Mapping) else None
        return Written(*entry) if entry else None


@dataclass(frozen=True, slots=True)
class Places:
    """Where the parts of stacks are written: in a kind's file, else with their component.

    `components` are by stack, `parts` by stack and address. An answer is the place to blame, and
    further ones with a label each.
    """

    components: Mapping[str, Span]
    parts: Mapping[tuple[str, str], Written]

    def at(self, stack: str, address: str, path: Path = ()) -> Answer:
        """The place of an argument."""
        part = self.parts.get((stack, address))
        return self._answer(stack, part.at(path) if part else None)

    def statement(self, stack: str, address: str, argument: str, sid: str) -> Answer:
        """The place of a policy's statement; of one that is written of a grant, the grant's."""
        part = self.parts.get((stack, address))
        if part is not None and part.node is None:
            part = self.parts.get((stack, f"statement.{sid}"), part)
        return self._answer(stack, part.statement(argument, sid) if part else None)

    def _answer(self, stack: str, found: Span | None) -> Answer:
        component = self.components.get(stack)
        if found is None or component is None:
            return component, ()
        return found, ((f"used here, in {stack}", component),)


def _statements(node: nodes.Node | None) -> list[nodes.Mapping]:
    """The statements of all policies below the node."""
    if isinstance(node, nodes.Sequence):
        return [found for item in node.items for found in _statements(item)]
    if not isinstance(node, nodes.Mapping):
        return []
    listed = node.get("Statement")
    if listed is None:
        return [found for entry in node.entries.values() for found in _statements(entry.value)]
    items = listed.items if isinstance(listed, nodes.Sequence) else (listed,)
    return [item for item in items if isinstance(item, nodes.Mapping)]
