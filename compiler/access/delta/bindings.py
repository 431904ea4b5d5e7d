"""The same on Google Cloud, where one binding is the whole access: member, role, resource.

CEL conditions are compared as texts. What a role may do is Google's to say and changes without us,
so one role for another is both more and less.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from compiler.access.delta.marks import Marker
from compiler.access.delta.records import Change, Home, Kind, Party, Snapshot, Step
from compiler.access.evaluation.google import Allowed, bindings, buckets
from compiler.access.evaluation.google_names import project_of
from compiler.access.evaluation.text import HOLE, Text, split
from compiler.access.ledger import Binding

_ALWAYS = ""
_MORE: Mapping[Kind, Kind] = {"gained": "lost", "widened": "narrowed"}


class _Asked(NamedTuple):
    member: str
    role: str
    resource: str


@dataclass(slots=True)
class _Held:
    """By which conditions (`""`: always) somebody has a role, and where that stands."""

    project: str
    conditions: set[str] = field(default_factory=set)
    steps: set[Step] = field(default_factory=set)
    unknown: set[str] = field(default_factory=set)


def delta(before: Snapshot, after: Snapshot, markers: tuple[Marker, Marker]) -> Iterator[Change]:
    """The changes of the Google stacks; the markers are those of the two snapshots."""
    had, has = _held(before), _held(after)
    yield from _more(had, has, after, markers[1])
    for change in _more(has, had, before, markers[0]):
        yield replace(change, kind=_MORE[change.kind], before=change.after, after=change.before)


def _held(snapshot: Snapshot) -> dict[_Asked, _Held]:
    own = buckets(snapshot.documents)
    found: dict[_Asked, _Held] = {}
    for each in bindings(snapshot.documents):
        resource = _shown(each.resource)
        asked = _Asked(_shown(each.member), _shown(each.role), resource)
        held = found.setdefault(asked, _Held(project_of(resource, own) or each.project))
        held.conditions.add(_ALWAYS if each.condition is None else _shown(each.condition))
        held.steps.add(Step(stack=each.stack, address=each.address, side="binding", sid=""))
        held.unknown |= _unknown(each)
    return found


def _shown(text: Text) -> str:
    return split(text)[0].replace(HOLE, "…")


def _unknown(each: Allowed) -> frozenset[str]:
    return split(each.member)[1] | split(each.role)[1] | split(each.resource)[1]


def _more(
    had: Mapping[_Asked, _Held], has: Mapping[_Asked, _Held], after: Snapshot, marker: Marker
) -> Iterator[Change]:
    places = {(asked.member, step) for asked, held in had.items() for step in held.steps}
    for asked, held in has.items():
        old = had.get(asked)
        if old is None:
            known = any((asked.member, step) in places for step in held.steps)
            yield _change("widened" if known else "gained", asked, held, after, marker)
        elif _ALWAYS not in old.conditions and held.conditions - old.conditions:
            change = _change("widened", asked, held, after, marker)
            gone, new = old.conditions - held.conditions, held.conditions - old.conditions
            yield replace(
                change,
                before=tuple(sorted(gone)),
                after=tuple(sorted(new - {_ALWAYS})),
            )


def _change(kind: Kind, asked: _Asked, held: _Held, snapshot: Snapshot, marker: Marker) -> Change:
    steps = tuple(sorted(held.steps))
    places = {(step.stack, step.address) for step in steps}
    entries = [
        each
        for each in snapshot.edges
        if isinstance(each, Binding) and (each.stack, each.address) in places
    ]
    own = next((each.member_project for each in entries if each.member_project), "") or ""
    spans = (snapshot.places.get(step.stack) for step in steps)
    return Change(
        kind=kind,
        who=Party(text=asked.member, cloud="google", home=own),
        actions=(asked.role,),
        on=Party(text=asked.resource, cloud="google", home=_home(held.project, snapshot.homes)),
        statements=steps,
        edges=tuple(sorted({each.id for each in entries})),
        declared=tuple(sorted({span for span in spans if span is not None})),
        marks=tuple(marker.google(asked.member, asked.role, held.project)),
        conditions=tuple(sorted(held.conditions - {_ALWAYS}))
        if _ALWAYS not in held.conditions
        else (),
        depends_on=tuple(sorted(held.unknown)),
    )


def _home(project: str, homes: Mapping[str, Home]) -> str:
    home = homes.get(project)
    return project if home is None else home.name
