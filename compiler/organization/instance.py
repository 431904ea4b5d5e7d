"""One component in one place: its expressions evaluated in the scopes of the accounts they are about."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic_core import PydanticCustomError

from compiler.blueprint import nodes
from compiler.blueprint.expressions import evaluate
from compiler.blueprint.models import ComponentModel
from compiler.diagnostics import Diagnostic, Span
from compiler.organization.adopting import Places, adopted
from compiler.organization.findings import Findings, checked, covers, read, seen_from
from compiler.organization.kind import Kind
from compiler.organization.records import Account, Adopted, Component, Home, Organization
from compiler.organization.regions import Regions
from compiler.organization.scope import Scope, Vars, home_scope
from compiler.organization.selectors import select_accounts, select_projects

OWN_KEYS = tuple(ComponentModel.model_fields)
# Those that are not evaluated in the component's own scope.
APART = ("adopt", "for_each")


@dataclass(slots=True, kw_only=True)
class Instance:
    """`match` is the account or project of `for_each`, if any; `what` names it in messages.

    `renamed_from` is the name that the component had, where it had another: expressions see that one, so
    that what they make stays as it is. `diagnostics` fills as it goes.
    """

    organization: Organization
    scope: Scope
    regions: Regions
    name: str
    what: str
    span: Span
    tree: nodes.Mapping
    kind: Kind
    match: Home | None
    renamed_from: str | None = None
    _findings: Findings = field(default_factory=Findings)

    @property
    def diagnostics(self) -> list[Diagnostic]:
        """What is wrong with it."""
        return self._findings.all

    def component(self) -> Component | None:
        """The finished record; None if it has errors, or if it is not made here (`when`)."""
        inputs = self._with_match()
        home = self.match or self._home(inputs)
        scope = self._scope(home)
        base = self._own_keys(scope, home)
        first, variants = self._inputs(inputs, scope, home)
        adopted = self._adopted()
        if base is not None and not base.when:
            # It may be there for others to extend, so it need not be complete.
            self._findings.all = [d for d in self._findings.all if d.code != "E201"]
            return None
        region = self._region(base, home) if base and home else None
        if base is None or home is None or region is None or self.diagnostics:
            return None
        return Component(
            name=self.name,
            kind=self.kind.name,
            home=home,
            region=region,
            inputs=first,
            variants=variants,
            tags=base.tags,
            vars=self._own_vars(scope),
            span=self.span,
            origin=f"components.{self.name}",
            tree=self.tree,
            renamed_from=self.renamed_from,
            adopted=adopted,
        )

    def _tell(self, found: tuple[Diagnostic, ...], home: Home | None) -> None:
        self._findings.add(self._own(found, home))

    def _own(self, found: tuple[Diagnostic, ...], home: Home | None) -> tuple[Diagnostic, ...]:
        """Without what may follow from an account's own errors: it is told there."""
        if home and not home.sound:
            places = list(nodes.template_spans(self.tree))
            found = tuple(
                d for d in found if not any(d.span and covers(at, d.span) for at in places)
            )
        return found

    def _with_match(self) -> nodes.Mapping:
        """The kind's inputs; under for_each the home input is the match."""
        inputs = {k: e for k, e in self.tree.entries.items() if k not in OWN_KEYS}
        if self.match:
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
            kind = self.kind
            if kind.in_projects or kind.home == "projects" or kind.per == "project":
                return select_projects(wanted, self.organization)[0]
            return select_accounts(wanted, self.organization)[0]
        except PydanticCustomError:
            return None  # checking the input itself reports it

    def _limited_scope(self) -> Scope:
        name = self.renamed_from or self.name
        return {**self.scope, "component": {"name": name, "kind": self.kind.name}}

    def _scope(self, home: Home | None) -> Scope:
        """What this instance's expressions see."""
        scope = self._limited_scope()
        if home:
            scope |= home_scope(home, self.scope["organization"])  # type: ignore[arg-type]
        if self.match:
            scope["each"] = scope["account" if isinstance(self.match, Account) else "project"]
        return self._with_own(scope, home)

    def _with_own(self, scope: Scope, home: Home | None) -> Scope:
        """The scope with the component's own vars."""
        own = self.tree.get("vars")
        if not isinstance(own, nodes.Mapping):
            return scope
        inherited: Mapping[str, object] = scope["vars"]  # type: ignore[assignment]
        values = Vars(own.entries, scope, inherited)
        scope = {**scope, "vars": values.settle()}
        self._tell(tuple(values.diagnostics), home)
        return scope

    def _own_vars(self, scope: Scope) -> dict[str, object]:
        """The component's own vars, evaluated; `scope` has them with those that it inherits."""
        own = self.tree.get("vars")
        values: Mapping[str, object] = scope["vars"]  # type: ignore[assignment]
        return _written(own, values) if isinstance(own, nodes.Mapping) else {}

    def _adopted(self) -> tuple[Adopted, ...]:
        """What `adopt` says of the accounts that this instance is about, each id seen from there."""
        entry = self.tree.entries.get("adopt")
        if entry is None:
            return ()
        places = Places(self.organization, self.match, self._account_scope)
        found, problems = adopted(entry, places, self.what)
        self._findings.add(problems)
        return found

    def _own_keys(self, scope: Scope, home: Home | None) -> ComponentModel | None:
        own = {k: e for k, e in self.tree.entries.items() if k in OWN_KEYS and k not in APART}
        if isinstance(self.tree.get("vars"), nodes.Mapping):
            del own["vars"]
        node = nodes.Mapping(own, self.tree.span)
        base, _, found = read(ComponentModel, node, scope, what=self.what, owner=self.span)
        self._tell(found, home)
        return base

    def _region(self, base: ComponentModel, home: Home) -> str | None:
        if base.region is not None:
            span = nodes.span_at(self.tree, ("region",))[0]
            self._findings.add(self.regions.check(base.region, home.cloud, span))
            return base.region
        if home.region is None and home.sound:
            self._findings.report(
                "E309",
                f'{self.what} has no region: "{home.name}" has none either',
                self.span,
                f"write region: under the component, or {home.cloud}: {{region: …}} under defaults",
            )
        return home.region

    def _inputs(
        self, inputs: nodes.Mapping, scope: Scope, home: Home | None
    ) -> tuple[Any, dict[str, Any]]:
        """The inputs, and what each account sees where inputs are evaluated in its scope."""
        scoped = {
            key: list(self._accounts_of(key, inputs, scope))
            for key in self.kind.scopes
            if key in inputs.entries and nodes.has_template(inputs.entries[key].value)
        }
        # Without a place of their own such inputs are those of the first account.
        heads = {key: found[0] for key, found in scoped.items() if found}
        firsts = {key: self._account_scope(account) for key, account in heads.items()}
        several = [
            (inputs.entries[k].value.span, found) for k, found in scoped.items() if found[1:]
        ]
        unsound = next((account for account in heads.values() if not account.sound), home)
        first, told = self._read(inputs, scope, firsts, self.what)
        # What is evaluated for several accounts is told of each of them below.
        self._tell(tuple(d for d in told if _about(d.span, several) is None), unsound)
        accounts = {account.name: account for found in scoped.values() for account in found}
        variants: dict[str, Any] = {}
        apart: dict[object, Diagnostic] = {}
        for account in accounts.values():
            own = self._account_scope(account)
            scopes = firsts | {key: own for key, found in scoped.items() if account in found}
            what = "account" if isinstance(account, Account) else "project"
            where = f' in {what} "{account.name}"'
            variants[account.name], told = self._read(inputs, scope, scopes, self.what + where)
            for each in seen_from(account, self._own(told, account)):
                about = _about(each.span, several)
                if about is None:
                    apart.setdefault((each.code, each.span), each)
                elif account in about:
                    same = each.message.replace(where, "")
                    apart.setdefault((each.code, each.span, same), each)
        self._findings.add(apart.values())
        return first, variants

    def _accounts_of(self, key: str, inputs: nodes.Mapping, scope: Scope) -> Iterator[Home]:
        """The accounts or projects that the input is about."""
        node = inputs.get(self.kind.scopes[key])
        if node is None:
            return
        evaluated, found = evaluate(node, scope)
        if found:
            return
        try:
            if self.kind.scopes[key] == "projects":
                yield from select_projects(nodes.plain(evaluated), self.organization)
            else:
                yield from select_accounts(nodes.plain(evaluated), self.organization)
        except PydanticCustomError:
            return  # checking the input itself reports it

    def _account_scope(self, account: Home) -> Scope:
        organization: Mapping[str, object] = self.scope["organization"]  # type: ignore[assignment]
        scope = {**self._limited_scope(), **home_scope(account, organization)}
        return self._with_own(scope, account)

    def _read(
        self, inputs: nodes.Mapping, scope: Scope, scopes: Mapping[str, Scope], what: str
    ) -> tuple[Any, tuple[Diagnostic, ...]]:
        """The kind's inputs, those of `scopes` evaluated there and the others in `scope`; problems."""
        entries: dict[str, nodes.Entry] = {}
        failed: list[Diagnostic] = []
        for key, entry in inputs.entries.items():
            value, found = evaluate(entry.value, scopes.get(key, scope))
            entries[key] = nodes.Entry(entry.key_span, value)
            failed += found
        return checked(
            self.kind.inputs,
            nodes.Mapping(entries, inputs.span),
            failed,
            what=what,
            owner=self.span,
            context=self.organization,
            known=OWN_KEYS,
        )


def _about(span: Span | None, several: Iterable[tuple[Span, list[Home]]]) -> list[Home] | None:
    """The accounts for each of which what stands there is evaluated; None if it is not."""
    return next((found for place, found in several if span and covers(place, span)), None)


def _written(node: nodes.Mapping, values: Mapping[str, object]) -> dict[str, object]:
    """Of merged values only what stands in the node."""
    found: dict[str, object] = {}
    for key, entry in node.entries.items():
        below, value = entry.value, values[key]
        if isinstance(below, nodes.Mapping) and isinstance(value, Mapping):
            value = _written(below, value)
        found[key] = value
    return found
