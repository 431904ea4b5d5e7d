"""Lines put into the text of a blueprint: where they come, and that nothing else changes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.blueprint import nodes
from compiler.blueprint.yaml_tree import parse
from compiler.importing.editing import edited
from compiler.importing.layout import scalar
from compiler.importing.records import Change

PLACE = "acme.yaml"
OU = Change(path=("units", "dev", "aws", "ou"), value="ou-ab12-cdef3456")
NEW = Change(path=("accounts", "new"), value={"id": "111111111111", "unit": "dev"})
UNIT = Change(path=("accounts", "one", "unit"), value="dev")
TAG = Change(path=("accounts", "one", "tags", "env"), value="dev")
MOVED = Change(path=("accounts", "one", "unit"), value="prod", replaces=True)
ID = Change(path=("organization", "aws", "id"), value="o-abc123defg")

# What is there, what is to be written, what comes out.
CASES: dict[str, tuple[str, list[Change], str]] = {
    "behind the last entry of a section": (
        "accounts:\n  one: {id: x}  # first\n  # a comment of the section\n\n# of components\ncomponents: {}\n",
        [NEW],
        "accounts:\n  one: {id: x}  # first\n  # a comment of the section\n"
        '  new: {id: "111111111111", unit: dev}\n\n# of components\ncomponents: {}\n',
    ),
    "a section that is missing": (
        "landform: 1\n# the end\n",
        [NEW],
        'landform: 1\n# the end\n\naccounts:\n  new: {id: "111111111111", unit: dev}\n',
    ),
    "a file without an end of its last line": (
        "accounts:\n    one: {id: x}",
        [NEW],
        'accounts:\n    one: {id: x}\n    new: {id: "111111111111", unit: dev}\n',
    ),
    "an empty section": (
        "accounts:  # none yet\n\nunits: {}\n",
        [NEW, OU],
        'accounts:  # none yet\n  new: {id: "111111111111", unit: dev}\n\n'
        "units:\n  dev: {aws: {ou: ou-ab12-cdef3456}}\n",
    ),
    "a section that says null": (
        "accounts: ~  # none yet\nunits: null\n",
        [NEW],
        'accounts:  # none yet\n  new: {id: "111111111111", unit: dev}\nunits: null\n',
    ),
    "a flow mapping": (
        "accounts:\n  one: {id: x}   # one\n",
        [UNIT, TAG],
        "accounts:\n  one: {id: x, unit: dev, tags: {env: dev}}   # one\n",
    ),
    "a flow mapping in a flow mapping": (
        'accounts:\n  one: {id: x, tags: {a: "b" }, unit: prod}\n',
        [TAG],
        'accounts:\n  one: {id: x, tags: {a: "b", env: dev }, unit: prod}\n',
    ),
    "a flow mapping of several lines": (
        "accounts:\n  one: {\n    id: x,  # one\n    vars: {a: 1},\n  }\n",
        [UNIT],
        "accounts:\n  one: {\n    id: x,  # one\n    vars: {a: 1}, unit: dev,\n  }\n",
    ),
    "a block mapping": (
        "accounts:\n  one:\n    # the id\n    id: x\n    tags:\n      a: b\n  two: {id: y}\n",
        [UNIT, TAG],
        "accounts:\n  one:\n    # the id\n    id: x\n    tags:\n      a: b\n      env: dev\n"
        "    unit: dev\n  two: {id: y}\n",
    ),
    "the last of a block, and the next of the section": (
        "accounts:\n  one:\n    id: x\n",
        [UNIT, NEW],
        'accounts:\n  one:\n    id: x\n    unit: dev\n  new: {id: "111111111111", unit: dev}\n',
    ),
    "a text of several lines": (
        "accounts:\n  one:\n    id: x\n    vars:\n      a: |\n        one\n        # two\n\nunits: {}\n",
        [UNIT],
        "accounts:\n  one:\n    id: x\n    vars:\n      a: |\n        one\n        # two\n"
        "    unit: dev\n\nunits: {}\n",
    ),
    "a unit with nothing": (
        "units:\n  dev:   # empty\n  prod: {}\n  test: null\n",
        [
            OU,
            Change(path=("units", "prod", "aws", "ou"), value="ou-1"),
            Change(path=("units", "test", "aws", "ou"), value="ou-2"),
        ],
        "units:\n  dev: {aws: {ou: ou-ab12-cdef3456}}   # empty\n  prod: {aws: {ou: ou-1}}\n"
        "  test: {aws: {ou: ou-2}}\n",
    ),
    "a unit with a region": (
        "units:\n  dev: {aws: {region: eu-west-1}, tags: {a: b}}\n",
        [OU],
        "units:\n  dev: {aws: {region: eu-west-1, ou: ou-ab12-cdef3456}, tags: {a: b}}\n",
    ),
    "another unit": (
        "accounts:\n  one: {unit: dev, id: x}  # dev\n  two: {unit: 'dev'}\n",
        [MOVED, Change(path=("accounts", "two", "unit"), value="prod", replaces=True)],
        "accounts:\n  one: {unit: prod, id: x}  # dev\n  two: {unit: prod}\n",
    ),
    "the organisation": (
        "organization: {name: acme}\nlandform: 1\n",
        [ID, Change(path=("organization", "aws", "partition"), value="aws-cn")],
        "organization: {name: acme, aws: {id: o-abc123defg, partition: aws-cn}}\nlandform: 1\n",
    ),
    "ends of lines as Windows has them": (
        "accounts:\r\n  one: {id: x}\r\nunits: {}\r\n",
        [NEW],
        'accounts:\r\n  one: {id: x}\r\n  new: {id: "111111111111", unit: dev}\r\nunits: {}\r\n',
    ),
    "JSON": (
        '{"accounts": {"one": {"id": "x"}}, "units": {}}',
        [NEW, OU],
        '{"accounts": {"one": {"id": "x"}, new: {id: "111111111111", unit: dev}}, '
        '"units": {dev: {aws: {ou: ou-ab12-cdef3456}}}}',
    ),
    "an alias at the end": (
        "defaults: &d {owner: ml}\naccounts:\n  one: {id: x, tags: *d}\n",
        [UNIT],
        "defaults: &d {owner: ml}\naccounts:\n  one: {unit: dev, id: x, tags: *d}\n",
    ),
    "a comment, and a line that is too long": (
        "accounts:\n  one: {id: x}\n",
        [
            Change(
                path=("accounts", "a"),
                value={"id": "1", "tags": {f"key-{n}": "a long value" for n in range(5)}},
                comment="A",
            ),
        ],
        'accounts:\n  one: {id: x}\n  a:  # A\n    id: "1"\n    tags:\n      key-0: "a long value"\n'
        '      key-1: "a long value"\n      key-2: "a long value"\n      key-3: "a long value"\n'
        '      key-4: "a long value"\n',
    ),
    "nothing": ("accounts: {}\n", [], "accounts: {}\n"),
}


@pytest.mark.parametrize("name", CASES)
def test_text(name: str) -> None:
    before, changes, after = CASES[name]
    new, found = edited(before, PLACE, changes)
    assert not found
    assert new == after


REFUSED: dict[str, tuple[str, list[Change], str]] = {
    "an alias": (
        "accounts:\n  one: &one {id: x}\n  two: *one\n",
        [Change(path=("accounts", "two", "unit"), value="dev"), NEW],
        "accounts.two.unit",
    ),
    "what an alias stands for": (
        "accounts:\n  one: &one {id: x}\n  two: *one\n",
        [UNIT],
        "accounts.one.unit",
    ),
    "a text of which the empty lines count": (
        "accounts:\n  one:\n    id: x\n    vars:\n      a: |+\n        text\n\n",
        [UNIT],
        "accounts.one.unit",
    ),
    "no mapping": ("accounts:\n  one: text\n", [UNIT], "accounts.one.unit"),
    "a list": ("accounts: [one]\n", [NEW], "accounts.new"),
    "a text in several lines": (
        'accounts:\n  one:\n    unit: "de\n      v"\n',
        [MOVED],
        "accounts.one.unit",
    ),
    "the end of the document": ("landform: 1\n...\n", [NEW], "accounts.new"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    before, changes, blamed = REFUSED[name]
    new, found = edited(before, PLACE, changes)
    assert new == before
    assert [f'"{blamed}"' in diagnostic.message for diagnostic in found] == [True]
    assert found[0].code == "E907"
    assert found[0].span
    assert found[0].span.path == PLACE


# ---- Whatever is there

NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,6}", fullmatch=True)


def parse_back(text: str) -> object:
    tree, _ = parse(f"key: {scalar(text)}\n", PLACE)
    found: Any = tree and nodes.plain(tree)
    return found and found["key"]


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
def test_every_text_reads_back(text: str) -> None:
    assert parse_back(text) == text


@st.composite
def layouts(draw: st.DrawFn) -> tuple[str, list[str]]:
    """A blueprint in some layout, and its comments, each of which is there once."""
    comments: list[str] = []

    def comment() -> str:
        if not draw(st.booleans()):
            return ""
        comments.append(f"# comment {len(comments)}.")
        return f"  {comments[-1]}"

    lines = []
    indent = " " * draw(st.integers(1, 4))
    for section in draw(st.permutations(["units", "accounts", "vars"])):
        names = draw(st.lists(NAMES, max_size=4, unique=True))
        style = draw(st.sampled_from(["flow", "block", "mixed"]))
        if not names:
            lines.append(f"{section}:{draw(st.sampled_from(['', ' {}', ' null']))}{comment()}")
            continue
        if style == "flow":
            items = ", ".join(f"{name}: {{a: '{name}'}}" for name in names)
            lines.append(f"{section}: {{{items}}}{comment()}")
            continue
        lines.append(f"{section}:{comment()}")
        for name in names:
            if style == "mixed":
                lines.append(f'{indent}{name}: {{ a: "{name}" }}{comment()}')
            else:
                lines += [f"{indent}{name}:{comment()}", f"{indent}  a: {name}{comment()}"]
            if draw(st.booleans()):
                lines.append(f"{indent}{comment()}" if draw(st.booleans()) else "")
    end = draw(st.sampled_from(["\n", "\r\n"]))
    return end.join(lines) + draw(st.sampled_from(["", end])), comments


@given(layouts(), st.lists(NAMES, min_size=1, max_size=4, unique=True), st.data())
def test_any_layout_takes_lines(
    laid: tuple[str, list[str]], names: list[str], data: st.DataObject
) -> None:
    text, comments = laid
    tree, wrong = parse(text, PLACE)
    assert tree is not None
    assert not wrong
    changes = [
        Change(path=(*path, "b"), value=data.draw(st.sampled_from(["x", "1", "yes", "a b"])))
        for section in ("units", "accounts")
        for path in [(section, name) for name in names]
    ]
    new, found = edited(text, PLACE, changes)
    assert not found
    # `edited` has read the new text again, so what it says is right; the rest is about its looks.
    assert all(new.count(comment) == 1 for comment in comments)
    assert ("\r\n" in new) == ("\r\n" in text) or "\n" not in text
    assert list(kept(text, new)) == []
    assert edited(new, PLACE, []) == (new, ())


def kept(before: str, after: str) -> Iterator[str]:
    """Characters of the one that are not in the other, in the same order, but for the emptiness of
    what has been filled."""
    rest = iter(after)
    for character in before.replace("null", "").replace("{}", ""):
        if character not in " \r\n{}" and not any(character == other for other in rest):
            yield character
