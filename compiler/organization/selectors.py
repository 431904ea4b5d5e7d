"""Selectors: how a blueprint names one or several accounts or projects.

A selector is a name, a list of names, `"**"` (everything), or a mapping of `unit`, `tags` and
`names`, all of which must hold, with `except` for what to leave out. It yields names in sorted
order; a written list keeps its order.
"""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any, TypeVar

from compiler.blueprint.nodes import WrittenInt
from compiler.blueprint.validation import Finding, Path, hint_of_key, problem, problems
from compiler.blueprint.wording import quoted, written
from compiler.diagnostics import nearest
from compiler.organization.records import Account, Project

Member = TypeVar("Member", Account, Project)

KEYS = ("except", "names", "tags", "unit")


def select(selector: object, members: Mapping[str, Member], noun: str) -> tuple[Member, ...]:
    """The members that the selector matches, at least one.

    `noun` is "account" or "project", for messages. Raises the pydantic error of `problems`:
    E301 for unknown names, E302 for a selector without a match, E303 for a malformed one.
    """
    found = _Selection(members, noun)
    names = found.names(selector, ())
    if found.findings:
        raise problems(found.findings)
    if not names:
        raise problem("E302", f"selects no {noun}", _why_empty(selector, members, noun))
    return tuple(members[name] for name in names)


def _why_empty(selector: object, members: Mapping[str, Member], noun: str) -> str:
    if not members:
        return f"the blueprint declares no {noun}s"
    if selector == []:
        return f"name at least one; {noun}s: {', '.join(members)}"
    if isinstance(selector, dict) and "unit" in selector:
        units = sorted({member.unit for member in members.values() if member.unit})
        return f"units with {noun}s: {', '.join(units)}" if units else f"no {noun} is in a unit"
    return f"{noun}s: {', '.join(members)}"


class _Selection:
    """Reads one selector; `findings` fills as it goes, each with the path to the part to blame."""

    def __init__(self, members: Mapping[str, Member], noun: str) -> None:
        self.members: Mapping[str, Account | Project] = members
        self.noun = noun
        self.findings: list[Finding] = []

    def names(self, selector: object, at: Path) -> list[str]:
        """The names that match, those that are known."""
        if isinstance(selector, str):
            return list(self.members) if selector == "**" else self._known(selector, at)
        if isinstance(selector, list):
            return self._listed(selector, at)
        if isinstance(selector, dict):
            return self._filtered(selector, at)
        self._malformed(f"must name {self.noun}s or select them by unit or tags", at)
        return []

    def _listed(self, items: list[object], at: Path) -> list[str]:
        names: list[str] = []
        for index, item in enumerate(items):
            for name in self._known(item, (*at, index)):
                if name in names:
                    self._malformed(
                        f'names the {self.noun} "{name}" twice', (*at, index), "leave one out"
                    )
                names.append(name)
        return names

    def _known(self, name: object, at: Path) -> list[str]:
        if isinstance(name, WrittenInt):
            name = name.text
        if not isinstance(name, str):
            self._malformed(f"must be the name of one {self.noun}, not {written(name)}", at)
            return []
        if name in self.members:
            return [name]
        message = f"names the unknown {self.noun} {quoted(name)}"
        self.findings.append(Finding("E301", message, self._instead_of(name), at))
        return []

    def _instead_of(self, name: str) -> str:
        members, noun = self.members, self.noun
        by_id = next((known for known, member in members.items() if member.id == name), None)
        guess = nearest(name, members)
        if by_id:
            return f'that is the id of "{by_id}", declared at {members[by_id].span}: write the name'
        if "/" in name or "*" in name:
            return f"to select by unit, write {{unit: {name}}}"
        if guess:
            return f'did you mean "{guess}", declared at {members[guess].span}?'
        return f"known {noun}s: {', '.join(members)}" if members else f"declare it under {noun}s:"

    def _filtered(self, selector: dict[str, Any], at: Path) -> list[str]:
        for key in selector:
            if key not in KEYS:
                hint = hint_of_key(key, KEYS)
                found = Finding("E303", "is no key of a selector", hint, (*at, key), on_key=True)
                self.findings.append(found)
        if not set(selector) - {"except"}:
            self._malformed(f"must say which {self.noun}s, not only which to leave out", at)
        members, names = self.members, list(self.members)
        if "names" in selector:
            names = self.names(selector["names"], (*at, "names"))
        if "unit" in selector:
            patterns = self._patterns(selector["unit"], (*at, "unit"))
            names = [n for n in names if any(in_unit(_steps(members[n].unit), p) for p in patterns)]
        if "tags" in selector:
            wanted = self._tags(selector["tags"], (*at, "tags"))
            names = [n for n in names if wanted.items() <= dict(members[n].tags).items()]
        if "except" in selector:
            left_out = set(self.names(selector["except"], (*at, "except")))
            names = [n for n in names if n not in left_out]
        return names

    def _tags(self, value: object, at: Path) -> dict[str, str]:
        if not isinstance(value, dict) or not value:
            self._malformed("must be a mapping of tags", at, "{tags: {env: prod}}")
            return {}
        return {str(key): str(item) for key, item in value.items()}

    def _patterns(self, value: object, at: Path) -> list[list[str]]:
        patterns = value if isinstance(value, list) else [value]
        found = [p.split("/") for p in patterns if isinstance(p, str) and p]
        if len(found) < len(patterns):
            self._malformed("must be a unit's path", at, "{unit: workloads/*}")
        return found

    def _malformed(self, message: str, at: Path, hint: str | None = None) -> None:
        self.findings.append(Finding("E303", message, hint or _FORM, at))


_FORM = 'a name, a list of names, {unit: workloads/*}, {tags: {env: prod}} or "**"'


def _steps(unit: str | None) -> list[str]:
    return unit.split("/") if unit else []


def in_unit(steps: list[str], pattern: list[str]) -> bool:
    """Whether a unit path matches: `*` is one level or a part of its name, `**` any number of levels.

    >>> in_unit(["workloads"], ["workloads", "**"])
    True
    >>> in_unit(["workloads", "prod", "eu"], ["workloads", "*"])
    False
    """
    # All places in the pattern that the steps so far may have led to.
    places = _after_any_levels({0}, pattern)
    for step in steps:
        reached = {place for place in places if pattern[place : place + 1] == ["**"]}
        reached |= {
            p + 1 for p in places - reached if p < len(pattern) and fnmatchcase(step, pattern[p])
        }
        places = _after_any_levels(reached, pattern)
    return len(pattern) in places


def _after_any_levels(places: set[int], pattern: list[str]) -> set[int]:
    """The places and those behind each `**` there, which may match no level."""
    found = set(places)
    for place in range(len(pattern)):
        if place in found and pattern[place] == "**":
            found.add(place + 1)
    return found
