"""Finds out by trying which lines of a blueprint a component's stack follows.

For each value that the component says, and each that it has from the organisation or an account, the
component is made again with another one, and its stack compared with what it was: what differs follows
that line. Nothing has to be known about the kind. A value for which no other is valid is told as such.

All of it happens in memory and touches one component: a trial takes milliseconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from compiler.access.grants import Access
from compiler.blueprint import nodes
from compiler.blueprint.files import Beside
from compiler.diagnostics import Span, has_errors
from compiler.explaining.layers import Line, Setting
from compiler.explaining.parts import Parts, Path, differences, holding, ordered, parts
from compiler.explaining.variants import OTHER_DIGITS, homes, listed, others, places, with_homes
from compiler.kinds.draft import Draft
from compiler.kinds.neighbours import Neighbours
from compiler.kinds.sharing import pointed, writers
from compiler.organization.components import Components
from compiler.organization.kind import Kind
from compiler.organization.records import Component, Home, Organization
from compiler.organization.regions import Regions
from compiler.organization.scope import Scope, Vars
from compiler.terraform.stack import Stack

_ENOUGH = 2
# A shorter text stands in many places by chance.
_TELLING = 4


@dataclass(frozen=True, slots=True)
class Trial:
    """A stack with another value. Where the kind finds fault with it, `sound` is false, and what is
    not in the stack says nothing."""

    parts: Parts
    sound: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Follows:
    """What follows one line. `name` is its address in the blueprint, `written` what stands there.

    `attributes` are paths in the resource, `made` says that the resource is there because of the
    line. `overrode` are the lines that it overrode. `whole` marks a mapping or list, which was tried
    by leaving it out. `untried` says that no other value is valid here, so that the attributes are
    those that hold the value itself.
    """

    name: str
    written: object
    span: Span
    attributes: tuple[Path, ...] = ()
    made: bool = False
    overrode: tuple[Line, ...] = ()
    whole: bool = False
    untried: bool = False


@dataclass(slots=True)
class Repeated:
    """Trials that are made when they are first asked for, and kept for the next resource."""

    rest: Iterator[Trial | None]
    made: list[Trial | None] = field(default_factory=list)

    def __iter__(self) -> Iterator[Trial | None]:
        yield from self.made
        for each in self.rest:
            self.made.append(each)
            yield each


@dataclass(slots=True, kw_only=True)
class Trials:
    """Trials of one component as it is in one account or project, `home`.

    `component` is it in the finished blueprint, `others` are all components there, `root` is what is
    written. `own` are the component's settings by path, `inherited` those of accounts and projects that
    it may follow, each with all that have it from the same line.
    """

    component: Component
    home: Home
    organization: Organization
    kinds: Mapping[str, Kind]
    others: tuple[Component, ...]
    root: nodes.Mapping
    own: Mapping[tuple[str, ...], Setting]
    inherited: tuple[tuple[Setting, tuple[Home, ...]], ...]
    beside: Beside
    _now: Parts | None = None
    _schema: dict[str, Any] | None = None
    _made: dict[str, Repeated] = field(default_factory=dict)

    def of(self, address: str) -> tuple[Follows, ...]:
        """What the resource at that address follows: the component's lines, then all others."""
        if address not in self.now():
            return ()
        found = (*self._inside(address), *self._outside(address))
        return (
            *self._for_each(),
            *(each for each in found if each.made or each.attributes),
        )

    def _for_each(self) -> Iterator[Follows]:
        """What selects the account: without it there is no stack."""
        entry = self.component.tree.entries.get("for_each")
        if entry is not None:
            name, written = self._called(("for_each",)), nodes.plain(entry.value)
            yield Follows(name=name, written=written, span=entry.value.span, made=True)

    def now(self) -> Parts:
        """The stack as it is, of this component's own making."""
        if self._now is None:
            draft = self._draft(self.component, self.organization)
            self._now = parts(self._finished(draft))
        return self._now

    def written(self) -> Mapping[str, Span]:
        """Where a kind's file has the resources, by address."""
        draft = self._draft(self.component, self.organization)
        self._finished(draft)
        here = f"{self.home.cloud}/{self.home.name}/"
        return {
            name: w.span for (stack, name), w in draft.written.items() if stack.startswith(here)
        }

    # ---- Lines of the component

    def _inside(self, address: str) -> Iterator[Follows]:
        if self._schema is None:
            self._schema = self.kinds[self.component.kind].inputs.model_json_schema()
        for path, node, whole in places(self.component.tree):
            value = self._value(path)
            known = listed(self._schema, path)
            trees = others(self.component.tree, path, node, value, known, self._names)
            setting, name = self._set_by(path)
            line = Line(name, nodes.plain(node), node.span)
            found = self._tried(address, map(self._with_tree, trees), line, value)
            # What follows from a part of it is told of the part.
            found = replace(found, attributes=(), whole=True) if whole else found
            yield replace(found, overrode=setting.overrode) if setting else found

    def _set_by(self, path: Path) -> tuple[Setting | None, str]:
        """The component's setting that has the value, which may be one that it extends; its address."""
        for depth in range(len(path), 0, -1):
            setting = self.own.get(tuple(map(str, path[:depth])))
            if setting is not None:
                return setting, ".".join([setting.line.name, *map(str, path[depth:])])
        return None, self._called(path)

    def _called(self, path: Path) -> str:
        return ".".join(["components", self.component.name, *map(str, path)])

    def _tried(
        self, address: str, trials: Iterable[Trial | None], line: Line, value: object
    ) -> Follows:
        """Whether the resource goes, or what in it differs, by the first trial that changes it.

        Of a value that two others leave it as it is, no more are tried.
        """
        now, tried = self.now()[address], 0
        found = Follows(name=line.name, written=line.written, span=line.span)
        made = self._made.setdefault(line.name, Repeated(iter(trials)))
        for then in filter(None, made):
            if address in then.parts:
                differ = set(differences(now, then.parts[address]))
                if differ:
                    return replace(found, attributes=ordered(differ))
            elif then.sound:
                return replace(found, made=True)
            else:
                continue
            tried += 1
            if tried == _ENOUGH:
                break
        if not tried and value == self.home:
            # There is no other account or project to be in.
            return replace(found, made=True, untried=True)
        if not tried and isinstance(value, str) and len(value) >= _TELLING:
            return replace(found, attributes=ordered(holding(now, value)), untried=True)
        return found

    def _with_tree(self, tree: nodes.Mapping) -> Trial | None:
        """The stack with other lines; None where they are not valid."""
        components = self._components(tree, self.organization)
        made = components.all()
        if has_errors(components.findings.all):
            return None
        here = [each for each in made if self._is_here(each)]
        return self._trial(here[0], self.organization) if here else Trial({})

    def _components(self, tree: nodes.Mapping, organization: Organization) -> Components:
        kept = {key: entry for key, entry in tree.entries.items() if key != "extends"}
        narrow = kept.get("for_each")
        if narrow is not None:
            # Only the one in question is made.
            noun = "accounts" if self.home.cloud == "aws" else "projects"
            name = nodes.Scalar(self.home.name, narrow.key_span)
            only = nodes.Mapping({noun: nodes.Entry(narrow.key_span, name)}, narrow.key_span)
            kept["for_each"] = nodes.Entry(narrow.key_span, only)
        entry = nodes.Entry(self.component.span, nodes.Mapping(kept, tree.span))
        return Components(
            section=nodes.Mapping({self.component.name: entry}, tree.span),
            kinds=self.kinds,
            organization=organization,
            scope=self._scope(organization),
            regions=Regions(
                partition=organization.partition,
                extra_aws=organization.regions,
                extra_google=organization.regions,
            ),
        )

    def _scope(self, organization: Organization) -> Scope:
        """What every expression sees: the organisation, and the defaults' variables."""
        own = organization
        aws = {
            "id": own.aws_id,
            "partition": own.partition,
            "regions": list(own.regions),
            "management_account": own.management_account,
        }
        google = {"id": own.google_id, "domain": own.google_domain, "regions": list(own.regions)}
        base: Scope = {"organization": {"name": own.name, "aws": aws, "google": google}}
        defaults = self.root.get("defaults")
        written = defaults.get("vars") if isinstance(defaults, nodes.Mapping) else None
        entries = written.entries if isinstance(written, nodes.Mapping) else {}
        return {**base, "vars": Vars(entries, base)}

    def _is_here(self, component: Component) -> bool:
        several = "for_each" in self.component.tree.entries
        return not several or component.home.name == self.home.name

    def _value(self, path: Path) -> object:
        """What the component made of an input, as far as its model says."""
        value: Any = self.component.inputs_in(self.home.name)
        for step in path:
            if isinstance(step, str):
                value = (
                    value.get(step) if isinstance(value, Mapping) else getattr(value, step, None)
                )
            elif isinstance(value, list | tuple) and step < len(value):
                value = value[step]
            else:
                return None
        return value

    @property
    def _names(self) -> tuple[str, ...]:
        return (*self.organization.accounts, *self.organization.projects)

    # ---- Lines of the organisation and the account

    def _outside(self, address: str) -> Iterator[Follows]:
        text = str(self.now()[address])
        for name, value, organization in self._identities(text):
            line = Line(name, value, self._span(name))
            yield self._tried(address, map(self._elsewhere, (organization,)), line, value)
        for setting, members in self.inherited:
            changed = (with_homes(self.organization, each) for each in homes(members, setting))
            value = members[0].region if setting.path == ("region",) else setting.line.written
            found = self._tried(address, map(self._elsewhere, changed), setting.line, value)
            yield replace(found, overrode=setting.overrode)

    def _identities(self, text: str) -> Iterator[tuple[str, object, Organization]]:
        """The organisation's name and ids, and those of the accounts that the text names."""
        own = self.organization
        yield "organization.name", own.name, replace(own, name=f"{own.name}x")
        if own.aws_id:
            yield "organization.aws.id", own.aws_id, replace(own, aws_id=f"{own.aws_id}x")
        for account in own.accounts.values():
            if account.id in text:
                other = replace(account, id=account.id.translate(OTHER_DIGITS))
                yield f"accounts.{account.name}.id", account.id, with_homes(own, [other])
        for project in own.projects.values():
            if project.id in text:
                changed = replace(project, id=f"{project.id}x")
                yield f"projects.{project.name}.id", project.id, with_homes(own, [changed])

    def _span(self, name: str) -> Span:
        return nodes.span_at(self.root, tuple(name.split(".")))[0]

    def _elsewhere(self, organization: Organization) -> Trial | None:
        components = self._components(self.component.tree, organization)
        made = [each for each in components.all() if self._is_here(each)]
        if has_errors(components.findings.all) or not made:
            return None
        return self._trial(made[0], organization)

    # ---- Making it

    def _trial(self, component: Component, organization: Organization) -> Trial | None:
        try:
            draft = self._draft(component, organization)
            stack = self._finished(draft)
        # A kind may assume what its model does not say; the value is then not one to try.
        except Exception:
            return None
        return Trial(parts(stack), not has_errors(draft.diagnostics))

    def _draft(self, component: Component, organization: Organization) -> Draft:
        others = (component if self._is_same(each) else each for each in self.others)
        draft = Draft(component.unrenamed, organization, Neighbours.of(others), beside=self.beside)
        self.kinds[component.kind].build(draft)
        return draft

    def _is_same(self, other: Component) -> bool:
        return (other.name, other.home.name) == (self.component.name, self.component.home.name)

    def _finished(self, draft: Draft) -> Stack | None:
        access = Access()
        access.add(pointed(draft.grants, writers(draft.repositories)))
        here = (self.home.cloud, self.home.name)
        stacks = (each for each in draft.finish(access) if (each.cloud, each.account) == here)
        return next(stacks, None)
