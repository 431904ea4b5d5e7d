"""The bindings of Google stacks: who has which role on what, as the generated files say it.

Takes root modules by path, gives one `Allowed` for each member and role of each resource that
grants something: `google_*_iam_member`, `_iam_binding`, `_iam_policy`, and the older access lists of
buckets and datasets. What only Terraform knows is a `Partial`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from compiler.access.evaluation.google_names import GoogleModule, google_module, resource_name
from compiler.access.evaluation.module import Resource
from compiler.access.evaluation.text import Text, unknown
from compiler.terraform.document import Json

Documents = Mapping[str, Mapping[str, Json]]
Mode = Literal["member", "binding", "policy", "list"]

_BINDING = re.compile(r"(google_\w+)_iam_(member|binding|policy)")
_POLICY_DATA = re.compile(r"\$\{\s*data\.google_iam_policy\.([\w-]+)\.policy_data\s*\}")
# Access lists beside IAM: by type the arguments (or blocks) that say whom, and the one that says what.
_LISTS: Mapping[str, tuple[tuple[str, ...], str]] = {
    "google_bigquery_dataset_access": (
        ("user_by_email", "group_by_email", "domain", "special_group", "iam_member"),
        "role",
    ),
    "google_storage_bucket_access_control": (("entity",), "role"),
    "google_storage_bucket_acl": (("role_entity", "predefined_acl"), ""),
    "google_storage_default_object_access_control": (("entity",), "role"),
    "google_storage_default_object_acl": (("role_entity",), ""),
    "google_storage_object_access_control": (("entity",), "role"),
    "google_storage_object_acl": (("role_entity", "predefined_acl"), ""),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """One member's role on one resource. `target` is the type of what it is on.

    `project` is the id of the stack's project; `mode` says which kind of Terraform resource it is:
    `binding` and `policy` take the role, or all roles, from whoever else has them. `condition` is
    the CEL expression, or None.
    """

    stack: str
    project: str
    address: str
    target: str
    mode: Mode
    member: Text
    role: Text
    resource: Text
    condition: Text | None = None


def bindings(documents: Documents) -> tuple[Allowed, ...]:
    """Everything that the Google stacks allow, in the order of the documents."""
    found: list[Allowed] = []
    for module in modules(documents):
        for resource in module.resources(*module.types()):
            found += _of(module, resource)
    return tuple(found)


def modules(documents: Documents) -> Iterator[GoogleModule]:
    """The stacks with resources of Google, sorted by path."""
    for stack, document in sorted(documents.items()):
        module = google_module(stack, document)
        if module is not None:
            yield module


def buckets(documents: Documents) -> dict[str, str]:
    """The id of its project for each bucket that a stack makes."""
    return {
        name: str(module.argument(resource.arguments, "project"))
        for module in modules(documents)
        for resource in module.resources("google_storage_bucket")
        if isinstance(name := module.argument(resource.arguments, "name"), str)
    }


def target_of(type_: str) -> tuple[str, Mode] | None:
    """What a type of binding is on, and how it binds; None for other types.

    >>> target_of("google_project_iam_member")
    ('google_project', 'member')
    """
    parts = _BINDING.fullmatch(type_)
    if parts is None:
        return None
    mode: Mode = (
        "member" if parts[2] == "member" else "binding" if parts[2] == "binding" else "policy"
    )
    return parts[1], mode


def _of(module: GoogleModule, resource: Resource) -> Iterator[Allowed]:
    if resource.type in _LISTS:
        yield from _listed(module, resource, *_LISTS[resource.type])
    if resource.type == "google_bigquery_dataset":
        for block in _blocks(resource.arguments.get("access")):
            inner = Resource("google_bigquery_dataset_access", resource.name, block)
            for each in _listed(module, inner, *_LISTS[inner.type]):
                yield replace(each, address=resource.address)
    kind = target_of(resource.type)
    if kind is None:
        return
    target, mode = kind
    on = unknown(resource.address)
    name = on if resource.repeated else resource_name(module, target, resource.arguments)
    given = resource.arguments
    granted = (
        _policy(module, given.get("policy_data"))
        if mode == "policy"
        else _entries(module, [given], "members" if mode == "binding" else "member")
    )
    for member, role, condition in granted:
        yield Allowed(
            stack=module.stack,
            project=module.account,
            address=resource.address,
            target=target,
            mode=mode,
            member=member,
            role=role,
            resource=name,
            condition=condition,
        )


_Entry = tuple[Text, Text, Text | None]


def _entries(
    module: GoogleModule, blocks: list[Mapping[str, Json]], argument: str
) -> Iterator[_Entry]:
    for block in blocks:
        role = module.text(block.get("role", ""))
        for member in _texts(module, block.get(argument)):
            yield member, role, _condition(module, block.get("condition"))


def _policy(module: GoogleModule, data: Json) -> Iterator[_Entry]:
    """The entries of a whole policy: of a `google_iam_policy`, or of JSON text."""
    named = _POLICY_DATA.fullmatch(data) if isinstance(data, str) else None
    if named:
        sources = _mapping(_mapping(module.document.get("data")).get("google_iam_policy"))
        body = _mapping(sources.get(named[1]))
        yield from _entries(module, _blocks(body.get("binding")), "members")
        return
    found = module.policy(data)
    listed = found.get("bindings") if isinstance(found, Mapping) else None
    if not isinstance(listed, list):
        yield unknown("its policy_data"), unknown("its policy_data"), None
        return
    for each in listed:
        body = _mapping(each)
        yield from _entries(module, [body], "members")


def _condition(module: GoogleModule, value: Json) -> Text | None:
    for block in _blocks(value):
        return module.text(block.get("expression", ""))
    return None


def _listed(
    module: GoogleModule, resource: Resource, whom: tuple[str, ...], what: str
) -> Iterator[Allowed]:
    for argument in whom:
        for member in _texts(module, resource.arguments.get(argument)):
            yield Allowed(
                stack=module.stack,
                project=module.account,
                address=resource.address,
                target=resource.type,
                mode="list",
                member=member,
                role=module.text(resource.arguments.get(what, "")) if what else "",
                resource=resource_name(module, resource.type, resource.arguments),
            )


def _texts(module: GoogleModule, value: Json) -> Iterator[Text]:
    """One text, or a list of them; a list that is an expression is one text of which nothing is known."""
    for each in value if isinstance(value, list | tuple) else [] if value is None else [value]:
        yield module.text(each)


def _blocks(value: Json) -> list[Mapping[str, Json]]:
    """The blocks under one name, written as one mapping or as several."""
    listed = value if isinstance(value, list | tuple) else [value]
    return [each for each in listed if isinstance(each, Mapping)]


def _mapping(value: object) -> Mapping[str, Json]:
    return value if isinstance(value, Mapping) else {}
