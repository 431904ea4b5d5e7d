"""Stacks that were renamed and keep their state: their access is not lost and gained again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from compiler.access.delta.records import Snapshot
from compiler.access.ledger import Edge, Entry


def followed(before: Snapshot, after: Snapshot) -> Snapshot:
    """The earlier revision with the paths that its stacks have in the later one."""
    here = {
        after.states.get(path, path): path
        for path in after.documents.keys() - before.documents.keys()
    }
    moves = {
        path: here[state]
        for path in before.documents.keys() - after.documents.keys()
        if (state := before.states.get(path, path)) in here
    }
    if not moves:
        return before
    return replace(
        before,
        documents={moves.get(path, path): each for path, each in before.documents.items()},
        edges=tuple(_entry(entry, moves) for entry in before.edges),
        places={moves.get(path, path): span for path, span in before.places.items()},
    )


def _entry(entry: Entry, moves: Mapping[str, str]) -> Entry:
    if not isinstance(entry, Edge):
        return replace(entry, stack=moves.get(entry.stack, entry.stack))
    statements = tuple(
        replace(each, stack=moves.get(each.stack, each.stack)) for each in entry.statements
    )
    return replace(entry, statements=statements)
