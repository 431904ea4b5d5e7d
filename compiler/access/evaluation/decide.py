"""May a principal do an action on a resource? The documented evaluation logic of AWS.

Sources: IAM user guide, "Policy evaluation logic", "Cross-account policy evaluation logic",
"Permissions boundaries for IAM entities"; KMS developer guide, "Key policies in AWS KMS".

What is not in the documents is taken as follows. A principal that exists already has, beside what
Landform attaches, policies that may allow more but deny nothing. A resource of the caller's own
account that no stack makes has no policy that denies. Service control policies, resource control
policies, session policies and endpoint policies are not looked at.
"""

from __future__ import annotations

from dataclasses import dataclass

from compiler.access.evaluation.context import Ask, Request, prepare
from compiler.access.evaluation.match import Tally, tally
from compiler.access.evaluation.owners import Standing, standing
from compiler.access.evaluation.principals import Level
from compiler.access.evaluation.records import Policies, Principal, Statement
from compiler.access.evaluation.truth import Truth, conjunction, disjunction

_ANY = (Level.ACCOUNT, Level.ROLE, Level.DIRECT)
_NOTHING = Tally()


@dataclass(frozen=True, slots=True)
class Link:
    """A statement of the chain. `side` is identity, boundary, trust, resource or key."""

    stack: str
    address: str
    sid: str
    side: str
    effect: str


@dataclass(frozen=True, slots=True)
class Decision:
    """`verdict` is allowed, denied or depends.

    `chain` are the statements that decided: one of each side that allows, or all that deny, or
    those whose part is open. `missing` says what stands in the way when nothing denies. `own` is what
    the principal's own policies and its boundary say together, wherever the resource is.
    """

    verdict: str
    chain: tuple[Link, ...]
    missing: tuple[str, ...] = ()
    depends_on: frozenset[str] = frozenset()
    own: Truth = True

    @property
    def allowed(self) -> bool:
        """Certainly allowed."""
        return self.verdict == "allowed"

    @property
    def denied(self) -> bool:
        """Certainly denied."""
        return self.verdict == "denied"


@dataclass(slots=True)
class _Sides:
    """What each policy type says of one request."""

    identity: Truth
    boundary: Truth
    said: Tally
    bound: Tally | None
    owner: Tally
    standing: Standing


def decide(policies: Policies, request: Request) -> Decision:
    """The answer, with its reasons."""
    ask = prepare(policies, request)
    sides = _sides(ask)
    tallies = [each for each in (sides.said, sides.bound, sides.owner) if each is not None]
    denied: Truth = False
    for each in tallies:
        denied = disjunction(denied, each.denied)
    if denied is True:
        links = [_link(s) for each in tallies for s, truth in each.denying if truth is True]
        return Decision("denied", tuple(links))
    allowed = _allowed(ask, sides)
    if allowed is True and denied is False:
        return Decision("allowed", _chain(sides))
    missing, own = _missing(ask, sides), conjunction(sides.identity, sides.boundary)
    if allowed is False:
        return Decision("denied", _chain(sides), missing, own=own)
    lacking = frozenset[str]().union(*(t for t in (allowed, denied) if isinstance(t, frozenset)))
    return Decision("depends", (*_chain(sides), *_open(tallies)), missing, lacking, own)


def _sides(ask: Ask) -> _Sides:
    where = standing(ask)
    who = ask.caller
    principal = _principal(ask)
    said, bound = _NOTHING, None
    boundary: Truth = True
    if who.kind in ("service", "federated", "anonymous"):
        identity: Truth = False
    elif who.kind == "root":
        identity = True
    elif principal is None:
        identity = frozenset({f"policies of {who.arn}"})
    else:
        said = tally(principal.identity, ask, named=False)
        identity = said.allows(Level.DIRECT)
        if identity is not True and not principal.made:
            identity = disjunction(identity, frozenset({f"other policies of {principal.arn}"}))
        if principal.boundary is not None:
            bound = tally(principal.boundary, ask, named=False)
            boundary = bound.allows(Level.DIRECT)
    owner = _NOTHING
    if where.holder is not None:
        owner = tally(where.holder.policy, ask, named=True, bounded=bound is not None)
    return _Sides(identity, boundary, said, bound, owner, where)


def _principal(ask: Ask) -> Principal | None:
    """The caller's record; none for a path that the role or user of this name doesn't have."""
    who = ask.caller
    kind = "user" if who.kind == "user" else "role"
    found = ask.policies.principals.get((who.account, f"{kind}/{who.name}"))
    return found if found is None or not found.made or found.arn == who.arn else None


def _allowed(ask: Ask, sides: _Sides) -> Truth:
    where, owner = sides.standing, sides.owner
    own = conjunction(sides.identity, sides.boundary)
    if ask.caller.kind in ("service", "federated", "anonymous"):
        return disjunction(owner.allows(Level.DIRECT), where.unknown or False)
    if where.same is None:
        return where.unknown
    if where.same is False:
        admitted = (
            True if where.provided else disjunction(owner.allows(*_ANY), where.unknown or False)
        )
        return conjunction(own, admitted)
    role = conjunction(owner.allows(Level.ROLE), sides.boundary)
    by_owner = disjunction(owner.allows(Level.DIRECT), role)
    if where.decisive:
        delegated = conjunction(owner.allows(Level.ACCOUNT), own)
        return disjunction(disjunction(by_owner, delegated), where.unknown or False)
    found = disjunction(own, by_owner)
    return found if found is True else disjunction(found, where.unknown or False)


def _chain(sides: _Sides) -> tuple[Link, ...]:
    """The first statement of each side that certainly allows."""
    links: list[Link] = []
    for side in (sides.said, sides.bound, sides.owner):
        allowing = [] if side is None else [s for _, s, truth in side.allowing if truth is True]
        links += [_link(statement) for statement in allowing[:1]]
    return tuple(links)


def _open(tallies: list[Tally]) -> list[Link]:
    """The statements that would decide if more were known."""
    links = [_link(s) for each in tallies for _, s, truth in each.allowing if truth is not True]
    links += [_link(s) for each in tallies for s, truth in each.denying if truth is not True]
    return list(dict.fromkeys(links))


def _missing(ask: Ask, sides: _Sides) -> tuple[str, ...]:
    """What no statement says, in words."""
    what = f"{ask.request.action} on {ask.request.about}"
    lines = []
    machine = ask.caller.kind in ("service", "federated", "anonymous")
    if sides.identity is False and not machine:
        lines.append(f"no statement of the identity policies of {ask.caller.arn} admits {what}")
    if sides.boundary is False:
        lines.append(f"the permissions boundary of {ask.caller.arn} doesn't admit {what}")
    where = sides.standing
    needed = machine or where.decisive or where.same is False
    if needed and not where.provided and sides.owner.allows(*_ANY) is False:
        if where.holder is not None:
            named = where.holder.arn
            lines.append(f"no statement of the policy of {named} admits {ask.request.principal}")
        elif where.unknown:
            lines += [f"not known: {each}" for each in sorted(where.unknown)]
        else:
            lines.append(f"{ask.resource} has no policy that could admit {ask.request.principal}")
    return tuple(lines)


def _link(statement: Statement) -> Link:
    source = statement.source
    effect = "Unknown" if statement.unknown else "Allow" if statement.allows else "Deny"
    return Link(source.stack, source.address, statement.sid, source.side, effect)
