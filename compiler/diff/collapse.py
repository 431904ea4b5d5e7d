"""The same change in many stacks, told once.

Two changes are the same where they differ in the account's name and id and the region alone. Stacks
that share a change are one group; what a stack has besides is in another one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from compiler.diff.records import ABSENT, Edit, Maybe, ResourceChange, StackChange, StackView

# What stands for what differs from stack to stack.
ID, NAME, REGION = "<id>", "<name>", "<region>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Changes that all of these stacks have in common, and no other has."""

    stacks: tuple[StackChange, ...]
    resources: tuple[ResourceChange, ...]


def groups(stacks: Iterable[StackChange]) -> tuple[Group, ...]:
    """The changes of stacks that stay, those of most stacks last: what is alone is looked at first."""
    places: dict[str, list[tuple[StackChange, ResourceChange]]] = {}
    for stack in stacks:
        for change in stack.resources:
            places.setdefault(_signature(stack.view, change), []).append((stack, change))
    shared: dict[tuple[str, ...], list[list[tuple[StackChange, ResourceChange]]]] = {}
    for found in places.values():
        shared.setdefault(tuple(stack.path for stack, _ in found), []).append(found)
    made = [
        Group(
            stacks=tuple(stack for stack, _ in several[0]),
            resources=tuple(_common(found) for found in several),
        )
        for several in shared.values()
    ]
    return tuple(sorted(made, key=lambda group: (len(group.stacks), group.stacks[0].path)))


def together(
    found: Iterable[tuple[StackChange, ResourceChange]],
) -> Iterator[tuple[ResourceChange, tuple[StackChange, ...]]]:
    """Each change once, with the stacks that have it."""
    places: dict[str, list[tuple[StackChange, ResourceChange]]] = {}
    for stack, change in found:
        places.setdefault(_signature(stack.view, change), []).append((stack, change))
    for each in places.values():
        yield _common(each), tuple(stack for stack, _ in each)


def _common(found: list[tuple[StackChange, ResourceChange]]) -> ResourceChange:
    """As it is in all of them; with marks where it differs."""
    first = found[0][1]
    if all(change == first for _, change in found[1:]):
        return first
    return _change(json.loads(_signature(found[0][0].view, first)))


def _signature(view: StackView, change: ResourceChange) -> str:
    return _neutral(json.dumps(_record(change), ensure_ascii=False), view)


def _neutral(text: str, view: StackView) -> str:
    """The text with what is the account's own replaced by marks."""
    for value, mark in ((view.id, ID), (view.region, REGION), (view.home, NAME)):
        for form in dict.fromkeys((value, value.replace("-", "_"))):
            if form and form in text:
                text = _alone(form).sub(mark, text)
    return text


@cache
def _alone(text: str) -> re.Pattern[str]:
    """Where it is no part of a longer word."""
    return re.compile(rf"(?<![A-Za-z0-9]){re.escape(text)}(?![A-Za-z0-9])")


def _record(change: ResourceChange) -> dict[str, Any]:
    return {
        "address": change.address,
        "action": change.action,
        "replaces": change.replaces,
        "origin": change.origin,
        "identity": change.identity,
        "edits": [
            {
                "path": edit.path,
                "before": _boxed(edit.before),
                "after": _boxed(edit.after),
                "added": edit.added,
                "removed": edit.removed,
                "forces": edit.forces,
            }
            for edit in change.edits
        ],
    }


def _boxed(value: Maybe) -> list[Maybe]:
    return [] if value is ABSENT else [value]


def _change(record: Mapping[str, Any]) -> ResourceChange:
    return ResourceChange(
        address=record["address"],
        action=record["action"],
        replaces=tuple(record["replaces"]),
        origin=record["origin"],
        identity=record["identity"],
        edits=tuple(
            Edit(
                path=edit["path"],
                before=edit["before"][0] if edit["before"] else ABSENT,
                after=edit["after"][0] if edit["after"] else ABSENT,
                added=tuple(edit["added"]),
                removed=tuple(edit["removed"]),
                forces=edit["forces"],
            )
            for edit in record["edits"]
        ),
    )
