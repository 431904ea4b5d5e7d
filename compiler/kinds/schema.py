"""The JSON Schema of a blueprint, from the models that check it.

An expression `{{ … }}` may stand for any scalar, so the schema accepts one wherever a model wants
a number, a choice or text of a form.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from compiler.blueprint.models import BlueprintModel
from compiler.kinds import KINDS
from compiler.organization.kind import Kind

EXPRESSION = {"type": "string", "pattern": r"\{\{.*\}\}"}
_SCALARS = ("boolean", "integer", "number")


def schema_text() -> str:
    """The schema as JSON text, keys sorted."""
    return json.dumps(blueprint_schema(), indent=2, sort_keys=True) + "\n"


def blueprint_schema() -> dict[str, Any]:
    """The schema (draft 2020-12) of a whole blueprint, the inputs of all kinds included."""
    schema = BlueprintModel.model_json_schema()
    definitions: dict[str, Any] = schema["$defs"]
    base = definitions.pop("ComponentModel")
    for kind in KINDS.values():
        definitions |= _component(kind, base)
    kinds = sorted(KINDS)
    definitions["component"] = {
        "type": "object",
        # A component that extends another may leave its kind to that one.
        "properties": {"kind": {"enum": kinds}},
        "allOf": [
            {
                "if": {"properties": {"kind": {"const": kind}}, "required": ["kind"]},
                "then": {"$ref": f"#/$defs/{kind}"},
            }
            for kind in kinds
        ],
    }
    schema["properties"]["components"] = {
        "type": "object",
        "additionalProperties": {"$ref": "#/$defs/component"},
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Landform blueprint",
        # A folder's blueprint is several files: no top-level key is required in each of them.
        **{key: value for key, value in _open(schema).items() if key not in ("required", "title")},
    }


def _component(kind: Kind, base: Mapping[str, Any]) -> dict[str, Any]:
    """The definition of one kind's component, and the definitions that it refers to."""
    inputs = kind.inputs.model_json_schema(ref_template=f"#/$defs/{kind.name}.{{model}}")
    inner = {f"{kind.name}.{name}": value for name, value in inputs.pop("$defs", {}).items()}
    properties = {**base["properties"], **inputs["properties"], "kind": {"const": kind.name}}
    definition = {
        "type": "object",
        "description": kind.summary,
        "additionalProperties": False,
        "properties": properties,
        "required": [
            name for name in inputs.get("required", []) if name != kind.home or not kind.per
        ],
    }
    # What another component gives through `extends` need not be repeated.
    definition["if"] = {"not": {"required": ["extends"]}}
    definition["then"] = {"required": definition.pop("required")}
    return {kind.name: definition, **inner}


def _open(node: Any) -> Any:
    """The schema with an expression allowed for each scalar that is not free text anyway."""
    if isinstance(node, list):
        return [_open(item) for item in node]
    if not isinstance(node, dict):
        return node
    opened = {key: _open(value) for key, value in node.items()}
    narrow = "enum" in node or "const" in node or "pattern" in node
    if node.get("type") in _SCALARS or (narrow and node.get("type", "string") == "string"):
        if opened.get("const") in KINDS or set(KINDS) == set(opened.get("enum", ())):
            return opened
        notes = {k: opened.pop(k) for k in ("title", "description", "default") if k in opened}
        return {**notes, "anyOf": [opened, EXPRESSION]}
    return opened
