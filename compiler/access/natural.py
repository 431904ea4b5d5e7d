"""The requests that an edge is there for, as AWS would make them.

The condition keys that a caller chooses (`s3:prefix`, `iam:PassedToService`) are taken from the
conditions that the edge was declared with; what follows from the principal or the resource is left to
the evaluator. Of all other keys nothing is known: who may only at a time, from a network or with a tag
"depends".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime

from compiler.access.evaluation.conditions import Condition, holds_without, moment, number
from compiler.access.evaluation.context import DERIVED, Request
from compiler.access.evaluation.records import Statement
from compiler.access.evaluation.text import like
from compiler.access.ledger import Edge
from compiler.access.proof_index import Index, within

# What stands for any text, where a request must have one.
ANY = "x"
_CHOSEN = frozenset({"arnequals", "arnlike", "bool", "stringequals", "stringlike"})
# Headers that an upload doesn't send which leaves its encryption to the bucket.
# Source: S3 user guide, "Setting default server-side encryption behavior for S3 buckets".
UNSENT = frozenset(
    {
        "s3:x-amz-server-side-encryption",
        "s3:x-amz-server-side-encryption-aws-kms-key-id",
        "s3:x-amz-server-side-encryption-customer-algorithm",
    }
)


def requests(known: Index, edge: Edge) -> Iterator[Request]:
    """One for each action of the edge."""
    resource, whole = resource_of(known, edge)
    asking = declared(known, edge)
    for action in edge.actions:
        asked = conditions(asking, action) if asking else []
        yield Request(
            principal=edge.principal_arn,
            action=action.replace("*", ANY),
            resource=resource,
            context=context(asked),
            absent=absent(asked),
            whole=whole,
        )


def declared(known: Index, edge: Edge) -> list[Statement]:
    """The edge's statements that ask for what the caller chooses, with what they were declared to ask.

    What else stands in a policy, no request is known to have.
    """
    found = []
    for evidence in edge.statements:
        names = {(op.lower(), k.lower()) for op, keys in evidence.conditions.items() for k in keys}
        for each in known.of(evidence) if names else ():
            own = tuple(c for c in each.statement.conditions if (c.name.lower(), c.key) in names)
            if any(map(_asks, own)):
                found.append(replace(each.statement, conditions=own))
    return found


def resource_of(known: Index, edge: Edge) -> tuple[str, str]:
    """An ARN of the edge's resource, and the pattern that it stands for, "" where it is the only one.

    For one that only the cloud can name, its symbol.
    """
    arn = _named(known, edge)
    pattern = arn if "*" in arn and arn != "*" else ""
    return (arn.replace("*", ANY) if pattern else arn), pattern


def _named(known: Index, edge: Edge) -> str:
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
                    return pattern.text
    return arn


def conditions(statements: Iterable[Statement], action: str) -> list[Condition]:
    """What the statements on this action ask for that the caller chooses."""
    wanted = action.lower()
    return [
        condition
        for statement in statements
        if any(each == wanted or like(each)(wanted) for each in statement.actions)
        for condition in statement.conditions
        if _asks(condition)
    ]


def context(asked: Iterable[Condition]) -> dict[str, str]:
    """Values that fulfil the conditions; of several on one key the first decides."""
    found: dict[str, str] = {}
    for condition in asked:
        value = _value(condition)
        if value is not None:
            found.setdefault(condition.key, value)
    return found


def absent(asked: Iterable[Condition]) -> frozenset[str]:
    """The keys that the request certainly lacks, where no condition asks for their values."""
    lacking = {each.key for each in asked if _value(each) is None and holds_without(each)}
    return UNSENT | lacking


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
    """Whether the key's value is the caller's affair."""
    return condition.key not in DERIVED


def _value(condition: Condition) -> str | None:
    """A text that fulfils the condition; None where the key may be absent, or nothing is known."""
    name = condition.name.lower().removeprefix("foranyvalue:")
    if not condition.values:
        return None
    text = condition.values[0].text
    if name in _CHOSEN:
        return text.replace("*", ANY)
    if name == "ipaddress":
        return text.partition("/")[0]
    step = -1 if name.endswith("lessthan") else 1 if name.endswith("greaterthan") else 0
    if name.startswith("numeric") and not name.endswith("notequals"):
        found = number(text)
        return None if found is None else f"{found + step:.15g}"
    if name.startswith("date") and not name.endswith("notequals"):
        return _date(text, step)
    return None


def _date(text: str, step: int) -> str | None:
    found = moment(text)
    try:
        return None if found is None else datetime.fromtimestamp(found + step, UTC).isoformat()
    except (OSError, OverflowError, ValueError):  # in no year that a date can be written of
        return None
