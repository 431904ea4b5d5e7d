"""The order of stacks: what must be applied before what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter


def circle(before: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    """A way from one of them back to itself, if there is one; `before` is what each waits for.

    >>> circle({"a": ["b"], "b": ["a"]}) in (("a", "b", "a"), ("b", "a", "b"))
    True
    >>> circle({"a": ["b"]})
    ()
    """
    try:
        TopologicalSorter(before).prepare()
    except CycleError as error:
        # From what comes first to what waits for it, as graphlib has it.
        return tuple(reversed(error.args[1]))
    return ()
