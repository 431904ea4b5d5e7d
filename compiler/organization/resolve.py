"""From a blueprint's tree to the organisation and its components.

Takes the merged root mapping and the kinds, gives a `World`: everything inherited, evaluated and
checked. All problems of all sections are reported together; where a section is too broken to go
on with, what depends on it is left unchecked rather than blamed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from compiler.access.codes import CODES, TUNABLE
from compiler.access.rules.records import Tuning
from compiler.blueprint import nodes
from compiler.blueprint.expressions import evaluate
from compiler.blueprint.models import (
    BlueprintModel,
    DeployModel,
    OrganizationModel,
    ProvidersModel,
    RuleCode,
    RuleException,
    StackPath,
    StateModel,
)
from compiler.blueprint.shapes import Model, Shape, check
from compiler.blueprint.validation import hint_of_key
from compiler.blueprint.wording import quoted, written
from compiler.diagnostics import Diagnostic, Span, has_errors, nearest
from compiler.organization.components import Components
from compiler.organization.findings import read
from compiler.organization.kind import Kind
from compiler.organization.members import Members
from compiler.organization.names import check_reserved
from compiler.organization.records import Account, Component, Deploy, Organization, Project, State
from compiler.organization.regions import Regions
from compiler.organization.scope import Scope, Vars, home_scope

LANGUAGE = 1
# What every blueprint has, and how to write it.
REQUIRED = {
    "landform": f"start it with landform: {LANGUAGE}, the version of the language",
    "organization": "organization: {name: acme}",
}
# Source: IAM, "Types of service accounts": a project's own, and those that Google makes in it.
SERVICE_ACCOUNT = re.compile(r"[a-z0-9][a-z0-9.-]*@(?:[a-z0-9.-]+\.)?gserviceaccount\.com")
# Stands for an organisation whose own words are wrong, so that the rest is checked.
UNKNOWN = OrganizationModel(name="unknown")


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A checked blueprint. `removed` maps the paths of stacks to be destroyed to where it says so;
    `exceptions` maps exceptions from rules about policies to where they are written; `span` is where
    the organisation is named. `unsound` are the names of components that have errors and are left out.
    """

    organization: Organization
    components: tuple[Component, ...]
    removed: Mapping[str, Span]
    exceptions: Mapping[Tuning, Span]
    span: Span
    unsound: frozenset[str] = frozenset()


def resolve(
    root: nodes.Mapping, kinds: Mapping[str, Kind]
) -> tuple[World | None, tuple[Diagnostic, ...]]:
    """The blueprint as records; None where there are errors in what all components depend on."""
    resolver = _Resolver(root, kinds)
    world = resolver.world()
    return (world if resolver.sound else None), tuple(resolver.diagnostics)


@dataclass(slots=True)
class _Resolver:
    root: nodes.Mapping
    kinds: Mapping[str, Kind]
    diagnostics: list[Diagnostic] = field(default_factory=list)
    # Without errors in what all components depend on.
    sound: bool = True

    def world(self) -> World | None:
        self._check_root()
        organization = self._section("organization", OrganizationModel, {}) or UNKNOWN
        name_span = nodes.span_at(self.root, ("organization", "name"))[0]
        self.diagnostics += check_reserved("organization", organization.name, name_span)
        seen: dict[str, object] = {
            "name": organization.name,
            "aws": organization.aws.model_dump(),
            "google": organization.google.model_dump(),
        }
        base: Scope = {"organization": seen}
        regions = Regions(
            partition=organization.aws.partition,
            extra_aws=organization.aws.regions,
            extra_google=organization.google.regions,
        )
        members = Members(self._mapping("defaults"), self._mapping("units"), seen, regions)
        members.check_layers()
        accounts = members.accounts(self._mapping("accounts"))
        projects = members.projects(self._mapping("projects"))
        self.diagnostics += members.findings.all
        record = Organization(
            name=organization.name,
            partition=organization.aws.partition,
            aws_id=organization.aws.id,
            google_id=organization.google.id,
            google_domain=organization.google.domain,
            units=tuple(sorted(self._mapping("units").entries)),
            accounts=accounts,
            projects=projects,
            deploy=self._deploy(base, projects),
            state=self._state(base, regions),
            providers=self._providers(base),
            regions=(*organization.aws.regions, *organization.google.regions),
            management_account=self._management_account(organization, accounts),
        )
        self.sound = not has_errors(self.diagnostics)
        components, unmade = self._components(record, members, base, regions)
        made = {*unmade, *(component.name for component in components)}
        return World(
            organization=replace(record, unmade=unmade),
            components=components,
            removed=self._removed(record),
            exceptions=self._exceptions(),
            span=name_span,
            unsound=frozenset(self._mapping("components").entries.keys() - made),
        )

    def _management_account(
        self, organization: OrganizationModel, accounts: Mapping[str, Account]
    ) -> str | None:
        """The account that manages the organisation, which must be one of the blueprint's."""
        name = organization.aws.management_account
        # What cannot be read may declare it.
        if name is not None and name not in accounts and self._is_mapping("accounts"):
            at = ("organization", "aws", "management_account")
            message = f'"{".".join(at)}" names the unknown account "{name}"'
            guess = nearest(name, list(accounts))
            hint = f'did you mean "{guess}", declared at {accounts[guess].span}?' if guess else None
            self._report("E301", message, nodes.span_at(self.root, at)[0], hint)
        return name

    def _check_root(self) -> None:
        known = list(BlueprintModel.model_fields)
        meant: set[str | None] = set()
        for key, entry in self.root.entries.items():
            if key not in known:
                meant.add(nearest(key, known))
                message = f'the blueprint has no key "{key}"'
                self._report("E202", message, entry.key_span, hint_of_key(key, known))
        for key, hint in REQUIRED.items():
            if key not in self.root.entries and key not in meant:
                # The first key: a file may start with a long comment.
                first = next(iter(self.root.entries.values()), None)
                place = first.key_span if first else self.root.span
                self._report("E201", f'the blueprint lacks "{key}"', place, hint)
        version = self.root.get("landform")
        if version is not None and not _is_language(version):
            what = written(nodes.plain(version))
            self._report(
                "E315",
                f'"landform" must be {LANGUAGE}, the version of the language, not {what}',
                version.span,
                f"write landform: {LANGUAGE}",
            )

    def _section(self, key: str, model: type[Model], scope: Scope) -> Model | None:
        entry = self.root.entries.get(key)
        if entry is None:
            return None
        made, _, found = read(model, entry.value, scope, what=key, owner=entry.key_span)
        self.diagnostics += found
        return made

    def _mapping(self, key: str) -> nodes.Mapping:
        """The section, empty if it is absent or (with a report) not a mapping."""
        entry = self.root.entries.get(key)
        if entry is None or (isinstance(entry.value, nodes.Scalar) and entry.value.value is None):
            return nodes.Mapping({}, entry.key_span if entry else self.root.span)
        if not isinstance(entry.value, nodes.Mapping):
            message = f'"{key}" must be a mapping, not {written(nodes.plain(entry.value))}'
            if not any(d.message == message for d in self.diagnostics):
                by_name = isinstance(entry.value, nodes.Sequence) and "write each below its name"
                self._report("E203", message, entry.value.span, by_name or None)
            return nodes.Mapping({}, entry.key_span)
        return entry.value

    def _is_mapping(self, key: str) -> bool:
        node = self.root.get(key)
        empty = node is None or (isinstance(node, nodes.Scalar) and node.value is None)
        return empty or isinstance(node, nodes.Mapping)

    def _deploy(self, scope: Scope, projects: Mapping[str, Project]) -> Deploy:
        entry = self.root.entries.get("deploy")
        if entry is None:
            return Deploy()
        # The service account is evaluated for each project, the rest once.
        once, each = _without(entry.value, ("google", "service_account"))
        made, _, found = read(DeployModel, once, scope, what="deploy", owner=entry.key_span)
        self.diagnostics += found
        if made is None:
            return Deploy()
        agents: dict[str, str] = {}
        for name, project in projects.items() if each else ():
            assert each is not None
            value, found = evaluate(each, home_scope(project, scope["organization"]))  # type: ignore[arg-type]
            agents[name] = str(nodes.plain(value))
            if project.sound and not found:
                found = self._service_account(agents[name], each.span)
            self.diagnostics += found
        defaults = Deploy()
        return Deploy(
            aws_role=made.aws.role if made.aws else None,
            aws_bootstrap_role=made.aws.bootstrap_role if made.aws else defaults.aws_bootstrap_role,
            google_service_accounts=agents,
        )

    def _service_account(self, address: str, span: Span) -> tuple[Diagnostic, ...]:
        """What is wrong with the address, if nothing was said of it for another project."""
        message = (
            f'deploy: "google.service_account" must be the e-mail address of a service account, not '
            f"{quoted(address)}"
        )
        told = any(d.span == span for d in self.diagnostics)
        if told or SERVICE_ACCOUNT.fullmatch(address):
            return ()
        hint = 'for example "terraform@{{ project.id }}.iam.gserviceaccount.com"'
        return (Diagnostic(code="E204", message=message, span=span, hint=hint),)

    def _state(self, scope: Scope, regions: Regions) -> State:
        made = self._section("state", StateModel, scope) or StateModel()
        if made.aws:
            span = nodes.span_at(self.root, ("state", "aws", "region"))[0]
            self.diagnostics += regions.check(made.aws.region, "aws", span)
        return State(
            aws_bucket=made.aws.bucket if made.aws else None,
            aws_region=made.aws.region if made.aws else None,
            google_bucket=made.google.bucket if made.google else None,
        )

    def _providers(self, scope: Scope) -> dict[str, str]:
        made = self._section("providers", ProvidersModel, scope) or ProvidersModel()
        return {"aws": made.aws, "google": made.google}

    def _components(
        self,
        organization: Organization,
        members: Members,
        base: Scope,
        regions: Regions,
    ) -> tuple[tuple[Component, ...], Mapping[str, Span]]:
        """Those that are made, and where the others say that they are not."""
        defaults = members.layers(None)
        vars_node = defaults.get("vars")
        entries = vars_node.entries if isinstance(vars_node, nodes.Mapping) else {}
        # A variable of the defaults that needs an account is no error before an account is known.
        scope: Scope = {**base, "vars": Vars(entries, base)}
        components = Components(
            self._mapping("components"), self.kinds, organization, scope, regions
        )
        found = components.all()
        known = all(self._is_mapping(key) for key in ("accounts", "projects"))
        # What cannot be read may declare what components name.
        blamed = (d for d in components.findings.all if known or d.code not in ("E301", "E302"))
        self.diagnostics += blamed
        return found, components.unmade

    def _removed(self, organization: Organization) -> dict[str, Span]:
        entry = self.root.entries.get("removed")
        if entry is None:
            return {}
        only = nodes.Mapping({"removed": entry}, self.root.span)
        made, found = check(_Removed, only, what="the blueprint", owner=entry.key_span)
        self.diagnostics += found
        if made is None or not isinstance(entry.value, nodes.Sequence):
            return {}
        removed = dict(zip(made.removed, (item.span for item in entry.value.items), strict=True))
        for path, span in removed.items():
            self._check_removed(path, span, organization)
        return removed

    def _check_removed(self, path: str, span: Span, organization: Organization) -> None:
        cloud, name, component = path.split("/")
        self.diagnostics += check_reserved("component", component, span)
        if cloud == "google":
            noun, known = "project", list(organization.projects)
        else:
            noun, known = "account", list(organization.accounts)
        if name not in known:
            guess = nearest(name, known)
            self._report(
                "E603",
                f'"{path}" is listed under removed, but the {noun} "{name}" is not declared',
                span,
                f'did you mean "{guess}"?'
                if guess
                else f"keep the {noun} until its stacks are destroyed",
            )

    def _exceptions(self) -> dict[Tuning, Span]:
        entry = self.root.entries.get("rules")
        if entry is None:
            return {}
        only = nodes.Mapping({"rules": entry}, self.root.span)
        made, found = check(_Rules, only, what="the blueprint", owner=entry.key_span)
        self.diagnostics += found
        written_rules = entry.value
        if made is None or not isinstance(written_rules, nodes.Mapping):
            return {}
        exceptions: dict[Tuning, Span] = {}
        for code, listed in made.rules.items():
            place = written_rules.entries[code]
            if code not in TUNABLE:
                self._refuse_exception(code, place.key_span)
                continue
            assert isinstance(place.value, nodes.Sequence), "the model says so"
            for given, item in zip(listed, place.value.items, strict=True):
                exceptions.setdefault(Tuning(code=code, **given.model_dump()), item.span)
        return exceptions

    def _refuse_exception(self, code: str, span: Span) -> None:
        known = code in {each.code for each in CODES}
        guess = nearest(code, sorted(TUNABLE))
        self._report(
            "E204" if known else "E202",
            f'"rules": {code} takes no exceptions'
            if known
            else f'"rules": no rule has the code {code}',
            span,
            "the ledger would not be true: declare the access as a grant, or take it out"
            if known
            else f"did you mean {guess}?"
            if guess
            else None,
        )

    def _report(self, code: str, message: str, span: Span, hint: str | None = None) -> None:
        self.diagnostics.append(Diagnostic(code=code, message=message, span=span, hint=hint))


def _is_language(node: nodes.Node) -> bool:
    value = node.value if isinstance(node, nodes.Scalar) else None
    return isinstance(value, int) and not isinstance(value, bool) and value == LANGUAGE


class _Removed(Shape):
    """A root key that stands outside every section."""

    removed: list[StackPath]


class _Rules(Shape):
    """Another, in which nothing is evaluated either."""

    rules: dict[RuleCode, list[RuleException]]


def _without(node: nodes.Node, path: tuple[str, str]) -> tuple[nodes.Node, nodes.Node | None]:
    """The tree with the scalar at `path` replaced by a harmless one, and that scalar."""
    section, key = path
    if not isinstance(node, nodes.Mapping) or section not in node.entries:
        return node, None
    inner = node.entries[section].value
    if not isinstance(inner, nodes.Mapping) or key not in inner.entries:
        return node, None
    entry = inner.entries[key]
    if not isinstance(entry.value, nodes.Scalar) or not isinstance(entry.value.value, str):
        return node, None
    kept = {
        **inner.entries,
        key: nodes.Entry(entry.key_span, nodes.Scalar("each", entry.value.span)),
    }
    changed = nodes.Entry(node.entries[section].key_span, nodes.Mapping(kept, inner.span))
    return nodes.Mapping({**node.entries, section: changed}, node.span), entry.value
