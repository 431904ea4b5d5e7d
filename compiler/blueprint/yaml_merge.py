"""The files of one blueprint as one tree.

Takes the trees with their paths, gives one `Mapping` and diagnostics; no effects.
"""

from __future__ import annotations

from collections.abc import Sequence as Series

from compiler.blueprint.nodes import Entry, Mapping, Node, Scalar
from compiler.diagnostics import Diagnostic, Span, in_order


def merge_documents(
    trees: Series[tuple[str, Mapping]],
) -> tuple[Mapping, tuple[Diagnostic, ...]]:
    """Several files as one: top-level mappings merge by key, in order of the files' paths.

    A key below a top-level key, or a top-level key that is no mapping, is written once. A key
    without a value (`accounts:`) adds nothing. Raises ValueError without any tree.
    """
    if not trees:
        raise ValueError("at least one tree is needed")
    found: list[Diagnostic] = []
    ordered = [tree for _, tree in sorted(trees, key=lambda pair: pair[0])]
    merged = dict(ordered[0].entries)
    for tree in ordered[1:]:
        for key, entry in tree.entries.items():
            merged[key] = _join(key, merged.get(key), entry, found)
    return Mapping(merged, ordered[0].span), in_order(found)


def _join(key: str, first: Entry | None, second: Entry, found: list[Diagnostic]) -> Entry:
    if first is None or _is_null(first.value):
        return second
    if _is_null(second.value):
        return first
    if not (isinstance(first.value, Mapping) and isinstance(second.value, Mapping)):
        found.append(given_twice("E025", key, first.key_span, second.key_span))
        return first
    entries = dict(first.value.entries)
    for name, entry in second.value.entries.items():
        if name in entries:
            place = entries[name].key_span
            found.append(given_twice("E025", f"{key}.{name}", place, entry.key_span))
        else:
            entries[name] = entry
    return Entry(first.key_span, Mapping(entries, first.value.span))


def _is_null(node: Node) -> bool:
    return isinstance(node, Scalar) and node.value is None


def given_twice(code: str, key: str, first: Span, second: Span) -> Diagnostic:
    """Say that `key` at `second` stands at `first` already."""
    return Diagnostic(
        code=code,
        message=f'"{key}" is given twice; first at {first}',
        span=second,
        hint="delete or rename one of them",
        related=(("first given here", first),),
    )
