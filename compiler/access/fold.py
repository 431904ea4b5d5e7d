"""Policies that would be too long, folded: one statement for all who may do the same.

A statement for each principal is what a reviewer reads best, so nothing is folded before it must
be. A folded statement names the roots of all accounts and the exact ARNs of all roles: an ARN
holds its account, so it admits the same principals as the single ones did. Where all the accounts
have roles of the same names, and only then, the names are written once for all of them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from compiler.access.policy import Conditions, Statement
from compiler.terraform.stack import Expression, Value

# What a reference may become: no id or ARN that AWS gives is longer.
REFERENCE_LENGTH = 120
_WORD = re.compile(r"[A-Z][a-z0-9]*|[0-9]+")


def longest(value: Value) -> str:
    """The value as compact JSON, with the longest text that its references may become."""
    return _LONGEST.encode(value)


def size(value: Value) -> int:
    """The length of that text in bytes."""
    return len(longest(value).encode())


def _measured(value: object) -> object:
    """What JSON doesn't know."""
    if isinstance(value, Expression):
        return "x" * REFERENCE_LENGTH if value.text.startswith("${") else value.text
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{value!r} is no value of a policy")


_LONGEST = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, default=_measured)
_SORTED = json.JSONEncoder(sort_keys=True, default=_measured)


def fold(
    statements: Sequence[Statement], room: int
) -> tuple[tuple[Statement, ...], dict[str, str]]:
    """The statements in at most `room` bytes where folding can do it, and which sid became which.

    Nothing changes while they fit as they are. Those are folded that differ in their principals only,
    and then those of the very same principals that differ in their resources only, or in the prefixes
    that they list, and at last the ARNs of roles that all the accounts have, or all but a few: never so
    that anybody is admitted to more than before.
    """
    folded = _folded(statements, room, _shape)
    if not _fits(folded[0], room):
        # Apart from those whose accounts have other roles, the names of the many are written once.
        apart = _folded(statements, room, _alike(statements))
        folded = apart if _length(apart[0]) < _length(folded[0]) else folded
    return folded


def _folded(
    statements: Sequence[Statement], room: int, foldable: Callable[[Statement], str]
) -> tuple[tuple[Statement, ...], dict[str, str]]:
    kept, renamed = tuple(statements), dict[str, str]()
    for shape, join in ((foldable, _joined), (_but_resources, _wider), (_but_prefixes, _longer)):
        if _fits(kept, room):
            break
        kept, names = _grouped(kept, shape, join)
        renamed = {sid: names.get(name, name) for sid, name in renamed.items()}
        renamed |= {sid: name for sid, name in names.items() if sid in _sids(statements)}
    if not _fits(kept, room):
        kept = tuple(map(_by_name, kept))
    return kept, renamed


def _length(statements: Sequence[Statement]) -> int:
    return size([statement.json() for statement in statements])


def _fits(statements: Sequence[Statement], room: int) -> bool:
    return _length(statements) <= room


def _sids(statements: Sequence[Statement]) -> set[str]:
    return {statement.sid for statement in statements}


def _grouped(
    statements: Sequence[Statement],
    shape: Callable[[Statement], str],
    join: Callable[[str, Sequence[Statement]], Statement],
) -> tuple[tuple[Statement, ...], dict[str, str]]:
    groups: dict[str, list[Statement]] = {}
    for statement in statements:
        groups.setdefault(shape(statement), []).append(statement)
    folded: list[Statement] = []
    renamed: dict[str, str] = {}
    taken = _sids(statements)
    for group in groups.values():
        if len(group) == 1:
            folded += group
            continue
        name = _common(group, taken)
        folded.append(join(name, group))
        renamed |= {statement.sid: name for statement in group}
    return tuple(folded), renamed


def _but_resources(statement: Statement) -> str:
    body = statement.json()
    del body["Sid"]
    if body.pop("Resource", None) is None:
        return statement.sid
    return _SORTED.encode(body)


def _but_prefixes(statement: Statement) -> str:
    if not isinstance(statement.conditions.get("StringLike", {}).get("s3:prefix"), list):
        return statement.sid
    body = {**statement.json(), "Sid": None}
    body["Condition"] = _without(statement.conditions, "StringLike", "s3:prefix")
    return _SORTED.encode(body)


def _wider(name: str, group: Sequence[Statement]) -> Statement:
    resources = [resource for statement in group for resource in statement.resources]
    kept = [r for index, r in enumerate(resources) if r not in resources[:index]]
    return replace(group[0], sid=name, resources=tuple(kept))


def _longer(name: str, group: Sequence[Statement]) -> Statement:
    first = group[0]
    prefixes: list[Value] = []
    for statement in group:
        listed = statement.conditions["StringLike"]["s3:prefix"]
        assert isinstance(listed, list), "only lists of prefixes are joined"
        prefixes += [prefix for prefix in listed if prefix not in prefixes]
    listing = {**first.conditions["StringLike"], "s3:prefix": prefixes}
    return replace(first, sid=name, conditions={**first.conditions, "StringLike": listing})


def _shape(statement: Statement) -> str:
    """What two statements must share to be folded; one that cannot be folded is alone with its sid."""
    if not isinstance(statement.principal, Mapping) or "AWS" not in statement.principal:
        return statement.sid
    role = _role(statement)
    if role is None and not str(statement.principal["AWS"]).endswith(":root"):
        # A role by its own ARN, of the same stack.
        return statement.sid
    body = statement.json()
    del body["Sid"], body["Principal"]
    body["narrowed"] = role is not None
    body["Condition"] = _without(statement.conditions, "ArnEquals", "aws:PrincipalArn")
    return _SORTED.encode(body)


def _alike(statements: Sequence[Statement]) -> Callable[[Statement], str]:
    """As `_shape`, and the accounts must have roles of the same names in what they share."""
    names: dict[tuple[str, str], set[str]] = {}
    for statement in statements:
        names.setdefault(_account(statement), set()).add(str(_role(statement)).rpartition(":")[2])
    return lambda statement: _SORTED.encode(
        [_shape(statement), *sorted(names[_account(statement)])]
    )


def _account(statement: Statement) -> tuple[str, str]:
    return _shape(statement), _SORTED.encode(statement.principal)


def _role(statement: Statement) -> Value:
    return statement.conditions.get("ArnEquals", {}).get("aws:PrincipalArn")


def _without(conditions: Conditions, operator: str, key: str) -> Conditions:
    kept = {
        each: {k: v for k, v in keys.items() if (each, k) != (operator, key)}
        for each, keys in conditions.items()
    }
    return {each: keys for each, keys in kept.items() if keys}


def _joined(name: str, group: Sequence[Statement]) -> Statement:
    roots: list[Value] = []
    roles: list[Value] = []
    for statement in group:
        assert isinstance(statement.principal, Mapping), "only those of accounts are folded"
        root, role = statement.principal["AWS"], _role(statement)
        roots += [root] if root not in roots else []
        roles += [role] if role and role not in roles else []
    first = group[0]
    conditions = {operator: dict(keys) for operator, keys in first.conditions.items()}
    if roles:
        conditions["ArnEquals"]["aws:PrincipalArn"] = roles
    return Statement(
        sid=name,
        actions=first.actions,
        effect=first.effect,
        principal={"AWS": roots[0] if len(roots) == 1 else roots},
        resources=first.resources,
        conditions=conditions,
    )


def _by_name(statement: Statement) -> Statement:
    """The statement with `arn:aws:iam::*:role/name` for the roles that each account in it has.

    The principals are the accounts, so that the pattern fits a role in each of them and no other.
    """
    roles = _role(statement)
    principal = statement.principal
    if not isinstance(roles, list) or not isinstance(principal, Mapping):
        return statement
    named = principal.get("AWS")
    roots = {str(each).split(":")[4] for each in (named if isinstance(named, list) else [named])}
    pairs = [str(role).split(":", 5) for role in roles]
    names = {(partition, rest) for _, partition, _, _, _, rest in pairs}
    if len(roles) < len(roots) * len(names) or len(roots) == 1:
        return statement
    patterns: list[Value] = [f"arn:{partition}:iam::*:{rest}" for partition, rest in sorted(names)]
    exact = _without(statement.conditions, "ArnEquals", "aws:PrincipalArn")
    like = {**exact.get("ArnLike", {}), "aws:PrincipalArn": patterns}
    return replace(statement, conditions={**exact, "ArnLike": like})


def _common(group: Sequence[Statement], taken: set[str]) -> str:
    """The words that all sids start and end with: what is left when the accounts are taken out."""
    words = [_WORD.findall(statement.sid) for statement in group]
    shortest = min(len(each) for each in words)
    start = 0
    while start < shortest and len({each[start] for each in words}) == 1:
        start += 1
    end = 0
    while end < shortest - start and len({each[-1 - end] for each in words}) == 1:
        end += 1
    name = "".join(words[0][:start] + words[0][len(words[0]) - end :])
    while not name or name in taken:
        name += "All"
    taken.add(name)
    return name
