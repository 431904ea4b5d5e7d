"""Answers to `landform explain`: where a stack, a resource, an attribute or a value comes from.

Takes a compiled blueprint with its files, gives an `Answer` as plain data; `AddressError` says why
there is none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from compiler.access.ledger import Binding, Edge, Entry
from compiler.blueprint import nodes
from compiler.blueprint.files import BlueprintFiles
from compiler.blueprint.yaml_merge import merge_documents
from compiler.blueprint.yaml_tree import parse
from compiler.compilation import Compiled
from compiler.diagnostics import Span, nearest
from compiler.explaining import layers
from compiler.explaining.address import InBlueprint, InStack
from compiler.explaining.layers import Line, Setting
from compiler.explaining.parts import Path, by_sid, parts
from compiler.explaining.trials import Follows, Trials
from compiler.kinds.available import available
from compiler.organization.components import NOT_INHERITED
from compiler.organization.records import Component, Home
from compiler.terraform.stack import Stack


class AddressError(ValueError):
    """There is nothing at the address; the text says what there is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """A permission of the ledger that stands in what was asked about. `sids` are its statements there."""

    id: str
    says: str
    sids: tuple[str, ...]
    origin: Line


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Where something comes from. `value` is that of a resource or attribute, if one was asked about.

    `because` are the lines without which it is not there, `follows` those that change what it says.
    `own` is false for what other components have put into the stack. `resources` are a stack's.
    """

    address: InStack
    component: Component
    home: Home
    lines: Line
    extends: tuple[Line, ...] = ()
    for_each: Line | None = None
    declared: Span | None = None
    value: Any = None
    own: bool = True
    because: tuple[Follows, ...] = ()
    follows: tuple[Follows, ...] = ()
    grants: tuple[Granted, ...] = ()
    settings: tuple[Setting, ...] = ()
    resources: tuple[str, ...] = ()


@dataclass(slots=True)
class Explainer:
    """Answers about one blueprint."""

    compiled: Compiled
    files: BlueprintFiles
    root: nodes.Mapping = field(init=False)

    def __post_init__(self) -> None:
        trees = [(each.path, parse(each.text, each.path)[0]) for each in self.files.files]
        self.root = merge_documents([(path, tree) for path, tree in trees if tree])[0]

    # ---- Stacks and what is in them

    def in_stack(self, address: InStack) -> Answer:
        """The answer for a stack, or for something in it."""
        stack = self._stack(address)
        component, home = self._component(stack), self._home(stack)
        chain = layers.of_component(self.root, component.name)
        settings = self._settings(component, home)
        about: dict[str, Any] = {
            "address": address,
            "component": component,
            "home": home,
            "lines": self._lines(component),
            "for_each": self._for_each(component),
            "extends": tuple(
                Line(each.name, None, self._key(each.name)) for each in reversed(chain[:-1])
            ),
        }
        if address.address is None:
            found = tuple(each.address for each in stack.resources)
            return Answer(**about, settings=settings, resources=found)
        path, value = _within(address, parts(stack))
        trials = self._trials(component, home)
        wanted = [each for each in trials.of(address.address) if _concerns(each, path)]
        return Answer(
            **about,
            declared=trials.written().get(address.address),
            value=value,
            own=address.address in trials.now(),
            because=tuple(each for each in wanted if each.made),
            follows=tuple(each for each in wanted if not each.made),
            grants=tuple(self._grants(stack, address, path)),
        )

    def _stack(self, address: InStack) -> Stack:
        by_path = {stack.path: stack for stack in self.compiled.stacks}
        if address.stack not in by_path:
            guess = nearest(address.stack, by_path)
            hint = f'did you mean "{guess}"?' if guess else f"stacks: {', '.join(by_path)}"
            raise AddressError(f'there is no stack "{address.stack}"; {hint}')
        return by_path[address.stack]

    def _component(self, stack: Stack) -> Component:
        found = [c for c in self.compiled.world.components if c.name == stack.component]
        if not found:
            raise AddressError(
                f'"{stack.path}" is listed under removed: it has nothing but what destroys it'
            )
        home = self._home(stack)
        here = (c for c in found if (c.home.cloud, c.home.name) == (home.cloud, home.name))
        # With `for_each`, one of the instances may have a second stack in a further account.
        makers = (c for c in found if len(found) == 1 or self._trials(c, home).now())
        return next(here, None) or next(makers, found[0])

    def _home(self, stack: Stack) -> Home:
        organization = self.compiled.world.organization
        if stack.cloud == "google":
            return organization.projects[stack.account]
        return organization.accounts[stack.account]

    def _settings(self, component: Component, home: Home) -> tuple[Setting, ...]:
        """What the stack inherits; all stacks of a component in one cloud have its first one's region."""
        own = layers.of_component(self.root, component.name)
        found = layers.settings(layers.of_home(self.root, home), own, home.cloud)
        if home.cloud != component.home.cloud or home.name == component.home.name:
            return found
        first = layers.settings(layers.of_home(self.root, component.home), own, home.cloud)
        region = [each for each in first if each.path == ("region",)]
        return (*region, *(each for each in found if each.path != ("region",)))

    def _trials(self, component: Component, home: Home) -> Trials:
        organization = self.compiled.world.organization
        kinds, _ = available(self.files.kinds)
        return Trials(
            component=component,
            home=home,
            organization=organization,
            kinds=kinds,
            others=self.compiled.world.components,
            root=self.root,
            own=layers.by_path(layers.inputs(layers.of_component(self.root, component.name), ())),
            inherited=tuple(self._inherited(component, home)),
            beside=self.files.beside,
        )

    def _inherited(
        self, component: Component, home: Home
    ) -> Iterator[tuple[Setting, tuple[Home, ...]]]:
        """What the accounts and projects of a component have, by the line that they have it from."""
        own = layers.of_component(self.root, component.name)
        taken = {each.path for each in layers.settings((), own, home.cloud)}
        found: dict[str, tuple[Setting, list[Home]]] = {}
        for each in self._homes(component, home):
            above = layers.of_home(self.root, each)
            for setting in layers.settings(above, (), each.cloud):
                if setting.path not in taken:
                    found.setdefault(setting.line.name, (setting, []))[1].append(each)
        yield from ((setting, tuple(members)) for setting, members in found.values())

    def _homes(self, component: Component, home: Home) -> list[Home]:
        """Where the component has stacks, the one in question first; only that one with `for_each`."""
        found = {(each.cloud, each.name): each for each in (home, component.home)}
        if "for_each" not in component.tree.entries:
            stacks = (s for s in self.compiled.stacks if s.component == component.name)
            found |= {(s.cloud, s.account): self._home(s) for s in stacks}
        return list(found.values())

    def _lines(self, component: Component) -> Line:
        """From the component's key to its last line."""
        name = f"components.{component.name}"
        section = self.root.get("components")
        node = section.get(component.name) if isinstance(section, nodes.Mapping) else None
        end = node.span if node else component.span
        start = component.span
        span = Span(start.path, start.line, start.column, end.end_line, end.end_column)
        return Line(name, component.kind, span)

    def _for_each(self, component: Component) -> Line | None:
        entry = component.tree.entries.get("for_each")
        if entry is None:
            return None
        return Line(
            f"components.{component.name}.for_each", nodes.plain(entry.value), entry.value.span
        )

    def _key(self, name: str) -> Span:
        section, _, key = name.partition(".")
        node = self.root.get(section)
        assert isinstance(node, nodes.Mapping), "it was read from there"
        return node.entries[key].key_span

    # ---- Grants

    def _grants(self, stack: Stack, address: InStack, path: Path) -> Iterator[Granted]:
        """Those that have a statement in the part that was asked about."""
        assert address.address is not None
        sids = _sids(parts(stack)[address.address], path) if path else None
        for entry in self.compiled.entries:
            here = [
                sid
                for at, name, sid in _evidence(entry)
                if (at, name) == (stack.path, address.address)
            ]
            if here and (sids is None or not any(here) or sids & set(here)):
                origin = Line(entry.origin, None, self._key(f"components.{entry.component}"))
                yield Granted(
                    id=entry.id, says=says(entry), sids=tuple(filter(None, here)), origin=origin
                )

    # ---- Values of the blueprint

    def in_blueprint(self, address: InBlueprint) -> tuple[Setting, ...]:
        """The lines behind each value at or below the address."""
        organization = self.compiled.world.organization
        section = self.root.get(address.section)
        known = section.entries if isinstance(section, nodes.Mapping) else {}
        if address.name not in known:
            guess = nearest(address.name, known)
            hint = f'did you mean "{guess}"?' if guess else f"there are: {', '.join(known)}"
            raise AddressError(f'there is no "{address.name}" under {address.section}; {hint}')
        if address.section == "components":
            above = layers.of_component(self.root, address.name)
            found = layers.inputs(above, NOT_INHERITED)
        else:
            home: Home = (
                organization.accounts[address.name]
                if address.section == "accounts"
                else organization.projects[address.name]
            )
            above = layers.of_home(self.root, home)
            own = layers.inputs(above[-1:], ("aws", "google", *layers.SHARED))
            found = (*own, *layers.settings(above, (), home.cloud))
        wanted = tuple(each for each in found if each.path[: len(address.path)] == address.path)
        if not wanted:
            names = ", ".join(".".join(each.path) for each in found)
            raise AddressError(f'"{address}" has no value; there are: {names}')
        return wanted


def says(entry: Entry) -> str:
    """What a permission of the ledger allows, in a line."""
    if isinstance(entry, Edge):
        return f"{entry.principal_arn} may {', '.join(entry.actions)} on {entry.resource_arn}"
    if isinstance(entry, Binding):
        return f"{entry.member} has {entry.role} on {entry.resource}"
    return f"{entry.principal} has {entry.text} on {entry.resource}"


def _evidence(entry: Entry) -> Iterator[tuple[str, str, str]]:
    """Where it stands: stack, address and Sid."""
    if isinstance(entry, Edge):
        yield from ((each.stack, each.address, each.sid) for each in entry.statements)
    elif isinstance(entry, Binding):
        yield entry.stack, entry.address, ""
    else:
        yield from ((entry.stack, address, "") for address in entry.addresses)


def _sids(value: Any, path: Path) -> set[str]:
    """The Sids in the part at that path, and of the statement that the part is in."""
    found: set[str] = set()
    for step in path:
        statements = by_sid(value)
        value = statements[str(step)] if statements else value[step]
        if isinstance(value, Mapping) and "Sid" in value:
            return {str(value["Sid"])}
    rest = [value]
    while rest:
        part = rest.pop()
        if isinstance(part, Mapping):
            found |= {str(part["Sid"])} if "Sid" in part else set()
            rest += part.values()
        elif isinstance(part, list):
            rest += part
    return found


# ---- Parts of a stack


def _within(address: InStack, known: Mapping[str, object]) -> tuple[Path, object]:
    """The path as it is in the resource, and the value there; a statement may be named by its Sid."""
    assert address.address is not None
    if address.address not in known:
        guess = nearest(address.address, known)
        hint = f'did you mean "{guess}"?' if guess else f"there are: {', '.join(sorted(known))}"
        raise AddressError(f'"{address.stack}" has no "{address.address}"; {hint}')
    value, path = known[address.address], list[str | int]()
    for step in address.path:
        found = _step(value, step)
        if found is None:
            names = list(value) if isinstance(value, Mapping) else []
            guess = nearest(step, names)
            there = f'did you mean "{guess}"?' if guess else f"there are: {', '.join(names)}"
            hint = there if names else "it has no parts"
            where = ".".join(map(str, [address.address, *path]))
            raise AddressError(f'"{where}" in "{address.stack}" has no "{step}"; {hint}')
        steps, value = found
        path += steps
    return tuple(path), value


def _step(value: object, step: str) -> tuple[list[str | int], object] | None:
    if isinstance(value, Mapping):
        if step in value:
            return [step], value[step]
        listed = value.get("Statement")
        found = _step(listed, step) if isinstance(listed, list) else None
        return (["Statement", *found[0]], found[1]) if found else None
    if isinstance(value, list):
        statements = by_sid(value)
        if statements:
            step = (
                list(statements)[int(step)] if step.isdigit() and int(step) < len(value) else step
            )
            return ([step], statements[step]) if step in statements else None
        if step.isdigit() and int(step) < len(value):
            return [int(step)], value[int(step)]
        if len(value) == 1 and isinstance(value[0], Mapping) and step in value[0]:
            # A block is a list of one.
            return [0, step], value[0][step]
    return None


def _concerns(found: Follows, path: Path) -> bool:
    """Whether the line has to do with that part; what makes the resource makes all parts."""
    return found.made or any(
        each[: len(path)] == path or path[: len(each)] == each for each in found.attributes
    )
