"""Input types that kinds share. Those that name accounts or projects hold the records themselves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainValidator,
    ValidationInfo,
    WithJsonSchema,
)

from compiler.blueprint.shapes import NAME, Matching, Shape, Text, problem
from compiler.blueprint.validation import Finding, problems
from compiler.organization.records import Account, Organization, Project
from compiler.organization.selectors import select_accounts, select_projects

_SELECTOR_SCHEMA = {
    "anyOf": [
        {"type": "string"},
        {"type": "array", "items": {"type": "string"}, "minItems": 1},
        {
            "type": "object",
            "properties": {
                "unit": {
                    "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]
                },
                "tags": {"type": "object"},
                "names": {},
                "except": {},
            },
            "additionalProperties": False,
        },
    ]
}


def _organization(info: ValidationInfo) -> Organization:
    assert isinstance(info.context, Organization), "check() needs the organisation as context"
    return info.context


def _accounts(value: object, info: ValidationInfo) -> list[Account]:
    return list(select_accounts(value, _organization(info)))


def _account(value: object, info: ValidationInfo) -> Account:
    found = _accounts(value, info)
    if len(found) > 1:
        names = ", ".join(account.name for account in found)
        message = f"must name one account, but matches {len(found)}: {names}"
        raise problem("E304", message, "name the one that is meant")
    return found[0]


def _project(value: object, info: ValidationInfo) -> Project:
    found = _projects(value, info)
    if len(found) > 1:
        names = ", ".join(project.name for project in found)
        message = f"must name one project, but matches {len(found)}: {names}"
        raise problem("E304", message, "name the one that is meant")
    return found[0]


def _projects(value: object, info: ValidationInfo) -> list[Project]:
    return list(select_projects(value, _organization(info)))


OneAccount = Annotated[
    Account,
    PlainValidator(_account),
    WithJsonSchema({"anyOf": [{"type": "string"}, _SELECTOR_SCHEMA]}),
]
Accounts = Annotated[list[Account], PlainValidator(_accounts), WithJsonSchema(_SELECTOR_SCHEMA)]
OneProject = Annotated[
    Project,
    PlainValidator(_project),
    WithJsonSchema({"anyOf": [{"type": "string"}, _SELECTOR_SCHEMA]}),
]
Projects = Annotated[list[Project], PlainValidator(_projects), WithJsonSchema(_SELECTOR_SCHEMA)]

# A role's name with its path, as IAM writes it after `role/`. With both slashes a path has up to 512
# characters. Source: IAM API reference, CreateRole. Those that a policy would take for wildcards are none.
RolePath = Annotated[
    Text,
    Matching(
        r"(?=(?:.{1,510}/)?[^/]*$)(?:[\w+=,.@-]+/)*[\w+=,.@-]{1,64}",
        "a role's name, with its path where it has one (team/approver), 64 and 512 characters at most",
        "the name only, not the ARN",
    ),
]
EmailAddress = Annotated[
    Text,
    Matching(
        r"[^@\s]+@[^@\s]+\.[^@\s]+", "an e-mail address", "write the whole address: ml@acme.example"
    ),
]


def twice(what: str, names: Sequence[str], at: tuple[str, ...] = ()) -> list[Finding]:
    """What is in a list a second time; `at` leads to the list."""
    return [
        Finding("E204", f'names the {what} "{name}" twice', "take one of them out", (*at, index))
        for index, name in enumerate(names)
        if name in names[:index]
    ]


def _once(value: list[str]) -> list[str]:
    if found := twice("address", value):
        raise problems(found)
    return value


EmailAddresses = Annotated[list[EmailAddress], AfterValidator(_once)]
ComponentName = Annotated[Text, Matching(NAME, "a component's name")]


class RoleReference(Shape):
    """A role that exists already. Landform attaches a policy of its own to it, nothing else."""

    role: RolePath = Field(description="name of the role, with its path: team/approver")
    account: OneAccount | None = Field(
        default=None, description="account of the role; default: the account of the thing it uses"
    )


def _from_name(value: Any) -> Any:
    return {"role": value} if isinstance(value, str) else value


# `{role: approver}` or just `approver`.
Role = Annotated[
    RoleReference, BeforeValidator(_from_name, json_schema_input_type=RoleReference | Text)
]
