"""Accounts and projects with their settings inherited: defaults, each unit step, their own.

Takes the sections of the blueprint as trees, gives records; every problem is a diagnostic at the
line that says the value, also where it was inherited.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from compiler.blueprint import nodes
from compiler.blueprint.expressions import evaluate
from compiler.blueprint.models import AccountModel, ProjectModel, Settings
from compiler.blueprint.shapes import NAME, NAME_RULE, check
from compiler.diagnostics import Diagnostic, Span, nearest
from compiler.organization.records import Account, Project
from compiler.organization.regions import check_region
from compiler.organization.scope import Vars, unit_scope

SETTINGS = ("aws", "google", "tags", "vars")

Member = TypeVar("Member", Account, Project)
Model = TypeVar("Model", AccountModel, ProjectModel)


@dataclass(slots=True)
class Members:
    """Makes the records. One object for a blueprint; `diagnostics` fills as it goes.

    `organization` is the organisation as expressions see it, `extra_regions` the regions that the
    blueprint allows beside the dated table, by cloud.
    """

    defaults: nodes.Mapping
    units: nodes.Mapping
    organization: Mapping[str, object]
    extra_regions: Mapping[str, tuple[str, ...]]
    diagnostics: list[Diagnostic] = field(default_factory=list)
    _layers: dict[str | None, nodes.Mapping] = field(default_factory=dict)
    _inherited_errors: set[Span | None] = field(default_factory=set)

    def accounts(self, section: nodes.Mapping) -> dict[str, Account]:
        """The accounts by name, sorted."""
        return self._all(section, self._account, _unknown_account, "account")

    def projects(self, section: nodes.Mapping) -> dict[str, Project]:
        """The projects by name, sorted."""
        return self._all(section, self._project, _unknown_project, "project")

    def check_layers(self) -> None:
        """Report defaults and units whose own keys are wrong, whether or not an account uses them."""
        self._check_settings(self.defaults, "defaults", self.defaults.span)
        for path, entry in self.units.entries.items():
            if not re.fullmatch(r"[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*", path):
                self._report(
                    "E204",
                    f'unit "{path}" must be a path of names with / between them',
                    entry.key_span,
                )
            self._check_settings(entry.value, f'unit "{path}"', entry.key_span)

    def _check_settings(self, node: nodes.Node, what: str, owner: Span) -> None:
        _, found = check(Settings, node, what=what, owner=owner)
        self.diagnostics += found
        self._inherited_errors.update(d.span for d in found)

    def layers(self, unit: str | None) -> nodes.Mapping:
        """Defaults and the unit path's settings laid over each other."""
        if unit not in self._layers:
            merged = _settings(self.defaults)
            steps = unit.split("/") if unit else []
            for depth in range(1, len(steps) + 1):
                entry = self.units.entries.get("/".join(steps[:depth]))
                if entry and isinstance(entry.value, nodes.Mapping):
                    merged = nodes.merge(merged, _settings(entry.value))
            self._layers[unit] = merged
        return self._layers[unit]

    def _all(
        self,
        section: nodes.Mapping,
        make: Callable[[str, nodes.Entry], Member | None],
        stand_in: Callable[[str, Span], Member],
        noun: str,
    ) -> dict[str, Member]:
        members: dict[str, Member] = {}
        by_id: dict[str, Member] = {}
        # In written order, so that of two with one id the later is blamed.
        for name, entry in section.entries.items():
            if not re.fullmatch(NAME, name):
                self._report(
                    "E204", f'{noun} "{name}" must be named with {NAME_RULE}', entry.key_span
                )
                continue
            member = make(name, entry)
            members[name] = member or stand_in(name, entry.key_span)
            if member is None:
                continue
            first = by_id.setdefault(member.id, member)
            if first is not member:
                self._repeated(noun, first, member, entry)
        return dict(sorted(members.items()))

    def _repeated(self, noun: str, first: Member, member: Member, entry: nodes.Entry) -> None:
        identity = nodes.span_at(entry.value, ("id",))[0]
        self._report(
            "E307",
            f'{noun} "{member.name}" has the id {member.id} of {noun} "{first.name}"',
            identity,
            hint=f"two {noun}s cannot share an id",
            related=((f'"{first.name}"', first.span),),
        )

    def _account(self, name: str, entry: nodes.Entry) -> Account | None:
        what = f'account "{name}"'
        read = self._read(AccountModel, name, entry, what)
        if read is None:
            return None
        model, tree, values = read
        self._region(model.aws.region, "aws", tree, ("aws", "region"))
        return Account(
            name=name,
            id=model.id,
            unit=model.unit,
            region=model.aws.region,
            tags=model.tags,
            vars=values,
            span=entry.key_span,
            ou=self._own_ou(model.unit),
        )

    def _project(self, name: str, entry: nodes.Entry) -> Project | None:
        read = self._read(ProjectModel, name, entry, f'project "{name}"')
        if read is None:
            return None
        model, tree, values = read
        self._region(model.google.region, "google", tree, ("google", "region"))
        return Project(
            name=name,
            id=model.id,
            number=model.number,
            unit=model.unit,
            region=model.google.region,
            tags=model.tags,
            vars=values,
            span=entry.key_span,
        )

    def _own_ou(self, unit: str | None) -> str | None:
        """The id of the unit itself; a parent's id is another unit's."""
        entry = self.units.entries.get(unit or "")
        value = nodes.plain(entry.value) if entry else None
        aws = value.get("aws") if isinstance(value, dict) else None
        ou = aws.get("ou") if isinstance(aws, dict) else None
        return str(ou) if ou else None

    def _read(
        self,
        model: type[Model],
        name: str,
        entry: nodes.Entry,
        what: str,
    ) -> tuple[Model, nodes.Node, dict[str, object]] | None:
        if not isinstance(entry.value, nodes.Mapping):
            _, found = check(model, entry.value, what=what, owner=entry.key_span)
            self.diagnostics += found
            return None
        unit = self._unit(entry.value, what)
        tree = nodes.merge(self.layers(unit), entry.value)
        scope: dict[str, object] = {
            "organization": self.organization,
            "unit": unit_scope(unit),
            "account" if model is AccountModel else "project": {"name": name, **_own(entry.value)},
        }
        own_vars = tree.get("vars")
        values = Vars(own_vars.entries if isinstance(own_vars, nodes.Mapping) else {}, scope)
        settled = values.settle()
        self.diagnostics += values.diagnostics
        rest = nodes.Mapping({k: e for k, e in tree.entries.items() if k != "vars"}, tree.span)
        evaluated, found = evaluate(rest, {**scope, "vars": settled})
        self.diagnostics += found
        if found:
            return None
        assert isinstance(evaluated, nodes.Mapping), "a mapping evaluates to a mapping"
        if own_vars is not None and not isinstance(own_vars, nodes.Mapping):
            evaluated = nodes.merge(
                evaluated, nodes.Mapping({"vars": tree.entries["vars"]}, tree.span)
            )
        read, found = check(model, evaluated, what=what, owner=entry.key_span)
        # What defaults and units say wrongly is reported there once, not again for each account.
        self.diagnostics += [d for d in found if d.span not in self._inherited_errors]
        return None if read is None else (read, evaluated, settled)

    def _unit(self, node: nodes.Mapping, what: str) -> str | None:
        unit = node.get("unit")
        if not isinstance(unit, nodes.Scalar) or not isinstance(unit.value, str):
            return None
        if unit.value not in self.units.entries:
            guess = nearest(unit.value, self.units.entries)
            declared = self.units.entries[guess].key_span if guess else None
            self._report(
                "E306",
                f'{what} names the unknown unit "{unit.value}"',
                unit.span,
                hint=f'did you mean "{guess}", declared at {declared}?'
                if guess
                else "declare it under units:",
            )
        return unit.value

    def _region(
        self, region: str | None, cloud: str, tree: nodes.Node, path: tuple[str, ...]
    ) -> None:
        if region is not None:
            span = nodes.span_at(tree, path)[0]
            self.diagnostics += check_region(region, cloud, self.extra_regions[cloud], span)

    def _report(
        self,
        code: str,
        message: str,
        span: Span,
        hint: str | None = None,
        related: tuple[tuple[str, Span], ...] = (),
    ) -> None:
        self.diagnostics.append(
            Diagnostic(code=code, message=message, span=span, hint=hint, related=related)
        )


def _unknown_account(name: str, span: Span) -> Account:
    """Stands for an account whose own entry is wrong, so that components which name it are checked."""
    return Account(
        name=name, id="0" * 12, unit=None, region="us-east-1", tags={}, vars={}, span=span
    )


def _unknown_project(name: str, span: Span) -> Project:
    """Stands for a project whose own entry is wrong, so that components which name it are checked."""
    return Project(
        name=name,
        id="unknown",
        number=None,
        unit=None,
        region="us-central1",
        tags={},
        vars={},
        span=span,
    )


def _settings(node: nodes.Mapping) -> nodes.Mapping:
    """Only what is inherited; a unit's `ou` is its own."""
    entries = {key: entry for key, entry in node.entries.items() if key in SETTINGS}
    aws = entries.get("aws")
    if aws and isinstance(aws.value, nodes.Mapping) and "ou" in aws.value.entries:
        kept = {key: entry for key, entry in aws.value.entries.items() if key != "ou"}
        entries["aws"] = nodes.Entry(aws.key_span, nodes.Mapping(kept, aws.value.span))
    return nodes.Mapping(entries, node.span)


def _own(node: nodes.Mapping) -> dict[str, object]:
    """The account's own scalars, as expressions in its settings see them."""
    own = {key: entry.value for key, entry in node.entries.items()}
    return {key: value.value for key, value in own.items() if isinstance(value, nodes.Scalar)}
