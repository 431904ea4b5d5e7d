"""What a blueprint lacks of a live organisation.

Takes the organisation and the blueprint's world and tree, gives an `Update`. Accounts are the same
where their ids are, units where their `aws.ou` is, or else, for one without, where their path is. What
a person wrote stays as it is: the update adds what is missing, follows an account from one unit with an
`ou` to another, and notes the rest.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from compiler.blueprint import nodes
from compiler.diagnostics import Diagnostic, Span
from compiler.importing.codes import OTHER_ORGANIZATION
from compiler.importing.names import (
    ACCOUNT_LENGTH,
    UNIT_LENGTH,
    account_base,
    distinct,
    slug,
    unit_base,
)
from compiler.importing.records import (
    ACTIVE,
    Change,
    Given,
    LiveAccount,
    LiveOrganization,
    LiveUnit,
    Note,
    Update,
)
from compiler.organization.records import Account, Organization

_LONGEST_KEY, _LONGEST_VALUE = 128, 256


def same_organization(
    live: LiveOrganization, known: Organization, root: nodes.Mapping
) -> tuple[Diagnostic, ...]:
    """Whether the blueprint may be about the organisation that was read; where not, why."""
    found = []
    written = {"id": (known.aws_id, live.id)}
    if nodes.span_at(root, ("organization", "aws", "partition"))[1]:
        written["partition"] = (known.partition, live.partition)
    for key, (ours, theirs) in written.items():
        if ours is not None and ours != theirs:
            found.append(
                Diagnostic(
                    code=OTHER_ORGANIZATION,
                    message=f'the blueprint\'s {key} is "{ours}", and AWS says "{theirs}"',
                    span=nodes.span_at(root, ("organization", "aws", key))[0],
                    hint="name the profile of the right organisation with --profile",
                )
            )
    return tuple(found)


def match(
    live: LiveOrganization,
    known: Organization,
    root: nodes.Mapping,
    *,
    tags: tuple[str, ...] = ("*",),
) -> Update:
    """What to add so that the blueprint holds the organisation.

    `known` and `root` are the blueprint's, the second as it is written. `tags` are patterns of the
    keys that are wanted.
    """
    matching = _Matching(live, known, root, tags)
    matching.organization()
    matching.units()
    matching.changes.sort(key=lambda change: change.path)
    matching.accounts()
    matching.management()
    return Update(changes=tuple(matching.changes), notes=tuple(matching.notes))


@dataclass(slots=True)
class _Matching:
    live: LiveOrganization
    known: Organization
    root: nodes.Mapping
    wanted: tuple[str, ...]
    changes: list[Change] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    # The unit's path for the id of a root or an OU; a root has one only where a unit says so.
    paths: dict[str, str] = field(default_factory=dict)
    # What the accounts are called in the blueprint, those that come new as well, by their ids.
    names: dict[str, str] = field(default_factory=dict)

    def organization(self) -> None:
        if self.known.aws_id is None:
            self._change(("organization", "aws", "id"), self.live.id)
        if self.known.partition != self.live.partition:
            self._change(("organization", "aws", "partition"), self.live.partition)

    def management(self) -> None:
        """Say which account is the management account; the blueprint may say another."""
        name, said = self.names.get(self.live.management), self.known.management_account
        if said is None and name is not None:
            self._change(("organization", "aws", "management_account"), name)
        elif said is not None and said != name:
            place = ("organization", "aws", "management_account")
            message = f'the management account is "{name or self.live.management}" in AWS'
            message += f', and "{said}" here'
            self._note("management-differs", message, nodes.span_at(self.root, place)[0])

    # ---- Units

    def units(self) -> None:
        section = _entries(self.root, "units")
        linked = {ou: path for path, entry in reversed(section.items()) if (ou := _ou(entry))}
        self.paths = {id: path for id, path in linked.items() if id in self.live.roots}
        free = {path.lower(): path for path in section if path not in linked.values()}
        for parent, below in self._by_parent():
            new = {unit.id: unit for unit in below if unit.id not in linked}
            self.paths |= {unit.id: linked[unit.id] for unit in below if unit.id in linked}
            above = self.paths.get(parent)
            for unit in list(new.values()):
                path = free.pop(_joined(above, unit_base(unit.name, unit.id)).lower(), None)
                if path is not None:
                    self.paths[unit.id] = path
                    self._change(("units", path, "aws", "ou"), unit.id)
                    del new[unit.id]
            self._new_units(above, new, {*section, *self.paths.values()})
            self._moved(above, below, linked)
        for ou, path in sorted(linked.items()):
            if ou not in self.paths:
                message = f'unit "{path}": {ou} is not in the organisation any more'
                self._note("unit-gone", message, section[path].key_span)

    def _by_parent(self) -> Iterator[tuple[str, list[LiveUnit]]]:
        """Parents first; the units come in that order."""
        below: dict[str, list[LiveUnit]] = {}
        for unit in self.live.units:
            below.setdefault(unit.parent, []).append(unit)
        yield from below.items()

    def _new_units(self, above: str | None, new: Mapping[str, LiveUnit], taken: set[str]) -> None:
        prefix = f"{above}/" if above else ""
        siblings = {path.removeprefix(prefix) for path in taken if path.startswith(prefix)}
        bases = {id: unit_base(unit.name, id) for id, unit in new.items()}
        names = distinct(bases, siblings, UNIT_LENGTH)
        for id, unit in new.items():
            path = self.paths[id] = _joined(above, names[id])
            comment = _shown(unit.name) if names[id] != slug(unit.name, "_") else ""
            self._change(("units", path), {"aws": {"ou": id}}, comment)

    def _moved(self, above: str | None, below: list[LiveUnit], linked: Mapping[str, str]) -> None:
        section = _entries(self.root, "units")
        for unit in below:
            path = linked.get(unit.id)
            if path is not None and path.rpartition("/")[0] != (above or ""):
                place = f'below "{above}"' if above else "at the top"
                message = f'unit "{path}": {unit.id} ("{_shown(unit.name)}") is {place} in AWS'
                self._note("unit-elsewhere", message, section[path].key_span)

    # ---- Accounts

    def accounts(self) -> None:
        by_id = {account.id: account for account in self.known.accounts.values()}
        self.names = {id: account.name for id, account in by_id.items()}
        new = {}
        for account in self.live.accounts:
            ours = by_id.pop(account.id, None)
            if ours is not None:
                self._known_account(account, ours)
            elif account.state == ACTIVE:
                new[account.id] = account
            else:
                self._left_out(account)
        bases = {id: account_base(account.name) for id, account in new.items()}
        names = distinct(bases, self.known.accounts, ACCOUNT_LENGTH)
        # Sorted as a reader looks for them: by unit, then by name.
        for id in sorted(new, key=lambda id: (self.paths.get(new[id].parent, ""), names[id])):
            self._new_account(names[id], new[id])
        for ours in sorted(by_id.values(), key=lambda account: account.name):
            message = f'account "{ours.name}" ({ours.id}) is not in the organisation'
            self._note("account-gone", message, ours.span)

    def _left_out(self, account: LiveAccount) -> None:
        message = f'account "{_shown(account.name)}" ({account.id}) is {_state(account)}: left out'
        self._note("account-left-out", message)

    def _new_account(self, name: str, account: LiveAccount) -> None:
        given: dict[str, Given] = {"id": account.id}
        unit = self.paths.get(account.parent)
        if unit is not None:
            given["unit"] = unit
        above = self._inherited(unit)
        tags = {key: value for key, value in self._tags(account) if above.get(key) != value}
        if tags:
            given["tags"] = tags
        comment = _shown(account.name) if name != slug(account.name) else ""
        self._change(("accounts", name), given, comment)
        self.names[account.id] = name

    def _known_account(self, account: LiveAccount, ours: Account) -> None:
        if account.state != ACTIVE:
            message = f'account "{ours.name}" ({ours.id}) is {_state(account)} in AWS'
            self._note("account-not-active", message, ours.span)
        self._unit_of(ours, self.paths.get(account.parent))
        for key, value in self._tags(account):
            if key not in ours.tags:
                self._change(("accounts", ours.name, "tags", key), value)
            elif ours.tags[key] != value and "{{" not in ours.tags[key]:
                message = (
                    f'account "{ours.name}": the tag {_shown(key)} is "{_shown(value)}" in AWS, '
                    f'and "{_shown(ours.tags[key])}" here'
                )
                self._note("tag-differs", message, ours.span)

    def _unit_of(self, ours: Account, unit: str | None) -> None:
        """Follow an account from one unit to another; one that a person made up stays."""
        place = nodes.span_at(self.root, ("accounts", ours.name, "unit"))[0]
        if ours.unit is None:
            if unit is not None:
                self._change(("accounts", ours.name, "unit"), unit)
        elif ours.unit != unit and ours.unit in self.paths.values():
            if unit is not None:
                self._change(("accounts", ours.name, "unit"), unit, replaces=True)
            else:
                message = f'account "{ours.name}" is in no unit in AWS, and in "{ours.unit}" here'
                self._note("account-at-root", message, place)

    # ---- Tags

    def _tags(self, account: LiveAccount) -> Iterator[tuple[str, str]]:
        """Those that are wanted and that a blueprint can hold, sorted."""
        for key, value in sorted(account.tags.items()):
            # AWS's own; nobody can set such a key.
            if key.lower().startswith("aws:"):
                continue
            if not any(fnmatchcase(key, pattern) for pattern in self.wanted):
                continue
            reason = _unfit(key, value)
            if reason:
                message = f"account {account.id}: the tag {_shown(key)} is left out: {reason}"
                self._note("tag-left-out", message)
            else:
                yield key, value

    def _inherited(self, unit: str | None) -> dict[str, str]:
        """The tags that defaults and units give, as they are written."""
        steps = unit.split("/") if unit else []
        places: list[tuple[str, ...]] = [("defaults",)]
        places += [("units", "/".join(steps[:depth])) for depth in range(1, len(steps) + 1)]
        found: dict[str, str] = {}
        for place in places:
            tags = nodes.plain(_at(self.root, (*place, "tags")))
            found |= {k: str(v) for k, v in tags.items()} if isinstance(tags, dict) else {}
        return found

    def _change(
        self, path: tuple[str, ...], value: Given, comment: str = "", *, replaces: bool = False
    ) -> None:
        self.changes.append(Change(path=path, value=value, comment=comment, replaces=replaces))

    def _note(self, kind: str, message: str, span: Span | None = None) -> None:
        self.notes.append(Note(kind=kind, message=message, span=span))


def _unfit(key: str, value: str) -> str:
    """Why a tag cannot stand in a blueprint, or ""."""
    if not key or not value:
        return "it is empty"
    if len(key) > _LONGEST_KEY or len(value) > _LONGEST_VALUE:
        return "it is too long"
    if any(not character.isprintable() for character in key + value):
        return "it holds control characters"
    if any(mark in key + value for mark in ("{{", "{%", "{#")):
        return "it would be read as an expression"
    return ""


def _state(account: LiveAccount) -> str:
    return account.state.lower().replace("_", " ")


def _shown(text: str) -> str:
    """Text of others in a message or a comment: one line, nothing that is not printed."""
    return re.sub(r"\s+", " ", "".join(c if c.isprintable() else " " for c in text)).strip()


def _joined(above: str | None, step: str) -> str:
    return f"{above}/{step}" if above else step


def _at(node: nodes.Node, path: tuple[str, ...]) -> nodes.Node:
    for step in path:
        found = node.get(step) if isinstance(node, nodes.Mapping) else None
        if found is None:
            return nodes.Mapping({}, node.span)
        node = found
    return node


def _entries(root: nodes.Mapping, key: str) -> dict[str, nodes.Entry]:
    node = root.get(key)
    return node.entries if isinstance(node, nodes.Mapping) else {}


def _ou(entry: nodes.Entry) -> str | None:
    found = nodes.plain(_at(entry.value, ("aws", "ou")))
    return found if isinstance(found, str) else None
