"""Values compared: paths that a reader finds again, statements by Sid, and nothing that is equal."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.diff.records import ABSENT
from compiler.diff.values import edits, same


def paths(before: Any, after: Any) -> list[str]:
    return [edit.path for edit in edits(before, after)]


def policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Statement": list(statements)}


READ = {"Sid": "Read", "Effect": "Allow", "Action": ["s3:GetObject"], "Resource": ["a", "b"]}
WRITE = {"Sid": "Write", "Effect": "Allow", "Action": ["s3:PutObject"], "Resource": ["a"]}


def test_a_statement_that_was_inserted_is_one_edit() -> None:
    (found,) = edits(policy(WRITE), policy(READ, WRITE))
    assert (found.path, found.before, found.after) == ("Statement[Read]", ABSENT, READ)


def test_inside_a_statement_actions_are_a_set() -> None:
    wider = {**READ, "Action": ["s3:DeleteObject", "s3:GetObject"]}
    (found,) = edits(policy(READ, WRITE), policy(wider, WRITE))
    assert found.path == "Statement[Read].Action"
    assert (found.added, found.removed) == (("s3:DeleteObject",), ())


def test_statements_in_another_order() -> None:
    (found,) = edits(policy(READ, WRITE), policy(WRITE, READ))
    assert found.path == "Statement"


def test_statements_without_sid_find_their_equals() -> None:
    first, second = ({k: v for k, v in each.items() if k != "Sid"} for each in (READ, WRITE))
    assert paths(policy(first), policy(second, first)) == ["Statement[0]"]
    changed = {**first, "Effect": "Deny"}
    assert paths(policy(first, second), policy(changed, second)) == ["Statement[0].Effect"]


def test_what_is_gone_has_a_place_of_its_own() -> None:
    found = list(edits({"a": [{"x": 1}, {"y": 1}, {"k": 1}]}, {"a": [{"k": 1}, {"x": 2}]}))
    assert [(edit.path, edit.before) for edit in found] == [("a[1].x", 1), ("a[was 1]", {"y": 1})]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": True}, ["a"]),
        ({"a": None}, {}, ["a"]),
        ({"a": {"b": 1}}, {"a": {"b": 2, "c": 3}}, ["a.b", "a.c"]),
        ({"a.b": 1}, {"a.b": 2}, ['"a.b"']),
        ({"a": [{"b": 1}]}, {"a": [{"b": 2}]}, ["a.b"]),
        ({"a": [{"id": "x", "b": 1}, {"id": "y", "b": 1}]}, {"a": [{"id": "y", "b": 2}]}, ["a[x]", "a[y].b"]),
        ({"a": [[1, 2], [3]]}, {"a": [[1, 2], [4]]}, ["a[1]"]),
        ({"a": [1, 2]}, {"a": [2, 1]}, ["a"]),
        ({"a": [{"b": 1}]}, {"a": "${x.y}"}, ["a"]),
    ],
)  # fmt: skip
def test_paths(before: Any, after: Any, expected: list[str]) -> None:
    assert sorted(paths(before, after)) == expected


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text("ab", max_size=2),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["Sid", "id", "a", "b"]), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(json_values, json_values)
def test_no_edit_means_equal(before: Any, after: Any) -> None:
    kept = copy.deepcopy((before, after))
    assert bool(list(edits(before, after))) != same(before, after)
    assert (before, after) == kept


@given(json_values, json_values)
def test_there_and_back_are_as_many(before: Any, after: Any) -> None:
    def size(one: Any, other: Any) -> list[tuple[str, str]]:
        return sorted((repr(e.before), repr(e.after)) for e in edits(one, other))

    assert size(before, after) == sorted((b, a) for a, b in size(after, before))
