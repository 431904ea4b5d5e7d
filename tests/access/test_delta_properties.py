"""What must hold of the delta whatever the policies say: hypothesis changes them at random."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.access.delta import Delta, Snapshot, delta
from compiler.compilation import compile_blueprints
from compiler.revision import snapshot
from tests.access.delta_support import mirrored, same

ONE = Path(__file__).parent.parent.parent / "blueprints" / "ml-pipeline.yaml"
Statement = dict[str, Any]


@cache
def base() -> Snapshot:
    (compiled,) = compile_blueprints(ONE).blueprints
    return snapshot(compiled)


def policies(documents: dict[str, Any]) -> Iterator[list[Statement]]:
    """The statements of each policy, in a stable order."""
    for _, document in sorted(documents.items()):
        for _, value in sorted(document.get("locals", {}).items()):
            if isinstance(value, dict) and isinstance(value.get("Statement"), list):
                yield value["Statement"]


@cache
def places(effect: str) -> list[tuple[int, int]]:
    return [
        (number, index)
        for number, statements in enumerate(policies(changeable()))
        for index, statement in enumerate(statements)
        if statement["Effect"] == effect
    ]


def changeable() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(base().documents))
    return found


def changed(*changes: tuple[tuple[int, int], Callable[[Statement], Statement | None]]) -> Snapshot:
    """The base with statements replaced, or taken out where the change gives None."""
    documents = changeable()
    listed = list(policies(documents))
    for (number, index), change in sorted(changes, key=lambda each: each[0], reverse=True):
        found = change(copy.deepcopy(listed[number][index]))
        listed[number][index : index + 1] = [] if found is None else [found]
    return replace(base(), documents=documents)


def compared(before: Snapshot, after: Snapshot) -> Delta:
    return delta("article", before, after)


def taken_out(_: Statement) -> None:
    return None


def without_conditions(statement: Statement) -> Statement:
    return {key: value for key, value in statement.items() if key != "Condition"}


def fewer_actions(statement: Statement) -> Statement | None:
    statement["Action"] = statement["Action"][1:]
    return statement if statement["Action"] else None


def every_resource(statement: Statement) -> Statement:
    return {**statement, "Resource": ["*"]} if "Resource" in statement else statement


ALLOWS = st.sampled_from(places("Allow"))
DENIES = st.sampled_from(places("Deny"))
CHANGES = st.sampled_from([taken_out, without_conditions, fewer_actions, every_resource])


@settings(max_examples=40)
@given(st.lists(st.tuples(ALLOWS, CHANGES), max_size=4, unique_by=lambda each: each[0]))
def test_there_and_back_mirror_each_other(
    several: list[tuple[tuple[int, int], Callable[[Statement], Statement | None]]],
) -> None:
    other = changed(*several)
    there, back = compared(base(), other), compared(other, base())
    assert same(there, Delta(organization="", changes=tuple(map(mirrored, back.changes))))


@settings(max_examples=40)
@given(st.lists(ALLOWS, min_size=1, max_size=3, unique=True))
def test_taking_permissions_out_gives_nobody_more(several: list[tuple[int, int]]) -> None:
    found = compared(base(), changed(*((place, taken_out) for place in several)))
    assert not [change for change in found.changes if change.more]


@pytest.mark.rig
@given(ALLOWS)
def test_each_permission_that_is_taken_out_is_seen(place: tuple[int, int]) -> None:
    """Either somebody lost something, or another statement gives the same."""
    other = changed((place, taken_out))
    found = compared(base(), other)
    statement = list(policies(changeable()))[place[0]][place[1]]
    lost = {step.sid for change in found.changes for step in change.statements if not change.more}
    assert statement["Sid"] in lost or not found.changes


@settings(max_examples=40)
@given(DENIES)
def test_taking_refusals_out_takes_nothing_away(place: tuple[int, int]) -> None:
    found = compared(base(), changed((place, taken_out)))
    assert found.changes
    assert all(change.kind == "widened" for change in found.changes)
    assert any("denied where" in text for change in found.changes for text in change.before)


@settings(max_examples=40)
@given(ALLOWS)
def test_dropping_conditions_only_gives(place: tuple[int, int]) -> None:
    found = compared(base(), changed((place, without_conditions)))
    assert all(change.more for change in found.changes)


@settings(max_examples=40)
@given(ALLOWS)
def test_refusing_what_is_allowed_only_takes(place: tuple[int, int]) -> None:
    def refused(statement: Statement) -> Statement:
        return {**statement, "Effect": "Deny"}

    found = compared(base(), changed((place, refused)))
    assert not [change for change in found.changes if change.more]


@settings(max_examples=40)
@given(ALLOWS, st.sampled_from(["aws:SourceVpce", "aws:PrincipalTag/team", "aws:RequestedRegion"]))
def test_asking_for_more_only_takes(place: tuple[int, int], key: str) -> None:
    def asking(statement: Statement) -> Statement:
        conditions = copy.deepcopy(statement.get("Condition", {}))
        conditions.setdefault("StringEquals", {})[key] = "eu-west-1"
        return {**statement, "Condition": conditions}

    found = compared(base(), changed((place, asking)))
    assert not [change for change in found.changes if change.more]


def test_every_condition_that_is_dropped_is_seen() -> None:
    """But where the other half of the same grant asks for the same: nobody can do more then."""
    listed = list(policies(changeable()))
    for place in places("Allow"):
        statement = listed[place[0]][place[1]]
        if "Condition" not in statement:
            continue
        found = compared(base(), changed((place, without_conditions)))
        asking = [
            other
            for statements in listed
            for other in statements
            if other["Sid"] == statement["Sid"] and other is not statement
        ]
        twice = [other for other in asking if terms(statement) <= terms(other)]
        assert found.changes or twice, statement["Sid"]


def terms(statement: Statement) -> set[str]:
    return {
        f"{operator} {key} {values}"
        for operator, keys in statement.get("Condition", {}).items()
        for key, values in keys.items()
    }
