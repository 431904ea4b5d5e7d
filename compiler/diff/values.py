"""Two JSON values compared: which parts differ, with paths that a reader finds again.

The elements of a list of mappings are told apart by a key that all of them have with different
values (`Sid` of a statement, `id` of a rule), so that a statement that was inserted is one edit and
not as many as come after it. Lists of plain values are compared as sets where only that differs.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import TypeGuard

from compiler.diff.records import ABSENT, Edit, Maybe
from compiler.terraform.document import Json

# The keys that may name the elements of a list, the first that fits.
NAMING = ("Sid", "id", "name", "key", "sid", "Name", "Id", "StatementId", "rulePriority")


def edits(before: Maybe, after: Maybe, path: str = "") -> Iterator[Edit]:
    """Each part that differs, in the order of the keys. What is in one only is one edit."""
    if same(before, after):
        return
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in dict.fromkeys((*before, *after)):
            inner = f"{path}.{_step(key)}" if path else _step(key)
            yield from edits(before.get(key, ABSENT), after.get(key, ABSENT), inner)
    elif _list(before) and _list(after):
        yield from _lists(before, after, path)
    else:
        yield Edit(path=path, before=before, after=after)


def same(one: Maybe, other: Maybe) -> bool:
    """Whether both are the same JSON: `true` is not 1."""
    if one is ABSENT or other is ABSENT:
        return one is other
    return one == other and json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def _step(key: str) -> str:
    return json.dumps(key, ensure_ascii=False) if set(".[]") & set(key) else key


def _list(value: object) -> TypeGuard[Sequence[Json]]:
    return isinstance(value, list | tuple)


def _lists(before: Sequence[Json], after: Sequence[Json], path: str) -> Iterator[Edit]:
    if not any(isinstance(item, Mapping) or _list(item) for item in (*before, *after)):
        yield _plain_lists(before, after, path)
        return
    if len(before) == len(after) == 1:
        # A block of which there is one: nobody counts it.
        yield from edits(before[0], after[0], path)
        return
    old, new = _named(before, after)
    found = [
        edit
        for key in dict.fromkeys((*old, *new))
        for edit in edits(old.get(key, ABSENT), new.get(key, ABSENT), f"{path}[{key}]")
    ]
    # Where no element differs, their order does.
    yield from found or [Edit(path=path, before=list(before), after=list(after))]


def _plain_lists(before: Sequence[Json], after: Sequence[Json], path: str) -> Edit:
    """With what came and went, unless it is the order that differs."""
    return Edit(
        path=path,
        before=list(before),
        after=list(after),
        added=tuple(item for item in after if item not in before),
        removed=tuple(item for item in before if item not in after),
    )


def _named(
    before: Sequence[Json], after: Sequence[Json]
) -> tuple[dict[str, Json], dict[str, Json]]:
    """The elements by name, or by number where no key names them all."""
    for name in NAMING:
        old, new = _by(before, name), _by(after, name)
        if old is not None and new is not None:
            return old, new
    return _matched(before, after)


def _by(items: Sequence[Json], name: str) -> dict[str, Json] | None:
    found: dict[str, Json] = {}
    for item in items:
        value = item.get(name) if isinstance(item, Mapping) else None
        if not isinstance(value, str | int) or str(value) in found:
            return None
        found[str(value)] = item
    return found


def _matched(
    before: Sequence[Json], after: Sequence[Json]
) -> tuple[dict[str, Json], dict[str, Json]]:
    """Equal ones find each other, wherever they stand; the others are taken in order."""
    places = list(range(len(after)))
    left: list[int] = []
    for number, item in enumerate(before):
        equal = next((place for place in places if same(after[place], item)), None)
        if equal is None:
            left.append(number)
        else:
            places.remove(equal)
    pairs = list(zip_longest(left, places))
    # The later revision's number, as that is the one that a reader has open.
    names = [f"was {old}" if new is None else str(new) for old, new in pairs]
    return (
        {name: before[old] for name, (old, _) in zip(names, pairs, strict=True) if old is not None},
        {name: after[new] for name, (_, new) in zip(names, pairs, strict=True) if new is not None},
    )
