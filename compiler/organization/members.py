"""Accounts and projects with their settings inherited: defaults, each unit step, their own.

Takes the sections of the blueprint as trees, gives records; every problem is a diagnostic at the
line that says the value, also where it was inherited.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from compiler.blueprint import nodes
from compiler.blueprint.models import UNIT_PATH, UNIT_RULE, AccountModel, ProjectModel, Settings
from compiler.blueprint.shapes import as_written, check
from compiler.diagnostics import Diagnostic, Span, nearest
from compiler.organization.findings import Findings, read
from compiler.organization.names import check_name
from compiler.organization.records import Account, Project
from compiler.organization.regions import Regions
from compiler.organization.scope import Scope, Vars, unit_scope

SETTINGS = ("aws", "google", "tags", "vars")
# What stands for the id of an account whose own is wrong: AWS gives no such id.
NO_ACCOUNT_ID, NO_PROJECT_ID = "0" * 12, "unknown"

Member = TypeVar("Member", Account, Project)


@dataclass(slots=True)
class _Read:
    """What could be read of an account or project; `model` is None where it has errors."""

    model: AccountModel | ProjectModel | None
    tree: nodes.Node
    unit: str | None
    vars: dict[str, object]
    sound: bool

    def text(self, *path: str) -> str | None:
        """A text of the evaluated tree, also where the rest has errors."""
        value: object = _mapping(self.tree)
        for step in path:
            value = value.get(step) if isinstance(value, dict) else None
        value = value.text if isinstance(value, nodes.WrittenInt) else value
        return value if isinstance(value, str) and value else None

    def identity(self, model: type[AccountModel | ProjectModel]) -> str | None:
        """The id, also where the rest has errors; None where it is no id itself."""
        entry = self.tree.entries.get("id") if isinstance(self.tree, nodes.Mapping) else None
        if entry is None:
            return None
        only = nodes.Mapping({"id": entry}, entry.key_span)
        made = check(model, only, what="id", owner=entry.key_span)[0]
        return made.id if made else None

    @property
    def tags(self) -> dict[str, str]:
        found = _mapping(self.tree).get("tags")
        return {k: str(v) for k, v in found.items()} if isinstance(found, dict) else {}


@dataclass(slots=True)
class Members:
    """Makes the records. One object for a blueprint; `findings` fills as it goes.

    An account with errors is made too, of what could be read, so that components which name it are
    checked; its `sound` is then false. `organization` is the organisation as expressions see it.
    """

    defaults: nodes.Mapping
    units: nodes.Mapping
    organization: Mapping[str, object]
    regions: Regions
    findings: Findings = field(default_factory=Findings)
    _layers: dict[str | None, nodes.Mapping] = field(default_factory=dict)

    def accounts(self, section: nodes.Mapping) -> dict[str, Account]:
        """The accounts by name, sorted."""
        return self._all(section, self._account, "account")

    def projects(self, section: nodes.Mapping) -> dict[str, Project]:
        """The projects by name, sorted."""
        return self._all(section, self._project, "project")

    def check_layers(self) -> None:
        """Report defaults and units whose own keys are wrong, whether or not an account uses them.

        Expressions are left to the accounts, which know what they see.
        """
        self._check_settings(self.defaults, "defaults", self.defaults.span)
        for path, entry in self.units.entries.items():
            if not UNIT_PATH.fullmatch(path):
                self.findings.report("E204", f'unit "{path}" must be {UNIT_RULE}', entry.key_span)
            self._check_settings(entry.value, f'unit "{path}"', entry.key_span, path)

    def _check_settings(self, node: nodes.Node, what: str, owner: Span, path: str = "") -> None:
        found = read(Settings, _without_expressions(node), {}, what=what, owner=owner)[2]
        self.findings.add(_by_path(diagnostic, node, path) for diagnostic in found)

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
        make: Callable[[str, nodes.Entry], Member],
        noun: str,
    ) -> dict[str, Member]:
        members: dict[str, Member] = {}
        first: dict[tuple[str, str], Member] = {}
        # In written order, so that of two with one id the later is blamed.
        for name, entry in section.entries.items():
            self.findings.add(check_name(noun, name, entry.key_span))
            member = members[name] = make(name, entry)
            number = member.number if isinstance(member, Project) else None
            known = None if member.id in (NO_ACCOUNT_ID, NO_PROJECT_ID) else member.id
            for key, value in (("id", known), ("number", number)):
                if value is None:
                    continue
                other = first.setdefault((key, value), member)
                if other is not member:
                    self._repeated(noun, (key, value), other, member, entry)
        return dict(sorted(members.items()))

    def _repeated(
        self, noun: str, same: tuple[str, str], first: Member, member: Member, entry: nodes.Entry
    ) -> None:
        key, value = same
        self.findings.report(
            "E307",
            f'{noun} "{member.name}" has the {key} {value} of {noun} "{first.name}"',
            nodes.span_at(entry.value, (key,))[0],
            hint=f"two {noun}s cannot share {'an' if key == 'id' else 'a'} {key}",
            related=((f'"{first.name}"', first.span),),
        )

    def _account(self, name: str, entry: nodes.Entry) -> Account:
        found = self._read(AccountModel, "account", name, entry)
        region = found.text("aws", "region")
        sound = self._region(region, "aws", found) and found.sound
        return Account(
            name=name,
            id=found.identity(AccountModel) or NO_ACCOUNT_ID,
            unit=found.unit,
            region=region,
            tags=found.tags,
            vars=found.vars,
            span=entry.key_span,
            ou=self._own_ou(found.unit),
            sound=sound,
        )

    def _project(self, name: str, entry: nodes.Entry) -> Project:
        found = self._read(ProjectModel, "project", name, entry)
        region = found.text("google", "region")
        sound = self._region(region, "google", found) and found.sound
        return Project(
            name=name,
            id=found.identity(ProjectModel) or NO_PROJECT_ID,
            number=found.model.number if isinstance(found.model, ProjectModel) else None,
            unit=found.unit,
            region=region,
            tags=found.tags,
            vars=found.vars,
            span=entry.key_span,
            sound=sound,
        )

    def _own_ou(self, unit: str | None) -> str | None:
        """The id of the unit itself; a parent's id is another unit's."""
        entry = self.units.entries.get(unit or "")
        value = nodes.plain(entry.value) if entry else None
        aws = value.get("aws") if isinstance(value, dict) else None
        ou = aws.get("ou") if isinstance(aws, dict) else None
        return str(ou) if ou else None

    def _read(
        self, model: type[AccountModel | ProjectModel], noun: str, name: str, entry: nodes.Entry
    ) -> _Read:
        what = f'{noun} "{name}"'
        if not isinstance(entry.value, nodes.Mapping):
            self.findings.add(read(model, entry.value, {}, what=what, owner=entry.key_span)[2])
            return _Read(None, nodes.Mapping({}, entry.key_span), None, {}, False)
        unit = self._unit(entry.value, what)
        tree = nodes.merge(self.layers(unit), entry.value)
        scope: Scope = {
            "organization": self.organization,
            "unit": unit_scope(unit),
            noun: {"name": name, **_own(entry.value)},
        }
        own_vars = tree.get("vars")
        values = Vars(own_vars.entries if isinstance(own_vars, nodes.Mapping) else {}, scope)
        settled = values.settle()
        left_out = ("vars",) if isinstance(own_vars, nodes.Mapping) else ()
        rest = {key: e for key, e in tree.entries.items() if key not in left_out}
        node, seen = nodes.Mapping(rest, tree.span), {**scope, "vars": settled}
        made, evaluated, found = read(model, node, seen, what=what, owner=entry.key_span)
        # What defaults and units say wrongly is told there once, not again for each account.
        self.findings.add((*values.diagnostics, *found))
        return _Read(made, evaluated, unit, settled, not (values.diagnostics or found))

    def _unit(self, node: nodes.Mapping, what: str) -> str | None:
        unit = node.get("unit")
        if not isinstance(unit, nodes.Scalar):
            return None
        path = as_written(unit.value)
        if not isinstance(path, str):
            return None
        if UNIT_PATH.fullmatch(path) and path not in self.units.entries:
            guess = nearest(path, self.units.entries)
            declared = self.units.entries[guess].key_span if guess else None
            self.findings.report(
                "E306",
                f'{what} names the unknown unit "{path}"',
                unit.span,
                hint=f'did you mean "{guess}", declared at {declared}?'
                if guess
                else "declare it under units:",
            )
        return path

    def _region(self, region: str | None, cloud: str, found: _Read) -> bool:
        if region is None or "{{" in region:
            return True
        span = nodes.span_at(found.tree, (cloud, "region"))[0]
        wrong = self.regions.check(region, cloud, span)
        self.findings.add(wrong)
        return not wrong


def _by_path(found: Diagnostic, node: nodes.Node, path: str) -> Diagnostic:
    """For a unit written inside another: how a unit within a unit is written."""
    entries = node.entries.items() if path and isinstance(node, nodes.Mapping) else ()
    for key, entry in entries:
        inner = isinstance(entry.value, nodes.Mapping) and found.span == entry.key_span
        misspelt = (found.hint or "").startswith("did you mean")
        if inner and found.code == "E202" and not misspelt:
            return replace(found, hint=f'a unit inside it is written "{path}/{key}", beside it')
    return found


def _mapping(node: nodes.Node) -> dict[str, object]:
    value = nodes.plain(node)
    return value if isinstance(value, dict) else {}


def _without_expressions(node: nodes.Node) -> nodes.Node:
    """The tree with only the keys whose values have no expression, for a check before evaluation."""
    if not isinstance(node, nodes.Mapping):
        return node
    kept = {
        key: nodes.Entry(entry.key_span, _without_expressions(entry.value))
        for key, entry in node.entries.items()
        if not nodes.has_template(entry.value) or isinstance(entry.value, nodes.Mapping)
    }
    return nodes.Mapping(kept, node.span)


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
