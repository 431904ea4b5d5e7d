"""Field types that every model of a blueprint uses, and how a model is checked against a tree.

`check` takes a tree and a pydantic model and gives the model's instance, or diagnostics that point
at the lines to blame: all of them, not just the first. Models say what a value must be; the
sentences about it are made here, in one voice.
"""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar, get_args, get_origin

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ValidationError,
)
from pydantic_core import ErrorDetails, PydanticCustomError, core_schema

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
from compiler.diagnostics import Diagnostic, Span, nearest

Path = tuple[str | int, ...]


class Shape(BaseModel):
    """The base of all models of the blueprint: strict types, no unknown keys, not changed."""

    model_config = ConfigDict(
        strict=True, extra="forbid", frozen=True, arbitrary_types_allowed=True
    )


def problem(code: str, message: str, hint: str | None = None) -> PydanticCustomError:
    """An error for a validator to raise; `check` turns it into a Diagnostic with that code."""
    return PydanticCustomError(code, "{message}", {"message": message, "hint": hint})


def _as_written(value: object) -> object:
    return value.text if isinstance(value, WrittenInt | WrittenFloat) else value


# Text as it stands in the file: `id: 012345678901` and `version: 1.30` lose nothing.
Text = Annotated[
    str, BeforeValidator(_as_written, json_schema_input_type=str | int | float), Field(min_length=1)
]


@dataclass(frozen=True, slots=True)
class Matching:
    """Marks a Text as of one form: `Annotated[Text, Matching(r"[0-9]{12}", "12 digits")]`.

    `expected` completes "must be …"; the pattern is also in the JSON Schema.
    """

    pattern: str
    expected: str
    hint: str | None = None

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        compiled = re.compile(self.pattern)

        def validate(value: str) -> str:
            if not compiled.fullmatch(value):
                raise problem("E204", f"must be {self.expected}, not {_written(value)}", self.hint)
            return value

        return core_schema.no_info_after_validator_function(validate, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {**handler(schema), "pattern": f"^(?:{self.pattern})$"}


NAME = r"[a-z][a-z0-9-]{0,30}"
NAME_RULE = "1 to 31 of a-z, 0-9 and -, starting with a letter"

Model = TypeVar("Model", bound=BaseModel)


def check(
    model: type[Model],
    node: Node,
    *,
    what: str,
    owner: Span,
    context: object = None,
) -> tuple[Model | None, tuple[Diagnostic, ...]]:
    """Read `node` as `model`.

    `what` names the thing in messages (`component "churn"`); `owner` is where a missing key of
    its top level is reported: the thing's own key. `context` reaches the validators.
    """
    if not isinstance(node, Mapping):
        message = f"{what} must be a mapping, not {_kind_of(node)}"
        return None, (Diagnostic(code="E203", message=message, span=node.span),)
    try:
        return model.model_validate(plain(node), context=context), ()
    except ValidationError as error:
        found = [
            _diagnostic(details, model, node, what, owner)
            for details in error.errors(include_url=False)
        ]
        return None, tuple(dict.fromkeys(found))


def _diagnostic(
    details: ErrorDetails, model: type[BaseModel], node: Mapping, what: str, owner: Span
) -> Diagnostic:
    path = _path_in(node, details["loc"])
    kind = details["type"]
    context = details.get("ctx") or {}
    if kind == "missing":
        place = _key_span(node, path[:-1]) or owner
        inside = f'"{_dotted(path[:-1])}" of {what}' if path[:-1] else what
        return Diagnostic(
            code="E201",
            message=f'{inside} lacks "{path[-1]}"',
            span=place,
            hint=_missing_hint(model, path),
        )
    if kind == "extra_forbidden":
        known = _keys_at(model, path[:-1])
        guess = nearest(str(path[-1]), known)
        return Diagnostic(
            code="E202",
            message=f'{what} has no key "{_dotted(path)}"',
            span=_key_span(node, path) or owner,
            hint=f'did you mean "{guess}"?' if guess else f"known keys: {', '.join(known)}",
        )
    span, _ = span_at(node, path)
    name = f'"{_dotted(path)}"' if path else what
    if re.fullmatch(r"[EW]\d{3}", kind):
        return Diagnostic(
            code=kind,
            message=f"{name} {context['message']}",
            span=span,
            hint=context.get("hint"),
        )
    code, sentence = _sentence(kind, context, details["input"])
    return Diagnostic(code=code, message=f"{name} {sentence}", span=span)


_TYPES = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
}

_LIMITS: dict[str, Callable[[Any], str]] = {
    "greater_than": lambda c: f"must be above {c['gt']}",
    "greater_than_equal": lambda c: f"must be at least {c['ge']}",
    "less_than": lambda c: f"must be below {c['lt']}",
    "less_than_equal": lambda c: f"must be at most {c['le']}",
    "literal_error": lambda c: f"must be {c['expected'].replace(chr(39), chr(34))}",
    "too_short": lambda c: f"must have at least {c['min_length']} item",
    "too_long": lambda c: f"must have at most {c['max_length']} items",
    "string_too_short": lambda c: "must not be empty",
    "string_too_long": lambda c: f"must have at most {c['max_length']} characters",
}


def _sentence(kind: str, context: Any, value: object) -> tuple[str, str]:
    if kind in _TYPES:
        return "E203", f"must be {_TYPES[kind]}, not {_written(value)}"
    if kind in _LIMITS:
        return "E204", f"{_LIMITS[kind](context)}, not {_written(value)}"
    raise AssertionError(f"no sentence for pydantic's {kind}")


def _written(value: object) -> str:
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list" if value else "an empty list"
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value}"' if len(value) <= 60 else f'"{value[:57]}…"'
    return str(value)


def _kind_of(node: Node) -> str:
    if isinstance(node, Sequence):
        return "a list"
    return _written(node.value) if isinstance(node, Scalar) else "a mapping"


def _path_in(node: Node, location: tuple[str | int, ...]) -> Path:
    """Pydantic's location without the marks of unions and validators: only steps of the tree."""
    path: list[str | int] = []
    for index, step in enumerate(location):
        last = index == len(location) - 1
        if step == "[key]":
            continue
        inside = isinstance(node, Mapping) and step in node.entries
        item = isinstance(node, Sequence) and isinstance(step, int) and step < len(node.items)
        if inside or item:
            node = node.entries[str(step)].value if isinstance(node, Mapping) else node.items[step]  # type: ignore[union-attr,index]
            path.append(step)
        elif last and isinstance(node, Mapping):
            path.append(step)
    return tuple(path)


def _dotted(path: Path) -> str:
    return ".".join(str(step) for step in path)


def _key_span(node: Node, path: Path) -> Span | None:
    """Where the key that `path` ends in is written; for a list item, the item."""
    if not path:
        return None
    for step in path[:-1]:
        if isinstance(node, Mapping) and isinstance(step, str) and step in node.entries:
            node = node.entries[step].value
        elif isinstance(node, Sequence) and isinstance(step, int):
            node = node.items[step]
        else:
            return None
    last = path[-1]
    if isinstance(node, Mapping) and isinstance(last, str) and last in node.entries:
        return node.entries[last].key_span
    if isinstance(node, Sequence) and isinstance(last, int):
        return node.items[last].span
    return None


def _missing_hint(model: type[BaseModel], path: Path) -> str | None:
    owner = _model_at(model, path[:-1])
    field = owner.model_fields.get(str(path[-1])) if owner else None
    return field.description if field and field.description else None


def _keys_at(model: type[BaseModel], path: Path) -> list[str]:
    found = _model_at(model, path)
    return sorted(f.alias or name for name, f in found.model_fields.items()) if found else []


def _model_at(model: type[BaseModel], path: Path) -> type[BaseModel] | None:
    """The model that describes the mapping at `path`, seen through lists, dicts and unions."""
    current: type[BaseModel] | None = model
    for step in path:
        if current is None:
            return None
        fields = {f.alias or name: f for name, f in current.model_fields.items()}
        if step in fields:
            current = _model_in(fields[str(step)].annotation)
    return current


def _model_in(annotation: Any) -> type[BaseModel] | None:
    return next(iter(models_in(annotation)), None)


def models_in(annotation: Any) -> list[type[BaseModel]]:
    """The models in a field's annotation, seen through lists, dicts and unions."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if get_origin(annotation) in (typing.Union, types.UnionType, list, dict, Annotated):
        return [found for argument in get_args(annotation) for found in models_in(argument)]
    return []
