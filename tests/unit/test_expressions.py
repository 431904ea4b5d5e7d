from __future__ import annotations

import sys
import time
import tracemalloc
from collections.abc import Iterator, Mapping

import pytest

from compiler.blueprint import expressions
from compiler.blueprint.codes import CODES
from compiler.blueprint.expressions import evaluate
from compiler.blueprint.nodes import Mapping as MappingNode
from compiler.blueprint.nodes import Node, Scalar, WrittenFloat, WrittenInt, plain
from compiler.blueprint.yaml_tree import merge_documents, parse
from compiler.diagnostics import Diagnostic, Span

SCOPE: dict[str, object] = {
    "vars": {
        "n": WrittenInt(8, "08"),
        "version": WrittenFloat(1.3, "1.30"),
        "max_instances": 4,
        "items": [3, 1, 2],
        "keys": "k",
        "text": "abc",
        "nothing": None,
        "yes": True,
        "rules": [{"name": "x", "weight": 1}, {"name": "y"}],
        "limits": {"max": 5},
        "names": ["b", "a"],
        "name": "n",
        "region": "eu-west-1",
        "big": "x" * 60_000,
        "emoji": "😀" * 60_000,
        "list": list(range(5_000)),
        "words": ["abc"] * 5_000,
        "shared": [["x"] * 9_000] * 9_000,
    },
    "account": {"name": "prod", "id": "111111111111"},
}


def at(text: str) -> Scalar:
    """A plain scalar on line 3 from column 5 on."""
    return Scalar(text, Span("f", 3, 5, 3, 5 + len(text)))


def run(text: str, scope: Mapping[str, object] = SCOPE) -> tuple[object, tuple[Diagnostic, ...]]:
    node, problems = evaluate(at(text), scope)
    return plain(node), problems


def problem(text: str) -> Diagnostic:
    (diagnostic,) = run(text)[1]
    return diagnostic


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{{ vars.max_instances }}", 4),
        ("{{ vars.max_instances + 1 }}", 5),
        ("{{vars.yes}}", True),
        ("{{ vars.nothing }}", None),
        ("{{ vars.limits }}", {"max": 5}),
        ("{{ vars.items }}", [3, 1, 2]),
        ("{{ vars.keys }}", "k"),
        ("{{ vars['text'] }}", "abc"),
        ("{{ '1_000' }}", "1_000"),
        ("{{ '12' }}", "12"),
        ("{{ {'a': [1, none, true]} }}", {"a": [1, None, True]}),
        ("{{ (1, 'x') }}", [1, "x"]),
        ("{{ vars.items | sort }}", [1, 2, 3]),
        ("{{ vars.items | sort | join('-') }}", "1-2-3"),
        ("{{ vars.items | reverse }}", [2, 1, 3]),
        ("{{ vars.rules | map(attribute='name') }}", ["x", "y"]),
        ("{{ vars.rules | map(attribute='weight', default=0) | sum }}", 1),
        ("{{ vars.rules | selectattr('weight', 'defined') | map(attribute='name') | first }}", "x"),
        ("{{ vars.rules | rejectattr('name', 'eq', 'x') | length }}", 1),
        ("{{ vars.items | select('odd') | list }}", [3, 1]),
        ("{{ vars.items | reject('in', [1]) }}", [3, 2]),
        ("{{ vars.names | map('upper') | sort }}", ["A", "B"]),
        ("{{ vars.limits | items }}", [["max", 5]]),
        ("{{ vars.limits.items() }}", [["max", 5]]),
        ("{{ vars.limits.get('max') }}", 5),
        ("{{ vars.limits.get('min', 1) }}", 1),
        ("{{ vars.rules | tojson }}", '[{"name": "x", "weight": 1}, {"name": "y"}]'),
        ("{{ vars.text.upper()[1:] }}", "BC"),
        ("{{ 'a-b'.split('-') }}", ["a", "b"]),
        ("{{ vars.items[-1] }}", 2),
        ("{{ vars.absent | default('d') }}", "d"),
        ("{{ vars.nothing | default('d', true) }}", "d"),
        ("{{ [] | first | default(3) }}", 3),
        ("{{ vars.absent is defined }}", False),
        ("{{ absent is undefined }}", True),
        ("{{ 'a' if vars.yes else absent }}", "a"),
        ("{{ vars.yes and vars.n > 7 }}", True),
        ("{{ 1 < 2 < 3 and not 'z' in vars.text }}", True),
        ("{{ 7 // 2 + 2 ** 3 - -1 }}", 12),
        ("{{ 'a' ~ 1 ~ vars.version }}", "a11.30"),
        ("{{ 'a' * 3 }}", "aaa"),
        ("{{ [1] + [2] }}", [1, 2]),
        ("{{ vars.n | int + 1 }}", 9),
        ("{{ vars.n }}{# why #}", 8),
        ("{{- vars.n -}}", 8),
        ("{{ vars.n }}\n", 8),
        (" {{ vars.n }}", " 08"),
        ("{{ vars.n }}{{ vars.n }}", "0808"),
        ("v{{ vars.n }}-{{ vars.version }}-{{ vars.yes }}", "v08-1.30-true"),
        ("arn:aws:iam::{{ account.id }}:role/x", "arn:aws:iam::111111111111:role/x"),
        ("{{ '{{' }} ${x} %{y}", "{{ ${x} %{y}"),
        ("{{ 'a\\d' }}", "a\\d"),
        ("{# only a comment #}", ""),
        ("a\n{{ vars.text }}\n", "a\nabc\n"),
    ],
)
def test_expressions(text: str, value: object) -> None:
    result, problems = run(text)
    assert not problems
    assert result == value
    assert type(result) is type(value) or isinstance(result, WrittenInt | WrittenFloat)


def test_a_written_number_survives_a_whole_expression() -> None:
    for text, written in (("{{ vars.n }}", "08"), ("{{ vars.version }}", "1.30")):
        node, _ = evaluate(at(text), SCOPE)
        assert isinstance(node, Scalar)
        assert isinstance(node.value, WrittenInt | WrittenFloat)
        assert node.value.text == written


def test_results_stand_where_the_scalar_stands() -> None:
    scalar = at("{{ vars.rules }}")
    node, _ = evaluate(scalar, SCOPE)

    def spans(part: Node) -> Iterator[Span]:
        yield part.span
        if isinstance(part, MappingNode):
            for entry in part.entries.values():
                yield entry.key_span
                yield from spans(entry.value)
        elif not isinstance(part, Scalar):
            for item in part.items:
                yield from spans(item)

    assert set(spans(node)) == {scalar.span}


def test_a_tree_is_evaluated_throughout_and_what_has_no_expression_stays_the_same() -> None:
    root, _ = parse('a: "{{ vars.n }}"\nb: [x, {c: "p{{ vars.text }}"}]\nd: {e: 1}\n', "f")
    assert root
    result, problems = evaluate(root, SCOPE)
    assert not problems
    assert plain(result) == {"a": 8, "b": ["x", {"c": "pabc"}], "d": {"e": 1}}
    assert isinstance(result, MappingNode)
    assert result.get("d") is root.get("d")
    assert plain(root) == {
        "a": "{{ vars.n }}",
        "b": ["x", {"c": "p{{ vars.text }}"}],
        "d": {"e": 1},
    }
    same, _ = evaluate(root.entries["d"].value, SCOPE)
    assert same is root.get("d")


def test_all_problems_are_found_in_one_run() -> None:
    root, _ = parse('a: "{{ x }}-{{ y }}"\nb: ["{{ z }}"]\n', "f")
    assert root
    _, problems = evaluate(root, SCOPE)
    assert [(p.span.line, p.span.column) for p in problems if p.span] == [(1, 8), (1, 16), (2, 9)]


class Lazy(Mapping[str, object]):
    """Mapping access without a dict, as the scope of an account has it."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __getitem__(self, key: str) -> object:
        self.asked.append(key)
        return {"a": 1, "b": {"c": 2}}[key]

    def __iter__(self) -> Iterator[str]:
        return iter(("a", "b"))

    def __len__(self) -> int:
        return 2


def test_objects_with_mapping_access() -> None:
    lazy = Lazy()
    assert run("{{ o.b.c }}", {"o": lazy})[0] == 2
    assert lazy.asked == ["b"]
    assert run("{{ o }}", {"o": lazy})[0] == {"a": 1, "b": {"c": 2}}
    assert run("{{ o | items | length }}", {"o": lazy})[0] == 2


# -------------------------------------------------------------------- positions and suggestions


@pytest.mark.parametrize(
    ("text", "word", "message", "hint"),
    [
        (
            "x {{ vars.max_instnces }}",
            "max_instnces",
            '"max_instnces" is not in vars',
            'did you mean "vars.max_instances"?',
        ),
        ("{{ acount.name }}", "acount", '"acount" is not defined', 'did you mean "account"?'),
        (
            "{{ vars.limits.mx }}",
            "mx",
            '"mx" is not in vars.limits',
            'did you mean "vars.limits.max"?',
        ),
        ("{{ vars.limits.zzz }}", "zzz", '"zzz" is not in vars.limits', "there are: max"),
        (
            "{{ vars.text | uper }}",
            "uper",
            'the filter "uper" is not available in a blueprint',
            'did you mean "upper"?',
        ),
        (
            "{{ vars.n is integr }}",
            "integr",
            'the test "integr" is not available in a blueprint',
            'did you mean "integer"?',
        ),
        (
            "{{ vars.text.uper() }}",
            "uper",
            '"uper" is no method that text has here',
            'did you mean "upper"?',
        ),
        (
            "{{ vars.text.upper }}",
            "upper",
            'vars.text is text and has no "upper"',
            "call it: upper()",
        ),
        ("a{{ 1 }}b{{ vars.absnt }}", "absnt", '"absnt" is not in vars', None),
    ],
)
def test_undefined_names(text: str, word: str, message: str, hint: str | None) -> None:
    diagnostic = problem(text)
    assert diagnostic.message == message
    assert diagnostic.span is not None
    assert text[diagnostic.span.column - 5 : diagnostic.span.end_column - 5] == word
    if hint:
        assert diagnostic.hint == hint


def test_columns_are_exact_where_the_file_shows_the_text_as_it_is() -> None:
    text = 'a: "{{ x }}"\nb: \'{{ x }}\'\nc: y{{ x }}\nd: "\\t{{ x }}"\ne: |\n  {{ x }}\n'
    root, _ = parse(text, "f")
    assert root
    _, problems = evaluate(root, {})
    assert [(p.span.line, p.span.column) for p in problems if p.span] == [
        (1, 8),
        (2, 8),
        (3, 8),
        (4, 4),
        (6, 6),
    ]


@pytest.mark.parametrize(
    ("text", "code", "says"),
    [
        ("{{ vars.n", "E101", "ends too early"),
        ("{{ }}", "E101", "ends too early"),
        ("{{ a b }}", "E101", '"b" stands where "}}" was expected'),
        ("{{ f'x' }}", "E101", "stands where"),
        ("{{ 1 + }}", "E101", "ends too early"),
        ("{{ *x }}", "E101", "not valid"),
        ("${#array[@]}", "E101", "comment"),
        ("{{ 'x }}", "E101", "not valid"),
        ("{% if x %}a{% endif %}", "E103", "statement"),
        ("a {%- set x = 1 %}", "E103", "statement"),
        ("{% raw %}{{ x }}{% endraw %}", "E103", "statement"),
        ("{% include '/etc/passwd' %}", "E103", "statement"),
        ("{% broken", "E103", "statement"),
        ("{{ 1 / 0 }}", "E107", "divides by zero"),
        ("{{ 'a' + 1 }}", "E107", "text and a number"),
        ("{{ [1, 'a'] | sort }}", "E107", "different types"),
        ("{{ 'a' if not vars.yes }}", "E107", "else"),
        ("{{ {1: 2} }}", "E107", "key"),
        ("{{ 'a' | replace }}", "E107", "wrong arguments"),
        ("{{ 5 | items }}", "E107", "does not work on a number"),
        ("{{ none | length }}", "E107", "does not work on null"),
        ("{{ 'abc'[::0] }}", "E107", "slice"),
        ("{{ '\\ud800' }}", "E107", "surrogate"),
        ("{{ (-8) ** 0.5 }}", "E107", "no text, number"),
        ("{{ 1e999 }}", "E107", "finite"),
        ("{{ vars.items[7] }}", "E102", "has 3 items"),
        ("a{{ vars.nothing }}", "E108", "null"),
        ("a{{ vars.items }}", "E108", "list"),
        ("{{ 'a' ~ vars.limits }}", "E108", "mapping"),
        ("{{ vars.limits | upper }}", "E108", "mapping"),
    ],
)
def test_what_is_wrong_is_said(text: str, code: str, says: str) -> None:
    diagnostic = problem(text)
    assert diagnostic.code == code
    assert says in diagnostic.message


def test_a_failing_scalar_stays_as_it_is() -> None:
    node = at("{{ absent }}")
    assert evaluate(node, SCOPE)[0] is node


def test_an_expression_in_a_key_is_refused_at_the_key() -> None:
    root, _ = parse('a: {"x{{ y }}": 1}\n', "f")
    assert root
    _, (diagnostic,) = evaluate(root, SCOPE)
    assert (diagnostic.code, diagnostic.span) == ("E104", Span("f", 1, 5, 1, 15))


def test_problems_of_one_text_are_counted() -> None:
    assert len(run("{{ x }} " * 1_000)[1]) <= 20


# -------------------------------------------------------------------- escapes


@pytest.mark.parametrize(
    "text",
    [
        "{{ ''.__class__ }}",
        "{{ vars.__class__ }}",
        "{{ vars['__class__'] }}",
        "{{ ''['__cla' ~ 'ss__'] }}",
        "{{ ().__class__.__bases__[0].__subclasses__() }}",
        "{{ lipsum.__globals__['os'].popen('id').read() }}",
        "{{ cycler.__init__.__globals__ }}",
        "{{ self.__init__.__globals__ }}",
        "{{ joiner }}",
        "{{ namespace() }}",
        "{{ range(3) }}",
        "{{ dict(a=1) }}",
        "{{ get_flashed_messages.__globals__ }}",
        "{{ vars.n.__add__(1) }}",
        "{{ vars.n.text }}",
        "{{ (1).real }}",
        "{{ ''.upper.__func__ }}",
        "{{ '{0.__class__}'.format(1) }}",
        "{{ '{a.__class__}'.format_map(vars.limits) }}",
        "{{ '%s' % vars.limits }}",
        "{{ '%(a)s' | format(a=1) }}",
        "{{ vars.text | attr('__class__') }}",
        "{{ vars.rules | map('attr', '__class__') }}",
        "{{ vars.rules | map(attribute='__class__') }}",
        "{{ vars.rules | map(attribute='name.__class__') }}",
        "{{ vars.rules | selectattr('__class__') }}",
        "{{ vars.rules | sort(attribute='__class__') }}",
        "{{ vars.rules | join(attribute='__class__') }}",
        "{{ vars.rules | sum(attribute='name.__class__') }}",
        "{{ vars.rules | groupby('__class__') }}",
        "{{ vars.items.append(1) }}",
        "{{ vars.limits.update({}) }}",
        "{{ vars.limits.pop('max') }}",
        "{{ vars.limits.setdefault('x', 1) }}",
        "{{ vars.items | random }}",
        "{{ vars.items | shuffle }}",
        "{{ vars.text.encode() }}",
        "{{ vars.text.translate({}) }}",
        "{{ vars.limits is callable }}",
        "{{ vars.limits is sameas vars.limits }}",
        "{{ (vars)() }}",
        "{{ vars.text() }}",
        "{{ vars.text.upper(*[1]) }}",
        "{{ vars.items | map('string') | map('__import__') }}",
        "{{ _x }}",
        "{{ caller() }}",
        "{{ loop.index }}",
        "{{ config }}",
        "{{ vars.text | pprint }}",
        "{{ vars.text | safe }}",
    ],
)
def test_there_is_no_way_out(text: str) -> None:
    value, problems = run(text)
    assert value == text
    assert {p.code for p in problems} <= {"E102", "E105", "E107"}
    assert len(problems) == 1


def test_a_method_cannot_change_the_scope() -> None:
    scope: dict[str, object] = {"v": {"l": [2, 1], "m": {"a": 1}}}
    run("{{ v.l | sort }}{{ v.l.reverse() }}{{ v.m.clear() }}", scope)
    assert scope == {"v": {"l": [2, 1], "m": {"a": 1}}}


# -------------------------------------------------------------------- bombs


def nested(opening: str, closing: str, count: int, inner: str = "1") -> str:
    return "{{ " + opening * count + inner + closing * count + " }}"


BOMBS = [
    "{{ 'a' * 10 ** 9 }}",
    "{{ 1000000000 * [0] }}",
    "{{ vars.list * 13 }}",
    "{{ 9 ** 9 ** 9 ** 9 }}",
    "{{ 2 ** -99999999 }}",
    "{{ 2.0 ** 99999 }}",
    "{{ 0x" + "f" * 90 + " * 0x" + "f" * 90 + " }}",
    "{{ " + "9" * 5_000 + " }}",
    "{{ 'a' | indent(1000000000) }}",
    "{{ ('\\n' * 60000) | indent(900) }}",
    "{{ 'a\\nb' | indent('x' * 65000) }}",
    "{{ 'a'.zfill(1000000000) }}",
    "{{ 1.5 | round(1000000000) }}",
    "{{ 1.5 | round(300000000, 'ceil') }}",
    "{{ ('f' * 60000) | int(base=16) }}",
    "{{ vars.big | replace('x', vars.big) }}",
    "{{ vars.big | replace('', vars.big) }}",
    "{{ vars.big.replace('x', vars.big) }}",
    "{{ vars.big | join(vars.big) }}",
    "{{ vars.list | join(vars.big) }}",
    "{{ vars.big.join(vars.words) }}",
    "{{ vars.words | map('replace', 'a', vars.big) }}",
    "{{ vars.big ~ vars.big }}",
    "{{ [vars.big, vars.big] }}",
    "{{ [vars.list, vars.list, vars.list] | tojson | tojson | tojson | tojson }}",
    "{{vars.big}}" * 500,
    "{{ vars.big | list }}",
    "{{ vars.big.split('x') }}",
    "{{ vars.shared }}",
    "{{ vars.shared | tojson }}",
    "{{ vars.shared | length }}",
    "{{ vars }}",
    nested("", " | sort", 90, "vars.list"),
    nested("", " | unique", 90, "vars.list"),
    nested("", " | upper", 90, "vars.big"),
    nested("", " | title", 90, "vars.emoji"),
    nested("", " | map('upper')", 25, "vars.words"),
    nested("", " | select('eq', 'abc')", 20, "vars.words"),
    nested("(", ")", 3_000),
    nested("[", "]", 5_000),
    nested("-", "", 5_000),
    nested("not ", "", 5_000),
    nested("", " | abs", 5_000),
    nested("", ".a", 5_000, "vars"),
    nested("", " + 1", 5_000),
    nested("1 if 1 else ", "", 5_000),
    nested("1 < ", "", 5_000),
    "{{" * 16_000,
    "{" * 32_000,
    "a" * 40_000 + "{{ 1 }}",
]


@pytest.mark.parametrize("text", BOMBS, ids=range(len(BOMBS)))
def test_bombs_are_refused_quickly(text: str) -> None:
    begin = time.process_time()
    value, problems = run(text)
    took = time.process_time() - begin
    assert value == text
    assert {p.code for p in problems} == {"E106"}
    # Processor time: the machine may be busy. Measured at most 0.1 s.
    assert took < 1.5


@pytest.mark.rig
@pytest.mark.parametrize("text", BOMBS, ids=range(len(BOMBS)))
def test_bombs_are_refused_in_little_memory(text: str) -> None:
    expressions._parse.cache_clear()
    tracemalloc.start()
    run(text)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 50_000_000


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (nested("(", ")", 19), 1),
        (nested("-", "", 190), 1),
        (nested("not ", "", 190), True),
        (nested("", " | abs", 90), 1),
        (nested("", " + 1", 99), 100),
        (nested("1 if 1 else ", "", 45), 1),
        ("{{ 1 }}" * 4_000, "1" * 4_000),
        ("{{ 'a' * 65536 }}", "a" * 65_536),
    ],
    ids=range(8),
)
def test_what_is_below_the_limits_works(text: str, value: object) -> None:
    assert run(text) == (value, ())


def test_a_nearly_full_stack_is_a_diagnostic() -> None:
    text = nested("(", ")", 19) + "<"

    def deeper(count: int) -> tuple[object, tuple[Diagnostic, ...]]:
        return deeper(count - 1) if count else run(text)

    depth = 0
    frame = sys._getframe()
    while frame.f_back:
        frame, depth = frame.f_back, depth + 1
    expressions._parse.cache_clear()
    _, problems = deeper(sys.getrecursionlimit() - depth - 60)
    expressions._parse.cache_clear()
    assert [p.code for p in problems] == ["E106"]


# -------------------------------------------------------------------- the codes' own examples


def codes_of(text: str) -> set[str]:
    """What the reader and the expressions say of a text; lines may name the file they are in."""
    files = [line for line in text.split("\n") if line.endswith((".yaml", ".yml")) and "# " in line]
    sources = files or [text]
    found: list[Diagnostic] = []
    trees = []
    for number, source in enumerate(sources):
        root, problems = parse(source, f"{number}")
        found += problems
        if root:
            trees.append((f"{number}", root))
    if trees and not found:
        merged, problems = merge_documents(trees)
        found += problems
        found += evaluate(merged, SCOPE)[1]
    return {p.code for p in found}


@pytest.mark.parametrize("code", [c for c in CODES if c.code >= "E010"], ids=lambda c: c.code)
def test_the_examples_of_a_code_show_it(code: object) -> None:
    assert hasattr(code, "wrong")
    assert hasattr(code, "right")
    assert hasattr(code, "code")
    assert codes_of(code.wrong) == {code.code}
    assert codes_of(code.right) == set()


def test_codes_are_sorted_and_explained() -> None:
    numbers = [code.code for code in CODES]
    assert numbers == sorted(set(numbers))
    for code in CODES:
        assert 2 <= code.explanation.count(". ") + 1 <= 4
        assert code.explanation.endswith((".", "`."))
        assert not set(code.title + code.explanation + code.wrong + code.right) & set(
            "\x00\x07\x1b"
        )


BLOCKS = {
    "as it is": "a: |\n  one\n\n    two {{ nope }}\n",
    "indented by a number": "a: |2-\n     {{ nope }}\n",
    "beyond ASCII": "a:\n  b: |+\n      \u00e9\U0001f600 {{ nope }}\n\n",
    "with an anchor and a comment": "a: &x | # of {{ nope }}\n  {{ nope }}\n",
    "in a list, at the end of a file": "- |\n nothing\n {{\n   nope }}",
    "with carriage returns": "a: |\r\n  one\r\n  {{ nope }}\r\n",
}


@pytest.mark.parametrize("text", BLOCKS.values(), ids=BLOCKS)
def test_in_a_literal_block_the_word_itself_is_shown(text: str) -> None:
    text = f"root:\n{indented(text)}"
    tree, problems = parse(text, "f")
    assert tree is not None
    assert not problems
    _, (failure,) = evaluate(tree, {})
    assert failure.span is not None
    line = text.splitlines()[failure.span.line - 1]
    assert line[failure.span.column - 1 : failure.span.end_column - 1] == "nope"
    assert failure.span.line == failure.span.end_line == len(text.rstrip().splitlines())


def indented(text: str) -> str:
    return "".join(f"  {line}" if line.strip() else line for line in text.splitlines(True))


def test_in_a_folded_block_the_whole_is_shown() -> None:
    tree, _ = parse("a: >\n  one\n  {{ nope }}\n", "f")
    assert tree is not None
    _, (failure,) = evaluate(tree, {})
    assert failure.span == Span("f", 1, 4, 3, 13)
