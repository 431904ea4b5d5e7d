"""A `Stack` as the JSON value that Terraform reads.

Takes a `Stack`, gives plain dicts and lists in the order in which they are to be printed.
`JsonText` arguments move under `locals`; plain strings are escaped; None means "not set" and is left
out, as Terraform itself does with null.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from compiler.terraform.stack import Expression, JsonText, Resource, Stack, Value, escape

Json = str | int | float | bool | None | Sequence["Json"] | Mapping[str, "Json"]

# The root keys in the order in which a reader wants them.
SECTIONS = (
    *("//", "terraform", "provider", "variable", "locals"),
    *("import", "data", "resource", "output"),
)


def document(stack: Stack) -> dict[str, Json]:
    """The whole root module; empty sections are left out (Terraform refuses `"data": {}`)."""
    local_values: dict[str, Json] = {}
    managed: dict[str, dict[str, Json]] = {}
    data: dict[str, dict[str, Json]] = {}
    for resource in sorted(stack.resources, key=lambda r: (r.type, r.name)):
        section = data if resource.mode == "data" else managed
        section.setdefault(resource.type, {})[resource.name] = _resource(resource, local_values)
    sections: dict[str, Json] = {
        "//": {"landform": _mark(stack)},
        "terraform": _plain(stack.terraform),
        "provider": {name: [_plain(block)] for name, block in sorted(stack.providers.items())},
        # An empty text by default: the engine loses null.
        "variable": {
            variable.name: {
                "type": "string",
                "default": "",
                "nullable": False,
                "description": variable.description,
            }
            for variable in sorted(stack.variables, key=lambda v: v.name)
        },
        "locals": dict(sorted(local_values.items())),
        "import": [
            {"to": address, "id": escape(id)} for address, id in sorted(stack.imports.items())
        ],
        "data": dict(data),
        "resource": dict(managed),
        "output": {
            output.name: {
                "description": escape(output.description),
                "value": _plain(output.value),
                **({"sensitive": True} if output.sensitive else {}),
            }
            for output in sorted(stack.outputs, key=lambda o: o.name)
        },
    }
    return {key: sections[key] for key in SECTIONS if sections[key]}


def _mark(stack: Stack) -> Json:
    """What the file says of itself: it is known by it, and so are the files beside it."""
    former = {"renamed_from": stack.renamed_from} if stack.renamed_from else {}
    files = sorted(asset.path for asset in stack.assets)
    return {"component": stack.component, "kind": stack.kind, **former, "files": files}


def local_name(type: str, name: str, argument: str) -> str:
    """What the local value with the JSON of an argument is called.

    >>> local_name("aws_iam_role_policy", "train", "policy")
    'iam_role_policy_train'
    """
    suffix = "" if argument == "policy" else f"_{argument}"
    return f"{type.partition('_')[2]}_{name}{suffix}"


def _resource(resource: Resource, local_values: dict[str, Json]) -> Json:
    body: dict[str, Json] = {}
    for argument, value in resource.arguments.items():
        if value is None:
            continue
        if isinstance(value, JsonText):
            name = local_name(resource.type, resource.name, argument)
            local_values[name] = _plain(value.value)
            body[argument] = f"${{jsonencode(local.{name})}}"
        else:
            body[argument] = _plain(value)
    if resource.depends_on:
        body["depends_on"] = sorted(resource.depends_on)
    if resource.lifecycle:
        body["lifecycle"] = _plain(resource.lifecycle)
    return body


def _plain(value: Value) -> Json:
    if isinstance(value, str):
        return escape(value) if "{" in value else value
    if isinstance(value, Expression):
        return value.text
    # The plain types first: asking for the abstract ones takes several times longer.
    if isinstance(value, dict | Mapping):
        return {escape(key): _plain(item) for key, item in value.items() if item is not None}
    if isinstance(value, JsonText):
        raise TypeError("JsonText stands for a whole argument, not for a part of one")
    if isinstance(value, list | Sequence):
        return [_plain(item) for item in value]
    return value
