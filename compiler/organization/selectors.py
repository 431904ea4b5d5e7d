"""Selectors: how a blueprint names one or several accounts or projects.

A selector is a name, a list of names, `"**"` (everything), or a mapping of `unit`, `tags` and
`names`, all of which must hold, with `except` for what to leave out. It yields names in sorted
order; a written list keeps its order. Each part must match something in the organisation: a misspelt
one would silently select too little, or leave out too little.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from itertools import takewhile
from typing import Any, TypeVar

from compiler.blueprint.nodes import WrittenInt
from compiler.blueprint.validation import Finding, Path, hint_of_key, problem, problems
from compiler.blueprint.wording import quoted, written
from compiler.diagnostics import nearest
from compiler.organization.records import Account, Home, Organization, Project

Member = TypeVar("Member", Account, Project)

KEYS = ("except", "names", "tags", "unit")


def select_accounts(selector: object, organization: Organization) -> tuple[Account, ...]:
    """The accounts that the selector matches, at least one.

    Raises the pydantic error of `problems`: E301 for unknown names, E302 for what has no match, E303 for
    what is malformed.
    """
    return _select(selector, organization, organization.accounts, "account")


def select_projects(selector: object, organization: Organization) -> tuple[Project, ...]:
    """The projects that it matches, in the same way."""
    return _select(selector, organization, organization.projects, "project")


def _select(
    selector: object, organization: Organization, members: Mapping[str, Member], noun: str
) -> tuple[Member, ...]:
    """`noun` is "account" or "project", for messages."""
    found = _Selection(organization, members, noun)
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

    def __init__(
        self, organization: Organization, members: Mapping[str, Member], noun: str
    ) -> None:
        self.organization = organization
        self.members: Mapping[str, Home] = members
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
        if name == "*":
            return f'"**" selects every {noun}; {{unit: "*"}} those in a unit of the first level'
        if "/" in name or "*" in name:
            return f'to select by unit, write {{unit: "{name}"}}'
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
        names = list(self.members)
        if "names" in selector:
            names = self.names(selector["names"], (*at, "names"))
        if "unit" in selector:
            inside = self._in_units(selector["unit"], (*at, "unit"))
            names = [name for name in names if name in inside]
        if "tags" in selector:
            tagged = self._tagged(selector["tags"], (*at, "tags"))
            names = [name for name in names if name in tagged]
        if "except" in selector:
            left_out = self._left_out(selector["except"], (*at, "except"))
            names = [name for name in names if name not in left_out]
        return names

    def _in_units(self, value: object, at: Path) -> set[str]:
        """Who is in one of the units. A pattern for which there is no unit is a mistake in it."""
        patterns = value if isinstance(value, list) else [value]
        found: set[str] = set()
        for index, text in enumerate(patterns):
            if not isinstance(text, str) or not text:
                self._malformed("must be a unit's path", at, "{unit: workloads/*}")
                continue
            pattern = text.split("/")
            inside = {n for n, home in self.members.items() if in_unit(_steps(home.unit), pattern)}
            units = (None, *self.organization.units)
            if not inside and not any(in_unit(_steps(unit), pattern) for unit in units):
                place = (*at, index) if isinstance(value, list) else at
                hint = _other_unit(pattern, self.organization.units)
                self._unmatched(f"matches no unit: {quoted(text)}", place, hint)
            found |= inside
        return found

    def _tagged(self, value: object, at: Path) -> set[str]:
        """Who has all of the tags. One that nobody in the organisation has is a mistake in it."""
        if not isinstance(value, dict) or not value:
            self._malformed("must be a mapping of tags", at, "{tags: {env: prod}}")
            return set()
        wanted = {str(key): str(item) for key, item in value.items()}
        everybody = _everybody(self.organization)
        for key, item in wanted.items():
            # Of an account with errors not all tags are known.
            known = [home.tags[key] for home in everybody if key in home.tags]
            if item not in known and all(home.sound for home in everybody):
                tags = {tag for home in everybody for tag in home.tags}
                hint = _other_tag(key, item, sorted(set(known)), sorted(tags))
                self._unmatched(f"matches no {self.noun}: none has it", (*at, key), hint)
        return {n for n, home in self.members.items() if wanted.items() <= dict(home.tags).items()}

    def _left_out(self, value: object, at: Path) -> set[str]:
        """Who is left out. What leaves out nobody at all would let in whom it was meant for."""
        before = len(self.findings)
        found = set(self.names(value, at))
        if found or value == [] or not self.members or len(self.findings) > before:
            return found
        if not (isinstance(value, dict) and self._is_elsewhere(value)):
            self._unmatched(f"matches no {self.noun}", at, "correct it, or leave it out")
        return found

    def _is_elsewhere(self, selector: Mapping[str, Any]) -> bool:
        """Whether it matches what is there, if of the other cloud, or a unit that is still empty."""
        wanted, unit = selector.get("tags", {}), selector.get("unit", "**")
        tags = {str(key): str(item) for key, item in wanted.items()}
        patterns = [text.split("/") for text in (unit if isinstance(unit, list) else [unit])]
        everybody = _everybody(self.organization)
        inhabited = {home.unit for home in everybody}
        places = [(home.unit, dict(home.tags)) for home in everybody]
        places += [(unit, {}) for unit in self.organization.units if unit not in inhabited]
        return any(
            tags.items() <= own.items() and any(in_unit(_steps(at), each) for each in patterns)
            for at, own in places
        )

    def _unmatched(self, message: str, at: Path, hint: str) -> None:
        self.findings.append(Finding("E302", message, hint, at))

    def _malformed(self, message: str, at: Path, hint: str | None = None) -> None:
        self.findings.append(Finding("E303", message, hint or _FORM, at))


_FORM = 'a name, a list of names, {unit: workloads/*}, {tags: {env: prod}} or "**"'


def _everybody(organization: Organization) -> list[Home]:
    return [*organization.accounts.values(), *organization.projects.values()]


def _other_unit(pattern: list[str], units: Sequence[str]) -> str:
    """The unit that is probably meant, with the part of the pattern that has no `*` mended."""
    if not units:
        return "no unit is declared under units:"
    fixed = list(takewhile(lambda step: "*" not in step, pattern))
    known = {"/".join(unit.split("/")[: len(fixed)]) for unit in units}
    guess = nearest("/".join(fixed), sorted(known if fixed != pattern else units))
    meant = "/".join([guess, *pattern[len(fixed) :]]) if guess else ""
    sure = meant and any(in_unit(_steps(unit), meant.split("/")) for unit in units)
    return f'did you mean "{meant}"?' if sure else f"units: {', '.join(units)}"


def _other_tag(key: str, value: str, values: list[str], tags: list[str]) -> str:
    """The tag, or its value, that is probably meant."""
    if values:
        guess = nearest(value, values)
        return f'did you mean "{guess}"?' if guess else f"values of {key}: {', '.join(values)}"
    guess = nearest(key, tags)
    if guess:
        return f'did you mean "{guess}"?'
    return f"tags: {', '.join(tags)}" if tags else "nobody has tags"


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
