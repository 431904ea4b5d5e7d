"""Two views compared: the changes, grouped as a reviewer reads them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import chain

from compiler.access.delta import bindings, rights
from compiler.access.delta.candidates import questions, widest
from compiler.access.delta.difference import Difference, difference, text
from compiler.access.delta.marks import Marker, action_text
from compiler.access.delta.moved import followed, made_only
from compiler.access.delta.reach import Asked, Reach, View
from compiler.access.delta.records import KINDS, Change, Delta, Kind, Party, Snapshot, Step
from compiler.access.evaluation import Link
from compiler.access.evaluation.principals import caller
from compiler.access.ledger import Edge
from compiler.access.proof_index import covered, place_of
from compiler.diagnostics import Span

_MIRROR: Mapping[Kind, Kind] = {"gained": "lost", "widened": "narrowed"}


def delta(organization: str, before: Snapshot, after: Snapshot) -> Delta:
    """What changed in who may do what; empty where nothing did."""
    before = followed(before, after)
    production = {
        id: home
        for snapshot in (before, after)
        for id, home in snapshot.homes.items()
        if home.production
    }
    first, second = View(before), View(after)
    first.absent = made_only(after, second.policies, first.policies)
    second.absent = made_only(before, first.policies, second.policies)
    asked = questions(first, second)
    had, has = _reaches(first, asked), _reaches(second, asked)
    markers = Marker(first, production), Marker(second, production)
    more = _Comparison(first, second, had, has, markers[1]).more()
    less = _Comparison(second, first, has, had, markers[0]).more()
    beside = rights.delta(before, after, markers)
    changes = (*more, *map(_mirrored, less), *bindings.delta(before, after, markers), *beside)
    return Delta(organization=organization, changes=tuple(sorted(_replacing(changes), key=_order)))


def _reaches(view: View, asked: Iterable[Asked]) -> dict[Asked, Reach]:
    found = ((one, view.reach(one)) for one in asked)
    return {one: reach for one, reach in found if reach is not None}


def _mirrored(change: Change) -> Change:
    kind = _MIRROR[change.kind]
    return replace(change, kind=kind, before=change.after, after=change.before)


def _order(change: Change) -> tuple[object, ...]:
    steps = [(step.stack, step.address, step.side, step.sid) for step in change.statements]
    return (
        KINDS.index(change.kind),
        change.who.text,
        change.on.text,
        change.actions,
        change.before,
        change.after,
        steps,
    )


class _Comparison:
    """Finds what the second view has more than the first."""

    def __init__(
        self,
        first: View,
        second: View,
        had: Mapping[Asked, Reach],
        has: Mapping[Asked, Reach],
        marker: Marker,
    ) -> None:
        self._first, self._second = first, second
        self._had, self._has = had, has
        self._marker = marker
        self._before: dict[str, list[Asked]] = {}
        self._places: dict[str, set[Step]] = {}
        for asked, reach in had.items():
            self._before.setdefault(asked.principal, []).append(asked)
            self._places.setdefault(asked.principal, set()).update(_named(reach.own))
        self._edges: dict[str, list[Edge]] = {}
        for edge in second.edges:
            self._edges.setdefault(edge.principal_arn, []).append(edge)

    def more(self) -> Iterator[Change]:
        """The changes of kind gained and widened."""
        new = {asked for asked in self._has if asked not in self._had}
        other: dict[Difference, set[Asked]] = {}
        for asked in self._has.keys() & self._had.keys():
            found = difference(self._had[asked], self._has[asked])
            if found is not None:
                other.setdefault(found, set()).add(asked)
        yield from self._grouped(self._widest(new), Difference())
        for found, several in sorted(other.items(), key=lambda item: sorted(item[1])):
            yield from self._grouped(self._widest(several), found)

    def _widest(self, asked: Iterable[Asked]) -> tuple[Asked, ...]:
        return widest(asked, lambda one, other: _alike(self._has[one], self._has[other]))

    def _grouped(self, several: Iterable[Asked], found: Difference) -> Iterator[Change]:
        groups: dict[tuple[object, ...], list[Asked]] = {}
        for asked in several:
            reach = self._has[asked]
            groups.setdefault((asked.principal, asked.resource, *_signature(reach)), []).append(
                asked
            )
        for group in groups.values():
            yield self._change(group, found)

    def _change(self, group: list[Asked], found: Difference) -> Change:
        reach, first = self._has[group[0]], group[0]
        steps = _steps(reach.links)
        kind = self._kind(first, found)
        if kind == "widened" and found == Difference():
            found = Difference(before=frozenset(self._scope(first)))
        return Change(
            kind=kind,
            who=self._who(first.principal),
            actions=tuple(sorted(action_text(asked.action) for asked in group)),
            on=Party(text=first.resource, cloud="aws", home=self._home(reach.owner)),
            statements=steps,
            edges=self._edges_of(group),
            declared=places_of(self._second.snapshot, steps),
            marks=tuple(
                dict.fromkeys(
                    chain.from_iterable(
                        self._marker.marks(asked, self._has[asked]) for asked in group
                    )
                )
            ),
            conditions=tuple(sorted(text(way) for way in reach.alternatives if way)),
            before=tuple(sorted(found.before)),
            after=tuple(sorted(found.after)),
            depends_on=tuple(sorted(reach.depends_on)),
        )

    def _edges_of(self, group: Iterable[Asked]) -> tuple[str, ...]:
        """The edges of the ledger that say what was asked and rest on the same statements."""
        found = set()
        for asked in group:
            places = {
                (step.stack, step.address, step.side, step.sid)
                for step in _steps(self._has[asked].own)
            }
            for edge in self._edges.get(asked.principal, ()):
                same = not places.isdisjoint(map(place_of, edge.statements))
                if same and covered([edge], asked.action, asked.resource):
                    found.add(edge.id)
        return tuple(sorted(found))

    def _kind(self, asked: Asked, found: Difference) -> Kind:
        """Widened where the principal had something through one of the same statements."""
        if asked in self._had or found != Difference():
            return "widened"
        known = self._places.get(asked.principal, set())
        return "widened" if known & _named(self._has[asked].own) else "gained"

    def _scope(self, asked: Asked) -> Iterator[str]:
        """What the statements behind this gave the principal before."""
        own = _named(self._has[asked].own)
        several = widest(
            (
                other
                for other in self._before.get(asked.principal, ())
                if not own.isdisjoint(_named(self._had[other].own))
            ),
            lambda one, other: _alike(self._had[one], self._had[other]),
        )
        by_resource: dict[str, list[str]] = {}
        for other in several:
            by_resource.setdefault(other.resource, []).append(action_text(other.action))
        for resource, actions in by_resource.items():
            yield f"only {' '.join(sorted(actions))} on {resource}"

    def _who(self, principal: str) -> Party:
        return Party(text=principal, cloud="aws", home=self._home(caller(principal).account))

    def _home(self, account: str) -> str:
        home = self._second.snapshot.homes.get(account)
        provided = account in self._second.policies.provided
        return home.name if home is not None else "AWS" if provided else account


def _signature(reach: Reach) -> tuple[object, ...]:
    return reach.links, reach.alternatives, reach.depends_on, reach.owner


def _steps(links: Iterable[Link]) -> tuple[Step, ...]:
    return tuple(
        Step(stack=stack, address=address, side=side, sid=sid)
        for stack, address, side, sid in dict.fromkeys(
            (link.stack, link.address, link.side, link.sid) for link in links
        )
    )


def _alike(one: Reach, other: Reach) -> bool:
    """Whether the same account's policies give both: on `*` that is the caller's own alone."""
    sides = [{link.side for link in reach.own} for reach in (one, other)]
    return one.owner == other.owner and sides[0] == sides[1]


def _named(links: Iterable[Link]) -> set[Step]:
    """The statements that a Sid tells from others of their policy."""
    return {step for step in _steps(links) if step.sid}


def places_of(snapshot: Snapshot, steps: Iterable[Step]) -> tuple[Span, ...]:
    """Where the components of these stacks are declared."""
    found = (snapshot.places.get(step.stack) for step in steps)
    return tuple(sorted({span for span in found if span is not None}))


def _replacing(changes: Iterable[Change]) -> Iterator[Change]:
    """With the principal that has all that another one had: a role that was renamed."""
    listed = list(changes)
    came, went = _wholes(listed, "gained"), _wholes(listed, "lost")
    by_whole = {whole: old for old, whole in sorted(went.items(), reverse=True)}
    by_new = {new: by_whole[whole] for new, whole in came.items() if whole in by_whole}
    by_whole = {whole: new for new, whole in sorted(came.items(), reverse=True)}
    by_old = {old: by_whole[whole] for old, whole in went.items() if whole in by_whole}
    for change in listed:
        names = by_new if change.kind == "gained" else by_old if change.kind == "lost" else {}
        yield replace(change, replaces=names.get(change.who.text))


def _wholes(changes: Iterable[Change], kind: Kind) -> dict[str, frozenset[tuple[object, ...]]]:
    """All that each principal gained (or lost), where nothing else of it changed."""
    found: dict[str, set[tuple[object, ...]]] = {}
    mixed = set()
    for change in changes:
        if change.kind == kind:
            what = (change.actions, change.on, change.conditions)
            found.setdefault(change.who.text, set()).add(what)
        else:
            mixed.add(change.who.text)
    return {who: frozenset(all_) for who, all_ in found.items() if who not in mixed}
