"""What a kind is, and the input types that kinds share.

A kind is a record: a name, a pydantic model of its inputs and a function from a component to a
`Draft`. Input types that name accounts or projects hold the records themselves once checked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PlainValidator, ValidationInfo, WithJsonSchema

from compiler.blueprint.shapes import NAME, Matching, Shape, Text, problem
from compiler.organization.records import Account, Component, Organization, Project
from compiler.organization.selectors import select

if TYPE_CHECKING:
    from compiler.kinds.draft import Draft


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of component.

    `home` is the input whose first account or project is the component's own: it gives the region
    and the scope of expressions. `per` says that the kind is for one account or project and may
    use `for_each`; `home` is then set to each match. `scopes` maps an input to the input that
    names the accounts it is about: such an input is evaluated in the scope of each of them.
    """

    name: str
    summary: str
    inputs: type[Shape]
    build: Callable[[Component, Organization, Draft], None]
    home: str
    per: Literal["account", "project"] | None = None
    scopes: Mapping[str, str] = field(default_factory=dict)


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
    return list(select(value, _organization(info).accounts, "account"))


def _account(value: object, info: ValidationInfo) -> Account:
    found = _accounts(value, info)
    if len(found) > 1:
        names = ", ".join(account.name for account in found)
        raise problem("E304", f"must name one account, but matches {len(found)}: {names}")
    return found[0]


def _projects(value: object, info: ValidationInfo) -> list[Project]:
    return list(select(value, _organization(info).projects, "project"))


OneAccount = Annotated[
    Account,
    PlainValidator(_account),
    WithJsonSchema({"anyOf": [{"type": "string"}, _SELECTOR_SCHEMA]}),
]
Accounts = Annotated[list[Account], PlainValidator(_accounts), WithJsonSchema(_SELECTOR_SCHEMA)]
Projects = Annotated[list[Project], PlainValidator(_projects), WithJsonSchema(_SELECTOR_SCHEMA)]

# A role's name with its path, as IAM writes it after `role/`.
RolePath = Annotated[
    Text,
    Matching(
        r"(?:[\w+=,.@-]+/){0,10}[\w+=,.@-]{1,64}",
        "a role's name, with its path where it has one (team/approver)",
        "the name only, not the ARN",
    ),
]
EmailAddress = Annotated[Text, Matching(r"[^@\s]+@[^@\s]+\.[^@\s]+", "an e-mail address")]
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
