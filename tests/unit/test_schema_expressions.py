"""The references that the reader of Terraform's template syntax finds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.terraform.schema.expressions import (
    AnyIndex,
    ExpressionError,
    Key,
    Splat,
    expression_references,
    is_template,
    template_references,
    whole_expression,
)
from compiler.terraform.stack import escape

FOUND = [
    ("plain", []),
    ("$${aws_x.y.z} %%{ if }", []),
    ("$$${local.a}", []),
    ("${local.a}-${local.b}", ["local.a", "local.b"]),
    ('${"}"}', []),
    ('${"a ${"b ${local.s}"} \\" }"}${local.t}', ["local.s", "local.t"]),
    ('${join(",", aws_x.y[*].arn)}', ["aws_x.y[*].arn"]),
    ("${aws_x.y.*.arn}", ["aws_x.y.*.arn"]),
    ("${aws_x.y[0].arn}", ["aws_x.y[0].arn"]),
    ("${aws_x.y.0.arn}", ["aws_x.y[0].arn"]),
    ('${aws_x.y["k"].arn}', ['aws_x.y["k"].arn']),
    ("${aws_x.y[local.i].arn}", ["local.i", "aws_x.y[…].arn"]),
    ("${data.aws_x.y.z}", ["data.aws_x.y.z"]),
    ("${[for k, v in local.m : k if v != aws_x.y.z]}", ["local.m", "aws_x.y.z"]),
    ("${{for k, v in local.m : k => v...}}", ["local.m"]),
    ("${[for x in (true ? local.a : local.b) : x]}", ["local.a", "local.b"]),
    ("${[for x in true ? local.a : local.b : x.id]}", ["local.a", "local.b"]),
    ("${[for x in [1] : x]}${x.y}", ["x.y"]),
    ('${{a = local.a, "b" : local.b, (local.c) = 1}}', ["local.a", "local.b", "local.c"]),
    ("${{ a = local.t ? local.x : local.y }}", ["local.t", "local.x", "local.y"]),
    ("${local.a == local.b ? 1 : 2}", ["local.a", "local.b"]),
    ("${foo(local.a).bar[0].baz}", ["local.a"]),
    ('${provider::aws::arn_parse("x").service}', []),
    ("%{ if local.a }x%{ else }y%{ endif }", ["local.a"]),
    ("%{~ for x in local.l ~}${x}${local.y}%{ endfor ~}", ["local.l", "local.y"]),
    ("${~ local.a ~}", ["local.a"]),
    ("${/* local.no */ local.a}", ["local.a"]),
    ("${1.5e3 + local.a}", ["local.a"]),
    ("${<<EOT\nhello ${local.s}\nEOT\n}", ["local.s"]),
    ("${aws_x.a-b.id}", ["aws_x.a-b.id"]),
    ("${path.module}/x", ["path.module"]),
    ("${foo}", ["foo"]),
    ("back\\slash ${local.a}", ["local.a"]),
]


@pytest.mark.parametrize(("text", "expected"), FOUND, ids=[text for text, _ in FOUND])
def test_references(text: str, expected: list[str]) -> None:
    assert [str(reference) for reference in template_references(text)] == expected


@pytest.mark.parametrize(
    "text",
    [
        "${local.a",
        '${"a}',
        "${[local.a}",
        "${(local.a]}",
        "${[for x local.l : x]}",
        "%{ for x in local.l }y",
        "%{ endfor }",
        "%{ loop }",
        "${a.}",
        "${`x`}",
    ],
)
def test_what_cannot_be_read(text: str) -> None:
    with pytest.raises(ExpressionError):
        template_references(text)


def test_steps() -> None:
    (reference,) = template_references('${a.b[0]["c"][*].d[e.f]}')[1:]
    assert reference.steps == ("b", 0, Key("c"), Splat(full=True), "d", AnyIndex())


def test_known_variables_are_left_out() -> None:
    assert template_references("${rule.value.a}", frozenset({"rule"})) == ()


def test_bare_expressions() -> None:
    assert [str(r) for r in expression_references("aws_x.y")] == ["aws_x.y"]


def test_whole_expressions() -> None:
    assert whole_expression("${local.a}")
    assert whole_expression('${"}"}')
    assert not whole_expression("${local.a}${local.b}")
    assert not whole_expression("a ${local.b}")
    assert not whole_expression("$${local.a}")
    assert is_template("a ${b}")
    assert not is_template("$${b} %%{c}")


@given(st.text())
def test_escaped_text_refers_to_nothing(text: str) -> None:
    """What `stack.escape` makes is data for this reader, as it is for Terraform."""
    assert template_references(escape(text)) == ()


@given(st.text(alphabet='${}%"[]().:? =forxin,local~\\\n<*/#'))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        template_references(text)
    except ExpressionError:
        return


@given(st.text(alphabet=st.characters(exclude_characters='"\\$%\n')))
def test_a_string_hides_its_text(text: str) -> None:
    found = template_references(f'${{f("{text}", local.a)}}')
    assert [str(reference) for reference in found] == ["local.a"]
