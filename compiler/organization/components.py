"""Components: extended, fanned out, evaluated and read into their kind's inputs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pydantic_core import PydanticCustomError

from compiler.blueprint import nodes
from compiler.blueprint.expressions import evaluate
from compiler.blueprint.models import ComponentModel
from compiler.blueprint.shapes import NAME, NAME_RULE, check
from compiler.diagnostics import Diagnostic, Span, nearest
from compiler.organization.kind import Kind
from compiler.organization.records import Account, Component, Home, Organization
from compiler.organization.regions import check_region
from compiler.organization.scope import Scope, Vars, home_scope
from compiler.organization.selectors import select

OWN_KEYS = tuple(ComponentModel.model_fields)
# Keys that say something of one component alone, and are not taken over by `extends`.
NOT_INHERITED = ("extends", "when")
# Keys that the language reserves for adopting and renaming what exists already.
RESERVED = ("adopt", "renamed_from")


@dataclass(slots=True)
class Components:
    """Makes the components of a blueprint. `diagnostics` fills as it goes.

    `scope` is what every expression sees: the organisation and the defaults' vars and tags.
    """

    section: nodes.Mapping
    kinds: Mapping[str, Kind]
    organization: Organization
    scope: Scope
    extra_regions: Mapping[str, Sequence[str]]
    diagnostics: list[Diagnostic] = field(default_factory=list)

    def all(self) -> tuple[Component, ...]:
        """Every instance, sorted by component and home."""
        found: list[Component] = []
        for name, entry in sorted(self.section.entries.items()):
            if not re.fullmatch(NAME, name):
                self._report(
                    "E204", f'component "{name}" must be named with {NAME_RULE}', entry.key_span
                )
                continue
            found += self._component(name, entry)
        return tuple(found)

    def _component(self, name: str, entry: nodes.Entry) -> Iterator[Component]:
        what = f'component "{name}"'
        tree = self._extended(name, entry, ())
        if tree is None:
            return
        kind = self._kind(tree, what, entry.key_span)
        if kind is None:
            return
        for home in self._homes(tree, kind, what):
            made = _Instance(self, name, entry.key_span, tree, kind, home).component()
            if made:
                yield made

    def _extended(
        self, name: str, entry: nodes.Entry, chain: tuple[str, ...]
    ) -> nodes.Mapping | None:
        if not isinstance(entry.value, nodes.Mapping):
            if not chain:
                self.diagnostics += check(
                    ComponentModel, entry.value, what=f'component "{name}"', owner=entry.key_span
                )[1]
            return None
        base = entry.value.get("extends")
        if base is None:
            return entry.value
        wanted = base.value if isinstance(base, nodes.Scalar) else None
        below = self.section.entries.get(wanted) if isinstance(wanted, str) else None
        if below is None or not isinstance(wanted, str):
            guess = nearest(str(wanted), self.section.entries)
            self._report(
                "E311",
                f'component "{name}" extends the unknown component "{wanted}"',
                base.span,
                f'did you mean "{guess}"?' if guess else None,
            )
            return None
        if wanted in (*chain, name):
            cycle = " → ".join([*chain, name, wanted])
            self._report("E311", f"components extend each other in a circle: {cycle}", base.span)
            return None
        parent = self._extended(wanted, below, (*chain, name))
        if parent is None:
            return None
        kept = {k: e for k, e in parent.entries.items() if k not in NOT_INHERITED}
        return nodes.merge(nodes.Mapping(kept, parent.span), entry.value)

    def _kind(self, tree: nodes.Mapping, what: str, owner: Span) -> Kind | None:
        node = tree.get("kind")
        if node is None:
            self._report("E201", f'{what} lacks "kind"', owner, "`landform kinds` lists the kinds")
            return None
        name = node.value if isinstance(node, nodes.Scalar) else None
        kind = self.kinds.get(name) if isinstance(name, str) else None
        if kind is None:
            guess = nearest(str(name), self.kinds)
            hint = (
                f'did you mean "{guess}"?' if guess else f"kinds: {', '.join(sorted(self.kinds))}"
            )
            self._report("E305", f'{what} is of the unknown kind "{name}"', node.span, hint)
        return kind

    def _homes(self, tree: nodes.Mapping, kind: Kind, what: str) -> Sequence[Home | None]:
        """The matches of `for_each`, or None once where there is none."""
        node = tree.get("for_each")
        if node is None:
            return (None,)
        if kind.per is None:
            self._report(
                "E310",
                f'{what}: kind "{kind.name}" is not for one account, so it takes no for_each',
                tree.entries["for_each"].key_span,
                "name the accounts in its inputs",
            )
            return ()
        noun = f"{kind.per}s"
        if not isinstance(node, nodes.Mapping) or list(node.entries) != [noun]:
            self._report(
                "E310",
                f'{what}: for_each must be a mapping with the one key "{noun}"',
                tree.entries["for_each"].key_span,
                f"for_each: {{{noun}: SELECTOR}}",
            )
            return ()
        evaluated, found = evaluate(node.entries[noun].value, self.scope)
        self.diagnostics += found
        return () if found else self._selected(evaluated, kind.per, f"{what}: for_each.{noun}")

    def _selected(self, node: nodes.Node, noun: str, what: str) -> Sequence[Home]:
        try:
            if noun == "account":
                return select(nodes.plain(node), self.organization.accounts, noun)
            return select(nodes.plain(node), self.organization.projects, noun)
        except PydanticCustomError as error:
            context = error.context or {}
            self._report(error.type, f"{what} {context['message']}", node.span, context["hint"])
            return ()

    def _report(self, code: str, message: str, span: Span, hint: str | None = None) -> None:
        self.diagnostics.append(Diagnostic(code=code, message=message, span=span, hint=hint))


@dataclass(slots=True)
class _Instance:
    """One component in one place: `match` is the account or project of `for_each`, if any."""

    all: Components
    name: str
    span: Span
    tree: nodes.Mapping
    kind: Kind
    match: Home | None

    def component(self) -> Component | None:
        """The finished record, or None after reporting what is wrong."""
        for key in RESERVED:
            if key in self.tree.entries:
                self.all._report(
                    "E314",
                    f'{self._what}: "{key}" is reserved, and not supported yet',
                    self.tree.entries[key].key_span,
                )
                return None
        inputs = self._with_match()
        home = self.match or self._home(inputs)
        scope = self._scope(home)
        if scope is None:
            return None
        base = self._own_keys(scope)
        read = self._inputs(inputs, scope, home)
        if base is None or read is None or home is None or not base.when:
            return None
        region = self._region(base, home)
        if region is None:
            return None
        return Component(
            name=self.name,
            kind=self.kind.name,
            home=home,
            region=region,
            inputs=read[0],
            variants=read[1],
            tags=base.tags,
            span=self.span,
            origin=f"components.{self.name}",
        )

    @property
    def _what(self) -> str:
        return f'component "{self.name}"'

    def _with_match(self) -> nodes.Mapping:
        """The kind's inputs; under for_each the home input is the match unless it is written."""
        inputs = {k: e for k, e in self.tree.entries.items() if k not in OWN_KEYS}
        if self.match and self.kind.home not in inputs:
            place = self.tree.entries["for_each"].key_span
            inputs[self.kind.home] = nodes.Entry(place, nodes.Scalar(self.match.name, place))
        return nodes.Mapping(inputs, self.tree.span)

    def _home(self, inputs: nodes.Mapping) -> Home | None:
        """The first account or project of the kind's home input, without reporting problems."""
        node = inputs.get(self.kind.home)
        if node is None:
            return None
        evaluated, found = evaluate(node, self._limited_scope())
        if found:
            return None
        wanted = nodes.plain(evaluated)
        try:
            if self.kind.home == "projects" or self.kind.per == "project":
                return select(wanted, self.all.organization.projects, "project")[0]
            return select(wanted, self.all.organization.accounts, "account")[0]
        except PydanticCustomError:
            return None  # checking the input itself reports it

    def _limited_scope(self) -> Scope:
        return {**self.all.scope, "component": {"name": self.name, "kind": self.kind.name}}

    def _scope(self, home: Home | None) -> Scope | None:
        """What this instance's expressions see; None where its own vars or tags are wrong."""
        scope = self._limited_scope()
        if home:
            scope |= home_scope(home, self.all.scope["organization"])  # type: ignore[arg-type]
        if self.match:
            scope["each"] = scope["account" if isinstance(self.match, Account) else "project"]
        return self._with_own(scope)

    def _with_own(self, scope: Scope) -> Scope | None:
        own = self.tree.get("vars")
        if isinstance(own, nodes.Mapping):
            inherited: Mapping[str, object] = scope["vars"]  # type: ignore[assignment]
            values = Vars(own.entries, scope, inherited)
            scope = {**scope, "vars": values.settle()}
            self.all.diagnostics += values.diagnostics
            if values.diagnostics:
                return None
        return scope

    def _own_keys(self, scope: Scope) -> ComponentModel | None:
        skipped = ("for_each", "vars")
        own = {k: e for k, e in self.tree.entries.items() if k in OWN_KEYS and k not in skipped}
        evaluated, found = evaluate(nodes.Mapping(own, self.tree.span), scope)
        self.all.diagnostics += found
        if found:
            return None
        if "vars" in self.tree.entries:
            evaluated = nodes.merge(
                evaluated,  # type: ignore[arg-type]
                nodes.Mapping({"vars": self.tree.entries["vars"]}, self.tree.span),
            )
        base, found = check(ComponentModel, evaluated, what=self._what, owner=self.span)
        self.all.diagnostics += found
        return base

    def _region(self, base: ComponentModel, home: Home) -> str | None:
        if base.region is not None:
            span = nodes.span_at(self.tree, ("region",))[0]
            found = check_region(base.region, home.cloud, self.all.extra_regions[home.cloud], span)
            self.all.diagnostics += found
            return None if found else base.region
        if home.region is None:
            self.all._report(
                "E309",
                f'{self._what} has no region: "{home.name}" has none either',
                self.span,
                f"write region: under the component, or {home.cloud}: {{region: …}} under defaults",
            )
        return home.region

    def _inputs(
        self, inputs: nodes.Mapping, scope: Scope, home: Home | None
    ) -> tuple[object, dict[str, object]] | None:
        """The inputs, and what each account sees where inputs are evaluated in its scope."""
        scoped = {k: e for k, e in inputs.entries.items() if k in self.kind.scopes}
        plain_part = {k: e for k, e in inputs.entries.items() if k not in scoped}
        shared, found = evaluate(nodes.Mapping(plain_part, inputs.span), scope)
        self.all.diagnostics += found
        if found:
            return None
        assert isinstance(shared, nodes.Mapping)
        own_scopes = {key: self._accounts_scopes(key, shared, scope) for key in scoped}
        first = self._variant(inputs, shared, scoped, own_scopes, scope, None)
        if first is None:
            return None
        variants: dict[str, object] = {}
        for account in dict.fromkeys(name for scopes in own_scopes.values() for name in scopes):
            variant = self._variant(inputs, shared, scoped, own_scopes, scope, account)
            if variant is None:
                return None
            variants[account] = variant
        return first, variants

    def _accounts_scopes(self, key: str, shared: nodes.Mapping, scope: Scope) -> dict[str, Scope]:
        """The scope of each account that the input is about; empty if it has no expression."""
        node = shared.get(self.kind.scopes[key])
        if node is None or not _has_template(self.tree.entries[key].value):
            return {}
        try:
            accounts = select(nodes.plain(node), self.all.organization.accounts, "account")
        except PydanticCustomError:
            return {}  # checking the input itself reports it
        scopes: dict[str, Scope] = {}
        for account in accounts:
            own = home_scope(account, scope["organization"])  # type: ignore[arg-type]
            settled = self._with_own({**self._limited_scope(), **own})
            scopes[account.name] = settled if settled is not None else scope
        return scopes

    def _variant(
        self,
        inputs: nodes.Mapping,
        shared: nodes.Mapping,
        scoped: Mapping[str, nodes.Entry],
        own_scopes: Mapping[str, Mapping[str, Scope]],
        scope: Scope,
        account: str | None,
    ) -> object | None:
        entries = dict(shared.entries)
        for key, entry in scoped.items():
            scopes = own_scopes[key]
            seen_by = account if account in scopes else next(iter(scopes), None)
            value, found = evaluate(entry.value, scopes[seen_by] if seen_by else scope)
            self.all.diagnostics += found
            if found:
                return None
            entries[key] = nodes.Entry(entry.key_span, value)
        ordered = {key: entries[key] for key in inputs.entries}
        read, found = check(
            self.kind.inputs,
            nodes.Mapping(ordered, inputs.span),
            what=self._what,
            owner=self.span,
            context=self.all.organization,
        )
        self.all.diagnostics += found
        return read


def _has_template(node: nodes.Node) -> bool:
    if isinstance(node, nodes.Mapping):
        return any(_has_template(entry.value) for entry in node.entries.values())
    if isinstance(node, nodes.Sequence):
        return any(_has_template(item) for item in node.items)
    return isinstance(node.value, str) and "{{" in node.value
