"""A kind's file, read: its inputs, its stacks and its grants, with the places of all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from compiler.blueprint import nodes
from compiler.diagnostics import Span
from compiler.kinds.team.inputs import HOMES
from compiler.kinds.team.model import PARTS, InputSchema


@dataclass(frozen=True, slots=True)
class Section:
    """What the stacks of one input hold. `several` says that the input names a list of homes."""

    input: str
    several: bool
    cloud: str
    span: Span
    node: nodes.Mapping

    def group(self, key: str) -> Mapping[str, nodes.Entry]:
        """The entries of one of its keys: roles, outputs, …; empty where there are none."""
        return entries(self.node.get(key))

    @property
    def after(self) -> tuple[str, ...]:
        """The sections whose stacks come before this one's."""
        node = self.node.get("after")
        named = nodes.plain(node) if isinstance(node, nodes.Sequence) else []
        return tuple(map(str, named)) if isinstance(named, list) else ()

    def bodies(self, key: str) -> Iterator[tuple[str, str, nodes.Entry]]:
        """Type, name and body of what stands under `resources` or `data`."""
        for type_, named in self.group(key).items():
            for name, entry in entries(named.value).items():
                yield type_, name, entry


@dataclass(frozen=True, slots=True, kw_only=True)
class KindFile:
    """One file. `span` is its first key."""

    name: str
    span: Span
    root: nodes.Mapping
    inputs: Mapping[str, InputSchema]
    sections: tuple[Section, ...]

    @property
    def grants(self) -> Mapping[str, nodes.Entry]:
        """The grants by id."""
        return entries(self.root.get("grants"))

    def parts(self, category: str) -> dict[str, Section]:
        """Where each part of a category (`roles`) is declared."""
        return {name: s for s in self.sections for name in s.group(category)}


def entries(node: nodes.Node | None) -> Mapping[str, nodes.Entry]:
    """The entries of a mapping; none of anything else."""
    return node.entries if isinstance(node, nodes.Mapping) else {}


def sections(root: nodes.Mapping, inputs: Mapping[str, InputSchema]) -> Iterator[Section]:
    """The sections that belong to an input which names accounts or projects."""
    for name, entry in entries(root.get("stacks")).items():
        schema = inputs.get(name)
        if schema is not None and schema.type in HOMES and isinstance(entry.value, nodes.Mapping):
            several, cloud = HOMES[schema.type]
            yield Section(name, several, cloud, entry.key_span, entry.value)


def visible(file: KindFile, section: Section | None) -> dict[str, dict[str, Section]]:
    """The parts that expressions in a section can name, by category: its own, and those of which
    there is one."""
    return {
        category: {
            name: owner
            for name, owner in file.parts(category).items()
            if not owner.several or (section is not None and owner.input == section.input)
        }
        for category in PARTS
    }
