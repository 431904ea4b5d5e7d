"""The access ledger: every permission that a blueprint grants, and the statements behind it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

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


# What gives access beside policies.
Side = Literal[
    "access-entry",
    "fleet",
    "managed-policy",
    "pod-identity",
    "portfolio",
    "share",
    "trust",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Right:
    """Access that no grant declares, and the resources that give it: rights inside a cluster, a share,
    a role for pods, an attached policy of AWS, a role for a service or for an identity provider.

    `principal` is an ARN, a service or IAM's text of a member, `principal_home` the name of its account or project ("" where it has
    none in the blueprint), `home` that of what it is on. `name` is what is given, in its service's
    word; `namespaces` are those that it is limited to. The last of `addresses` says it, those before
    are needed for it. `sid` is its statement's there, `conditions` what that asks for, as texts.
    """

    id: str
    component: str
    origin: str
    side: Side
    principal: str
    principal_home: str
    name: str
    home: str
    resource: str
    stack: str
    addresses: tuple[str, ...]
    namespaces: tuple[str, ...] = ()
    sid: str = ""
    conditions: tuple[str, ...] = field(default=(), compare=False, repr=False)

    @property
    def cloud(self) -> str:
        """`aws` or `google`, of the stack."""
        return self.stack.partition("/")[0]

    @property
    def text(self) -> str:
        """What is given, with where in a cluster: `AmazonEKSAdminPolicy(namespaces:churn)`."""
        return right_text(self.side, self.name, self.namespaces)

    def json(self) -> dict[str, Json]:
        """As in access.json."""
        who, home, what = (
            ("member", "project", "name") if self.cloud == "google" else ("arn", "account", "arn")
        )
        principal: dict[str, Json] = {"cloud": self.cloud}
        if self.principal_home:
            principal[home] = self.principal_home
        if self.side == "trust" and not self.principal.startswith("arn:"):
            who = "service"
        found: dict[str, Json] = {
            "id": self.id,
            "component": self.component,
            "origin": self.origin,
            "principal": {**principal, who: self.principal},
            "right": self.name,
        }
        if self.namespaces:
            found["namespaces"] = list(self.namespaces)
        return {
            **found,
            "resource": {home: self.home, what: self.resource},
            "statements": [
                {"stack": self.stack, "address": address, "side": self.side, "sid": self.sid}
                for address in self.addresses
            ],
        }


def right_text(side: str, name: str, namespaces: tuple[str, ...]) -> str:
    """The text of a right; what a cluster's access entry gives is for all of it or for namespaces."""
    if namespaces:
        return f"{name}(namespaces:{','.join(namespaces)})"
    return f"{name}(cluster)" if side == "access-entry" else name


# Everything that the ledger lists.
Entry = Edge | Binding | Right


def list_of(entry: Entry) -> str:
    """The list of access.json that it stands in."""
    return "rights" if isinstance(entry, Right) else "edges"


def ledger(entries: Iterable[Entry]) -> dict[str, Json]:
    """The value of access.json, each list sorted by id."""
    lists: dict[str, list[Json]] = {"edges": [], "rights": []}
    for entry in sorted(entries, key=lambda each: each.id):
        lists[list_of(entry)].append(entry.json())
    return {"version": 1, **lists}
