"""Diagnostics as text, JSON, GitHub workflow commands and SARIF."""

from __future__ import annotations

import io
import json
import re
import time
import unicodedata
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.cli.render import FORMATS, LINE_CELLS, Result, render, summary, visible, wants_color
from compiler.codes import Code
from compiler.diagnostics import Diagnostic, Span
from compiler.tree import Changes

PATH = "blueprints/prod.yaml"
SOURCE = "\n" * 13 + "    account: prdo-net\n"


HERE = Span(PATH, 14, 14, 14, 22)


def problem(span: Span | None = HERE, code: str = "E402", **more: Any) -> Diagnostic:
    values = {"message": 'component "edge" names unknown account "prdo-net"', **more}
    return Diagnostic(code=code, span=span, **values)


def text(line: str, column: int, end: int, **more: Any) -> list[str]:
    """The lines of the excerpt for a span in `line`, the first of its file."""
    span = Span("a.yaml", 1, column, more.get("end_line", 1), end)
    out = render([problem(span)], {"a.yaml": more.get("rest", line)}, "text", False)
    return out.split("\n")[1:4]


def cells(shown: str) -> int:
    """Terminal cells of simple text, counted apart from the code under test."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in shown)


# ---- Text


def test_the_documented_form() -> None:
    diagnostic = problem(
        hint='did you mean "prod-net", declared at blueprints/org.yaml:8:5?',
        related=(("first defined here", Span("blueprints/org.yaml", 8, 5, 8, 9)),),
    )
    assert render([diagnostic], {PATH: SOURCE}, "text", False) == (
        'blueprints/prod.yaml:14:14: error[E402]: component "edge" names unknown account "prdo-net"\n'
        "   |\n"
        "14 |     account: prdo-net\n"
        "   |              ^^^^^^^^\n"
        '   = hint: did you mean "prod-net", declared at blueprints/org.yaml:8:5?\n'
        "   = note: first defined here: blueprints/org.yaml:8:5\n"
        "\n"
        "1 error; nothing was written\n"
    )


def test_nothing_to_say() -> None:
    assert render([], {}, "text", True) == ""
    assert render([], {}, "github", False) == ""


def test_without_a_place_or_a_source() -> None:
    lines = render([problem(None, hint="one\ntwo"), problem()], {}, "text", False).splitlines()
    assert lines[0].startswith("error[E402]: component")
    assert lines[1:4] == [" = hint: one", "         two", ""]
    assert lines[4].startswith("blueprints/prod.yaml:14:14: error[E402]: ")


def test_sorted_without_doubles() -> None:
    spans = [
        Span("b", 1, 1, 1, 2),
        Span("a", 9, 1, 9, 2),
        Span("a", 2, 7, 2, 8),
        Span("a", 2, 7, 2, 8),
    ]
    for order in (spans, spans[::-1]):
        lines = render([problem(span) for span in order], {}, "text", False).splitlines()
        assert [line.split(": ")[0] for line in lines[:-1] if line] == ["a:2:7", "a:9:1", "b:1:1"]


@pytest.mark.parametrize(
    ("line", "word", "shown"),
    [
        ("key: value", "value", "     ^^^^^"),
        ("日本: value", "value", "      ^^^^^"),  # two cells each
        ("k: 日本", "日本", "   ^^^^"),
        ("e\u0301e\u0301: v", "v", "    ^"),  # combining accents take no cell
        ("\U0001f600: v", "v", "    ^"),
        ("\U0001f469\u200d\U0001f4bb: v", "v", "    ^"),  # one joined emoji
        ("\U0001f44d\U0001f3fd: v", "v", "    ^"),  # skin tone
        ("\u2764\ufe0f: v", "v", "    ^"),  # heart in its emoji form
        ("ﾊﾝ: v", "v", "    ^"),  # half-width katakana
        ("\t\tk: v", "v", "           ^"),
        ("a\tk: v", "v", "       ^"),
        ("日\tk: v", "v", "       ^"),
        ("\x1b[31mk: v", "v", "           ^"),
    ],
)
def test_carets_stand_below_the_word(line: str, word: str, shown: str) -> None:
    column = line.index(word) + 1
    edge, source, carets = text(line, column, column + len(word))
    assert (edge, carets) == ("  |", f"  | {shown}")
    assert "\t" not in source
    assert "\x1b" not in source


@pytest.mark.parametrize("at", [1, 50, 81, 82, 3000, 5999, 6000])
def test_long_lines_are_cut_around_the_caret(at: int) -> None:
    line = "x" * (at - 1) + "WORD" + "y" * (6000 - at)
    _, source, carets = text(line, at, at + 4)
    start = carets.index("^")
    assert source[start : start + 4] == "WORD"
    assert carets.count("^") == 4
    assert len(source) <= LINE_CELLS + 6
    assert source.startswith("1 | …") == (at > 81)
    assert source.endswith("…") == (at < 5900)


def test_a_long_word_is_marked_as_far_as_it_shows() -> None:
    _, source, carets = text("k: " + "v" * 500, 4, 504)
    assert source.endswith("v…")
    assert len(carets) == len(source) - 1


def test_wide_long_lines_stay_in_bounds() -> None:
    _, source, carets = text("日" * 500 + "X" + "本" * 500, 501, 502)
    assert cells(source) <= LINE_CELLS + 6
    assert cells(source[: source.index("X")]) == carets.index("^")


def test_a_huge_line_takes_no_time() -> None:
    line = "x" * 3_000_000
    diagnostics = [problem(Span("a", 1, n, 1, n + 5)) for n in range(1, 2_900_000, 29_000)]
    began = time.process_time()
    assert len(render(diagnostics, {"a": line}, "text", False)) < 50_000
    assert time.process_time() - began < 2


def test_several_lines_mark_the_first() -> None:
    rest = "key:  \n  a: 1\n  b: 2\n"
    assert text("", 1, 7, rest=rest, end_line=3) == ["  |", "1 | key:", "  | ^^^^"]


@pytest.mark.parametrize(
    ("span", "shown"),
    [
        (Span("a", 2, 1, 2, 1), ["2 |", "  | ^"]),  # the empty line behind the last line break
        (Span("a", 1, 5, 1, 5), ["1 | key:", "  |     ^"]),
        (Span("a", 1, 99, 1, 120), ["1 | key:", "  |     ^"]),
        (Span("a", 77, 4, 80, 4), ["77 |", "   | ^"]),
    ],
)
def test_at_the_end_of_the_file(span: Span, shown: list[str]) -> None:
    lines = render([problem(span)], {"a": "key:\n"}, "text", False).split("\n")
    assert lines[2:4] == shown


def test_lines_end_where_the_parser_ends_them() -> None:
    source = "\ufeffa: 1\r\nb: 2\rc: 3\x0bx\nd: 4"
    lines = render([problem(Span("a", 4, 1, 4, 2))], {"a": source}, "text", False).split("\n")
    assert lines[2:4] == ["4 | d: 4", "  | ^"]


def test_the_place_is_never_broken() -> None:
    path = "blueprints/" + "a very long folder name/" * 20 + "x.yaml"
    first = render([problem(Span(path, 3, 4, 3, 5))], {}, "text", True).split("\n")[0]
    assert f"{path}:3:4:" in first


def test_colours_change_nothing_else() -> None:
    diagnostics = [problem(hint="h"), problem(code="W301", message="careful")]
    plain = render(diagnostics, {PATH: SOURCE}, "text", False)
    colored = render(diagnostics, {PATH: SOURCE}, "text", True)
    assert "\x1b" not in plain
    assert "\x1b[1;31merror[E402]\x1b[0m" in colored
    assert "\x1b[1;33mwarning[W301]\x1b[0m" in colored
    assert re.sub(r"\x1b\[[0-9;]*m", "", colored) == plain


@pytest.mark.parametrize(
    ("choice", "terminal", "environment", "wanted"),
    [
        ("auto", True, {}, True),
        ("auto", False, {}, False),
        ("auto", True, {"NO_COLOR": "1"}, False),
        ("auto", True, {"NO_COLOR": ""}, True),
        ("auto", True, {"TERM": "dumb"}, False),
        ("always", False, {"NO_COLOR": "1"}, True),
        ("never", True, {}, False),
    ],
)
def test_when_to_colour(
    choice: str, terminal: bool, environment: dict[str, str], wanted: bool
) -> None:
    class Stream(io.StringIO):
        def isatty(self) -> bool:
            return terminal

    assert wants_color(choice, Stream(), environment) is wanted


# ---- What a file may not do to the reader

NASTY = "\x1b[2J\x1b]0;title\x07\x9b31m\x08\x7f\u202eevil\u2066\u200b\u2028\ud800\r"


@pytest.mark.parametrize("format", FORMATS)
def test_nothing_steers_the_terminal(format: Any) -> None:
    place = Span(f"a{NASTY}\n::error::x", 1, 1, 1, 3)
    diagnostic = Diagnostic(
        code="E402", message=f"m{NASTY}\n::error::m", span=place, hint=f"h{NASTY}", related=((NASTY, place),)
    )  # fmt: skip
    out = render([diagnostic], {place.path: f"x{NASTY}y"}, format, False)
    out.encode()
    assert all(c == "\n" or unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Zl") for c in out)
    assert "\n::error::" not in out


@given(st.text(), st.text(), st.integers(1, 9), st.integers(1, 40), st.integers(1, 60))
def test_any_text_renders(message: str, source: str, line: int, column: int, end: int) -> None:
    diagnostic = problem(Span("a", line, column, line, end), message=message, hint=message)
    for format in FORMATS:
        out = render([diagnostic], {"a": source}, format, False)
        assert out.endswith("\n")
        assert "\x1b" not in out


def test_visible_keeps_ordinary_text() -> None:
    assert visible("naïve — 日本 👍🏽 “x”") == "naïve — 日本 👍🏽 “x”"
    assert visible("a\tb\x00\u200b") == "a\\tb\\x00\\u200b"


# ---- The summary


@pytest.mark.parametrize(
    ("codes", "result", "line"),
    [
        ([], None, "no problems found"),
        (["W1"], None, "1 warning"),
        (["E708"], None, "1 error"),  # a full disk: some files may have been written
        (["E1", "E2", "W1"], None, "2 errors, 1 warning; nothing was written"),
        ([], (Changes(same=("a", "b")), True), "up to date: 2 files"),
        (["W1"], (Changes(added=("a",), changed=("b",), removed=("c",), same=("d",)), True),
         "1 warning; wrote 2 files, removed 1 file; 1 unchanged"),
        ([], (Changes(removed=("c",)), True), "removed 1 file; 0 unchanged"),
        ([], (Changes(added=("a",), removed=("c", "d")), False),
         "out of date: 1 to add, 2 to remove; nothing was written"),
    ],
)  # fmt: skip
def test_summary(codes: list[str], result: tuple[Changes, bool] | None, line: str) -> None:
    done = Result(changes=result[0], written=result[1]) if result else None
    diagnostics = [problem(code=code) for code in codes]
    assert summary(diagnostics, done) == line
    if diagnostics or done:
        assert render(diagnostics, {}, "text", False, result=done).splitlines()[-1] == line
        assert render(diagnostics, {}, "github", False, result=done).splitlines()[-1] == line


# ---- JSON


def test_json() -> None:
    related = (("first", Span("b", 1, 2, 3, 4)),)
    result = Result(changes=Changes(added=("x",), same=("y", "z")), written=False)
    diagnostics = [problem(hint="h", related=related), problem(None, code="W9", message="é\x1b")]
    value = json.loads(render(diagnostics, {}, "json", True, result=result))
    assert value == {
        "version": 1,
        "diagnostics": [
            {"code": "W9", "severity": "warning", "message": "é\x1b", "span": None, "hint": None,
             "related": []},
            {"code": "E402", "severity": "error",
             "message": 'component "edge" names unknown account "prdo-net"',
             "span": {"path": PATH, "line": 14, "column": 14, "end_line": 14, "end_column": 22},
             "hint": "h",
             "related": [{"label": "first", "span": {
                 "path": "b", "line": 1, "column": 2, "end_line": 3, "end_column": 4}}]},
        ],
        "summary": {"errors": 1, "warnings": 1},
        "result": {"written": False, "added": ["x"], "changed": [], "removed": [], "same": 2},
    }  # fmt: skip


def test_json_of_nothing() -> None:
    value = json.loads(render([], {}, "json", False))
    assert value["summary"] == {"errors": 0, "warnings": 0}
    assert (value["diagnostics"], value["result"]) == ([], None)


@pytest.mark.parametrize("format", FORMATS)
def test_the_order_of_the_input_does_not_matter(format: Any) -> None:
    diagnostics = [
        problem(Span(p, n, 1, n, 2), code=c) for p in "ab" for n in (3, 20) for c in ("E1", "W1")
    ]
    outs = {render(order, {}, format, True) for order in (diagnostics, diagnostics[::-1])}
    assert len(outs) == 1


# ---- GitHub


def test_github() -> None:
    diagnostic = problem(
        Span("dir/a,b:c%.yaml", 2, 3, 2, 8), message="100% wrong\nsecond", hint="do\nthis"
    )
    assert render([diagnostic], {}, "github", True).splitlines()[0] == (
        "::error file=dir/a%2Cb%3Ac%25.yaml,line=2,col=3,endLine=2,endColumn=7,title=E402"
        "::100%25 wrong\\nsecond%0Ahint: do%0Athis"
    )


def test_github_without_columns_or_place() -> None:
    several, nowhere = problem(Span("a", 2, 3, 5, 1)), problem(None, code="W7", message="m")
    lines = render([several, nowhere], {}, "github", False).splitlines()
    assert lines[0] == "::warning title=W7::m"
    assert lines[1].startswith("::error file=a,line=2,endLine=5,title=E402::")


# ---- SARIF


def closed(required: str, **properties: Any) -> dict[str, Any]:
    """A JSON Schema of an object with these properties and no others."""
    return {
        "type": "object",
        "required": required.split(),
        "properties": properties,
        "additionalProperties": False,
    }


def array(items: Any) -> dict[str, Any]:
    return {"type": "array", "items": items, "uniqueItems": True}


# The part of the published schema (docs.oasis-open.org/sarif/sarif/v2.1.0/errata01) that we use.
TEXT, COUNT = {"type": "string"}, {"type": "integer", "minimum": 1}
LEVEL = {"enum": ["none", "note", "warning", "error"]}
INDEX = {"type": "integer", "minimum": -1}
MESSAGE = closed("text", text=TEXT)
REGION = closed("", startLine=COUNT, startColumn=COUNT, endLine=COUNT, endColumn=COUNT)
PHYSICAL = closed("", artifactLocation=closed("", uri=TEXT), region=REGION)
LOCATION = closed("", id=INDEX, message=MESSAGE, physicalLocation=PHYSICAL)
RULE = closed(
    "id",
    id=TEXT,
    shortDescription=MESSAGE,
    fullDescription=MESSAGE,
    help=MESSAGE,
    defaultConfiguration=closed("", level=LEVEL),
)
NOTIFICATION = closed(
    "message", message=MESSAGE, level=LEVEL, associatedRule=closed("", id=TEXT, index=INDEX)
)
RESULT = closed(
    "message",
    ruleId=TEXT,
    ruleIndex=INDEX,
    level=LEVEL,
    message=MESSAGE,
    locations=array(LOCATION),
    relatedLocations=array(LOCATION),
)
RUN = closed(
    "tool",
    tool=closed("driver", driver=closed("name", name=TEXT, rules=array(RULE))),
    columnKind={"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
    invocations=array(
        closed(
            "executionSuccessful",
            executionSuccessful={"type": "boolean"},
            toolExecutionNotifications=array(NOTIFICATION),
        )
    ),
    results=array(RESULT),
)
LOG = closed("version runs", version={"const": "2.1.0"}, runs=array(RUN), **{"$schema": TEXT})


def sarif(*diagnostics: Diagnostic) -> dict[str, Any]:
    codes = {
        "E402": Code(code="E402", title="unknown account", explanation="X.", wrong="w", right="r")
    }
    value = json.loads(render(diagnostics, {}, "sarif", False, codes=codes))
    jsonschema.validate(value, LOG)
    (run,) = value["runs"]
    return dict(run)


def test_sarif() -> None:
    related = (("first", Span("b", 1, 2, 3, 4)),)
    run = sarif(problem(related=related), problem(code="W1", span=Span("ä b.yaml", 1, 1, 1, 2)))
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == ["E402", "W1"]
    assert rules[0]["shortDescription"] == {"text": "unknown account"}
    first, second = run["results"]
    for result in (first, second):
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["message"]["text"]
    place = first["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": PATH}
    assert place["region"] == {"startLine": 14, "startColumn": 14, "endLine": 14, "endColumn": 22}
    assert first["relatedLocations"][0]["physicalLocation"]["artifactLocation"] == {"uri": "b"}
    assert (first["level"], second["level"]) == ("error", "warning")
    assert (
        second["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "%C3%A4%20b.yaml"
    )
    assert run["invocations"] == [{"executionSuccessful": False}]


def test_sarif_without_a_place_is_a_notification() -> None:
    run = sarif(problem(None))
    (notification,) = run["invocations"][0]["toolExecutionNotifications"]
    assert notification["associatedRule"] == {"id": "E402", "index": 0}
    assert run["results"] == []


def test_sarif_of_nothing() -> None:
    run = sarif()
    assert run["results"] == []
    assert run["invocations"] == [{"executionSuccessful": True}]


@pytest.mark.parametrize(
    ("path", "uri"),
    [("../x.yaml", "../x.yaml"), ("a:b/c", "a%3Ab/c"), ("/abs/x", "file:///abs/x"),
     ("C:/x y", "file:///C%3A/x%20y"), ("a?#%", "a%3F%23%25")],
)  # fmt: skip
def test_uris(path: str, uri: str) -> None:
    (result,) = sarif(problem(Span(path, 1, 1, 1, 2)))["results"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == uri
