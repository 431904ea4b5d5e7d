"""The blueprint's YAML as a tree that remembers where each part was written.

Every value keeps its span through merging, inheritance and expression evaluation, so that an
error in an inherited or computed value still points at the line that says it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from compiler.diagnostics import Span


class WrittenInt(int):
    """A whole number that remembers how it was written, so that an id keeps its leading zeros."""

    text: str

    def __new__(cls, value: int, text: str) -> WrittenInt:
        """`text` is the scalar as it stands in the file."""
        number = super().__new__(cls, value)
        number.text = text
        return number

    def __str__(self) -> str:
        return self.text


class WrittenFloat(float):
    """A decimal number that remembers how it was written: version 1.30 is not 1.3."""

    text: str

    def __new__(cls, value: float, text: str) -> WrittenFloat:
        """`text` is the scalar as it stands in the file."""
        number = super().__new__(cls, value)
        number.text = text
        return number

    def __str__(self) -> str:
        return self.text


# What a scalar can be. Numbers from a file are WrittenInt and WrittenFloat.
ScalarValue = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Scalar:
    """A single value. `span` covers its text in the file, quotes included.

    `computed` says that an expression there gave it. `indent` is that of a literal block (`|`): how many
    columns stand before its lines, which start below the span's first one and are as they are in the file.
    """

    value: ScalarValue
    span: Span
    computed: bool = field(default=False, compare=False)
    indent: int | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list, in written order."""

    items: tuple[Node, ...]
    span: Span


class Entry(NamedTuple):
    """One key of a mapping with its value. `key_span` covers the key's text."""

    key_span: Span
    value: Node


@dataclass(frozen=True, slots=True)
class Mapping:
    """A mapping with string keys, in written order. Not changed after it is made."""

    entries: dict[str, Entry]
    span: Span

    def get(self, key: str) -> Node | None:
        """The value of `key`, or None."""
        entry = self.entries.get(key)
        return entry.value if entry else None


Node = Scalar | Sequence | Mapping


def merge(below: Mapping, above: Mapping) -> Mapping:
    """Lay `above` over `below`: mappings merge by key, scalars and lists replace.

    Keys keep the order of `below`, new ones follow. The span is that of `above`.
    """
    entries = dict(below.entries)
    for key, entry in above.entries.items():
        old = entries.get(key)
        if old and isinstance(old.value, Mapping) and isinstance(entry.value, Mapping):
            entries[key] = Entry(entry.key_span, merge(old.value, entry.value))
        else:
            entries[key] = entry
    return Mapping(entries, above.span)


def plain(node: Node) -> object:
    """The tree without positions: dicts, lists and scalars."""
    if isinstance(node, Mapping):
        return {key: plain(entry.value) for key, entry in node.entries.items()}
    if isinstance(node, Sequence):
        return [plain(item) for item in node.items]
    return node.value


def has_template(node: Node) -> bool:
    """Whether a text in the tree holds an expression."""
    return next(template_spans(node), None) is not None


def template_spans(node: Node) -> Iterator[Span]:
    """Where the texts with expressions are."""
    if isinstance(node, Mapping):
        for entry in node.entries.values():
            yield from template_spans(entry.value)
    elif isinstance(node, Sequence):
        for item in node.items:
            yield from template_spans(item)
    elif isinstance(node.value, str) and "{{" in node.value:
        yield node.span


def node_at(node: Node, path: tuple[str | int, ...]) -> Node | None:
    """What is at `path` (keys and list indexes from `node` down), or None."""
    deepest, whole = _deepest(node, path)
    return deepest if whole else None


def span_at(node: Node, path: tuple[str | int, ...]) -> tuple[Span, bool]:
    """Where `path` was written.

    Returns the span of the deepest part that exists, and whether the whole path does. For a
    path that ends in a mapping's key the span is the value's.
    """
    deepest, whole = _deepest(node, path)
    return deepest.span, whole


def _deepest(node: Node, path: tuple[str | int, ...]) -> tuple[Node, bool]:
    for step in path:
        if isinstance(node, Mapping) and isinstance(step, str) and step in node.entries:
            node = node.entries[step].value
        elif isinstance(node, Sequence) and isinstance(step, int) and step < len(node.items):
            node = node.items[step]
        else:
            return node, False
    return node, True
