"""The key `adopt` of a component: what exists already and becomes a stack's, by account and address."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from compiler.blueprint import nodes
from compiler.blueprint.expressions import evaluate
from compiler.blueprint.models import Address, Name
from compiler.blueprint.shapes import Shape, Text
from compiler.diagnostics import Diagnostic, Span
from compiler.organization.findings import checked
from compiler.organization.records import Adopted, Home, Organization
from compiler.organization.scope import Scope


class _Adopt(Shape):
    adopt: dict[Name, dict[Address, Text]]


@dataclass(frozen=True, slots=True)
class Places:
    """Where things are: `match` is the one account or project of an instance, `scope` what is seen there."""

    organization: Organization
    match: Home | None
    scope: Callable[[Home], Scope]

    def home(self, name: str, address: str) -> Home | None:
        """The account or project of that name that has such a resource; None where this instance has none.

        A resource's type says the cloud: an account and a project may have one name.
        """
        homes: Mapping[str, Home] = self.organization.accounts
        if address.startswith("google_"):
            homes = self.organization.projects
        home = homes.get(name)
        return home if self.match in (None, home) else None


def adopted(
    entry: nodes.Entry, places: Places, what: str
) -> tuple[tuple[Adopted, ...], tuple[Diagnostic, ...]]:
    """The resources and ids, and what is wrong with their form.

    Whether the stacks have such resources is seen when they are built.
    """
    failed: list[Diagnostic] = []
    homes: dict[tuple[str, str], Home] = {}
    value = _map(entry.value, lambda name, listed: _evaluated(name, listed, places, homes, failed))
    tree = nodes.Mapping({"adopt": nodes.Entry(entry.key_span, value)}, entry.value.span)
    made, found = checked(_Adopt, tree, failed, what=what, owner=entry.key_span)
    if made is None:
        return (), found
    return tuple(
        Adopted(
            cloud=homes[name, address].cloud,
            home=name,
            address=address,
            id=id,
            span=_span(value, name, address),
        )
        for name, listed in made.adopt.items()
        for address, id in listed.items()
        if (name, address) in homes
    ), found


def written(tree: nodes.Mapping) -> list[tuple[str, str, Span, Span]]:
    """Every account and address under `adopt` as they stand in the component, each with its place."""
    value = tree.get("adopt")
    accounts = value.entries if isinstance(value, nodes.Mapping) else {}
    return [
        (name, address, entry.key_span, inner.key_span)
        for name, entry in accounts.items()
        if isinstance(entry.value, nodes.Mapping)
        for address, inner in entry.value.entries.items()
    ]


def _evaluated(
    name: str,
    listed: nodes.Node,
    places: Places,
    homes: dict[tuple[str, str], Home],
    failed: list[Diagnostic],
) -> nodes.Node:
    """The ids of one account, each in its scope; those of another instance as they are."""

    def evaluated(address: str, id: nodes.Node) -> nodes.Node:
        home = places.home(name, address)
        if home is None:
            return id
        homes[name, address] = home
        value, found = evaluate(id, places.scope(home))
        failed.extend(found)
        return value

    return _map(listed, evaluated)


def _map(node: nodes.Node, change: Callable[[str, nodes.Node], nodes.Node]) -> nodes.Node:
    """A mapping with its values changed; anything else as it is."""
    if not isinstance(node, nodes.Mapping):
        return node
    changed = {
        key: nodes.Entry(entry.key_span, change(key, entry.value))
        for key, entry in node.entries.items()
    }
    return nodes.Mapping(changed, node.span)


def _span(value: nodes.Node, name: str, address: str) -> Span:
    return nodes.span_at(value, (name, address))[0]
