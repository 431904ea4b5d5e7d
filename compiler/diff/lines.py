"""Which lines of a blueprint differ between two revisions, and which stacks they can reach.

Compared are values, not text: comments, order and layout are no difference, nor is a file that was
split. A line reaches a stack through its component, its account or project and the units above, and
what stands for all; weaker, through an account or a component that its own names. `Line.key` is
the way through the tree: `("components", "churn", "deploy", "max")`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from compiler.blueprint import nodes
from compiler.blueprint.yaml_tree import parse
from compiler.diagnostics import Span
from compiler.diff.records import Sources, StackView

Key = tuple[str, ...]
# How far away a line is from a stack; what is further than FAR cannot reach it.
OWN, HOME, NAMED, ELSEWHERE = range(4)
FAR: Final = ELSEWHERE
_HOMES = ("accounts", "projects")
# What stands for all stacks; where the second key is a cloud, for those of that cloud.
_FOR_ALL = ("defaults", "organization", "deploy", "state", "providers", "landform")
_CLOUDS = ("aws", "google")


@dataclass(frozen=True, slots=True)
class Line:
    """A key whose value differs. `gone` says that only the old revision has it."""

    key: Key
    span: Span
    gone: bool = False

    @property
    def name(self) -> str:
        """As the blueprint's paths are written: `components.churn.deploy.max`."""
        return ".".join(self.key)


def changed(before: Sources | None, after: Sources | None) -> tuple[Line, ...]:
    """The keys that differ, the highest of those that only one has. None was read from output."""
    if before is None or after is None:
        return ()
    found = [*_keys((), before.root, after.root, before)]
    for name in sorted({*before.kinds, *after.kinds}):
        found += _kind(name, before, after)
    for path in sorted({*before.files, *after.files}):
        old, new = before.files.get(path), after.files.get(path)
        # A file that is named for the first time is in the component's lines.
        if old and new and old[1] != new[1]:
            found.append(Line(("files", path), _top(new[0])))
    return tuple(found)


def _top(path: str) -> Span:
    return Span(path, 1, 1, 1, 1)


def _kind(name: str, before: Sources, after: Sources) -> Iterator[Line]:
    old, new = before.kinds.get(name), after.kinds.get(name)
    trees = [parse(each[1], each[0])[0] if each else None for each in (old, new)]
    if isinstance(trees[0], nodes.Mapping) and isinstance(trees[1], nodes.Mapping):
        yield from _keys(("kinds", name), trees[0], trees[1], before)
    elif new:
        yield Line(("kinds", name), _top(new[0]))
    elif old:
        yield Line(("kinds", name), _top(before.shown(old[0])), gone=True)


def _keys(
    key: Key, before: nodes.Mapping, after: nodes.Mapping, sources: Sources
) -> Iterator[Line]:
    """The keys that differ, in the order of the later revision, then those that are gone."""
    for name, entry in after.entries.items():
        old = before.entries.get(name)
        if old is None:
            yield Line((*key, name), entry.key_span)
        elif isinstance(old.value, nodes.Mapping) and isinstance(entry.value, nodes.Mapping):
            yield from _keys((*key, name), old.value, entry.value, sources)
        elif not _same(old.value, entry.value):
            yield Line((*key, name), entry.key_span)
    for name, entry in before.entries.items():
        if name not in after.entries:
            span = entry.key_span
            span = span._replace(path=sources.shown(span.path))
            yield Line((*key, name), span, gone=True)


def _same(one: nodes.Node, other: nodes.Node) -> bool:
    """As they are written: 1.30 is not 1.3, and true is not 1."""
    first, second = nodes.plain(one), nodes.plain(other)
    return first == second and str(first) == str(second)


# ---- Which stacks a line reaches


class Reach:
    """What the lines of a blueprint can reach. `views` are the stacks of both revisions."""

    def __init__(self, sources: Iterable[Sources], views: Iterable[StackView]) -> None:
        self._homes: dict[str, set[str]] = {}
        for view in views:
            self._homes.setdefault(view.component, set()).add(view.home)
        self._words: dict[str, set[str]] = {}
        self._units: dict[str, set[str]] = {}
        self._fanned: set[str] = set()
        for each in sources:
            self._read(each.root)

    def _read(self, root: nodes.Mapping) -> None:
        components = root.get("components")
        if isinstance(components, nodes.Mapping):
            for name, entry in components.entries.items():
                self._words.setdefault(name, set()).update(_words(entry.value))
                if _fanned(name, components):
                    self._fanned.add(name)
        for section in _HOMES:
            members = root.get(section)
            if isinstance(members, nodes.Mapping):
                for name, entry in members.entries.items():
                    self._units.setdefault(name, set()).update(_unit(entry.value))

    def distance(self, line: Line, view: StackView) -> int:
        """How far the line is from the stack."""
        section, *rest = line.key
        name = rest[0] if rest else ""
        if section == "components":
            return self._of_component(name, view.component)
        if section == "kinds":
            return OWN if name == view.kind else FAR
        if section == "files":
            return OWN if name in self._words.get(view.component, ()) else FAR
        if section in _HOMES:
            return self._of_home(name, view)
        if section == "units":
            return self._of_unit(name, view)
        if section == "removed":
            return OWN if view.tombstone else FAR
        if section in _FOR_ALL:
            return FAR if name in _CLOUDS and name != view.cloud else HOME
        return FAR

    def _of_component(self, name: str, own: str) -> int:
        if name == own:
            return OWN
        linked = name in self._words.get(own, ()) or own in self._words.get(name, ())
        return NAMED if linked else ELSEWHERE

    def _of_home(self, name: str, view: StackView) -> int:
        if name == view.home:
            return HOME
        return NAMED if name in self._others(view) else ELSEWHERE

    def _others(self, view: StackView) -> set[str]:
        """The homes that a stack's component brings together; with `for_each` each is by itself."""
        fanned = view.component in self._fanned
        return set() if fanned else self._homes.get(view.component, set())

    def _of_unit(self, unit: str, view: StackView) -> int:
        if self._within(view.home, unit):
            return HOME
        near = any(self._within(home, unit) for home in self._others(view))
        return NAMED if near else ELSEWHERE

    def _within(self, home: str, unit: str) -> bool:
        units = self._units.get(home, ())
        return any(each == unit or each.startswith(f"{unit}/") for each in units)


def _fanned(name: str, components: nodes.Mapping) -> bool:
    """Whether the component, or one that it extends, has `for_each`."""
    seen: set[str] = set()
    while name not in seen:
        seen.add(name)
        tree = components.get(name)
        if not isinstance(tree, nodes.Mapping):
            return False
        for_each = tree.get("for_each")
        if for_each is not None:
            return nodes.plain(for_each) is not None
        base = tree.get("extends")
        name = str(base.value) if isinstance(base, nodes.Scalar) else name
    return False


def _unit(member: nodes.Node) -> Iterator[str]:
    unit = member.get("unit") if isinstance(member, nodes.Mapping) else None
    if isinstance(unit, nodes.Scalar) and isinstance(unit.value, str):
        yield unit.value


def _words(node: nodes.Node) -> Iterator[str]:
    """Every text in it; where an expression stands, none can be told."""
    if isinstance(node, nodes.Mapping):
        for entry in node.entries.values():
            yield from _words(entry.value)
    elif isinstance(node, nodes.Sequence):
        for item in node.items:
            yield from _words(item)
    elif isinstance(node.value, str):
        yield node.value


def reaching(lines: Iterable[Line], view: StackView, reach: Reach) -> tuple[Line, ...]:
    """The lines that can have changed the stack: the near ones, or those further off if none is near.

    What a component names is told with its own, as both can be the cause.
    """
    by_distance: Mapping[int, list[Line]] = {OWN: [], HOME: [], NAMED: [], ELSEWHERE: []}
    for line in lines:
        by_distance[reach.distance(line, view)].append(line)
    near = [*by_distance[OWN], *by_distance[HOME], *by_distance[NAMED]]
    return tuple(near or by_distance[ELSEWHERE])
