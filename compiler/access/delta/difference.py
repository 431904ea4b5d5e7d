"""In which way the access of one revision is wider than that of the other."""

from __future__ import annotations

from dataclasses import dataclass

from compiler.access.delta.reach import Reach
from compiler.access.delta.terms import Terms, missing


@dataclass(frozen=True, slots=True)
class Difference:
    """Why the second revision has more: the terms of the first that are gone, and new ones."""

    before: frozenset[str] = frozenset()
    after: frozenset[str] = frozenset()


def difference(had: Reach, has: Reach) -> Difference | None:
    """In which way the second is wider, or None."""
    before: set[str] = set()
    after: set[str] = set()
    for way in has.alternatives:
        if any(not missing(way, old) for old in had.alternatives):
            continue
        nearest = min(had.alternatives, key=lambda old: (len(missing(way, old)), text(old)))
        before |= {term.text for term in nearest - way}
        after |= {term.text for term in way - nearest}
    for guard in had.guards:
        # A guard still stands if another one denies wherever it did.
        if not any(not missing(guard, new) for new in has.guards):
            before.add(f"denied where {text(guard)}" if guard else "denied on a part of it")
    if has.certain and not had.certain:
        before |= {f"depends on {each}" for each in had.depends_on}
    return Difference(frozenset(before), frozenset(after)) if before or after else None


def differ(one: Reach | None, other: Reach | None) -> bool:
    """Whether either has what the other hasn't."""
    if one is None or other is None:
        return one is not other
    return difference(one, other) is not None or difference(other, one) is not None


def text(way: Terms) -> str:
    """As a person reads it."""
    return " and ".join(sorted(term.text for term in way))
