"""Three-valued logic: yes, no, or "depends on" with the names of what it depends on."""

from __future__ import annotations

from collections.abc import Iterable

# True, False, or the non-empty set of what the answer depends on.
Truth = bool | frozenset[str]


def conjunction(first: Truth, second: Truth) -> Truth:
    """Both hold.

    >>> conjunction(True, frozenset({"aws:SourceIp"}))
    frozenset({'aws:SourceIp'})
    >>> conjunction(False, frozenset({"aws:SourceIp"}))
    False
    """
    if first is False or second is False:
        return False
    if first is True:
        return second
    return first if second is True else first | second


def disjunction(first: Truth, second: Truth) -> Truth:
    """At least one holds."""
    if first is True or second is True:
        return True
    if first is False:
        return second
    return first if second is False else first | second


def negation(value: Truth) -> Truth:
    """It does not hold."""
    return not value if isinstance(value, bool) else value


def any_of(values: Iterable[Truth]) -> Truth:
    """At least one of them holds; none of nothing does."""
    found: Truth = False
    for value in values:
        found = disjunction(found, value)
        if found is True:
            return True
    return found


def all_of(values: Iterable[Truth]) -> Truth:
    """Every one of them holds."""
    found: Truth = True
    for value in values:
        found = conjunction(found, value)
        if found is False:
            return False
    return found
