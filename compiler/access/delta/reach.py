"""What one revision's policies say of a principal, an action and a resource.

A `View` evaluates the generated documents of one snapshot. A wildcard in an action or a resource
is asked about as any text that fits it, so that only a statement with the wildcard allows it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

from compiler.access.delta.records import Snapshot
from compiler.access.delta.terms import Terms, loosest, sample, terms
from compiler.access.evaluation import Decision, Link, Policies, Request, decide
from compiler.access.evaluation.context import Ask, prepare
from compiler.access.evaluation.implied import implied
from compiler.access.evaluation.match import names_action, names_resource
from compiler.access.evaluation.owners import Standing, standing
from compiler.access.evaluation.principals import Level, level, may_mean
from compiler.access.evaluation.records import Holder, Principal, Statement
from compiler.access.ledger import Edge
from compiler.access.natural import ANY
from compiler.access.proof import gather

_MACHINES = ("service", "federated", "anonymous")
_NOTHING: Terms = frozenset()


class Asked(NamedTuple):
    """May `principal` do `action` on `resource`? The last two may have wildcards."""

    principal: str
    action: str
    resource: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """Access that there is. `certain` is false where policies that Landform doesn't know decide too.

    `own` are the statements of the request itself, `links` also those of what it implies (a key).
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
    """One snapshot's policies, asked."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.edges = [edge for edge in snapshot.edges if isinstance(edge, Edge)]
        self.policies: Policies = gather(snapshot.documents, self.edges, snapshot.organization)
        self._ids = {home.name: home.id for home in snapshot.homes.values()}
        self._implied: dict[tuple[str, str, str, str, bool], Decision] = {}
        # An ARN of S3 holds no account; of a bucket that no stack makes the ledger knows it.
        self._owners = {
            edge.resource_arn.partition("/")[0]: self._ids.get(
                edge.resource_account, edge.resource_account
            )
            for edge in self.edges
            if edge.resource_arn.startswith("arn:") and ":s3:::" in edge.resource_arn
        }

    def prepared(self, asked: Asked) -> Ask:
        """The request, with nothing said of its context."""
        resource = asked.resource
        context: dict[str, str] = {}
        owner = self._owners.get(resource.partition("/")[0])
        if owner is not None and resource.partition("/")[0] not in self.policies.holders:
            context["aws:ResourceAccount"] = owner
        request = Request(
            principal=asked.principal,
            action=_any(asked.action),
            resource=resource if resource == "*" else _any(resource),
            context=context,
        )
        return prepare(self.policies, request)

    def reach(self, asked: Asked) -> Reach | None:
        """The access, or None."""
        ask = self.prepared(asked)
        where = standing(ask)
        # Without a statement of this revision it is nothing that the blueprint gives.
        found = [each for each in self._ways(ask, where) if each[1].chain]
        if not found:
            return None
        certain = [each for each in found if each[1].allowed]
        _, best, request = (certain or found)[0]
        own = decide(self.policies, request).chain
        return Reach(
            certain=bool(certain),
            own=own,
            links=tuple(dict.fromkeys(best.chain)),
            alternatives=loosest(each[0] for each in found),
            guards=frozenset(self._guards(ask, where)),
            depends_on=frozenset() if certain else best.depends_on,
            owner=ask.owner or "",
        )

    def principal(self, ask: Ask) -> Principal | None:
        """The caller's policies, where a stack attaches any."""
        who = ask.caller
        kind = "user" if who.kind == "user" else "role"
        found = self.policies.principals.get((who.account, f"{kind}/{who.name}"))
        return found if found is None or not found.made or found.arn == who.arn else None

    def _ways(self, ask: Ask, where: Standing) -> Iterator[tuple[Terms, Decision, Request]]:
        """Each way that is not denied: its terms, the answer, and the request that was answered."""
        for wanted in dict.fromkeys(self._alternatives(ask, where)):
            found = sample(wanted, ask)
            request = Request(
                principal=ask.request.principal,
                action=ask.request.action,
                resource=ask.resource,
                context={**ask.request.context, **found.context},
                complete=found.whole,
            )
            answer = self._decide(request, where, ask)
            if not answer.denied:
                yield wanted, answer, request

    def _decide(self, request: Request, where: Standing, ask: Ask) -> Decision:
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

    def _alternatives(self, ask: Ask, where: Standing) -> Iterator[Terms]:
        """The terms of each combination of statements that would allow."""
        owner = list(_owner_terms(ask, where.holder))
        direct = [found for means, found in owner if means in (Level.ROLE, Level.DIRECT)]
        every = [found for _, found in owner]
        if where.unknown or where.provided:
            every.append(_NOTHING)
        if ask.caller.kind in _MACHINES:
            yield from direct
            return
        identity = list(self._identity_terms(ask))
        if where.same is False:
            yield from _joined(identity, [_NOTHING] if where.provided else every)
        elif where.decisive:
            yield from direct
            delegated = [found for means, found in owner if means is Level.ACCOUNT]
            yield from _joined(identity, delegated + ([_NOTHING] if where.unknown else []))
        else:
            yield from identity
            yield from direct
            if where.same is None:
                yield from _joined(identity, every)

    def _identity_terms(self, ask: Ask) -> Iterator[Terms]:
        if ask.caller.kind == "root":
            yield _NOTHING
            return
        principal = self.principal(ask)
        if principal is None:
            yield _NOTHING
            return
        limits = [_NOTHING]
        if principal.boundary is not None:
            limits = list(_allowing(principal.boundary.of(ask.service), ask))
        found = list(_allowing(principal.identity.of(ask.service), ask))
        if not found and not principal.made:
            found = [_NOTHING]  # it has policies of its own, too
        yield from _joined(found, limits)

    def _guards(self, ask: Ask, where: Standing) -> Iterator[Terms]:
        """The terms of each statement that denies where they hold."""
        principal = self.principal(ask)
        bundles = [] if principal is None else [principal.identity, principal.boundary]
        for bundle in bundles:
            for statement in bundle.of(ask.service) if bundle is not None else ():
                if not statement.allows and not statement.unknown:
                    found = _fitting(statement, ask)
                    if found is not None:
                        yield found
        for statement in where.holder.policy.of(ask.service) if where.holder is not None else ():
            if not statement.allows and not statement.unknown and _means(statement, ask):
                found = _fitting(statement, ask)
                if found is not None:
                    yield found


def _any(pattern: str) -> str:
    return pattern.replace("*", ANY).replace("?", ANY)


def _joined(first: Iterable[Terms], second: Iterable[Terms]) -> Iterator[Terms]:
    return (one | other for one, other in product(list(first), list(second)))


def _allowing(statements: Iterable[Statement], ask: Ask) -> Iterator[Terms]:
    for statement in statements:
        if statement.allows:
            found = _NOTHING if statement.unknown else _fitting(statement, ask)
            if found is not None:
                yield found


def _owner_terms(ask: Ask, holder: Holder | None) -> Iterator[tuple[Level, Terms]]:
    for statement in holder.policy.of(ask.service) if holder is not None else ():
        if not statement.allows:
            continue
        if statement.unknown:
            yield Level.DIRECT, _NOTHING
            continue
        means = _means(statement, ask)
        found = _fitting(statement, ask) if means is not Level.NONE else None
        if found is not None:
            yield means, found


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
