"""What the expressions of a kind's file can see: as in a blueprint, and `inputs` and its parts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from compiler.kinds.draft import Draft
from compiler.kinds.inputs import RoleReference
from compiler.organization.records import Account, Component, Home, Organization, Project
from compiler.organization.scope import Scope, account_scope, home_scope, laid_over, project_scope

# The names that every expression can use, with the parts that are known beforehand; None: any.
ROOTS: Mapping[str, tuple[str, ...] | None] = {
    "organization": ("name", "aws", "google"),
    "component": ("name", "kind", "region", "prefix"),
    "inputs": None,
    "tags": None,
    "vars": None,
    "unit": ("path", "name"),
}
HOME_KEYS: Mapping[str, tuple[str, ...]] = {
    "account": ("name", "id", "region", "unit", "tags"),
    "project": ("name", "id", "number", "region", "unit", "tags"),
}
ROLE_KEYS = ("role", "account")
COMPONENT_KEYS = ("name", "kind", "region", "inputs")


def scope_in(draft: Draft, home: Home, inputs: Mapping[str, object]) -> Scope:
    """The scope of a section in one of its accounts or projects; parts are added as they are made."""
    component = draft.component
    stack = draft.place(home) if isinstance(home, Account) else draft.site(home)
    return {
        **home_scope(home, organization_scope(draft.organization)),
        "vars": laid_over(home.vars, component.vars),
        "tags": {**home.tags, **component.tags},
        "component": {
            "name": component.name,
            "kind": component.kind,
            "region": stack.region,
            "prefix": f"{draft.organization.name}-{component.name}",
        },
        "inputs": inputs,
    }


def organization_scope(organization: Organization) -> dict[str, object]:
    """`organization.name`, `.aws.id`, `.aws.partition`, `.google.id`, `.google.domain`."""
    return {
        "name": organization.name,
        "aws": {"id": organization.aws_id, "partition": organization.partition},
        "google": {"id": organization.google_id, "domain": organization.google_domain},
    }


def inputs_scope(draft: Draft, components: tuple[str, ...]) -> dict[str, object]:
    """The component's inputs as plain values; `components` are those that name another one."""
    inputs = draft.component.inputs
    values = {name: plain(getattr(inputs, name)) for name in type(inputs).model_fields}
    for name in components:
        other = next(iter(draft.neighbours.named(str(values[name]))), None)
        values[name] = None if other is None else _component(other)
    return values


def _component(component: Component) -> dict[str, object]:
    return {
        "name": component.name,
        "kind": component.kind,
        "region": component.region,
        "inputs": plain(component.inputs),
    }


def plain(value: Any) -> object:
    """An input's value as expressions see it."""
    if isinstance(value, Account):
        return account_scope(value)
    if isinstance(value, Project):
        return project_scope(value)
    if isinstance(value, RoleReference):
        return {"role": value.role, "account": plain(value.account)}
    if isinstance(value, BaseModel):
        return {name: plain(getattr(value, name)) for name in type(value).model_fields}
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value
