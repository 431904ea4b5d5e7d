"""Inherited values: which line sets each, and which lines it overrode.

The order is that of the language: defaults, each step of the unit path, the account or project, the
component that is extended, the component. Takes trees as they are written; evaluates nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from compiler.blueprint import nodes
from compiler.diagnostics import Span
from compiler.organization.records import Account, Home

Path = tuple[str, ...]
# What is inherited, beside the region.
SHARED = ("tags", "vars")


@dataclass(frozen=True, slots=True)
class Layer:
    """A part of the blueprint that sets values: `name` is its address, `units.workloads/prod`."""

    name: str
    node: nodes.Mapping


@dataclass(frozen=True, slots=True)
class Line:
    """A value as it is written: its address in the blueprint, and where."""

    name: str
    written: object
    span: Span


@dataclass(frozen=True, slots=True)
class Setting:
    """A value in effect: `path` is `("vars", "max_instances")`; `overrode` has the nearest first."""

    path: Path
    line: Line
    overrode: tuple[Line, ...] = ()


def of_home(root: nodes.Mapping, home: Home) -> tuple[Layer, ...]:
    """What an account or a project inherits, and itself; the farthest first."""
    steps = home.unit.split("/") if home.unit else []
    places: list[tuple[str, str]] = [
        ("units", "/".join(steps[:depth])) for depth in range(1, len(steps) + 1)
    ]
    places.append(("accounts" if isinstance(home, Account) else "projects", home.name))
    found = [Layer("defaults", node) for node in _mappings(root.get("defaults"))]
    for section, name in places:
        found += [
            Layer(f"{section}.{name}", node) for node in _mappings(_below(root.get(section), name))
        ]
    return tuple(found)


def of_component(root: nodes.Mapping, name: str) -> tuple[Layer, ...]:
    """A component and those that it extends; the farthest first."""
    section, found = root.get("components"), list[Layer]()
    wanted: str | None = name
    while wanted is not None and not any(each.name == f"components.{wanted}" for each in found):
        node = _below(section, wanted)
        if not isinstance(node, nodes.Mapping):
            break
        found.append(Layer(f"components.{wanted}", node))
        base = node.get("extends")
        value = base.value if isinstance(base, nodes.Scalar) else None
        wanted = value if isinstance(value, str) else None
    return tuple(reversed(found))


def settings(home: Iterable[Layer], component: Iterable[Layer], cloud: str) -> tuple[Setting, ...]:
    """The region, tags and vars that hold for a component in an account or project, sorted."""
    inherited = _laid(home, [(cloud, "region"), *((key,) for key in SHARED)])
    inherited = {_short(path): setting for path, setting in inherited.items()}
    own = _laid(component, [("region",), *((key,) for key in SHARED)])
    found = dict(inherited)
    for path, setting in own.items():
        replaced = [other for other in inherited if _overlap(other, path)]
        for other in replaced:
            found.pop(other, None)
        lines = [line for other in replaced for line in _lines(inherited[other])]
        found[path] = Setting(path, setting.line, (*setting.overrode, *lines))
    return tuple(_named(path, found[path]) for path in sorted(found))


def inputs(component: Iterable[Layer], left_out: Iterable[str]) -> tuple[Setting, ...]:
    """The component's own keys but for those left out, in written order."""
    layers = list(component)
    keys = [key for layer in layers for key in layer.node.entries if key not in left_out]
    found = _laid(layers, [(key,) for key in dict.fromkeys(keys)])
    return tuple(_named(path, setting) for path, setting in found.items())


def _short(path: Path) -> Path:
    return ("region",) if path[1:] == ("region",) and path[0] not in SHARED else path


def _named(path: Path, setting: Setting) -> Setting:
    return Setting(path, setting.line, setting.overrode)


def _laid(layers: Iterable[Layer], wanted: Iterable[Path]) -> dict[Path, Setting]:
    """The layers over each other: mappings merge by key, scalars and lists replace."""
    found: dict[Path, Setting] = {}
    places = list(wanted)
    for layer in layers:
        for place in places:
            node = _at(layer.node, place)
            for path, leaf in _leaves(node, place) if node is not None else ():
                line = Line(f"{layer.name}.{'.'.join(path)}", nodes.plain(leaf), leaf.span)
                below = [other for other in found if _overlap(other, path)]
                lines = tuple(line for other in below for line in _lines(found.pop(other)))
                found[path] = Setting(path, line, lines)
    return found


def _overlap(one: Path, other: Path) -> bool:
    shorter = min(len(one), len(other))
    return one[:shorter] == other[:shorter]


def _lines(setting: Setting) -> tuple[Line, ...]:
    return (setting.line, *setting.overrode)


def _leaves(node: nodes.Node, path: Path) -> Iterator[tuple[Path, nodes.Node]]:
    if isinstance(node, nodes.Mapping) and node.entries:
        for key, entry in node.entries.items():
            yield from _leaves(entry.value, (*path, key))
    elif not isinstance(node, nodes.Mapping):
        yield path, node


def _at(node: nodes.Node | None, path: Path) -> nodes.Node | None:
    for step in path:
        node = _below(node, step)
    return node


def _below(node: nodes.Node | None, step: str) -> nodes.Node | None:
    return node.get(step) if isinstance(node, nodes.Mapping) else None


def _mappings(node: nodes.Node | None) -> Iterator[nodes.Mapping]:
    if isinstance(node, nodes.Mapping):
        yield node


def by_path(found: Iterable[Setting]) -> Mapping[Path, Setting]:
    """The settings by their paths."""
    return {setting.path: setting for setting in found}
