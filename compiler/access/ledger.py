"""The access ledger: every permission that a blueprint grants, and the statements behind it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from compiler.terraform.document import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A statement that an edge rests on. `side` is identity, trust, resource or key."""

    stack: str
    address: str
    side: str
    sid: str

    def json(self) -> dict[str, Json]:
        """As in access.json."""
        return {"stack": self.stack, "address": self.address, "side": self.side, "sid": self.sid}


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


def ledger(edges: Iterable[Edge]) -> dict[str, Json]:
    """The value of access.json, sorted by edge id."""
    return {"version": 1, "edges": [edge.json() for edge in sorted(edges, key=lambda e: e.id)]}
