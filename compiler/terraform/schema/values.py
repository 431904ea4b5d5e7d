"""Whether Terraform would convert a JSON value to a type.

Pure functions over a root module's JSON. The rules are those of Terraform's type conversion
(developer.hashicorp.com/terraform/language/expressions/types, "Type Conversion"): numbers and
bools become strings, strings that look right become numbers and bools. A string with a template
in it is judged by what can be known without evaluating it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from compiler.diagnostics import nearest
from compiler.terraform.document import Json
from compiler.terraform.schema.expressions import is_template, whole_expression
from compiler.terraform.schema.problem import Finding, Path
from compiler.terraform.schema.records import Type

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_BOOLS = frozenset(("true", "false", "1", "0"))


def misfits(value: Json, type_: Type, path: Path) -> Iterator[Finding]:
    """What keeps `value` from becoming a `type_`; nothing when it fits."""
    kind = type_.kind
    if value is None or kind == "dynamic":
        return
    if isinstance(value, str):
        yield from _text_misfits(value, type_, path)
    elif kind in ("list", "set"):
        if isinstance(value, Sequence) and type_.element:
            for index, item in enumerate(value):
                yield from misfits(item, type_.element, (*path, index))
        else:
            yield _wrong(value, type_, path)
    elif kind in ("map", "object"):
        if not isinstance(value, Mapping):
            yield _wrong(value, type_, path)
        elif kind == "object":
            yield from _object_misfits(value, type_, path)
        elif type_.element:
            for key, item in value.items():
                yield from misfits(item, type_.element, (*path, key))
    elif not _simple_fits(value, kind):
        yield _wrong(value, type_, path)


def _simple_fits(value: Json, kind: str) -> bool:
    if kind == "string":
        return isinstance(value, bool | int | float)
    if kind == "bool":
        return isinstance(value, bool)
    return isinstance(value, int | float) and not isinstance(value, bool)


def _text_misfits(text: str, type_: Type, path: Path) -> Iterator[Finding]:
    kind = type_.kind
    if kind == "string" or whole_expression(text):
        return
    if kind == "number":
        fits = is_template(text) or _NUMBER.fullmatch(text) is not None
    elif kind == "bool":
        fits = is_template(text) or text in _BOOLS
    else:
        fits = False
    if not fits:
        yield _wrong(text, type_, path)


def _object_misfits(value: Mapping[str, Json], type_: Type, path: Path) -> Iterator[Finding]:
    """An object attribute takes exactly its fields: Terraform converts the value as a whole."""
    for name, field in type_.fields.items():
        if name in value:
            yield from misfits(value[name], field, (*path, name))
        else:
            yield Finding(
                "missing",
                (*path, name),
                f"`{name}` is missing",
                "every attribute of this object must be written, null for those without a value",
            )
    for name in value:
        if name not in type_.fields:
            close = nearest(name, type_.fields)
            hint = f"did you mean `{close}`?" if close else None
            yield Finding("unknown", (*path, name), f"`{name}` is not expected here", hint)


def _wrong(value: Json, type_: Type, path: Path) -> Finding:
    return Finding("type", path, f"{_describe(value)} where {_article(type_)} is required", None)


def _article(type_: Type) -> str:
    words = {"list": "a list", "set": "a list", "map": "a mapping", "object": "an object"}
    return words.get(type_.kind, f"a {type_.kind}")


def _describe(value: Json) -> str:
    if isinstance(value, bool):
        return f"the bool {str(value).lower()}"
    if isinstance(value, int | float):
        return f"the number {value}"
    if isinstance(value, str):
        shown = value if len(value) <= 40 else f"{value[:37]}..."
        return f'the string "{shown}"'
    return "an object" if isinstance(value, Mapping) else "a list"
