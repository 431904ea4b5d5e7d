"""The manual of a kind, from its docstring and its model: the same source as the checks."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from types import UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from compiler.blueprint.shapes import models_in
from compiler.organization.kind import Kind
from compiler.organization.records import Account, Project


class Input(NamedTuple):
    """One input: its dotted path, type in words, whether it must be given, default, description."""

    path: str
    type: str
    required: bool
    default: Any
    description: str


def inputs_of(model: type[BaseModel], prefix: str = "") -> Iterator[Input]:
    """Every input in the order of the model, nested ones after the one that holds them."""
    for name, field in model.model_fields.items():
        path = f"{prefix}{field.alias or name}"
        inner = models_in(field.annotation)
        words = _type(field.annotation)
        yield Input(path, words, field.is_required(), _default(field), _description(field, inner))
        for each in inner:
            mark = "[]" if _is(list, field.annotation) else ""
            mark += ".<name>" if _is(dict, field.annotation) else ""
            yield from inputs_of(each, f"{path}{mark}.")


def manual(kind: Kind) -> str:
    """The kind's page as plain text."""
    page = kind.manual or sys.modules[kind.build.__module__].__doc__ or kind.summary
    lines = [inspect.cleandoc(page), "", "Inputs:"]
    for row in inputs_of(kind.inputs):
        need = "required" if row.required else f"default {_written(row.default)}"
        lines.append(f"  {row.path}  ({row.type}; {need})")
        if row.description:
            lines.append(f"      {row.description}")
    return "\n".join(lines) + "\n"


_WORDS: dict[object, str] = {
    Account: "account",
    Project: "project",
    bool: "true or false",
    int: "whole number",
    float: "number",
    str: "text",
}
_SEVERAL = {Account: "selector of accounts", Project: "selector of projects"}


def _is(container: type, annotation: Any) -> bool:
    """Whether the annotation is a list (or a mapping by name), or one of several things of which one is."""
    if get_origin(annotation) is container:
        return True
    return _joins(annotation) and any(_is(container, part) for part in get_args(annotation))


def _joins(annotation: Any) -> bool:
    return get_origin(annotation) in (Annotated, Union, UnionType)


def _type(annotation: Any) -> str:
    """The annotation in words."""
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _type(parts[0])
    if origin is Literal:
        return ", ".join(str(part) for part in parts)
    if _joins(annotation):
        return " or ".join(dict.fromkeys(_type(p) for p in parts if p is not type(None)))
    if origin is list:
        word = _type(parts[0])
        return _SEVERAL.get(parts[0]) or f"list of {'mappings' if word == 'mapping' else word}"
    if origin is dict and models_in(parts[1]):
        return "mapping by name"
    return _WORDS.get(annotation, "mapping")


def _description(field: FieldInfo, inner: list[type[BaseModel]]) -> str:
    """What the field says of itself, else what its model does."""
    if field.description or len(inner) != 1:
        return field.description or ""
    return inspect.cleandoc(inner[0].__doc__ or "").partition("\n")[0]


def _default(field: FieldInfo) -> Any:
    if field.is_required():
        return None
    value = field.get_default(call_default_factory=True)
    return value.model_dump() if isinstance(value, BaseModel) else value


def _written(value: Any) -> str:
    if value is None or value in ([], {}):
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if not isinstance(value, dict) else "as below"
