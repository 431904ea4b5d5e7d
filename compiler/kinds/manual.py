"""The manual of a kind, from its docstring and its model: the same source as the checks."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from compiler.blueprint.shapes import models_in
from compiler.organization.kind import Kind


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
        path = f"{prefix}{name}"
        inner = models_in(field.annotation)
        yield Input(
            path, _type(field, inner), field.is_required(), _default(field), field.description or ""
        )
        for each in inner:
            mark = "[]." if _is_list(field) else "."
            yield from inputs_of(each, path + mark)


def manual(kind: Kind) -> str:
    """The kind's page as plain text."""
    module = sys.modules[kind.build.__module__]
    lines = [inspect.cleandoc(module.__doc__ or kind.summary), "", "Inputs:"]
    for row in inputs_of(kind.inputs):
        need = "required" if row.required else f"default {_written(row.default)}"
        lines.append(f"  {row.path}  ({row.type}; {need})")
        if row.description:
            lines.append(f"      {row.description}")
    return "\n".join(lines) + "\n"


def _is_list(field: FieldInfo) -> bool:
    return "list[" in str(field.annotation)


def _type(field: FieldInfo, inner: list[type[BaseModel]]) -> str:
    text = str(field.annotation)
    if "Literal" in text:
        return text[text.index("[") + 1 : text.rindex("]")].replace("'", "")
    if inner:
        return "list of mappings" if _is_list(field) else "mapping"
    for mark, word in (
        ("list[compiler.organization.records.Account", "selector of accounts"),
        ("records.Account", "account"),
        ("records.Project", "selector of projects"),
        ("dict", "mapping"),
        ("list", "list"),
        ("bool", "true or false"),
        ("int", "whole number"),
        ("float", "number"),
    ):
        if mark in text:
            return word
    return "text"


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
