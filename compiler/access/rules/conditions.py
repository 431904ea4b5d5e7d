"""Operators and keys of conditions: a misspelled key is one that no request has.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from functools import cache, lru_cache

from compiler.access.rules.exceptions import (
    CLAIMS,
    GLOBAL_KEYS,
    GLOBAL_NAMES,
    GLOBAL_PREFIXES,
    IDLE_KEYS,
)
from compiler.access.rules.records import IF_EXISTS, Condition, Finding, Statement
from compiler.data import iam

OPERATORS = frozenset(
    (
        *("ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike", "BinaryEquals", "Bool"),
        *("DateEquals", "DateGreaterThan", "DateGreaterThanEquals", "DateLessThan"),
        *("DateLessThanEquals", "DateNotEquals", "IpAddress", "NotIpAddress", "Null"),
        *("NumericEquals", "NumericGreaterThan", "NumericGreaterThanEquals", "NumericLessThan"),
        *("NumericLessThanEquals", "NumericNotEquals", "StringEquals", "StringEqualsIgnoreCase"),
        *("StringLike", "StringNotEquals", "StringNotEqualsIgnoreCase", "StringNotLike"),
    )
)
_VARIABLE = re.compile(r"\$\{[^}]*\}|<[^>]*>")


def operators(statement: Statement) -> Iterator[Finding]:
    """E807: operators that IAM does not have."""
    for operator in dict.fromkeys(condition.operator for condition in statement.conditions):
        base = Condition(operator, "", ()).base
        if base in OPERATORS and operator != f"Null{IF_EXISTS}":
            continue
        near = difflib.get_close_matches(base, OPERATORS, 1)
        yield statement.finding(
            "E807",
            f'IAM has no condition operator "{operator}"',
            f"did you mean {near[0]}?" if near else f"known are {', '.join(sorted(OPERATORS))}",
        )


def keys(statement: Statement) -> Iterator[Finding]:
    """E808: keys that the request of an action never has."""
    for condition in statement.conditions:
        key = condition.key.lower()
        if key in GLOBAL_KEYS or key.startswith(GLOBAL_PREFIXES) or _of_token(statement, key):
            continue
        without = _without(statement, condition)
        if without:
            near = _near(statement, key)
            yield statement.finding(
                "E808",
                f"{', '.join(without)}: no request has the condition key {condition.key}",
                f"did you mean {near}?"
                if near
                else "take the action to a statement without it, or drop the key",
            )


def _without(statement: Statement, condition: Condition) -> tuple[str, ...]:
    """The actions, as written, of which no request has the key."""
    key = condition.key.lower()
    return tuple(
        pattern
        for pattern in statement.actions
        if pattern != "*" and (pattern, key) not in IDLE_KEYS and _lacks(pattern, key)
    )


@lru_cache(maxsize=4096)
def _lacks(pattern: str, key: str) -> bool:
    """Whether there are such actions, and a request of none of them has the key."""
    actions = iam.matching_actions(pattern)
    return bool(actions) and not any(
        _template(known).fullmatch(key) for action in actions for known in action.takes_key
    )


@cache
def _template(known: str) -> re.Pattern[str]:
    parts = _VARIABLE.split(known.lower())
    return re.compile(".+".join(re.escape(part) for part in parts), re.DOTALL)


def _of_token(statement: Statement, key: str) -> bool:
    """Whether it is a claim of the provider that a trust statement names."""
    provider, _, claim = key.rpartition(":")
    return claim in CLAIMS and any(
        kind == "Federated" and name.lower().endswith(f"oidc-provider/{provider}")
        for kind, name in statement.principals
    )


def _near(statement: Statement, key: str) -> str | None:
    known = {name.lower(): name for name in GLOBAL_NAMES}
    for pattern in statement.actions:
        for action in iam.matching_actions(pattern) if pattern != "*" else ():
            known.update((name.lower(), name) for name in action.takes_key)
    found = difflib.get_close_matches(key, known, 1, 0.8)
    return known[found[0]] if found else None
