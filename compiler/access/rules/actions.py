"""Which actions a statement names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from compiler.access.rules.records import Finding, Statement, texts
from compiler.data import iam

# Sides of which a wildcard under Allow gives nothing by itself: they only limit.
LIMITS = ("boundary", "organization")


def wide(statement: Statement) -> Iterator[Finding]:
    """E801: `*` or `service:*` under Allow."""
    if not statement.allows or statement.side in LIMITS:
        return
    for action in statement.actions:
        service, _, name = action.partition(":")
        if set(name or service) <= {"*", "?"} or "*" in service or "?" in service:
            yield statement.finding(
                "E801",
                f'the action "{action}" allows everything of {"AWS" if "*" in service else service}',
                "list the actions that are needed",
            )


def inverted(statement: Statement) -> Iterator[Finding]:
    """E802: NotAction, NotResource or NotPrincipal under Allow."""
    if not statement.allows or statement.side in LIMITS:
        return
    for element in ("NotAction", "NotResource", "NotPrincipal"):
        if element in statement.body:
            yield statement.finding(
                "E802",
                f"{element} under Allow allows all that it does not name, also what is new tomorrow",
                f"list what is allowed under {element.removeprefix('Not')}",
            )


def unknown(statement: Statement) -> Iterator[Finding]:
    """E805: actions that no service has."""
    for action in (*statement.actions, *texts(statement.body.get("NotAction"))):
        if action == "*" or iam.matching_actions(action):
            continue
        if "*" in action or "?" in action:
            yield statement.finding(
                "E815", f'"{action}" matches no action', "no service has such an action: drop it"
            )
            continue
        near = iam.nearest_action(action)
        yield statement.finding(
            "E805",
            f'AWS has no action "{action}" ({iam.source()[1]})',
            f"did you mean {near}?" if near else "write it as service:Action",
        )


def empty(statement: Statement) -> Iterator[Finding]:
    """E815: a statement that can never match, for an element of it is empty."""
    for element in ("Action", "NotAction", "Resource", "NotResource", "Principal"):
        value = statement.body.get(element, "*")
        parts = (
            value.values() if element == "Principal" and isinstance(value, Mapping) else (value,)
        )
        if not parts or any(not texts(part) for part in parts):
            yield statement.finding(
                "E815", f"{element} is empty, so the statement never matches", "drop the statement"
            )
    for condition in statement.conditions:
        if not condition.values:
            yield statement.finding(
                "E815",
                f"{condition.operator} has no value for {condition.key}",
                "drop the condition or give a value",
            )
