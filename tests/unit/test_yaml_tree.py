from __future__ import annotations

import time
import tracemalloc
from itertools import permutations
from typing import Any

import pytest
import yaml

from compiler.blueprint.nodes import (
    Mapping,
    Node,
    Scalar,
    Sequence,
    WrittenFloat,
    WrittenInt,
    plain,
    span_at,
)
from compiler.blueprint.yaml_tree import MAXIMUM_DEPTH, merge_documents, parse
from compiler.diagnostics import Diagnostic, Span


def tree(text: str) -> Mapping:
    root, problems = parse(text, "f.yaml")
    assert not problems
    assert root is not None
    return root


def only(text: str) -> Diagnostic:
    (problem,) = parse(text, "f.yaml")[1]
    return problem


def found(text: str) -> list[tuple[str, int, int]]:
    """Code, line and column of every problem."""
    problems = parse(text, "f.yaml")[1]
    assert all(p.span and p.hint for p in problems)
    return [(p.code, p.span.line, p.span.column) for p in problems if p.span]


def written(text: str, span: Span) -> str:
    """What the file has at `span`."""
    lines = text.split("\n")[span.line - 1 : span.end_line]
    lines[-1] = lines[-1][: span.end_column - 1]
    lines[0] = lines[0][span.column - 1 :]
    return "\n".join(lines)


# -------------------------------------------------------------------- values


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("on", "on"),
        ("yes", "yes"),
        ("NO", "NO"),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("12", 12),
        ("012", 12),
        ("-7", -7),
        ("+7", 7),
        ("0o14", 12),
        ("0x1F", 31),
        ("1_000", "1_000"),
        ("0b11", "0b11"),
        ("12:30:45", "12:30:45"),
        ("2026-01-01", "2026-01-01"),
        ("1.30", 1.3),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("1.2.3", "1.2.3"),
        ("'12'", "12"),
        ('"\\u00e9"', "é"),
        ("!!str 12", "12"),
        ("! 12", "12"),
        ("!!int 12", 12),
        ("!!float 12", 12.0),
        ("!!null ''", None),
        ("!!map {a: 1}", {"a": 1}),
        ("[a, {b: c}]", ["a", {"b": "c"}]),
        ("vpc-{{ x }}", "vpc-{{ x }}"),
        ("a{{ x }}: b".replace(": b", ""), "a{{ x }}"),
    ],
)
def test_values_follow_the_core_schema(text: str, value: object) -> None:
    whole: Any = plain(tree(f"a: {text}\n"))
    got = whole["a"]
    assert got == value
    assert isinstance(got, type(value))


def test_numbers_remember_how_they_were_written() -> None:
    root = tree("a: 012\nb: 1.30\nc: 0o14\nd: 1e3\n")
    values = [entry.value for entry in root.entries.values()]
    assert [
        v.value.text
        for v in values
        if isinstance(v, Scalar) and isinstance(v.value, WrittenInt | WrittenFloat)
    ] == ["012", "1.30", "0o14", "1e3"]


# -------------------------------------------------------------------- spans


@pytest.mark.parametrize(
    ("text", "path", "expected"),
    [
        ("a: plain text # c\n", ("a",), "plain text"),
        ("a: 'it''s'\n", ("a",), "'it''s'"),
        ('a: "x\\ty" # c\n', ("a",), '"x\\ty"'),
        ("a: &x value\n", ("a",), "value"),
        ("a: &x\n  !!str\n  'v'\n", ("a",), "'v'"),
        ("a: |\n  one\n  two\n\n\nb: 1\n", ("a",), "|\n  one\n  two"),
        ("a: &x >-\n  one\n\n# c\nb: 1\n", ("a",), ">-\n  one"),
        ("a: one\n  two\nb: 1\n", ("a",), "one\n  two"),
        ("a: {b: [1, 2], c: d} # x\n", ("a",), "{b: [1, 2], c: d}"),
        ("a: {b: [1, 2], c: d}\n", ("a", "b"), "[1, 2]"),
        ("a: {b: [1, 2], c: d}\n", ("a", "b", 1), "2"),
        ("a: &x {b: 1}\n", ("a",), "{b: 1}"),
        ("a:\n  - x\n  - y # c\n# d\nb: 1\n", ("a",), "- x\n  - y"),
        ("a:\n- x\n-   {y: 1}\nb: 1\n", ("a",), "- x\n-   {y: 1}"),
        ("a:\n  b: 1\n  c: &x 2\n\n\nd: *x\n", ("a",), "b: 1\n  c: &x 2"),
        ("a: &x\n  b: 1\nc: 2\n", ("a",), "b: 1"),
        ("é: 😀😀 # c\n𐐷: 日本\n", ("𐐷",), "日本"),
        ("a: 1\nb:\nc: 2\n", ("b",), ""),
        ("a: &x 1\nb:\n  - *x # c\nc: 2\n", ("b",), "- *x"),
        ("a: &x 1\nb:\n  - *x\nc: 2\n", ("b", 0), "1"),
    ],
)
def test_a_span_covers_the_text_of_its_value(
    text: str, path: tuple[str | int, ...], expected: str
) -> None:
    span, whole = span_at(tree(text), path)
    assert whole
    assert written(text, span) == expected


def test_keys_have_spans_too() -> None:
    text = "a:\n  'quoted key': 1\n  ? other\n  : 2\n"
    inner = tree(text).get("a")
    assert isinstance(inner, Mapping)
    assert [written(text, e.key_span) for e in inner.entries.values()] == ["'quoted key'", "other"]


def test_carriage_returns_end_lines() -> None:
    root = tree("a: 1\r\nb: 2\rc: 3\n")
    assert [e.key_span.line for e in root.entries.values()] == [1, 2, 3]


def test_an_alias_is_the_node_of_its_anchor() -> None:
    root = tree("a: &x {k: 1}\nb: *x\n")
    assert root.get("a") is root.get("b")


# -------------------------------------------------------------------- syntax


@pytest.mark.parametrize(
    ("text", "code", "place", "says"),
    [
        ("a:\n\tb: 1\n", "E011", (2, 1), "tab"),
        ("a:\n  b: 1\n  \tc: 2\n", "E011", (3, 3), "tab"),
        ("a: b: c\n", "E010", (1, 5), 'second ":"'),
        ("a: 'b': c\n", "E010", (1, 7), 'second ":"'),
        ("word\nb: 1\n", "E010", (1, 1), '"word" has no colon'),
        ("key:value\nb: 1\n", "E010", (1, 1), '"key:value" has no colon'),
        ("a: 1\nword\nb: 2\n", "E010", (2, 1), '"word" has no colon'),
        ("a: 1\n b: 2\n", "E010", (2, 2), "indented"),
        ("a:\n  b: 1\n c: 2\n", "E010", (3, 2), '"c: 2" does not fit'),
        ("a:\n  - 1\n  b: 2\n", "E010", (3, 3), '"b: 2" does not fit'),
        ("a: [1, 2\nb: 3\n", "E010", (1, 4), '"[" is not closed'),
        ("a: {x: 1\n", "E010", (1, 4), '"{" is not closed'),
        ("a: [1, 2}\n", "E010", (1, 9), '"]" was'),
        ("a: 'x\nb: 1\n", "E010", (1, 4), "quoted text that starts here is not closed"),
        ("a: 'x\nb: 'y'\n", "E010", (1, 4), "runs on to line 2"),
        ('a: "x\\q"\n', "E010", (1, 6), '"\\q" is no escape'),
        ("a: @x\n", "E010", (1, 4), 'start with "@"'),
        ("a: %x\n", "E010", (1, 4), 'start with "%"'),
        ("a: 'b' c\n", "E010", (1, 8), '"c" is not expected here'),
        ("a: - b\n", "E010", (1, 4), "middle of a line"),
        ("a: ]\n", "E010", (1, 4), '"]" is not expected here'),
        ("%YAML 3.0\n---\na: 1\n", "E010", (1, 1), "directive"),
        ("a: !x!y z\n", "E010", (1, 4), "not valid YAML"),
    ],
)
def test_syntax_errors_say_what_to_do(
    text: str, code: str, place: tuple[int, int], says: str
) -> None:
    root, (problem, *_) = parse(text, "f.yaml")
    assert root is None
    assert problem.code == code
    assert problem.span is not None
    assert problem.span[1:3] == place
    assert says in problem.message
    assert problem.hint


def test_several_syntax_errors_are_found_in_one_run() -> None:
    text = "a: 'x\nb: {{ y }}\nc: [1\nd: 1: 2\ne:\n\t- x\nf: fine\n"
    assert [(code, line) for code, line, _ in found(text)] == [
        ("E010", 1),
        ("E012", 2),
        ("E010", 3),
        ("E010", 4),
        ("E011", 6),
    ]


def test_a_syntax_error_is_not_followed_by_errors_that_it_causes() -> None:
    assert found("a: &x 1\nb: [\nc: *x\nd: 1\nd: 2\n") == [("E010", 2, 4)]


# -------------------------------------------------------------------- templates without quotes


@pytest.mark.parametrize(
    ("text", "covers", "hint"),
    [
        ("a: {{ x }}\n", "{{ x }}", '"{{ x }}"'),
        ("a: {{x}}  # why\n", "{{x}}", '"{{x}}"'),
        ("a: {{ x }}/y\n", "{{ x }}/y", '"{{ x }}/y"'),
        ("a: {{ x.y }}-{{ z }}\n", "{{ x.y }}-{{ z }}", '"{{ x.y }}-{{ z }}"'),
        ("a: {{ x | default(1) }}\n", "{{ x | default(1) }}", '"{{ x | default(1) }}"'),
        ("a: {{ x['b'] }}\n", "{{ x['b'] }}", "\"{{ x['b'] }}\""),
        ('a: {{ x["b"] }}\n', '{{ x["b"] }}', "'{{ x[\"b\"] }}'"),
        ("a:\n  - {{ x }}:latest\n", "{{ x }}:latest", '"{{ x }}:latest"'),
        ("a: [b, {{ x }}, c]\n", "{{ x }}", '"{{ x }}"'),
        ("a: {b: {{ x }}}\n", "{{ x }}", '"{{ x }}"'),
        ("a: {% if x %}\n", "{% if x %}", '"{% if x %}"'),
        ("a: {# c #} x\n", "{# c #}", '"{# c #}"'),
        ("a: &m {{ x }}\n", "{{ x }}", '"{{ x }}"'),
    ],
)
def test_an_expression_without_quotes_is_the_classic_mistake(
    text: str, covers: str, hint: str
) -> None:
    problem = only(text)
    assert problem.code == "E012"
    assert problem.span is not None
    assert written(text, problem.span) == covers
    assert problem.hint == f"quote it: {hint}"


def test_after_an_unquoted_expression_the_rest_is_read_as_meant() -> None:
    root, problems = parse("a: {{ x }}\nb: {{ y }}\nc: 1\n", "f")
    assert [p.code for p in problems] == ["E012", "E012"]
    assert root is not None
    assert plain(root) == {"a": "{{ x }}", "b": "{{ y }}", "c": 1}


def test_a_comment_may_say_anything() -> None:
    assert plain(tree("# a: {{ x }}\na: 1 # {{ y }}\n")) == {"a": 1}


# -------------------------------------------------------------------- refusals


def test_a_key_given_twice_shows_the_first_place() -> None:
    problem = only("a: 1\nb: {c: 1, c: 2}\n")
    assert (problem.code, problem.span) == ("E013", Span("f.yaml", 2, 11, 2, 12))
    assert problem.related == (("first given here", Span("f.yaml", 2, 5, 2, 6)),)
    assert plain(parse("a: 1\na: 2\n", "f")[0] or tree("x: 1")) == {"a": 1}


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("1: a\n", [("E014", 1, 1)]),
        ("a: {true: b, ~: c, 1.5: d}\n", [("E014", 1, 5), ("E014", 1, 14), ("E014", 1, 20)]),
        ("? [a]\n: b\n", [("E014", 1, 3)]),
        ("a: &x b\n*x : c\n", [("E014", 2, 1)]),
        ("a: 1\n---\nb: 2\n", [("E015", 2, 1)]),
        ("a: !Ref x\n", [("E016", 1, 4)]),
        ("a: !!python/object/apply:os.system [id]\n", [("E016", 1, 4)]),
        ("a: !!set {b}\n", [("E016", 1, 4)]),
        ("a: !!int b\n", [("E016", 1, 4)]),
        ("a: !!binary aGk=\n", [("E016", 1, 4)]),
        ("a: *x\n", [("E017", 1, 4)]),
        ("a: &x [*x]\n", [("E017", 1, 8)]),
        ("a: &x {b: {c: *x}}\n", [("E017", 1, 15)]),
        ("a: {<<: {b: 1}}\n", [("E020", 1, 5)]),
        ("a: .nan\nb: -.INF\nc: 1e999\n", [("E021", 1, 4), ("E021", 2, 4), ("E021", 3, 4)]),
        ("a: " + "9" * 5000, [("E021", 1, 4)]),
        ("a: 0x" + "f" * 5000, [("E021", 1, 4)]),
        ("", [("E022", 1, 1)]),
        ("# only a comment\n", [("E022", 1, 1)]),
        ("---\n...\n", [("E022", 1, 1)]),
        ("~\n", [("E022", 1, 1)]),
        ("- a\n", [("E023", 1, 1)]),
        ("text\n", [("E023", 1, 1)]),
        ("a: \x07b\nc: \ufeff\n", [("E024", 1, 4), ("E024", 2, 4)]),
        ("a: x\u2028y\n", [("E024", 1, 5)]),
        ("a: x\u202ey\n", [("E024", 1, 5)]),
        ("a: \ud800\n", [("E024", 1, 4)]),
        ("\ufeffa: 1\n", [("E024", 1, 1)]),
    ],
)
def test_what_is_refused_and_where(text: str, problems: list[tuple[str, int, int]]) -> None:
    assert found(text) == problems


def test_a_quoted_merge_sign_is_a_key_like_any_other() -> None:
    assert plain(tree('a: {"<<": 1, "1": 2, "true": 3}\n')) == {"a": {"<<": 1, "1": 2, "true": 3}}


def test_problems_below_a_refused_key_are_found() -> None:
    assert found("1: {a: 1, a: 2}\nb: 1\nb: {c: 1, c: 2}\n") == [
        ("E014", 1, 1),
        ("E013", 1, 11),
        ("E013", 3, 1),
        ("E013", 3, 11),
    ]


# -------------------------------------------------------------------- bombs

BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 10)}]\n"
    for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        pytest.param(BOMB, "E018", id="alias bomb"),
        pytest.param("a: &a {k: v}\nb: [" + "*a, " * 60_000 + "]\n", "E018", id="many aliases"),
        pytest.param("a: " + "[" * 200_000, "E019", id="brackets"),
        pytest.param("a: " + "{a: " * 100_000, "E019", id="braces"),
        pytest.param("- " * 100_000, "E019", id="dashes"),
        pytest.param(
            "a:\n" + "".join(" " * i + "a:\n" for i in range(1, 500)), "E019", id="indent"
        ),
        pytest.param(
            "a0: &a0 [" + "".join(f"\n {'[' * 60}*a{i}{']' * 60}," for i in [0]) + "]",
            "E017",
            id="circle deep inside",
        ),
        pytest.param(
            f"a: &a {'[' * 60}1{']' * 60}\nb: &b {'[' * 60}*a{']' * 60}\n",
            "E019",
            id="depth by alias",
        ),
        pytest.param("a: 'x\n" * 3000, "E010", id="many errors"),
        pytest.param("a: [\n" * 40 + "b\n" * 3000, "E010", id="many open brackets"),
        pytest.param("\x00" * 500_000, "E024", id="zero bytes"),
    ],
)
def test_bombs_end_quickly_in_one_diagnostic_kind(text: str, code: str) -> None:
    tracemalloc.start()
    begin = time.process_time()
    root, problems = parse(text, "f")
    took = time.process_time() - begin
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert root is None or code == "E017"
    assert code in {p.code for p in problems}
    assert len(problems) <= 21
    assert took < 3
    assert peak < 60_000_000


def test_depth_up_to_the_limit_is_fine() -> None:
    depth = MAXIMUM_DEPTH - 1
    node: Node = tree(f"a: {'[' * depth}1{']' * depth}\n")
    for _ in range(depth + 1):
        assert isinstance(node, Mapping | Sequence)
        node = node.entries["a"].value if isinstance(node, Mapping) else node.items[0]
    assert plain(node) == 1


def test_five_thousand_lines_are_quick() -> None:
    text = "accounts:\n" + "".join(
        f'  a{i}:\n    id: "{i:012}"\n    tags: {{x: y}}\n    vars: {{n: {i}}}\n    unit: u\n'
        for i in range(1000)
    )
    begin = time.process_time()
    root = tree(text)
    assert time.process_time() - begin < 1.5
    assert plain(root) == yaml.safe_load(text)


# -------------------------------------------------------------------- merging


def documents(**texts: str) -> list[tuple[str, Mapping]]:
    trees = []
    for path, text in texts.items():
        root, problems = parse(text, path)
        assert not problems
        assert root
        trees.append((path, root))
    return trees


def test_top_level_mappings_merge_by_key() -> None:
    merged, problems = merge_documents(
        documents(
            a="landform: 1\naccounts: {dev: {id: x}}\nunits:\n",
            b="accounts: {prod: {id: y}}\nunits: {u: {}}\n",
        )
    )
    assert not problems
    assert plain(merged) == {
        "landform": 1,
        "accounts": {"dev": {"id": "x"}, "prod": {"id": "y"}},
        "units": {"u": {}},
    }
    assert merged.entries["accounts"].key_span.path == "a"
    assert span_at(merged, ("accounts", "prod"))[0].path == "b"


def test_a_key_in_two_files_shows_both_places() -> None:
    _, (problem,) = merge_documents(
        documents(a="accounts: {dev: {id: x}}\n", b="accounts: {dev: {id: y}}\n")
    )
    assert problem.code == "E025"
    assert '"accounts.dev"' in problem.message
    assert problem.span == Span("b", 1, 12, 1, 15)
    assert problem.related == (("first given here", Span("a", 1, 12, 1, 15)),)


@pytest.mark.parametrize(
    ("first", "second"), [("1", "1"), ("[a]", "[b]"), ("{a: 1}", "2"), ("2", "{a: 1}")]
)
def test_a_scalar_or_list_stands_in_one_file(first: str, second: str) -> None:
    _, (problem,) = merge_documents(documents(a=f"x: {first}\n", b=f"x: {second}\n"))
    assert (problem.code, problem.span) == ("E025", Span("b", 1, 1, 1, 2))


def test_the_order_of_files_makes_no_difference() -> None:
    trees = documents(
        a="x: {p: 1}\ny: [1]\n", b="x: {p: 2, q: 1}\n", c="y: 3\nz: {}\n", d="x: {q: 3}\n"
    )
    results = [merge_documents(order) for order in permutations(trees)]
    assert all(result == results[0] for result in results)
    assert [list(r[0].entries) for r in results] == [["x", "y", "z"]] * len(results)
    assert len(results[0][1]) == 3


def test_merging_does_not_change_the_trees() -> None:
    trees = documents(a="x: {p: 1}\n", b="x: {q: 1}\n")
    merge_documents(trees)
    assert plain(trees[0][1]) == {"x": {"p": 1}}


def test_nothing_to_merge_is_a_defect() -> None:
    with pytest.raises(ValueError, match="at least one"):
        merge_documents([])
