"""The access ledger: every permission that a blueprint grants, and the statements behind it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from compiler.access.policy import Conditions
from compiler.terraform.document import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A statement that an edge rests on. `side` is identity, trust, resource or key.

    `whole_account` says that the statement admits every role of the principal's account, and that
    the principal's side alone narrows it. `conditions` are those that it was declared with; access.json
    leaves them to the policy itself.
    """

    stack: str
    address: str
    side: str
    sid: str
    whole_account: bool = False
    conditions: Conditions = field(default_factory=dict, compare=False, repr=False)

    def json(self) -> dict[str, Json]:
        """As in access.json."""
        found: dict[str, Json] = {
            "stack": self.stack,
            "address": self.address,
            "side": self.side,
            "sid": self.sid,
        }
        return {**found, "admits": "account"} if self.whole_account else found


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """One principal, its actions on one resource, and the statements that make it true."""

    id: str
    component: str
    origin: str
    principal_account: str
    principal_arn: str
    actions: tuple[str, ...]
    resource_account: str
    resource_arn: str
    statements: tuple[Evidence, ...]

    def json(self) -> dict[str, Json]:
        """As in access.json."""
        return {
            "id": self.id,
            "component": self.component,
            "origin": self.origin,
            "principal": {
                "cloud": "aws",
                "account": self.principal_account,
                "arn": self.principal_arn,
            },
            "actions": list(self.actions),
            "resource": {"account": self.resource_account, "arn": self.resource_arn},
            "statements": [statement.json() for statement in self.statements],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """One member, its role on one Google resource, and the binding that makes it true.

    `member` is IAM's text (`group:ml@acme.example`), `member_project` the name of its project where
    it has one in the blueprint. `resource` is the full resource name
    (`//storage.googleapis.com/acme-data`), `project` the name of the project that owns it. `stack`
    and `address` are those of the binding. `condition` is the CEL expression, if there is one.
    """

    id: str
    component: str
    origin: str
    member: str
    member_project: str | None
    role: str
    project: str
    resource: str
    stack: str
    address: str
    condition: str | None = None

    def json(self) -> dict[str, Json]:
        """As in access.json."""
        principal: dict[str, Json] = {"cloud": "google", "member": self.member}
        if self.member_project:
            principal["project"] = self.member_project
        found: dict[str, Json] = {
            "id": self.id,
            "component": self.component,
            "origin": self.origin,
            "principal": principal,
            "role": self.role,
            "resource": {"project": self.project, "name": self.resource},
            "binding": {"stack": self.stack, "address": self.address},
        }
        return {**found, "condition": self.condition} if self.condition else found


def ledger(edges: Iterable[Edge | Binding]) -> dict[str, Json]:
    """The value of access.json, sorted by edge id."""
    return {"version": 1, "edges": [edge.json() for edge in sorted(edges, key=lambda e: e.id)]}
