"""From a blueprint's tree to the organisation and its components.

Takes the merged root mapping and the kinds, gives a `World`: everything inherited, evaluated and
checked. All problems of all sections are reported together; where a section is too broken to go
on with, what depends on it is left unchecked rather than blamed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from compiler.blueprint import nodes
from compiler.blueprint.expressions import evaluate
from compiler.blueprint.models import (
    BlueprintModel,
    DeployModel,
    OrganizationModel,
    ProvidersModel,
    StackPath,
    StateModel,
)
from compiler.blueprint.shapes import Model, Shape, check
from compiler.diagnostics import Diagnostic, Span, nearest
from compiler.organization.components import Components
from compiler.organization.kind import Kind
from compiler.organization.members import Members
from compiler.organization.records import Component, Deploy, Organization, Project, State
from compiler.organization.regions import check_region
from compiler.organization.scope import Scope, Vars, home_scope

LANGUAGE = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A checked blueprint. `removed` maps the paths of stacks to be destroyed to where it says so;
    `span` is where the organisation is named.
    """

    organization: Organization
    components: tuple[Component, ...]
    removed: Mapping[str, Span]
    span: Span


def resolve(
    root: nodes.Mapping, kinds: Mapping[str, Kind]
) -> tuple[World | None, tuple[Diagnostic, ...]]:
    """The blueprint as records; None where it has errors."""
    resolver = _Resolver(root, kinds)
    world = resolver.world()
    found = tuple(resolver.diagnostics)
    return (None if any(d.severity == "error" for d in found) else world), found


@dataclass(slots=True)
class _Resolver:
    root: nodes.Mapping
    kinds: Mapping[str, Kind]
    diagnostics: list[Diagnostic] = field(default_factory=list)

    def world(self) -> World | None:
        self._check_root()
        organization = self._section("organization", OrganizationModel, {})
        if organization is None:
            return None
        seen: dict[str, object] = {
            "name": organization.name,
            "aws": organization.aws.model_dump(),
            "google": organization.google.model_dump(),
        }
        base: Scope = {"organization": seen}
        extra = {
            "aws": tuple(organization.aws.regions),
            "google": tuple(organization.google.regions),
        }
        members = Members(self._mapping("defaults"), self._mapping("units"), seen, extra)
        members.check_layers()
        accounts = members.accounts(self._mapping("accounts"))
        projects = members.projects(self._mapping("projects"))
        self.diagnostics += members.diagnostics
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
            state=self._state(base, extra["aws"]),
            providers=self._providers(base),
        )
        return World(
            organization=record,
            components=self._components(record, members, base, extra),
            removed=self._removed(record),
            span=nodes.span_at(self.root, ("organization", "name"))[0],
        )

    def _check_root(self) -> None:
        known = list(BlueprintModel.model_fields)
        for key, entry in self.root.entries.items():
            if key not in known:
                guess = nearest(key, known)
                hint = f'did you mean "{guess}"?' if guess else f"known keys: {', '.join(known)}"
                self._report("E202", f'the blueprint has no key "{key}"', entry.key_span, hint)
        version = self.root.get("landform")
        if version is None:
            self._report(
                "E201",
                'the blueprint lacks "landform"',
                self.root.span,
                f"start it with landform: {LANGUAGE}, the version of the language",
            )
        elif not isinstance(version, nodes.Scalar) or version.value != LANGUAGE:
            self._report(
                "E315",
                "the blueprint is in a language version that this compiler does not know",
                version.span,
                f"write landform: {LANGUAGE}",
            )
        if "organization" not in self.root.entries:
            self._report(
                "E201",
                'the blueprint lacks "organization"',
                self.root.span,
                "organization: {name: acme}",
            )

    def _section(self, key: str, model: type[Model], scope: Scope) -> Model | None:
        entry = self.root.entries.get(key)
        if entry is None:
            return None
        evaluated, found = evaluate(entry.value, scope)
        self.diagnostics += found
        if found:
            return None
        read, found = check(model, evaluated, what=key, owner=entry.key_span)
        self.diagnostics += found
        return read

    def _mapping(self, key: str) -> nodes.Mapping:
        """The section, empty if it is absent or (with a report) not a mapping."""
        entry = self.root.entries.get(key)
        if entry is None or (isinstance(entry.value, nodes.Scalar) and entry.value.value is None):
            return nodes.Mapping({}, entry.key_span if entry else self.root.span)
        if not isinstance(entry.value, nodes.Mapping):
            message = f'"{key}" must be a mapping'
            if not any(d.message == message for d in self.diagnostics):
                self._report("E203", message, entry.value.span)
            return nodes.Mapping({}, entry.key_span)
        return entry.value

    def _deploy(self, scope: Scope, projects: Mapping[str, Project]) -> Deploy:
        entry = self.root.entries.get("deploy")
        if entry is None:
            return Deploy()
        # The service account is evaluated for each project, the rest once.
        once, each = _without(entry.value, ("google", "service_account"))
        evaluated, found = evaluate(once, scope)
        self.diagnostics += found
        read, found = check(DeployModel, evaluated, what="deploy", owner=entry.key_span)
        self.diagnostics += found
        if read is None:
            return Deploy()
        agents: dict[str, str] = {}
        for name, project in projects.items() if each else ():
            assert each is not None
            value, found = evaluate(each, home_scope(project, scope["organization"]))  # type: ignore[arg-type]
            self.diagnostics += found
            agents[name] = str(nodes.plain(value))
        defaults = Deploy()
        return Deploy(
            aws_role=read.aws.role if read.aws else None,
            aws_bootstrap_role=read.aws.bootstrap_role if read.aws else defaults.aws_bootstrap_role,
            google_service_accounts=agents,
        )

    def _state(self, scope: Scope, extra_regions: tuple[str, ...]) -> State:
        read = self._section("state", StateModel, scope) or StateModel()
        if read.aws:
            span = nodes.span_at(self.root, ("state", "aws", "region"))[0]
            self.diagnostics += check_region(read.aws.region, "aws", extra_regions, span)
        return State(
            aws_bucket=read.aws.bucket if read.aws else None,
            aws_region=read.aws.region if read.aws else None,
            google_bucket=read.google.bucket if read.google else None,
        )

    def _providers(self, scope: Scope) -> dict[str, str]:
        read = self._section("providers", ProvidersModel, scope) or ProvidersModel()
        return {"aws": read.aws, "google": read.google}

    def _components(
        self,
        organization: Organization,
        members: Members,
        base: Scope,
        extra_regions: Mapping[str, tuple[str, ...]],
    ) -> tuple[Component, ...]:
        defaults = members.layers(None)
        vars_node = defaults.get("vars")
        entries = vars_node.entries if isinstance(vars_node, nodes.Mapping) else {}
        # A variable of the defaults that needs an account is no error before an account is known.
        scope: Scope = {**base, "vars": Vars(entries, base)}
        components = Components(
            self._mapping("components"), self.kinds, organization, scope, extra_regions
        )
        found = components.all()
        self.diagnostics += components.diagnostics
        return found

    def _removed(self, organization: Organization) -> dict[str, Span]:
        entry = self.root.entries.get("removed")
        if entry is None:
            return {}
        only = nodes.Mapping({"removed": entry}, self.root.span)
        read, found = check(_Removed, only, what="the blueprint", owner=entry.key_span)
        self.diagnostics += found
        if read is None or not isinstance(entry.value, nodes.Sequence):
            return {}
        removed = dict(zip(read.removed, (item.span for item in entry.value.items), strict=True))
        for path, span in removed.items():
            cloud, name, _ = path.split("/")
            members = organization.accounts if cloud == "aws" else organization.projects
            if name not in members:
                self._report(
                    "E603",
                    f'"{path}" is listed under removed, but "{name}" is not declared any more',
                    span,
                    "keep the account until its stacks are destroyed",
                )
        return removed

    def _report(self, code: str, message: str, span: Span, hint: str | None = None) -> None:
        self.diagnostics.append(Diagnostic(code=code, message=message, span=span, hint=hint))


class _Removed(Shape):
    """The root key that stands outside every section."""

    removed: list[StackPath]


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
