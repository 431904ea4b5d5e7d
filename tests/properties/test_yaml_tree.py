from __future__ import annotations

from collections.abc import Iterator

import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from compiler.blueprint.expressions import evaluate
from compiler.blueprint.files import _problem
from compiler.blueprint.nodes import Mapping, Node, Scalar, Sequence, plain
from compiler.blueprint.yaml_syntax import LINE_BREAK
from compiler.blueprint.yaml_tree import merge_documents, parse
from compiler.diagnostics import Span

# Pieces that make most of the syntax, so that random texts come far.
PIECES = st.sampled_from(
    [
        "a", "b:", "key: ", ": ", "- ", "\n", "\n  ", "\n    ", "\t", "[", "]", "{", "}", ", ", "'", '"',
        "&x ", "*x", "!t ", "!!str ", "|\n", ">-\n", "#c", " # c\n", "---\n", "...\n", "%YAML 1.2\n", "{{ x }}",
        "{{", "}}", "{%", "{#", "? ", "<<: ", "12", "1.5", "0x", ".inf", "~", "true", "é", "😀", "\r\n", "\r",
        "\\", "\\u12", "\u2028", "\ufeff", "\x00", "@", "`", " ",
    ]
)  # fmt: skip
SYNTAX = st.lists(PIECES, max_size=40).map("".join)
TEXTS = st.one_of(st.text(max_size=200), SYNTAX)

PLAIN_TEXT = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cf", "Zl", "Zp", "Cn")),
    max_size=20,
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | PLAIN_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(PLAIN_TEXT, inner, max_size=4),
    max_leaves=20,
)


def spans(node: Node) -> Iterator[Span]:
    yield node.span
    if isinstance(node, Mapping):
        for entry in node.entries.values():
            yield entry.key_span
            yield from spans(entry.value)
    elif isinstance(node, Sequence):
        for item in node.items:
            yield from spans(item)


def inside(span: Span, lines: list[str]) -> bool:
    return (
        1 <= span.line <= span.end_line <= len(lines)
        and 1 <= span.column <= len(lines[span.line - 1]) + 1
        and 1 <= span.end_column <= len(lines[span.end_line - 1]) + 1
        and (span.line, span.column) <= (span.end_line, span.end_column)
    )


@settings(max_examples=600, deadline=None)
@example("a: &x {{ x }}\n---\n")
@example("?")
@example("- ? [\r\n&x 'a\r")
@given(TEXTS)
def test_any_text_gives_a_tree_or_diagnostics_with_spans_inside_it(text: str) -> None:
    root, problems = parse(text, "f")
    lines = LINE_BREAK.split(text)
    assert root is not None or problems
    for problem in problems:
        assert problem.span
        assert problem.hint
        assert inside(problem.span, lines), problem
        for _, place in problem.related:
            assert inside(place, lines)
    if root:
        assert all(inside(span, lines) for span in spans(root))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_refused_or_read(content: bytes) -> None:
    problem = _problem(content, "f")
    if problem is None:
        parse(content.decode("utf-8"), "f")
    else:
        assert problem.span


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(PLAIN_TEXT, VALUES, min_size=1, max_size=4), st.booleans())
def test_what_is_written_is_read_again(value: dict[str, object], flow: bool) -> None:
    # Everything quoted but what has no other form, for PyYAML writes by the rules of YAML 1.1.
    text = yaml.safe_dump(value, default_flow_style=flow, allow_unicode=True, default_style='"')
    root, problems = parse(text, "f")
    assert not problems
    assert root
    assert plain(root) == value
    assert all(inside(span, LINE_BREAK.split(text)) for span in spans(root))


@settings(max_examples=200, deadline=None)
@given(TEXTS.filter(lambda text: not any(mark in text for mark in ("{{", "{%", "{#"))))
def test_text_without_marks_evaluates_to_itself(text: str) -> None:
    scalar = Scalar(text, Span("f", 1, 1, 1, 2))
    assert evaluate(scalar, {}) == (scalar, ())
    assert evaluate(scalar, {})[0] is scalar


EXPRESSION = st.lists(
    st.sampled_from(
        [
            "{{",
            "}}",
            "{#",
            "#}",
            "(",
            ")",
            "[",
            "]",
            "{",
            "}",
            ".",
            ",",
            ":",
            "|",
            "~",
            "+",
            "-",
            "*",
            "**",
            "/",
            "//",
            "%",
            "==",
            "<",
            "in",
            "not",
            "and",
            "or",
            "if",
            "else",
            "is",
            "x",
            "v.a",
            "v.l",
            "v.m",
            "'s'",
            "1",
            "1.5",
            "none",
            "true",
            "upper",
            "join",
            "map",
            "sort",
            "default",
            "items",
            "get",
            "__class__",
            "'",
            '"',
            "\\",
            "-}}",
            "{{-",
        ]
    ),
    max_size=15,
).map(lambda words: "{{ " + " ".join(words) + " }}")


@settings(max_examples=600, deadline=None)
@given(st.one_of(EXPRESSION, st.text(max_size=40).map("{{ {} }}".replace("{}", "%s").__mod__)))
def test_any_expression_gives_a_value_or_diagnostics(text: str) -> None:
    span = Span("f", 2, 3, 2, 3 + len(text))
    scope = {"x": 1, "v": {"a": "t", "l": [2, 1], "m": {"k": None}}}
    node, problems = evaluate(Scalar(text, span), scope)
    assert scope == {"x": 1, "v": {"a": "t", "l": [2, 1], "m": {"k": None}}}
    for problem in problems:
        assert problem.span
        assert span.column <= problem.span.column <= problem.span.end_column <= span.end_column
    if problems:
        assert node == Scalar(text, span)


@settings(max_examples=100, deadline=None)
@given(
    st.permutations(["a: {x: 1}\n", "a: {y: 1}\nb: 1\n", "c: [1]\n", "a: {x: 2}\nc: 2\n"]),
    st.randoms(),
)
def test_merging_does_not_depend_on_the_order_given(texts: list[str], random: object) -> None:
    trees = []
    for number, text in enumerate(texts):
        root, _ = parse(text, f"{number}.yaml")
        assert root
        trees.append((f"{number}.yaml", root))
    assert merge_documents(trees) == merge_documents(trees[::-1])
