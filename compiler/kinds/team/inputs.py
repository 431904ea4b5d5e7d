"""The inputs of a team's own kind: from the schema in its file to a model that checks components.

The schema is a subset of JSON Schema with Landform's own types beside it. The model is the same sort
of model as a built-in kind's, so a wrong input gets the same words and places.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import GenericAlias
from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    WithJsonSchema,
    create_model,
)

from compiler.blueprint import nodes
from compiler.blueprint.models import ComponentModel
from compiler.blueprint.patterns import wrong
from compiler.blueprint.shapes import Like, Shape, Text, as_written, check, problem
from compiler.blueprint.wording import quoted, written
from compiler.diagnostics import Diagnostic, Span, nearest
from compiler.kinds.inputs import (
    Accounts,
    ComponentName,
    OneAccount,
    OneProject,
    Projects,
    Role,
)
from compiler.kinds.team.model import InputSchema

# Types that name accounts or projects: whether several, and of which cloud.
HOMES: Mapping[str, tuple[bool, str]] = {
    "account": (False, "aws"),
    "accounts": (True, "aws"),
    "project": (False, "google"),
    "projects": (True, "google"),
}
# Names of the blueprint's language, which an input cannot have.
TAKEN = tuple(ComponentModel.model_fields)

_OWN: Mapping[str, Any] = {
    "account": OneAccount,
    "accounts": Accounts,
    "project": OneProject,
    "projects": Projects,
    "role": Role,
    "component": ComponentName,
    "boolean": bool,
}
# Which keys say something of which types; those of every type are left out.
_KEYWORDS: Mapping[str, tuple[str, ...]] = {
    "enum": ("string", "integer", "number"),
    "pattern": ("string",),
    "maxLength": ("string",),
    "minimum": ("integer", "number"),
    "maximum": ("integer", "number"),
    "minItems": ("array",),
    "maxItems": ("array",),
    "items": ("array",),
    "properties": ("object",),
    "additionalProperties": ("object",),
    "kind": ("component",),
}


class Inputs(Shape):
    """The base of the models that are made here."""

    model_config = ConfigDict(protected_namespaces=())


def model_of(kind: str, inputs: Mapping[str, InputSchema]) -> type[Shape]:
    """The model of a component's inputs. The schemas must be sound: see `problems`."""
    return _model(kind, inputs, f"The inputs of {kind}.")


def problems(
    kind: str, inputs: Mapping[str, InputSchema], node: nodes.Mapping
) -> Iterator[Diagnostic]:
    """What is wrong with the schemas beyond their form; `node` is where they are written."""
    for name, schema in inputs.items():
        entry = node.entries[name]
        if name in TAKEN or hasattr(Shape, name):
            yield _told(f'the input "{name}" cannot have that name', entry.key_span, "rename it")
        elif isinstance(entry.value, nodes.Mapping):
            yield from _problems(f'the input "{name}"', schema, entry.value)


def _problems(what: str, schema: InputSchema, node: nodes.Mapping) -> Iterator[Diagnostic]:
    sound = True
    for found in (*_keywords(what, schema, node), *_contradictions(what, schema, node)):
        sound = False
        yield found
    inner: list[tuple[str, InputSchema, nodes.Node | None]] = []
    if schema.items:
        inner.append((f"{what}: an item", schema.items, node.get("items")))
    if schema.additionalProperties:
        value = node.get("additionalProperties")
        inner.append((f"{what}: a value", schema.additionalProperties, value))
    properties = node.get("properties")
    for name, each in (schema.properties or {}).items():
        below = properties.get(name) if isinstance(properties, nodes.Mapping) else None
        inner.append((f'{what}: "{name}"', each, below))
        if hasattr(Shape, name) and isinstance(properties, nodes.Mapping):
            sound = False
            place = properties.entries[name].key_span
            yield _told(f'{what}: "{name}" cannot have that name', place, "rename it")
    for words, each, below in inner:
        if isinstance(below, nodes.Mapping):
            for found in _problems(words, each, below):
                sound = False
                yield found
    if sound:
        yield from _default(what, schema, node)


def _keywords(what: str, schema: InputSchema, node: nodes.Mapping) -> Iterator[Diagnostic]:
    for key, types in _KEYWORDS.items():
        if key in node.entries and schema.type not in types:
            message = f'{what}: "{key}" says nothing of type {schema.type}'
            hint = f"it belongs to {' and '.join(types)}"
            yield _told(message, node.entries[key].key_span, hint)
    wanted = {"array": ("items",), "object": ("properties", "additionalProperties")}
    for type_, keys in wanted.items():
        if schema.type == type_ and sum(key in node.entries for key in keys) != 1:
            message = f"{what} is of type {type_}, and needs {' or '.join(keys)}"
            yield _told(message, node.entries["type"].key_span, None)


def _contradictions(what: str, schema: InputSchema, node: nodes.Mapping) -> Iterator[Diagnostic]:
    if schema.pattern is not None and "pattern" in node.entries:
        why = wrong(schema.pattern)
        if why:
            place = node.entries["pattern"].value.span
            message = f'{what}: "pattern" is no regular expression that can be used: {why}'
            hint = "it has no look-arounds and no references back"
            yield _told(message, place, hint)
    for key in ("minimum", "maximum"):
        limit = getattr(schema, key)
        if schema.type == "integer" and isinstance(limit, float):
            message = f'{what}: "{key}" of type integer must be a whole number, not {limit}'
            yield _told(message, node.entries[key].value.span, None)
    for low, high in (("minimum", "maximum"), ("minItems", "maxItems")):
        least, most = getattr(schema, low), getattr(schema, high)
        if least is not None and most is not None and least > most:
            message = f'{what}: "{low}" {least} is above "{high}" {most}'
            yield _told(message, node.entries[low].value.span, None)
    if schema.required and "default" in schema.model_fields_set:
        message = f'{what} has a default, so it is not "required"'
        yield _told(message, node.entries["required"].key_span, "take one of the two out")
    yield from _choices(what, schema, node.get("enum"))


def _choices(what: str, schema: InputSchema, node: nodes.Node | None) -> Iterator[Diagnostic]:
    fitting: Mapping[str, tuple[type, ...]] = {
        "string": (str,),
        "integer": (int,),
        "number": (int, float),
    }
    if schema.type not in fitting or not isinstance(node, nodes.Sequence):
        return
    for item in node.items:
        value = nodes.plain(item)
        if not isinstance(value, fitting[schema.type]) or isinstance(value, bool):
            message = f'{what}: "enum" holds {written(value)}, which is of another type'
            yield _told(
                message, item.span, "write text in quotes" if schema.type == "string" else None
            )


def _default(what: str, schema: InputSchema, node: nodes.Mapping) -> Iterator[Diagnostic]:
    entry = node.entries.get("default")
    if entry is None or nodes.plain(entry.value) is None:
        return
    if schema.type in (*HOMES, "role", "component"):
        message = f"{what} is of type {schema.type}, which takes no default"
        yield _told(message, entry.key_span, "required: false lets a component leave it out")
        return
    model = create_model("Default", __base__=Inputs, default=(_annotation("Default", schema), ...))
    only = nodes.Mapping({"default": entry}, node.span)
    yield from check(model, only, what=what, owner=entry.key_span)[1]


def _told(message: str, span: Span, hint: str | None) -> Diagnostic:
    return Diagnostic(code="E204", message=message, span=span, hint=hint)


# -------------------------------------------------------------------- models


def _model(name: str, properties: Mapping[str, InputSchema], manual: str) -> type[Shape]:
    fields: dict[str, Any] = {
        key: _field(f"{name}.{key}", schema) for key, schema in properties.items()
    }
    made: type[Shape] = create_model(name, __base__=Inputs, __doc__=manual, **fields)
    return made


def _field(name: str, schema: InputSchema) -> tuple[Any, Any]:
    annotation, description = _annotation(name, schema), schema.description
    if not schema.optional:
        return annotation, Field(description=description)
    if schema.default is None:
        return annotation | None, Field(default=None, description=description)
    return annotation, Field(
        default_factory=_copies(schema.default), validate_default=True, description=description
    )


def _copies(value: object) -> Callable[[], Any]:
    return lambda: _copy(value)


def _copy(value: object) -> object:
    """A list or mapping that is nobody else's. (`deepcopy` cannot copy numbers of a file.)"""
    if isinstance(value, list):
        return [_copy(item) for item in value]
    if isinstance(value, dict):
        return {key: _copy(item) for key, item in value.items()}
    return value


def _annotation(name: str, schema: InputSchema) -> Any:
    if schema.type in _OWN:
        return _OWN[schema.type]
    if schema.type == "string":
        return _text(schema)
    if schema.type in ("integer", "number"):
        return _number(schema)
    if schema.type == "array":
        assert schema.items, "`problems` holds it to have items"
        items: Any = GenericAlias(list, (_annotation(f"{name}.item", schema.items),))
        return Annotated[items, Field(min_length=schema.minItems, max_length=schema.maxItems)]
    if schema.properties is not None:
        return _model(name, schema.properties, schema.description or "A mapping.")
    assert schema.additionalProperties, "`problems` holds it to have values"
    value = _annotation(f"{name}.value", schema.additionalProperties)
    return GenericAlias(dict, (Text, value))


def _text(schema: InputSchema) -> Any:
    if schema.enum:
        choices: Any = Literal.__getitem__(tuple(str(choice) for choice in schema.enum))
        return Annotated[choices, BeforeValidator(as_written)]
    annotation: Any = Text
    if schema.pattern is not None:
        annotation = Annotated[
            annotation, Like(schema.pattern, f"a text like {quoted(schema.pattern)}")
        ]
    if schema.maxLength is not None:
        annotation = Annotated[annotation, Field(max_length=schema.maxLength)]
    return annotation


def _number(schema: InputSchema) -> Any:
    if schema.type == "integer" and not schema.enum:
        return Annotated[int, Field(ge=schema.minimum, le=schema.maximum)]
    limits = {"minimum": schema.minimum, "maximum": schema.maximum, "enum": schema.enum}
    told = {key: value for key, value in limits.items() if value is not None}
    base: Any = int if schema.type == "integer" else float
    # Whole numbers stay whole, as Terraform JSON shows them: pydantic's `float` would change them.
    shape = WithJsonSchema({"type": schema.type, **told})
    return Annotated[base, PlainValidator(_is_number(schema)), shape]


def _is_number(schema: InputSchema) -> Callable[[Any], Any]:
    whole = schema.type == "integer"

    def validate(value: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
            wanted = "a whole number" if whole else "a number"
            raise problem("E203", f"must be {wanted}, not {written(value)}")
        if schema.minimum is not None and value < schema.minimum:
            raise problem("E204", f"must be at least {schema.minimum}, not {value}")
        if schema.maximum is not None and value > schema.maximum:
            raise problem("E204", f"must be at most {schema.maximum}, not {value}")
        if schema.enum and value not in schema.enum:
            known = ", ".join(str(choice) for choice in schema.enum)
            raise problem("E204", f"must be one of {known}, not {value}")
        return value

    return validate


def guess(name: str, known: Mapping[str, object]) -> str:
    """A hint about an unknown name."""
    close = nearest(name, known)
    return f'did you mean "{close}"?' if close else f"known: {', '.join(known) or 'none'}"
