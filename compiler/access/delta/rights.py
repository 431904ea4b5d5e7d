"""The same for access beside policies: a principal, what it has by name, and on what.

Rights in a cluster are compared by their namespaces. What a name stands for is its service's to say:
one access policy for another through the same entry is both more and less. An attached policy of AWS is
told by its name here, also where another one gives its actions already; the evaluation of policies tells
what it adds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from compiler.access.delta.marks import Marker
from compiler.access.delta.privileged import attached
from compiler.access.delta.records import Change, Home, Kind, Party, Snapshot, Step
from compiler.access.evaluation.rights import SIGNED_IN, Given, rights
from compiler.access.evaluation.text import like
from compiler.access.ledger import Right

_MIRROR: Mapping[Kind, Kind] = {"gained": "lost", "widened": "narrowed"}


class _Asked(NamedTuple):
    principal: str
    name: str
    resource: str


@dataclass(slots=True)
class _Held:
    """Where somebody has a right (`whole`: everywhere), and by which resources."""

    cloud: str
    owner: str
    whole: bool = False
    namespaces: set[str] = field(default_factory=set)
    steps: set[Step] = field(default_factory=set)
    unknown: set[str] = field(default_factory=set)

    @property
    def scope(self) -> tuple[str, ...]:
        """Where, in words; empty for everywhere."""
        return () if self.whole else (f"in namespaces {', '.join(sorted(self.namespaces))}",)

    def exceeds(self, other: _Held) -> bool:
        """Whether it is somewhere where the other is not."""
        if self.whole or other.whole:
            return not other.whole
        return any(not any(like(o)(own) for o in other.namespaces) for own in self.namespaces)


def delta(before: Snapshot, after: Snapshot, markers: tuple[Marker, Marker]) -> Iterator[Change]:
    """The changes; the markers are those of the two snapshots."""
    had, has = _held(before), _held(after)
    yield from _more(had, has, after, markers[1])
    for change in _more(has, had, before, markers[0]):
        yield replace(change, kind=_MIRROR[change.kind], before=change.after, after=change.before)


def _held(snapshot: Snapshot) -> dict[_Asked, _Held]:
    found: dict[_Asked, _Held] = {}
    for given in rights(snapshot.documents):
        if given.side == "trust":
            continue  # the evaluation of policies tells it, with its conditions
        asked = _Asked(given.principal, given.name, given.resource)
        held = found.setdefault(asked, _Held(given.stack.partition("/")[0], given.owner))
        held.whole = held.whole or not given.namespaces
        held.namespaces |= set(given.namespaces)
        held.steps |= {
            Step(stack=given.stack, address=address, side=given.side, sid="")
            for address in given.addresses
        }
        held.unknown |= _unknown(given)
    return found


def _unknown(given: Given) -> frozenset[str]:
    """What decides besides: what Landform cannot read."""
    if given.side == "managed-policy" and attached(given.name) is None:
        return given.unknown | {f"text of {given.name}"}
    if given.name.startswith("kubernetes-group:"):
        group = given.name.partition(":")[2]
        return given.unknown | {f"rights of the group {group} in the cluster"}
    return given.unknown


def _more(
    had: Mapping[_Asked, _Held], has: Mapping[_Asked, _Held], after: Snapshot, marker: Marker
) -> Iterator[Change]:
    places = {(asked.principal, step) for asked, held in had.items() for step in held.steps}
    known = {(asked.principal, asked.resource) for asked in had}
    for asked, held in has.items():
        old = had.get(asked)
        if asked.name == SIGNED_IN and (asked.principal, asked.resource) in known:
            continue  # whoever has more is signed in as well
        if old is None:
            same = any((asked.principal, step) in places for step in held.steps)
            yield _change("widened" if same else "gained", asked, held, after, marker)
        elif held.exceeds(old):
            change = _change("widened", asked, held, after, marker)
            yield replace(change, before=_only(old), after=_only(held))


def _only(held: _Held) -> tuple[str, ...]:
    return tuple(f"only {text}" for text in held.scope)


def _change(kind: Kind, asked: _Asked, held: _Held, snapshot: Snapshot, marker: Marker) -> Change:
    steps = tuple(sorted(held.steps))
    spans = (snapshot.places.get(step.stack) for step in steps)
    google = held.cloud == "google"
    return Change(
        kind=kind,
        who=Party(
            text=asked.principal, cloud=held.cloud, home=_principal_home(asked, snapshot.homes)
        ),
        actions=(asked.name,),
        on=Party(text=asked.resource, cloud=held.cloud, home=_home(held.owner, snapshot.homes)),
        statements=steps,
        edges=tuple(sorted(_entries(snapshot, asked, steps))),
        declared=tuple(sorted({span for span in spans if span is not None})),
        marks=tuple(
            marker.google(asked.principal, asked.name, held.owner)
            if google
            else marker.right(asked.principal, asked.name, asked.resource, held.owner)
        ),
        conditions=held.scope,
        depends_on=tuple(sorted(held.unknown)),
    )


def _entries(snapshot: Snapshot, asked: _Asked, steps: tuple[Step, ...]) -> Iterator[str]:
    """The ids of the ledger's entries that say so."""
    places = {(step.stack, step.address) for step in steps}
    for entry in snapshot.edges:
        if not isinstance(entry, Right) or (entry.stack, entry.addresses[-1]) not in places:
            continue
        if (entry.principal, entry.name, entry.resource) == asked:
            yield entry.id


def _principal_home(asked: _Asked, homes: Mapping[str, Home]) -> str:
    parts = asked.principal.split(":")
    return _home(parts[4], homes) if len(parts) > 5 and parts[2] != "organizations" else ""


def _home(id: str, homes: Mapping[str, Home]) -> str:
    home = homes.get(id)
    return id if home is None else home.name
