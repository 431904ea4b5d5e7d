"""The requests that an edge is there for, as AWS would make them.

The condition keys that a caller chooses (`s3:prefix`, `iam:PassedToService`) are taken from the
edge's own statements; what follows from the principal or the resource is left to the evaluator.
"""

from __future__ import annotations

from collections.abc import Iterator

from compiler.access.evaluation.conditions import Condition
from compiler.access.evaluation.context import DERIVED, Request
from compiler.access.evaluation.records import Statement
from compiler.access.evaluation.text import like
from compiler.access.ledger import Edge
from compiler.access.proof_index import Index, within

# What stands for any text: a statement must have the edge's wildcard to allow it.
ANY = "x"
_CHOSEN = frozenset({"arnequals", "arnlike", "bool", "stringequals", "stringlike"})


def requests(known: Index, edge: Edge) -> Iterator[Request]:
    """One for each action of the edge."""
    statements = [found.statement for evidence in edge.statements for found in known.of(evidence)]
    resource = resource_of(known, edge)
    asking = [statement for statement in statements if any(map(_asks, statement.conditions))]
    for action in edge.actions:
        yield Request(
            principal=edge.principal_arn,
            action=action.replace("*", ANY),
            resource=resource,
            context=context(asking, action) if asking else {},
            complete=True,
        )


def resource_of(known: Index, edge: Edge) -> str:
    """An ARN of the edge's resource; for one that only the cloud can name, its symbol."""
    arn = edge.resource_arn
    if arn == "*":
        return arn
    if ":kms:" in arn:
        for evidence in edge.statements:
            if evidence.side == "key":
                made = known.policies.arns.get((evidence.stack, evidence.address), arn)
                return next((found.owner for found in known.of(evidence)), made)
    for evidence in edge.statements:
        for found in known.of(evidence) if evidence.side == "identity" else ():
            for pattern in found.statement.resources:
                if "<" in pattern.text and within(arn, pattern.text):
                    return pattern.text.replace("*", ANY)
    return arn.replace("*", ANY)


def context(statements: list[Statement], action: str) -> dict[str, str]:
    """Values of the keys that the statements on this action ask for; the first statement decides."""
    found: dict[str, str] = {}
    wanted = action.lower()
    for statement in statements:
        if not any(each == wanted or like(each)(wanted) for each in statement.actions):
            continue
        for condition in statement.conditions:
            if _asks(condition):
                value = condition.values[0].text.replace("*", ANY)
                found.setdefault(condition.key, value)
    return found


def source(statements: list[Statement], account: str) -> dict[str, str]:
    """For whom a service calls: the account, and a resource of it that the statements ask for."""
    found = {"aws:SourceAccount": account}
    for statement in statements:
        for condition in statement.conditions:
            texts = [value.text.replace("*", ANY) for value in condition.values]
            own = [text for text in texts if text.split(":")[4:5] == [account]]
            if condition.key == "aws:sourcearn" and own:
                found.setdefault("aws:SourceArn", own[0])
    return found


def _asks(condition: Condition) -> bool:
    """Whether the caller chooses the key's value."""
    return condition.key not in DERIVED and _chosen(condition)


def _chosen(condition: Condition) -> bool:
    return condition.name.lower() in _CHOSEN and bool(condition.values)
