"""What the page is made from holds everything, and is small."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.access.ledger import Binding, Edge
from compiler.graph.links import ends
from compiler.graph.packing import fillings, packed, perforated
from compiler.graph.records import Graph, Touched
from tests.graph.support import acme, binding, edge, graph, stack

FIRST_HOLE = 0xE000


def filled(value: Any, names: Sequence[str]) -> Any:
    """What the page does with a pattern."""
    if isinstance(value, list):
        return [filled(each, names) for each in value]
    if not isinstance(value, str):
        return value
    forms = fillings(names)
    places = ((letter, ord(letter) - FIRST_HOLE) for letter in value)
    return "".join(forms[n] if 0 <= n < len(forms) else letter for letter, n in places)


names = st.text("ab-z1", max_size=5)
texts = st.text("ab-zAB_Z1:/\ue000\ue003\ue0ff", max_size=20)


@given(st.lists(texts), st.lists(names, min_size=1, max_size=5))
def test_a_pattern_that_is_filled_is_the_text(value: list[str], given_names: list[str]) -> None:
    cut = perforated(value, given_names)
    if cut is None:
        assert any(ord(letter) >= FIRST_HOLE for text in value for letter in text)
    else:
        assert filled(cut, given_names) == value


def test_a_text_with_a_hole_of_its_own_is_refused() -> None:
    assert perforated(["a\ue000"], ["a"]) is None
    # Beyond the holes that these names have it is a letter like any other.
    assert perforated(["a\ue009"], ["b"]) == ["a\ue009"]


def words(one: dict[str, Any], number: int, holes: Sequence[str]) -> Any:
    text = texted(one["patterns"][-1 - number if number < 0 else number], one["words"])
    return text if number < 0 else filled(text, holes)


def texted(pattern: Any, table: Sequence[str]) -> Any:
    if isinstance(pattern, list):
        return [texted(each, table) for each in pattern]
    return table[pattern]


def restored(whole: Graph) -> tuple[list[Any], list[Any]]:
    """Stacks and grants out of the packed data, by the rules that data.js has."""
    (one,) = json.loads(json.dumps(packed([whole])))["organizations"]
    homes, table = one["homes"], one["names"]
    stacks = []
    for row in one["stacks"]:
        cloud, name, number, unit = homes[row[0]]
        component = table[row[1]]
        holes = [component, name, number]
        resources, touched = words(one, row[6], holes), words(one, row[9], holes)
        at = [table[row[7][0]], *row[7][1:]] if row[7] else None
        path = f"{cloud}/{name}/{component}"
        stacks.append(
            [
                path,
                table[unit],
                table[row[2]],
                table[row[3]],
                row[4],
                row[5],
                resources,
                at,
                row[8],
                touched,
                row[10],
            ]
        )
    grants = []
    for pattern, component, *places in one["entries"]:
        pairs = [homes[n][1:3] if n >= 0 else ["", ""] for n in places]
        holes = [table[component], *pairs[0], *pairs[1]]
        grants.append(words(one, pattern, holes))
    return stacks, grants


def expected(whole: Graph) -> tuple[list[Any], list[Any]]:
    """The same out of the records."""
    place = {each.path: number for number, each in enumerate(whole.stacks)}
    stacks = [
        [
            each.path,
            whole.homes[each.home].unit,
            each.kind,
            each.region,
            -1 if each.wave is None else each.wave,
            [place[path] for path in each.depends_on],
            list(each.resources),
            [each.declared.path, each.declared.line, each.declared.column]
            if each.declared
            else None,
            each.status,
            [[t.address, t.status, list(t.parts), list(t.notes)] for t in each.touched],
            each.origin,
        ]
        for each in whole.stacks
    ]
    grants = []
    for entry in whole.entries:
        joined = ends(entry, place)
        if isinstance(entry, Edge):
            said: list[Any] = [entry.principal_arn, list(entry.actions), entry.resource_arn, ""]
            steps = [[e.stack, e.address, e.side, e.sid] for e in entry.statements]
        elif isinstance(entry, Binding):
            said = [entry.member, [entry.role], entry.resource, entry.condition or ""]
            steps = [[entry.stack, entry.address, "binding", ""]]
        else:
            said = [entry.principal, [entry.text], entry.resource, ""]
            steps = [[entry.stack, address, entry.side, ""] for address in entry.addresses]
        grants.append([entry.id, *said, steps, joined.source or "", list(joined.targets)])
    return stacks, grants


ODD = graph(
    stack("aws/a/a", wave=None, status="removed", origin="aws/a/b"),
    stack(
        "aws/training-us/churn",
        resources=("aws_s3_bucket.training_us", "aws_s3_bucket.\ue001"),
        depends_on=("aws/a/a",),
        status="changed",
        touched=(Touched(address="aws_s3_bucket.training_us", status="added", parts=("a", "b")),),
    ),
    stack("google/training-us/churn"),
    entries=(
        edge("a/a\ue000", "aws/a/a", "aws/training-us/churn"),
        edge("churn/training-us", "aws/training-us/churn", "aws/a/a"),
        binding("g", "google/training-us/churn", "group:training-us@acme.example"),
    ),
)


@pytest.mark.parametrize("made", [lambda: ODD, acme], ids=["odd", "acme"])
def test_nothing_is_lost(made: Callable[[], Graph]) -> None:
    whole = made()
    assert restored(whole) == expected(whole)


def test_alike_is_written_once() -> None:
    """Pipelines that differ in names alone need a row each, and no more patterns."""

    def size(count: int) -> tuple[int, int]:
        stacks, entries = [], []
        for number in range(count):
            own, home = (f"aws/{n}-{number:04}/p{number:04}" for n in ("training", "shared"))
            stacks += [stack(own), stack(home)]
            entries.append(edge(f"p{number:04}/reads", own, home))
        whole = packed([graph(*stacks, entries=tuple(entries))])
        return len(whole["organizations"][0]["patterns"]), len(json.dumps(whole))

    assert size(2)[0] == size(200)[0]
    assert size(400)[1] - size(200)[1] < 200 * 250
