"""Evaluate the Jinja2 expressions in a blueprint's scalars.

Takes a tree and what its expressions can see, gives the tree with values in their place, and
diagnostics; no effects but a cache of parsed texts. Evaluation itself is in `evaluation`, what
expressions may do in `sandbox`.

In a text, numbers appear as they are written in the file, and true and false as YAML has them. A
carriage return in a text with expressions becomes a line feed, as Jinja2 reads it.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from collections.abc import Mapping as Scope
from dataclasses import dataclass
from functools import lru_cache

from jinja2 import TemplateSyntaxError, nodes

from compiler.blueprint.evaluation import Evaluator
from compiler.blueprint.limits import Budget, Refused, Value, check_size, text, too_large
from compiler.blueprint.nodes import Entry, Mapping, Node, Scalar, ScalarValue, Sequence
from compiler.blueprint.sandbox import environment
from compiler.diagnostics import Diagnostic, Span, in_order

MAXIMUM_TEMPLATE = 32_768
# Of one expression. Jinja2's parser and the evaluator call themselves for each level.
MAXIMUM_TOKENS = 200
MAXIMUM_BRACKETS = 20
MAXIMUM_LITERAL = 100
# Problems shown of one text.
MAXIMUM_FAILURES = 20

# Names with the parts that are taken of them: ("inputs", "days"), each with its place.
Use = tuple[tuple[str, Span], ...]

_MARKS = re.compile(r"\{[{%#]")
_ENVIRONMENT = environment()


def evaluate(node: Node, scope: Scope[str, object]) -> tuple[Node, tuple[Diagnostic, ...]]:
    """`node` with its expressions evaluated; parts without any are the same objects as before.

    Values of `scope` are dicts, lists, scalars, or objects with mapping access. A scalar that
    can't be evaluated stays as it is, with a diagnostic.
    """
    found: list[Diagnostic] = []
    result = _node(node, scope, found)
    return result, in_order(found) if found else ()


def _node(node: Node, scope: Scope[str, object], found: list[Diagnostic]) -> Node:
    if isinstance(node, Scalar):
        if isinstance(node.value, str) and _MARKS.search(node.value):
            return _scalar(node.value, node, scope, found)
        return node
    if isinstance(node, Sequence):
        items = tuple(_node(item, scope, found) for item in node.items)
        same = all(new is old for new, old in zip(items, node.items, strict=True))
        return node if same else Sequence(items, node.span)
    entries = {}
    same = True
    for key, entry in node.entries.items():
        if _MARKS.search(key):
            found.append(_computed_key(key, entry.key_span))
        value = _node(entry.value, scope, found)
        same = same and value is entry.value
        entries[key] = Entry(entry.key_span, value)
    return node if same else Mapping(entries, node.span)


def uses(node: Node) -> tuple[tuple[Use, ...], tuple[Diagnostic, ...]]:
    """What the expressions of a tree name, and those that cannot be read; evaluates nothing."""
    named: list[Use] = []
    found: list[Diagnostic] = []
    _uses(node, named, found)
    return tuple(named), in_order(found) if found else ()


def _uses(node: Node, named: list[Use], found: list[Diagnostic]) -> None:
    if isinstance(node, Mapping):
        for key, entry in node.entries.items():
            if _MARKS.search(key):
                found.append(_computed_key(key, entry.key_span))
            _uses(entry.value, named, found)
    elif isinstance(node, Sequence):
        for item in node.items:
            _uses(item, named, found)
    elif isinstance(node.value, str) and _MARKS.search(node.value):
        template = _parse(node.value)
        if isinstance(template, _Failure):
            found.append(_diagnostic(template, node))
            return
        expressions = [part for part in template.parts if not isinstance(part, str)]
        for number, expression in enumerate(expressions):
            for chain in _chains(expression):
                named.append(tuple(_placed(w, template, number, node) for w in chain))


def _placed(word: str, template: _Template, number: int, node: Scalar) -> tuple[str, Span]:
    place = _place(Refused("", "", word=word), template, number)
    return word, _narrowed(node, place)


def _chains(node: nodes.Node) -> Iterator[tuple[str, ...]]:
    """The names below a node of Jinja2's tree, each with as many of its parts as are plain."""
    chain = _chain(node)
    if chain:
        yield chain
        return
    for child in node.iter_child_nodes():
        yield from _chains(child)


def _chain(node: nodes.Node) -> tuple[str, ...]:
    if isinstance(node, nodes.Name):
        return (node.name,)
    if isinstance(node, nodes.Getattr):
        base = _chain(node.node)
        return (*base, node.attr) if base else ()
    if isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const):
        base = _chain(node.node)
        return (*base, node.arg.value) if base and isinstance(node.arg.value, str) else base
    return ()


def _computed_key(key: str, span: Span) -> Diagnostic:
    return Diagnostic(
        code="E104",
        message=f'"{key}" is a key; expressions stand in values only',
        span=span,
        hint="write the key as plain text; for_each makes one instance per account",
    )


def _scalar(source: str, node: Scalar, scope: Scope[str, object], found: list[Diagnostic]) -> Node:
    template = _parse(source)
    if isinstance(template, _Failure):
        found.append(_diagnostic(template, node))
        return node
    value, failures = _run(template, scope)
    if failures:
        found += (_diagnostic(failure, node) for failure in failures)
        return node
    return _as_node(value, node.span)


def _as_node(value: Value, span: Span) -> Node:
    """A settled value as a tree, all of it at the scalar's place."""
    if isinstance(value, list):
        return Sequence(tuple(_as_node(item, span) for item in value), span)
    if isinstance(value, dict):
        entries = {key: Entry(span, _as_node(item, span)) for key, item in value.items()}
        return Mapping(entries, span)
    assert value is None or isinstance(value, ScalarValue)
    return Scalar(value, span, computed=True)


# -------------------------------------------------------------------- templates


@dataclass(frozen=True, slots=True)
class _Segment:
    """Where an expression stands in its text, and where each of its names first does."""

    start: int
    end: int
    words: dict[str, int]


@dataclass(frozen=True, slots=True)
class _Template:
    """`parts` are texts and expressions; `whole` says that the one expression is the value.

    `segments` belong to the expressions in their order; it is empty where places are unknown.
    """

    parts: tuple[str | nodes.Expr, ...]
    whole: bool
    segments: tuple[_Segment, ...]


@dataclass(frozen=True, slots=True)
class _Failure:
    """A refusal, with the range of the text that it is about, if known."""

    problem: Refused
    place: tuple[int, int] | None = None


def _run(template: _Template, scope: Scope[str, object]) -> tuple[Value, list[_Failure]]:
    evaluator = Evaluator(scope, Budget())
    values: list[Value] = []
    failures: list[_Failure] = []
    size = number = 0
    for part in template.parts:
        try:
            if isinstance(part, str):
                value: Value = part
            else:
                number += 1
                value = evaluator.result(part)
                value = value if template.whole else text(value)
            values.append(value)
            size += len(value) if isinstance(value, str) else 0
            check_size(size)
        except Refused as problem:
            failures.append(_Failure(problem, _place(problem, template, number - 1)))
            if problem.code == "E106" or len(failures) == MAXIMUM_FAILURES:
                break
        except RecursionError:
            failures.append(_Failure(too_large("the expression is nested too deeply")))
            break
    if template.whole:
        return values[0] if values else None, failures
    return "".join(map(str, values)), failures


def _place(problem: Refused, template: _Template, number: int) -> tuple[int, int] | None:
    if not 0 <= number < len(template.segments):
        return None
    segment = template.segments[number]
    start = segment.words.get(problem.word or "")
    if problem.word is None or start is None:
        return segment.start, segment.end
    return start, start + len(problem.word)


@lru_cache(maxsize=4096)
def _parse(source: str) -> _Template | _Failure:
    """The template of a text; each distinct text is parsed once."""
    if len(source) > MAXIMUM_TEMPLATE:
        return _Failure(
            too_large(f"a text with expressions has over {MAXIMUM_TEMPLATE:,} characters")
        )
    try:
        tokens = list(_ENVIRONMENT.lex(source))
        failure = _refused_tokens(tokens)
        if failure:
            return failure
        # Jinja2 decodes '\\d' in a text as Python does, with a warning that depends on its filters.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            body = _ENVIRONMENT.parse(source).body
    except TemplateSyntaxError as error:
        return _Failure(_syntax(error.message or "", source))
    except RecursionError:
        return _Failure(too_large("the expression is nested too deeply"))
    parts = tuple(part for output in body for part in _parts(output))
    expressions = sum(not isinstance(part, str) for part in parts)
    segments = tuple(_segments(tokens))
    exact = len(segments) == expressions and "".join(t[2] for t in tokens) == source
    # A block scalar ends in a line feed, which nobody means to be part of a number.
    whole = (
        expressions == 1
        and not isinstance(parts[0], str)
        and not "".join(part for part in parts if isinstance(part, str)).strip("\n")
    )
    return _Template(parts[:1] if whole else parts, whole, segments if exact else ())


def _parts(output: nodes.Node) -> list[str | nodes.Expr]:
    assert isinstance(output, nodes.Output)
    return [p.data if isinstance(p, nodes.TemplateData) else p for p in output.nodes]


_Token = tuple[int, str, str]


def _refused_tokens(tokens: list[_Token]) -> _Failure | None:
    """Statements, and what would exhaust the parser."""
    offset = count = depth = 0
    for _, kind, word in tokens:
        if kind in ("block_begin", "raw_begin"):
            hint = "use when/for_each, or an inline if: `{{ a if b else c }}`"
            problem = Refused(
                "E103", '"{%" starts a statement; a blueprint has expressions only', hint
            )
            return _Failure(problem, (offset, offset + len(word)))
        if kind == "variable_begin":
            count = depth = 0
        elif kind != "whitespace" and kind != "data":
            count += 1
        depth += (word in ("(", "[", "{")) - (word in (")", "]", "}"))
        if count > MAXIMUM_TOKENS or depth > MAXIMUM_BRACKETS:
            return _Failure(too_large("the expression is too long or nested too deeply"))
        if kind in ("integer", "float") and len(word) > MAXIMUM_LITERAL:
            return _Failure(too_large(f"a number of over {MAXIMUM_LITERAL} characters"))
        offset += len(word)
    return None


def _segments(tokens: list[_Token]) -> list[_Segment]:
    segments: list[_Segment] = []
    offset = start = 0
    words: dict[str, int] = {}
    for _, kind, word in tokens:
        if kind == "variable_begin":
            start, words = offset, {}
        elif kind in ("name", "operator"):
            words.setdefault(word, offset)
        elif kind == "variable_end":
            segments.append(_Segment(start, offset + len(word), words))
        offset += len(word)
    return segments


def _syntax(message: str, source: str) -> Refused:
    if "comment" in message:
        return Refused(
            "E101",
            'a comment "{#" is not closed',
            "close it with `#}`; for the characters themselves write `{{ '{#' }}`",
        )
    expected = re.fullmatch(r"expected token '(.*)', got '(.*)'", message)
    if re.search(r"(got|unexpected) '?end of |Expected an exp", message):
        sentence = "the expression ends too early"
    elif expected:
        wanted = "}}" if expected[1] == "end of print statement" else expected[1]
        sentence = f'"{expected[2]}" stands where "{wanted}" was expected'
    else:
        sentence = f"the expression is not valid: {message}"
    if source.count("{{") != source.count("}}"):
        return Refused(
            "E101",
            sentence,
            "close every `{{` with `}}`; for the characters themselves write `{{ '{{' }}`",
        )
    return Refused("E101", sentence, "correct what stands between `{{` and `}}`")


# -------------------------------------------------------------------- diagnostics


def _diagnostic(failure: _Failure, node: Scalar) -> Diagnostic:
    problem = failure.problem
    return Diagnostic(
        code=problem.code,
        message=problem.message,
        span=_narrowed(node, failure.place),
        hint=problem.hint,
    )


def _narrowed(node: Scalar, place: tuple[int, int] | None) -> Span:
    """The span of `place` within a scalar; the whole scalar's where a column can't be told.

    On one line, a scalar whose span is as long as its text is plain; two more are quotes without
    escapes between them. A literal block knows how its lines stand in the file. In all other cases the
    text in the file is not the value.
    """
    span, source = node.span, str(node.value)
    if place is not None and node.indent is not None:
        first, last = (_in_block(source, offset, span.line, node.indent) for offset in place)
        return Span(span.path, *first, *last)
    surplus = span.end_column - span.column - len(source)
    if place is None or span.line != span.end_line or surplus not in (0, 2):
        return span
    start = span.column + surplus // 2
    return Span(span.path, span.line, start + place[0], span.line, start + place[1])


def _in_block(source: str, offset: int, line: int, indent: int) -> tuple[int, int]:
    """The line and column of a place in a literal block, which starts in that line."""
    before = source[:offset].split("\n")
    return line + len(before), indent + len(before[-1]) + 1
