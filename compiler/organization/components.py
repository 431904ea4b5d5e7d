"""Components: extended, fanned out, evaluated and read into their kind's inputs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pydantic_core import PydanticCustomError

from compiler.blueprint import nodes
from compiler.blueprint.expressions import evaluate
from compiler.blueprint.models import ComponentModel
from compiler.blueprint.shapes import check
from compiler.blueprint.validation import findings, told
from compiler.blueprint.wording import quoted, written
from compiler.diagnostics import Diagnostic, Span, nearest
from compiler.organization.findings import Findings, seen_from
from compiler.organization.instance import Instance
from compiler.organization.kind import Kind
from compiler.organization.names import check_name
from compiler.organization.records import Component, Home, Organization
from compiler.organization.regions import Regions
from compiler.organization.scope import Scope
from compiler.organization.selectors import select_accounts, select_projects

# Keys that say something of one component alone, and are not taken over by `extends`.
NOT_INHERITED = ("adopt", "extends", "renamed_from", "when")


@dataclass(slots=True)
class Components:
    """Makes the components of a blueprint. `findings` fills as it goes.

    `scope` is what every expression sees: the organisation and the defaults' vars and tags.
    """

    section: nodes.Mapping
    kinds: Mapping[str, Kind]
    organization: Organization
    scope: Scope
    regions: Regions
    findings: Findings = field(default_factory=Findings)
    unmade: dict[str, Span] = field(default_factory=dict)
    _of: dict[str, tuple[Diagnostic, ...]] = field(default_factory=dict)

    def all(self) -> tuple[Component, ...]:
        """Every instance, sorted by the name that its component has in the cloud, and by home.

        The order of components is that of statements in policies that several share.
        """
        # What a component takes over is told of where it stands: those that others extend first.
        names = sorted(self.section.entries, key=lambda name: (len(self._bases(name)), name))
        made = {name: self._component(name, self.section.entries[name]) for name in names}
        instances = (component for name in sorted(made) for component in made[name])
        return tuple(sorted(instances, key=lambda component: component.unrenamed.name))

    def _bases(self, name: str) -> list[str]:
        """What the component extends, the nearest first; stops at a circle."""
        found: list[str] = []
        entry = self.section.entries.get(name)
        while entry and isinstance(entry.value, nodes.Mapping):
            base = _text(entry.value.get("extends"))
            if base is None or base in (name, *found) or base not in self.section.entries:
                break
            found.append(base)
            entry = self.section.entries[base]
        return found

    def _component(self, name: str, entry: nodes.Entry) -> list[Component]:
        found = Findings()
        made = list(self._instances(name, entry, found))
        known = {d for base in self._bases(name) for d in self._renamed(base, name)}
        own = [d for d in found.all if (d.code, d.message) not in known]
        self._of[name] = tuple(own)
        self.findings.add(check_name("component", name, entry.key_span))
        self.findings.add(own)
        return made

    def _renamed(self, base: str, name: str) -> Iterator[tuple[str, str]]:
        """What was told of keys that `base` lacks, as it would be told of `name`."""
        for found in self._of.get(base, ()):
            if found.code == "E201":
                yield found.code, found.message.replace(_called(base), _called(name), 1)

    def _instances(self, name: str, entry: nodes.Entry, found: Findings) -> Iterator[Component]:
        tree = self._extended(name, entry, (), found)
        if tree is None:
            return
        if not _given(tree.get("for_each")):
            tree = _without(tree, ("for_each",))
        former = self._former(name, tree, found)
        kind = self._kind(name, tree, entry.key_span, found)
        if kind is None or not kind.home:
            return  # of a kind that cannot be read nothing is known, and what is wrong with it is told
        self._check_home(name, entry.value, kind, found)
        for match in self._matches(name, tree, kind, found):
            instance = Instance(
                organization=self.organization,
                scope=self.scope,
                regions=self.regions,
                name=name,
                what=_called(name),
                span=entry.key_span,
                tree=tree,
                kind=kind,
                match=match,
                renamed_from=former,
            )
            made = instance.component()
            found.add(seen_from(match, instance.diagnostics))
            if made:
                yield made
            elif not instance.diagnostics and "when" in tree.entries:
                self.unmade[name] = tree.entries["when"].key_span

    def _former(self, name: str, tree: nodes.Mapping, found: Findings) -> str | None:
        """The name that the component had, as `renamed_from` says."""
        node = tree.get("renamed_from")
        former = _text(node)
        if node is None or former is None:
            return None
        if nodes.has_template(node):
            message = f'{_called(name)}: "renamed_from" is a name as it stands, without expressions'
            found.report("E204", message, node.span, "write the name that the component had")
        what = f'{_called(name)} is renamed from "{former}"'
        if former == name:
            found.report("E318", f"{what}, its own name", node.span, "take renamed_from out")
        elif former in self.section.entries:
            other = self.section.entries[former].key_span
            message = f"{what}, and there is a component of that name, with the same state"
            hint = f'take renamed_from out, or rename "{former}"'
            found.report("E318", message, node.span, hint, (("the other", other),))
        elif (rival := self._also_renamed(former, name)) is not None:
            message = f"{what}, and another component is too: only one can have its state"
            found.report("E318", message, node.span, None, (("the other", rival),))
        return former

    def _also_renamed(self, former: str, name: str) -> Span | None:
        """Where an earlier component says that it had that name."""
        for other in sorted(self.section.entries):
            own = self.section.entries[other].value
            node = own.get("renamed_from") if isinstance(own, nodes.Mapping) else None
            if node is not None and other < name and _text(node) == former:
                return node.span
        return None

    def _extended(
        self, name: str, entry: nodes.Entry, chain: tuple[str, ...], found: Findings
    ) -> nodes.Mapping | None:
        """The component's keys over those that it takes over; None if that cannot be told."""
        if not isinstance(entry.value, nodes.Mapping):
            if not chain:
                found.add(
                    check(ComponentModel, entry.value, what=_called(name), owner=entry.key_span)[1]
                )
            return None
        base = entry.value.get("extends")
        if base is None:
            return entry.value
        wanted = _text(base)
        below = self.section.entries.get(wanted or "")
        if below is None or wanted is None:
            self._unknown_base(name, base, found)
            return None
        if wanted in (*chain, name):
            circle = [*chain, name][[*chain, name].index(wanted) :]
            # Each of its members finds it; the first by name tells of it.
            if circle[0] == min(circle) == (*chain, name)[0]:
                message = (
                    f"components extend each other in a circle: {' → '.join([*circle, wanted])}"
                )
                first = self.section.entries[circle[0]].value
                span = nodes.span_at(first, ("extends",))[0]
                found.report("E311", message, span, 'leave "extends" out of one of them')
            return None
        parent = self._extended(wanted, below, (*chain, name), found)
        if parent is None:
            return None
        own, theirs = _text(entry.value.get("kind")), _text(parent.get("kind"))
        if own and theirs and own != theirs:
            if not chain:
                message = f'{_called(name)} extends "{wanted}", which is of another kind: {theirs}'
                found.report("E311", message, base.span, 'leave "extends" out, or "kind"')
            return None
        kind = self.kinds.get(own or theirs or "")
        left = (*NOT_INHERITED, *(_settled(entry.value, kind) if kind else ()))
        return nodes.merge(_without(parent, left), entry.value)

    def _unknown_base(self, name: str, base: nodes.Node, found: Findings) -> None:
        value = nodes.plain(base)
        if not isinstance(value, str):
            message = f'{_called(name)}: "extends" must be text, not {written(value)}'
            found.report("E203", message, base.span, "name one component")
            return
        others = [other for other in self.section.entries if other != name]
        guess = nearest(value, others)
        declared = self.section.entries[guess].key_span if guess else None
        hint = f'did you mean "{guess}", declared at {declared}?' if guess else None
        message = f'{_called(name)} extends the unknown component "{value}"'
        found.report("E311", message, base.span, hint or f"components: {', '.join(others)}")

    def _kind(self, name: str, tree: nodes.Mapping, owner: Span, found: Findings) -> Kind | None:
        node = tree.get("kind")
        if node is None:
            typo = nearest("kind", [key for key in tree.entries if key.startswith("k")])
            span = tree.entries[typo].key_span if typo else owner
            message = f'{_called(name)} lacks "kind"'
            hint = f'did you mean "kind" by "{typo}"?' if typo else None
            found.report("E201", message, span, hint or f"kinds: {', '.join(sorted(self.kinds))}")
            return None
        value = nodes.plain(node)
        if not isinstance(value, str):
            message = f'{_called(name)}: "kind" must be text, not {written(value)}'
            found.report("E203", message, node.span, f"kinds: {', '.join(sorted(self.kinds))}")
            return None
        if value not in self.kinds:
            guess = nearest(value, self.kinds)
            hint = f'did you mean "{guess}"?' if guess else None
            message = f'{_called(name)} is of the unknown kind "{value}"'
            hint = hint or f"kinds: {', '.join(sorted(self.kinds))}"
            found.report("E305", message, node.span, hint)
        return self.kinds.get(value)

    def _check_home(self, name: str, own: nodes.Node, kind: Kind, found: Findings) -> None:
        """Where it is stands once: in for_each, or in the input that names the account."""
        if not isinstance(own, nodes.Mapping) or kind.per is None:
            return
        if kind.home in own.entries and _given(own.get("for_each")):
            home, for_each = own.entries[kind.home].key_span, own.entries["for_each"].key_span
            message = (
                f'{_called(name)}: "{kind.home}" and for_each both say where it is made, '
                f"and only one can"
            )
            hint = f'leave "{kind.home}" out, which is each match; or for_each'
            found.report("E310", message, home, hint, (("for_each", for_each),))

    def _matches(
        self, name: str, tree: nodes.Mapping, kind: Kind, found: Findings
    ) -> Sequence[Home | None]:
        """The matches of `for_each`, or None once where there is none."""
        node = tree.get("for_each")
        if node is None:
            return (None,)
        place = tree.entries["for_each"].key_span
        if kind.per is None:
            message = f'{_called(name)}: kind "{kind.name}" is not for one account, so it takes no for_each'
            found.report("E310", message, place, "name the accounts in its inputs")
            # Its inputs are checked all the same.
            return (None,)
        noun = f"{kind.per}s"
        if not isinstance(node, nodes.Mapping) or list(node.entries) != [noun]:
            message = f'{_called(name)}: for_each must be a mapping with the one key "{noun}"'
            found.report("E310", message, place, f"for_each: {{{noun}: SELECTOR}}")
            return ()
        former = _text(tree.get("renamed_from"))
        scope = {**self.scope, "component": {"name": former or name, "kind": kind.name}}
        evaluated, failed = evaluate(node, scope)
        if failed:
            found.add(failed)
            return ()
        return self._selected(name, evaluated, noun, found)

    def _selected(
        self, name: str, for_each: nodes.Node, noun: str, found: Findings
    ) -> Sequence[Home]:
        assert isinstance(for_each, nodes.Mapping), "it was one before it was evaluated"
        wanted = nodes.plain(for_each.entries[noun].value)
        try:
            if noun == "accounts":
                return select_accounts(wanted, self.organization)
            return select_projects(wanted, self.organization)
        except PydanticCustomError as error:
            tree = nodes.Mapping({"for_each": nodes.Entry(for_each.span, for_each)}, for_each.span)
            path = ("for_each", noun)
            found.add([told(each, _called(name), path, tree) for each in findings(error)])
            return ()


def _given(node: nodes.Node | None) -> bool:
    """Whether the key has a value: without one it takes away what was taken over."""
    return node is not None and not (isinstance(node, nodes.Scalar) and node.value is None)


def _settled(own: nodes.Mapping, kind: Kind) -> tuple[str, ...]:
    """What is not taken over where the component says itself where it is made."""
    if _given(own.get("for_each")):
        return (kind.home,)
    return ("for_each",) if kind.home in own.entries else ()


def _called(name: str) -> str:
    return f"component {quoted(name)}"


def _text(node: nodes.Node | None) -> str | None:
    value = node.value if isinstance(node, nodes.Scalar) else None
    return value if isinstance(value, str) else None


def _without(tree: nodes.Mapping, keys: Iterable[str]) -> nodes.Mapping:
    kept = {key: entry for key, entry in tree.entries.items() if key not in keys}
    return nodes.Mapping(kept, tree.span)
