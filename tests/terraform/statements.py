"""Statements that stand in the simulated AWS, against those that the ledger points at.

Each function gives what is wrong as texts, none when all is well.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from tests.terraform.applied import Applied
from tests.terraform.conditions import strings


def missing_statements(applied: Applied) -> list[str]:
    """Statements of the ledger that do not stand in AWS, or do not say what their edge says."""
    wrong = []
    for edge in applied.edges:
        for evidence in edge.statements:
            statement = applied.statement(evidence)
            actions = strings(statement["Action"])
            whole = set(edge.actions) <= set(actions)
            # An encrypted bucket's edge also rests on the statements for the bucket's key.
            if statement["Effect"] != "Allow" or not (whole or _are_of(actions, "kms")):
                wrong.append(f"{edge.id}: {evidence}: {statement}")
        if applied.crosses(edge) and not applied.provided(edge):
            sides = {e.side for e in edge.statements}
            if "identity" not in sides or len(sides) < 2:
                wrong.append(f"{edge.id}: only {sides}")
    return wrong


def _are_of(actions: Iterable[str], service: str) -> bool:
    return all(action.startswith(f"{service}:") for action in actions)


def unknown_statements(applied: Applied) -> list[str]:
    """Statements in AWS that allow a role something and that no edge names.

    A key's administration, and what a service may do, are no edges; AWS's own policies aren't ours,
    nor is the policy that SNS gives a topic without one, for the topic's own account.
    """
    known = [applied.statement(e) for edge in applied.edges for e in edge.statements]
    return [
        f"{place}: {statement}"
        for place, statement in _allowing(applied)
        if statement not in known
        and statement.get("Sid") not in ("Administration", "__default_statement_ID")
        and not _of_itself(place, statement)
    ]


def _of_itself(place: str, statement: dict[str, Any]) -> bool:
    """Whether it is one of the two halves of a role that assumes itself: no boundary is crossed."""
    role = place.partition(" ")[0]
    if strings(statement["Action"]) != ["sts:AssumeRole"]:
        return False
    if "Principal" not in statement:
        return strings(statement["Resource"]) == [role]
    condition = statement.get("Condition", {}).get("ArnEquals", {})
    return bool(condition.get("aws:PrincipalArn") == role)


def _allowing(applied: Applied) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each statement that allows a role something, with the place of its policy."""
    for account in applied.accounts.values():
        policies = [(arn, p) for arn, p in account.resources.items()]
        policies += [(key.arn, key.policy) for key in account.keys.values()]
        for role in account.roles.values():
            # Roles that exist already have trust policies of their own.
            if role.arn in made_roles(applied):
                policies.append((role.arn, role.trust))
            inline = {n: p for n, p in role.identity.items() if not n.startswith("arn:")}
            policies += [(f"{role.arn} {name}", policy) for name, policy in inline.items()]
        for place, policy in policies:
            for statement in policy["Statement"]:
                principal = statement.get("Principal", {"AWS": "itself"})
                named = principal == "*" or "AWS" in principal
                if statement["Effect"] == "Allow" and named:
                    yield place, statement


def made_roles(applied: Applied) -> set[str]:
    """The ARNs of the roles that the stacks create."""
    return {role["arn"] for role in applied.attributes("aws_iam_role")}
