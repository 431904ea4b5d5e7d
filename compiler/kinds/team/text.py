"""Terraform JSON with Jinja2 in it: what the kind writes is Terraform's, what it is given is data.

In `resources`, `data` and `outputs` of a kind `${…}` is Terraform's own. What an expression `{{ … }}`
brings in (an input, a tag) is text, whatever it holds: a blueprint can never write Terraform code.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from compiler.blueprint import nodes
from compiler.blueprint.expressions import evaluate
from compiler.diagnostics import Diagnostic
from compiler.terraform.schema.index import Mode, open_index
from compiler.terraform.schema.records import Block, Type
from compiler.terraform.stack import Expression, JsonText, Value, escape, json_template

# Stand for the signs of Terraform that the kind's file has, while expressions are evaluated: no text
# may hold these, which Unicode keeps from being characters.
_DOLLAR, _PERCENT, _QUOTED_DOLLAR, _QUOTED_PERCENT = "\ufdd0", "\ufdd1", "\ufdd2", "\ufdd3"
_MARKS = (_DOLLAR, _PERCENT, _QUOTED_DOLLAR, _QUOTED_PERCENT)
# `${` but not `${{`, which is a dollar sign before an expression of Jinja2.
_SIGN = re.compile(r"(\$\$?|%%?)(?=\{(?!\{))")
_TO_MARK = {
    "$": _DOLLAR,
    "%": _PERCENT,
    "$$": _QUOTED_DOLLAR * 2,
    "%%": _QUOTED_PERCENT * 2,
}
_BACK = {_DOLLAR: "$", _PERCENT: "%", _QUOTED_DOLLAR: "$", _QUOTED_PERCENT: "%"}
# Arguments of these names hold a word, a name or an address.
_NEVER_JSON = re.compile(
    r"(^|_)(arn|bucket|class|cidr|description|email|endpoint|id|key|location|mode|name|prefix|region|"
    r"role|size|status|type|url|version|zone)$"
)
# Data that ends in a sign right before one of Terraform's would be read as its escape.
_BEFORE = re.compile(rf"([$%])(?=[{_DOLLAR}{_PERCENT}])")
_ANY_MARK = re.compile(f"[{''.join(_MARKS)}]")


def holds_marks(value: object) -> bool:
    """Whether a text anywhere in a plain value could be taken for a sign of Terraform."""
    if isinstance(value, str):
        return _ANY_MARK.search(value) is not None
    if isinstance(value, Mapping):
        return any(holds_marks(key) or holds_marks(item) for key, item in value.items())
    return isinstance(value, Sequence) and any(holds_marks(item) for item in value)


def terraform(
    node: nodes.Node, scope: Mapping[str, object]
) -> tuple[Value, tuple[Diagnostic, ...]]:
    """The value of a tree whose `${…}` is Terraform's. The scope must hold no marks."""
    evaluated, found = evaluate(_marked(node), scope)
    return _value(evaluated), found


def inside_terraform(node: nodes.Node) -> Iterator[Diagnostic]:
    """Expressions inside `${…}`, where what they bring in would be code."""
    if isinstance(node, nodes.Mapping):
        for entry in node.entries.values():
            yield from inside_terraform(entry.value)
    elif isinstance(node, nodes.Sequence):
        for item in node.items:
            yield from inside_terraform(item)
    elif isinstance(node.value, str) and _inside(node.value):
        yield Diagnostic(
            code="E104",
            message="an expression inside ${…} would become Terraform code",
            span=node.span,
            hint="write it outside: several texts and ${…} may follow each other in one value",
        )


def _inside(text: str) -> bool:
    marked = _mark(text)
    starts = [m.start() for m in re.finditer(f"[{_DOLLAR}{_PERCENT}]", marked)]
    return any("{{" in marked[start + 2 : _end(marked, start + 2)] for start in starts)


def _end(text: str, start: int) -> int:
    """Where the brace that opens before `start` is closed; texts in quotes are passed over."""
    depth, quoted = 1, False
    for place in range(start, len(text)):
        character = text[place]
        if character == '"' and text[place - 1] != "\\":
            quoted = not quoted
        elif not quoted:
            depth += (character == "{") - (character == "}")
            if depth == 0:
                return place
    return len(text)


def _mark(text: str) -> str:
    return _SIGN.sub(lambda found: _TO_MARK[found[1]], text)


def _marked(node: nodes.Node) -> nodes.Node:
    if isinstance(node, nodes.Mapping):
        changed = {k: nodes.Entry(e.key_span, _marked(e.value)) for k, e in node.entries.items()}
        return nodes.Mapping(changed, node.span)
    if isinstance(node, nodes.Sequence):
        return nodes.Sequence(tuple(_marked(item) for item in node.items), node.span)
    if isinstance(node.value, str):
        return nodes.Scalar(_mark(node.value), node.span)
    return node


def _value(node: nodes.Node) -> Value:
    if isinstance(node, nodes.Mapping):
        return {key: _value(entry.value) for key, entry in node.entries.items()}
    if isinstance(node, nodes.Sequence):
        return [_value(item) for item in node.items]
    if isinstance(node.value, str) and _ANY_MARK.search(node.value):
        text = _BEFORE.sub(lambda found: f'{_DOLLAR}{{"{found[1]}"}}', escape(node.value))
        return Expression(_ANY_MARK.sub(lambda found: _BACK[found[0]], text))
    return node.value


# -------------------------------------------------------------------- as the provider wants it


def shaped(mode: Mode, type_: str, arguments: Mapping[str, Value]) -> dict[str, Value]:
    """A resource's arguments, with what the provider wants as text written as text.

    A mapping in such a place becomes JSON (a policy), a number its text as the file has it.
    """
    schema = open_index().schema(mode, type_)
    if schema is None:
        return dict(arguments)
    made = _shaped(arguments, schema.block)
    for name, attribute in schema.block.attributes.items():
        value = arguments.get(name)
        if attribute.type.kind == "string" and is_json(name, value):
            made[name] = JsonText(value) if mode == "managed" else json_template(value)
    return made


def _shaped(body: Mapping[str, Value], block: Block) -> dict[str, Value]:
    made: dict[str, Value] = dict(body)
    for name, value in body.items():
        attribute, nested = block.attributes.get(name), block.blocks.get(name)
        if attribute is not None:
            made[name] = (
                json_template(value)
                if _in_block(name, value, attribute.type)
                else _typed(value, attribute.type)
            )
        elif nested is not None and isinstance(value, Mapping):
            made[name] = _shaped(value, nested.block)
        elif nested is not None and isinstance(value, list):
            made[name] = [
                _shaped(item, nested.block) if isinstance(item, Mapping) else item for item in value
            ]
    return made


def _typed(value: Value, wanted: Type) -> Value:
    """A value with text where the type wants text: 1.30 is not 1.3, 012 not 12."""
    if wanted.kind == "string":
        return _as_text(value)
    if isinstance(value, list) and wanted.element:
        return [_typed(item, wanted.element) for item in value]
    if isinstance(value, Mapping) and wanted.element:
        return {key: _typed(item, wanted.element) for key, item in value.items()}
    if isinstance(value, Mapping):
        fields = wanted.fields
        return {k: _typed(v, fields[k]) if k in fields else v for k, v in value.items()}
    return value


def _as_text(value: Value) -> Value:
    return value.text if isinstance(value, nodes.WrittenInt | nodes.WrittenFloat) else value


def is_json(name: str, value: object) -> bool:
    """Whether a value that the provider wants as text is meant as JSON: a mapping, or mappings in a
    list, where the argument may hold such a text at all."""
    structured = isinstance(value, Mapping) or (
        isinstance(value, list) and bool(value) and all(isinstance(i, Mapping) for i in value)
    )
    return structured and _NEVER_JSON.search(name) is None


def _in_block(name: str, value: Value, wanted: Type) -> bool:
    return wanted.kind == "string" and is_json(name, value)
