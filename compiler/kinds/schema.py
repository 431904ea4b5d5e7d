"""The JSON Schema of a blueprint, from the models that check it.

An expression `{{ … }}` may stand for any value below the sections, so the schema accepts one there.
A component that `extends` another gives only what differs: nothing is required of it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from compiler.blueprint.models import BlueprintModel
from compiler.kinds import KINDS
from compiler.organization.kind import Kind

EXPRESSION = {"type": "string", "pattern": r"\{\{.*\}\}"}
NOTES = ("title", "description", "default")
Schema = dict[str, Any]


def schema_text(kinds: Mapping[str, Kind] = KINDS) -> str:
    """The schema as JSON text, keys sorted."""
    return json.dumps(blueprint_schema(kinds), indent=2, sort_keys=True) + "\n"


def blueprint_schema(kinds: Mapping[str, Kind] = KINDS) -> Schema:
    """The schema (draft 2020-12) of a whole blueprint, the inputs of all kinds included."""
    schema = BlueprintModel.model_json_schema()
    definitions: Schema = schema["$defs"]
    base = definitions.pop("ComponentModel")
    for kind in kinds.values():
        definitions |= _component(kind, base)
    sections = schema["properties"]
    sections["components"] = _replaced(sections["components"], {"$ref": "#/$defs/component"})
    allow = partial(_open, names=tuple(kinds))
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Landform blueprint",
        "description": schema["description"],
        "type": "object",
        "additionalProperties": False,
        # A folder's blueprint is several files: no top-level key is required in each of them.
        "properties": {name: _walked(section, lambda x: x) for name, section in sections.items()},
        "$defs": {
            **{name: _walked(value, allow) for name, value in definitions.items()},
            "component": _any_component(sorted(kinds)),
        },
    }


def _replaced(mapping: Schema, value: Schema) -> Schema:
    """The schema of a mapping with all its values of another schema."""
    key = "patternProperties" if "patternProperties" in mapping else "additionalProperties"
    changed = dict.fromkeys(mapping[key], value) if key == "patternProperties" else value
    return {**mapping, key: changed}


def _any_component(kinds: list[str]) -> Schema:
    """A component: of its kind, or extending another, which may give it its kind."""
    extending = {"required": ["extends"]}
    cases: list[Schema] = [{"anyOf": [{"required": ["kind"]}, extending]}]
    for kind in kinds:
        own = {"properties": {"kind": {"const": kind}}, "required": ["kind"]}
        part, whole = {"$ref": f"#/$defs/{kind}.part"}, {"$ref": f"#/$defs/{kind}"}
        cases.append({"if": own, "then": {"if": extending, "then": part, "else": whole}})
    return {"type": "object", "properties": {"kind": {"enum": kinds}}, "allOf": cases}


def _component(kind: Kind, base: Mapping[str, Any]) -> Schema:
    """The definitions of one kind's component: whole, and as one that extends another."""
    whole = _inputs(kind, kind.name, base)
    part = _inputs(kind, f"{kind.name}.part", base)
    part[f"{kind.name}.part"].pop("anyOf", None)
    for definition in part.values():
        definition.pop("required", None)
    return {**whole, **part}


def _inputs(kind: Kind, name: str, base: Mapping[str, Any]) -> Schema:
    """The definition called `name` of the kind's component, and those that it refers to."""
    inputs = kind.inputs.model_json_schema(ref_template=f"#/$defs/{name}.{{model}}")
    inner = {f"{name}.{model}": value for model, value in inputs.pop("$defs", {}).items()}
    required = set(inputs.get("required", ()))
    definition: Schema = {
        "type": "object",
        "description": kind.summary,
        "additionalProperties": False,
        "properties": {**base["properties"], **inputs["properties"], "kind": {"const": kind.name}},
    }
    if kind.per:
        # `for_each` gives the home.
        definition["anyOf"] = [{"required": [kind.home]}, {"required": ["for_each"]}]
        required -= {kind.home}
    definition["required"] = sorted(required)
    return {name: definition, **inner}


def _walked(schema: Schema, change: Callable[[Schema], Schema]) -> Schema:
    """The schema with `change` made to each value that it has places for: properties and items."""
    walked = dict(schema)
    if "patternProperties" in schema:
        walked.setdefault("additionalProperties", False)
    for key in ("properties", "patternProperties"):
        if key in schema:
            inner = schema[key].items()
            walked[key] = {name: change(_walked(value, change)) for name, value in inner}
    for key in ("additionalProperties", "items"):
        if isinstance(schema.get(key), dict):
            walked[key] = change(_walked(schema[key], change))
    if "properties" not in schema:
        for key in {"anyOf", "oneOf"} & schema.keys():
            walked[key] = [_walked(choice, change) for choice in schema[key]]
    return walked


def _open(schema: Schema, names: Sequence[str]) -> Schema:
    """The schema with an expression allowed, where it does not take every text anyway."""
    if _takes_any_text(schema) or schema.get("const") in names:
        return schema
    notes = {key: schema[key] for key in NOTES if key in schema}
    rest = {key: value for key, value in schema.items() if key not in NOTES}
    choices = rest["anyOf"] if set(rest) == {"anyOf"} else [rest]
    return {**notes, "anyOf": [*choices, EXPRESSION]}


def _takes_any_text(schema: Mapping[str, Any]) -> bool:
    if {"enum", "const", "pattern", "$ref"} & schema.keys():
        return False
    if "anyOf" in schema:
        return any(_takes_any_text(choice) for choice in schema["anyOf"])
    return bool(schema.get("type", "string") == "string")
