"""The ledger's entries for roles of AWS's services and of identity providers.

A kind gives a role the statements of its trust policy that no grant writes (`Role.trust`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from compiler.access.evaluation.rights import PROVIDED, conditions_of, trust_name
from compiler.access.ledger import Right
from compiler.access.parties import Role
from compiler.organization.records import Component

_NOT_IN_IDS = re.compile(r"[^a-z0-9]+")


def trusts(roles: Iterable[Role], component: Component) -> Iterator[Right]:
    """Who may become each of the roles by those statements."""
    taken: set[str] = set()
    for role in roles:
        for statement in role.trust if not role.existing else ():
            principal = statement.principal
            for kind in PROVIDED if isinstance(principal, Mapping) else ():
                given = principal.get(kind) if isinstance(principal, Mapping) else None
                for who in given if isinstance(given, list | tuple) else [given] if given else []:
                    yield Right(
                        id=f"{component.name}/{_id(str(who), role, taken)}",
                        component=component.name,
                        origin=component.origin,
                        side="trust",
                        principal=str(who),
                        principal_home=role.place.account if kind == "Federated" else "",
                        name=trust_name(statement.actions),
                        home=role.place.account,
                        resource=role.arn,
                        stack=role.place.stack,
                        addresses=(f"aws_iam_role.{role.name}",),
                        sid=statement.sid,
                        conditions=conditions_of(statement.conditions),
                    )


def _id(who: str, role: Role, taken: set[str]) -> str:
    """`lambda-becomes-deployer-production`; a service's name is its first word."""
    name = who.rpartition("/")[2] if who.startswith("arn:") else who.partition(".")[0]
    plain = f"{_NOT_IN_IDS.sub('-', name)}-becomes-{role.label}"
    id, number = plain, 1
    while id in taken:
        number += 1
        id = f"{plain}-{number}"
    taken.add(id)
    return id
