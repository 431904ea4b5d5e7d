"""What one revision's policies say of a principal, an action and a resource.

A `View` evaluates the generated documents of one snapshot. A wildcard in an action or a resource
is asked about as any text that fits it, so that only a statement with the wildcard allows it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from typing import NamedTuple

from compiler.access.delta.overlap import generic
from compiler.access.delta.records import Snapshot
from compiler.access.delta.terms import Terms, loosest, sample, terms
from compiler.access.evaluation import Decision, Link, Policies, Request, decide
from compiler.access.evaluation.context import Ask, prepare
from compiler.access.evaluation.implied import implied
from compiler.access.evaluation.match import names_action, names_resource
from compiler.access.evaluation.owners import Standing, policy_of, standing
from compiler.access.evaluation.principals import Level, level, may_mean
from compiler.access.evaluation.records import Holder, Principal, Statement
from compiler.access.ledger import Edge
from compiler.access.proof import gather
from compiler.access.proof_index import Found, admitted

_SIDES = ("identity", "boundary", "trust", "resource", "key")
_MACHINES = ("service", "federated", "anonymous")
_NOTHING: Terms = frozenset()


@dataclass(frozen=True, slots=True)
class _Way:
    """One combination of statements that would allow, and what they ask for."""

    terms: Terms = _NOTHING
    links: tuple[Link, ...] = ()

    def with_(self, other: _Way) -> _Way:
        """Both of them."""
        return _Way(self.terms | other.terms, self.links + other.links)


_FREE = _Way()


class Asked(NamedTuple):
    """May `principal` do `action` on `resource`? The last two may have wildcards."""

    principal: str
    action: str
    resource: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """Access that there is. `certain` is false where policies that Landform doesn't know decide too.

    `own` are all statements that give it, `links` also those of what it implies (a key).
    `alternatives` are the terms of each way to get it, `guards` those of statements that deny it
    where they hold. `owner` is the account id of the resource, "" where it is not known.
    """

    certain: bool
    own: tuple[Link, ...]
    links: tuple[Link, ...]
    alternatives: frozenset[Terms]
    guards: frozenset[Terms]
    depends_on: frozenset[str]
    owner: str


class View:
    """One snapshot's policies, asked.

    `absent` are ARNs of what only the other revision makes. Nobody has access to them here, and they
    have none: a policy that went with its resource is no policy that Landform doesn't know.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self.absent: frozenset[str] = frozenset()
        self.snapshot = snapshot
        self.edges = [edge for edge in snapshot.edges if isinstance(edge, Edge)]
        self.policies: Policies = gather(snapshot.documents, self.edges, snapshot.organization)
        self._ids = {home.name: home.id for home in snapshot.homes.values()}
        self._reached: dict[Asked, Reach | None] = {}
        self._implied: dict[tuple[str, str, str, str, bool], Decision] = {}
        # An ARN of S3 holds no account; of a bucket that no stack makes the ledger knows it.
        self._owners = {
            edge.resource_arn.partition("/")[0]: self._ids.get(
                edge.resource_account, edge.resource_account
            )
            for edge in self.edges
            if edge.resource_arn.startswith("arn:") and ":s3:::" in edge.resource_arn
        }

    def names(self, principal: Principal) -> Iterator[str]:
        """The ARNs of a principal: of one that exists already, only others know the path."""
        last = principal.arn.rsplit("/", 1)[-1]
        known = () if principal.made else self._existing.get((principal.account, last), ())
        yield from known or (principal.arn,)

    @cached_property
    def _existing(self) -> Mapping[tuple[str, str], tuple[str, ...]]:
        """ARNs of principals by account and name, as the ledger and resource policies say them."""
        found: dict[tuple[str, str], set[str]] = {}
        named = {edge.principal_arn for edge in self.edges}
        for holder in self.policies.holders.values():
            for statement in holder.policy.statements:
                named.update(admitted(Found(statement, holder.arn, holder.account), declared=True))
        for arn in named:
            parts = arn.split(":", 5)
            if len(parts) == 6 and "/" in parts[5] and "*" not in arn and "?" not in arn:
                found.setdefault((parts[4], arn.rsplit("/", 1)[-1]), set()).add(arn)
        return {place: tuple(sorted(arns)) for place, arns in found.items()}

    def prepared(self, asked: Asked) -> Ask:
        """The request, with nothing said of its context."""
        resource = asked.resource
        context: dict[str, str] = {}
        owner = self._owners.get(resource.partition("/")[0])
        if owner is not None and resource.partition("/")[0] not in self.policies.holders:
            context["aws:ResourceAccount"] = owner
        request = Request(
            principal=asked.principal,
            action=generic(asked.action),
            resource=resource if resource == "*" else generic(resource),
            context=context,
        )
        return prepare(self.policies, request)

    def reach(self, asked: Asked) -> Reach | None:
        """The access, or None."""
        if asked not in self._reached:
            self._reached[asked] = self._found(asked)
        return self._reached[asked]

    def _found(self, asked: Asked) -> Reach | None:
        ask = self.prepared(asked)
        if self.lacks(ask):
            return None
        where = standing(ask)
        # Without a statement of this revision it is nothing that the blueprint gives.
        found = [each for each in self._ways(ask, where) if each[0].links or each[1].chain]
        if not found:
            return None
        certain = [each for each in found if each[1].allowed]
        best = (certain or found)[0][1]
        own = tuple(sorted({link for way, _ in found for link in way.links}, key=_order))
        return Reach(
            certain=bool(certain),
            own=own,
            links=tuple(dict.fromkeys((*own, *best.chain))),
            alternatives=loosest(way.terms for way, _ in found),
            guards=frozenset(self._guards(ask, where)),
            depends_on=frozenset() if certain else best.depends_on,
            owner=ask.owner or "",
        )

    def lacks(self, ask: Ask) -> bool:
        """Whether only the other revision makes the caller or the resource."""
        named = {ask.caller.arn, policy_of(ask.action, ask.resource)}
        return not named.isdisjoint(self.absent)

    def principal(self, ask: Ask) -> Principal | None:
        """The caller's policies, where a stack attaches any."""
        who = ask.caller
        kind = "user" if who.kind == "user" else "role"
        found = self.policies.principals.get((who.account, f"{kind}/{who.name}"))
        return found if found is None or not found.made or found.arn == who.arn else None

    def _ways(self, ask: Ask, where: Standing) -> Iterator[tuple[_Way, Decision]]:
        """Each way that is not denied, and the answer in its context."""
        for way in dict.fromkeys(self._alternatives(ask, where)):
            found = sample(way.terms, ask)
            if found is None:
                continue
            request = Request(
                principal=ask.request.principal,
                action=ask.request.action,
                resource=ask.resource,
                context={**ask.request.context, **found.context},
                complete=found.whole,
            )
            answer = self._decide(request, where)
            if answer.denied and not answer.missing:
                answer = self._guarded(request, ask, where)
            if not answer.denied:
                yield way, answer

    def _guarded(self, request: Request, ask: Ask, where: Standing) -> Decision:
        """The answer for a caller who avoids what a statement refuses: its guards say how.

        A refusal of all that doesn't come from an endpoint refuses a request that says nothing.
        """
        answer = self._decide(replace(request, complete=False), where)
        if answer.denied:
            return answer
        avoided = {term.key for guard in self._guards(ask, where) for term in guard}
        lacking = answer.depends_on - avoided
        return Decision("depends" if lacking else "allowed", answer.chain, depends_on=lacking)

    def _decide(self, request: Request, where: Standing) -> Decision:
        """The answer to the request and to what it implies."""
        answer = decide(self.policies, request)
        if answer.denied:
            return answer
        chain, lacking = answer.chain, answer.depends_on
        for each in implied(self.policies, request):
            further = self._further(each)
            if further.denied:
                return further
            chain, lacking = chain + further.chain, lacking | further.depends_on
        # What an account has already is taken not to deny its own principals.
        if where.same and where.holder is None:
            lacking = frozenset(each for each in lacking if not each.startswith("policy of "))
        return Decision("depends" if lacking else "allowed", chain, depends_on=lacking)

    def _further(self, request: Request) -> Decision:
        via = str(sorted(request.context.items()))
        place = (request.principal, request.action, request.resource, via, request.complete)
        if place not in self._implied:
            self._implied[place] = decide(self.policies, request)
        return self._implied[place]

    def _alternatives(self, ask: Ask, where: Standing) -> Iterator[_Way]:
        """Each combination of statements that would allow, by the part that the owner's plays."""
        owner = list(_owner_ways(ask, where.holder))
        direct = [found for means, found in owner if means in (Level.ROLE, Level.DIRECT)]
        every = [found for _, found in owner]
        if where.unknown or where.provided:
            every.append(_FREE)
        if ask.caller.kind in _MACHINES:
            yield from direct
            return
        identity = list(self._identity_ways(ask))
        if where.same is False:
            yield from _joined(identity, [_FREE] if where.provided else every)
        elif where.decisive:
            yield from direct
            delegated = [found for means, found in owner if means is Level.ACCOUNT]
            yield from _joined(identity, delegated + ([_FREE] if where.unknown else []))
        else:
            yield from identity
            yield from direct
            if where.same is None:
                yield from _joined(identity, every)

    def _identity_ways(self, ask: Ask) -> Iterator[_Way]:
        principal = self.principal(ask) if ask.caller.kind != "root" else None
        if principal is None:
            yield _FREE
            return
        limits = [_FREE]
        if principal.boundary is not None:
            limits = list(_allowing(principal.boundary.of(ask.action), ask))
        found = list(_allowing(principal.identity.of(ask.action), ask))
        if not found and not principal.made:
            found = [_FREE]  # it has policies of its own, too
        yield from _joined(found, limits)

    def _guards(self, ask: Ask, where: Standing) -> Iterator[Terms]:
        """The terms of each statement that denies where they hold."""
        principal = self.principal(ask)
        bundles = [] if principal is None else [principal.identity, principal.boundary]
        for bundle in bundles:
            for statement in bundle.of(ask.action) if bundle is not None else ():
                if not statement.allows and not statement.unknown:
                    found = _fitting(statement, ask)
                    if found is not None:
                        yield found
        for statement in where.holder.policy.of(ask.action) if where.holder is not None else ():
            if not statement.allows and not statement.unknown and _means(statement, ask):
                found = _fitting(statement, ask)
                if found is not None:
                    yield found


def _order(link: Link) -> tuple[object, ...]:
    return _SIDES.index(link.side), link.stack, link.address, link.sid


def _joined(first: Iterable[_Way], second: Iterable[_Way]) -> Iterator[_Way]:
    return (one.with_(other) for one, other in product(list(first), list(second)))


def _allowing(statements: Iterable[Statement], ask: Ask) -> Iterator[_Way]:
    for statement in statements:
        if statement.allows:
            found = _NOTHING if statement.unknown else _fitting(statement, ask)
            if found is not None:
                yield _Way(found, (_link(statement),))


def _owner_ways(ask: Ask, holder: Holder | None) -> Iterator[tuple[Level, _Way]]:
    for statement in holder.policy.of(ask.action) if holder is not None else ():
        if not statement.allows:
            continue
        means = Level.DIRECT if statement.unknown else _means(statement, ask)
        found: Terms | None = None
        if means is not Level.NONE:
            found = _NOTHING if statement.unknown else _fitting(statement, ask)
        if found is not None:
            yield means, _Way(found, (_link(statement),))


def _link(statement: Statement) -> Link:
    source = statement.source
    effect = "Unknown" if statement.unknown else "Allow"
    return Link(source.stack, source.address, statement.sid, source.side, effect)


def _means(statement: Statement, ask: Ask) -> Level:
    """How the statement's Principal means the caller."""
    means = level(ask.caller, statement.principals)
    if statement.not_principal:
        return Level.DIRECT if means is Level.NONE else Level.NONE
    if means is Level.NONE and may_mean(ask.caller, statement.unknown_principals):
        return Level.DIRECT
    return means


def _fitting(statement: Statement, ask: Ask) -> Terms | None:
    """The statement's terms, if it speaks of the action and the resource at all."""
    if not names_action(statement, ask) or names_resource(statement, ask) is False:
        return None
    return terms(statement, ask)
