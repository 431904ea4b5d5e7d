"""Selectors: how a blueprint names one or several accounts or projects.

A selector is a name, a list of names, `"**"` (everything), or a mapping of `unit`, `tags` and
`names`, all of which must hold, with `except` for what to leave out. It yields names in sorted
order; a written list keeps its order.
"""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any, TypeVar

from compiler.blueprint.shapes import problem
from compiler.diagnostics import nearest
from compiler.organization.records import Account, Project

Member = TypeVar("Member", Account, Project)

KEYS = ("except", "names", "tags", "unit")


def select(selector: object, members: Mapping[str, Member], noun: str) -> tuple[Member, ...]:
    """The members that the selector matches, at least one.

    `noun` is "account" or "project", for messages. Raises the pydantic error of `problem`:
    E301 for an unknown name, E302 for a selector without a match, E303 for a malformed one.
    """
    found = _matches(selector, members, noun)
    if not found:
        raise problem(
            "E302",
            f"selects no {noun}",
            f"{noun}s: {', '.join(members)}" if members else f"the blueprint declares no {noun}s",
        )
    return tuple(members[name] for name in found)


def _matches(selector: object, members: Mapping[str, Member], noun: str) -> list[str]:
    if isinstance(selector, str):
        return list(members) if selector == "**" else [_known(selector, members, noun)]
    if isinstance(selector, list):
        names = [_known(name, members, noun) for name in selector]
        _refuse_repeats(names, noun)
        return names
    if isinstance(selector, dict):
        return _filtered(selector, members, noun)
    raise problem("E303", f"must name {noun}s or select them by unit or tags", _FORM)


_FORM = 'a name, a list of names, {unit: workloads/*}, {tags: {env: prod}} or "**"'


def _known(name: object, members: Mapping[str, Member], noun: str) -> str:
    if not isinstance(name, str):
        raise problem("E303", f"must list names of {noun}s as text", _FORM)
    if name in members:
        return name
    guess = nearest(name, members)
    hint = f"known {noun}s: {', '.join(members)}" if members else f"declare it under {noun}s:"
    if "/" in name or "*" in name:
        hint = f"to select by unit, write {{unit: {name}}}"
    elif guess:
        hint = f'did you mean "{guess}", declared at {members[guess].span}?'
    raise problem("E301", f'names the unknown {noun} "{name}"', hint)


def _refuse_repeats(names: list[str], noun: str) -> None:
    for name in names:
        if names.count(name) > 1:
            raise problem("E303", f'names the {noun} "{name}" twice', "leave one of them out")


def _filtered(selector: dict[str, Any], members: Mapping[str, Member], noun: str) -> list[str]:
    for key in selector:
        if key not in KEYS:
            guess = nearest(str(key), KEYS)
            hint = f'did you mean "{guess}"?' if guess else f"known keys: {', '.join(KEYS)}"
            raise problem("E303", f'has no selector key "{key}"', hint)
    if not set(selector) - {"except"}:
        raise problem("E303", f"must say which {noun}s, not only which to leave out", _FORM)
    names = list(members)
    if "names" in selector:
        names = _matches(selector["names"], members, noun)
    if "unit" in selector:
        patterns = [_pattern(p) for p in _as_list(selector["unit"])]
        names = [n for n in names if any(in_unit(_steps(members[n].unit), p) for p in patterns)]
    if "tags" in selector:
        wanted = _wanted_tags(selector["tags"])
        names = [n for n in names if wanted.items() <= dict(members[n].tags).items()]
    if "except" in selector:
        left_out = set(_matches(selector["except"], members, noun))
        names = [n for n in names if n not in left_out]
    return names


def _steps(unit: str | None) -> list[str]:
    return unit.split("/") if unit else []


def _as_list(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


def _wanted_tags(value: object) -> dict[str, str]:
    if not isinstance(value, dict) or not value:
        raise problem("E303", "must give tags as a mapping", "{tags: {env: prod}}")
    return {str(key): str(item) for key, item in value.items()}


def _pattern(pattern: object) -> list[str]:
    if not isinstance(pattern, str) or not pattern:
        raise problem("E303", "must give the unit as text", "{unit: workloads/*}")
    return pattern.split("/")


def in_unit(steps: list[str], pattern: list[str]) -> bool:
    """Whether a unit path matches: `*` is one level or a part of its name, `**` any number of levels.

    >>> in_unit(["workloads"], ["workloads", "**"])
    True
    >>> in_unit(["workloads", "prod", "eu"], ["workloads", "*"])
    False
    """
    if not pattern:
        return not steps
    if pattern[0] == "**":
        return any(in_unit(steps[skip:], pattern[1:]) for skip in range(len(steps) + 1))
    return bool(steps) and fnmatchcase(steps[0], pattern[0]) and in_unit(steps[1:], pattern[1:])
