"""The access ledger of a compiled organisation, `access.json`: what the compiler says is allowed.

Reads the file, gives records; no effects. Its format is in the reference.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Evidence:
    """A statement that an edge rests on; `side` is identity, trust, resource or key.

    `admits` is "account" where the statement names a whole account, which the identity side narrows.
    """

    stack: str
    address: str
    side: str
    sid: str
    admits: str = "principal"


@dataclass(frozen=True, slots=True)
class Edge:
    """A principal's actions on a resource; `account` is the owner's name, or its id if foreign."""

    id: str
    component: str
    principal: str
    actions: tuple[str, ...]
    account: str
    resource: str
    statements: tuple[Evidence, ...]


def read_ledger(folder: Path) -> list[Edge]:
    """The AWS edges of the organisation in `generated/<name>`; none where there is no ledger."""
    file = folder / "access.json"
    if not file.exists():
        return []
    edges = json.loads(file.read_text(encoding="utf-8"))["edges"]
    return [_edge(value) for value in edges if value["principal"]["cloud"] == "aws"]


def _edge(value: dict[str, Any]) -> Edge:
    return Edge(
        value["id"],
        value["component"],
        value["principal"]["arn"],
        tuple(value["actions"]),
        value["resource"]["account"],
        value["resource"]["arn"],
        tuple(Evidence(**statement) for statement in value["statements"]),
    )
