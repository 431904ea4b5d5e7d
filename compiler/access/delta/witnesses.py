"""Where a statement that only one revision has makes a difference, however its patterns lie.

A statement may speak of a part of what is allowed that no other pattern names: `*:secret:lab-top*`
of `lab-*`, or all but something. So each changed statement is laid over each question, and what they
have in common is asked about. Where that makes no difference, others cover it (a refusal that stays,
a boundary): it is then cut by their patterns, until one piece differs or none is left. As a pattern's
generic text fits another pattern only if all of it does, no piece is overlooked.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import lru_cache

from compiler.access.delta.difference import differ
from compiler.access.delta.overlap import generic, meets
from compiler.access.delta.reach import Asked, View
from compiler.access.evaluation.context import Ask
from compiler.access.evaluation.match import names_action, names_resource
from compiler.access.evaluation.owners import policy_of, standing
from compiler.access.evaluation.patterns import Pattern
from compiler.access.evaluation.principals import Caller, Level, caller, level
from compiler.access.evaluation.records import Bundle, Holder, Principal, Source, Statement
from compiler.access.evaluation.text import Test
from compiler.data import iam

# A statement, and the resource that has it in its policy.
_Placed = tuple[Statement, Holder | None]
# A model package is guarded by the policy of its group.
_PACKAGE, _GROUP = ":model-package/", ":model-package-group/"
# Pieces of one question and one statement that are asked about before the search is given up.
_MOST = 300


class Witnesses:
    """Finds, for a question, the parts of it about which the two revisions differ."""

    def __init__(self, before: View, after: View) -> None:
        self._views = (before, after)
        first, second = before.policies.holders, after.policies.holders
        self._holders: dict[str, tuple[tuple[Holder, ...], tuple[_Placed, ...]]] = {}
        for arn in {**first, **second}.keys() - before.absent - after.absent:
            holders = tuple(each[arn] for each in (first, second) if arn in each)
            policies = (each[arn].policy if arn in each else None for each in (first, second))
            placed = tuple((each, holders[0]) for each in changed(*policies))
            if placed:
                self._holders[arn] = (holders, placed)
        self._sorted = sorted(self._holders)
        self._of_principal: dict[tuple[str, str], tuple[_Placed, ...]] = {}

    def of(self, asked: Asked) -> Iterator[Asked]:
        """The parts."""
        if any(view.lacks(view.prepared(asked)) for view in self._views):
            # Its statements tell all that it has, but where others leave only a part of that.
            if not any(view.reach(asked) for view in self._views):
                yield from self._within([asked], None)
            return
        for statement, holder in self._changed(asked):
            yield from self._within([*self._cut(asked, statement, holder)], statement)

    def _within(self, waiting: list[Asked], cause: Statement | None) -> Iterator[Asked]:
        """The pieces that differ, and of the others the parts that do; `cause` speaks of all."""
        seen: set[Asked] = set()
        for one in waiting:
            if one in seen or len(seen) > _MOST:
                continue
            seen.add(one)
            if cause is not None and not _speaks(cause, self._views[0].prepared(one)):
                continue
            if differ(*(view.reach(one) for view in self._views)):
                yield one
                continue
            for statement, holder in self._about(one):
                waiting += self._cut(one, statement, holder)

    def _changed(self, asked: Asked) -> tuple[_Placed, ...]:
        who = caller(asked.principal)
        place = (who.account, f"{'user' if who.kind == 'user' else 'role'}/{who.name}")
        if place not in self._of_principal:
            one, other = (view.policies.principals.get(place) for view in self._views)
            self._of_principal[place] = _own(one, other)
        found = self._of_principal[place]
        for arn in self._near(asked.resource):
            holders, placed = self._holders[arn]
            if _admits(holders, who, asked) and _zones(asked.resource, arn):
                found += placed
        return found

    def _near(self, resource: str) -> Iterator[str]:
        """The changed policies' resources that the pattern may mean, by the text before its wildcards."""
        if not self._holders:
            return
        for start in dict.fromkeys((resource, resource.replace(_PACKAGE, _GROUP))):
            fixed = start.partition("*")[0].partition("?")[0]
            for end in range(len(fixed)):
                if fixed[end] in ":/" and fixed[:end] in self._holders:
                    yield fixed[:end]
            for place in range(bisect_left(self._sorted, fixed), len(self._sorted)):
                if not self._sorted[place].startswith(fixed):
                    break
                yield self._sorted[place]

    def _about(self, asked: Asked) -> Iterator[_Placed]:
        """Every statement that decides about it."""
        for view in self._views:
            ask = view.prepared(asked)
            principal = view.principal(ask)
            if principal is not None:
                for bundle in (principal.identity, principal.boundary):
                    yield from ((each, None) for each in (bundle.statements if bundle else ()))
            holder = standing(ask).holder
            if holder is not None:
                yield from ((each, holder) for each in holder.policy.statements)

    def _cut(self, asked: Asked, statement: Statement, holder: Holder | None) -> Iterator[Asked]:
        """What the statement names of the question; of all but something, both."""
        ask = self._views[0].prepared(asked)
        for action, resource in _cells(statement, ask):
            for common in meets(asked.action, action):
                for on in meets(asked.resource, resource):
                    if holder is None:
                        yield Asked(asked.principal, common, on)
                        continue
                    for zone in _zones(on, holder.arn):
                        for own in _judged(common, holder.arn):
                            yield Asked(asked.principal, own, zone)


def _speaks(statement: Statement, ask: Ask) -> bool:
    """Whether it is about a part of the question that no pattern leaves out."""
    if statement.unknown:
        return True
    return names_action(statement, ask) and names_resource(statement, ask) is not False


def _own(one: Principal | None, other: Principal | None) -> tuple[_Placed, ...]:
    sides = (
        ((each.identity, each.boundary) if each is not None else (None, None))
        for each in (one, other)
    )
    return tuple((each, None) for pair in zip(*sides, strict=True) for each in changed(*pair))


def changed(one: Bundle | None, other: Bundle | None) -> tuple[Statement, ...]:
    """What only one of them says, wherever and under whichever Sid it stands."""
    first, second = (
        dict.fromkeys(part for each in bundle.statements for part in _parts_of(each))
        if bundle is not None
        else {}
        for bundle in (one, other)
    )
    return (*(p for p in first if p not in second), *(p for p in second if p not in first))


@lru_cache(maxsize=16384)
def _parts_of(statement: Statement) -> tuple[Statement, ...]:
    """One for each action on each resource; all but something is one."""
    bare = replace(statement, sid="", source=Source("", "", statement.source.side))
    if bare.not_action or bare.not_resource or bare.unknown:
        return (bare,)
    return tuple(
        replace(bare, actions=(action,), resources=(resource,))
        for action in bare.actions
        for resource in bare.resources
    )


def _cells(statement: Statement, ask: Ask) -> Iterator[tuple[str, str]]:
    """Products of patterns: those of NotAction and NotResource, and everything, which has the rest."""
    if statement.unknown:
        yield "*", "*"
        return
    resources = [text for each in statement.resources for text in _texts(each, ask)]
    everything = ["*"] if statement.not_resource else []
    for action in (*statement.actions, *(["*"] if statement.not_action else [])):
        for resource in (*resources, *everything):
            yield action, resource


def _texts(pattern: Pattern, ask: Ask) -> list[str]:
    """The pattern's text, with the values of its variables; none if the caller hasn't one."""
    if not pattern.variables:
        return [pattern.text]
    found: list[str] = []

    def noted(text: str) -> Test:
        found.append(text)
        return lambda _: True

    pattern.matches(noted, "", ask)
    return found


def _zones(resource: str, holder: str) -> tuple[str, ...]:
    """What the resource pattern has of that which the holder's policy is about."""
    return tuple(part for zone in _parts(holder) for part in meets(resource, zone))


@lru_cache(maxsize=16384)
def _parts(holder: str) -> tuple[str, ...]:
    service = holder.split(":")[2]
    inner = {
        "dynamodb": f"{holder}/*",
        "lambda": f"{holder}:*",
        "s3": f"{holder}/*",
        "sagemaker": f"{holder.replace(_GROUP, _PACKAGE)}/*",
    }.get(service)
    return (holder,) if inner is None else (holder, inner)


def _judged(action: str, holder: str) -> tuple[str, ...]:
    """What the action pattern has of the actions about which the holder's policy decides."""
    service = holder.split(":")[2]
    if policy_of(generic(action), holder) is not None:
        return (action,)
    if service != "iam":
        return meets(action, f"{service}:*")
    trusted = (each.name.lower() for each in iam.matching_actions("sts:*"))
    return tuple(
        name for name in trusted if policy_of(name, holder) is not None and meets(action, name)
    )


def _admits(holders: Iterable[Holder], who: Caller, asked: Asked) -> bool:
    """Whether the policies may be about the caller at all: its own account's, or by an Allow."""
    if "*" not in asked.resource and "?" not in asked.resource:
        return True
    return any(
        each.account == who.account or any(_means(s, who) for s in each.policy.statements)
        for each in holders
    )


def _means(statement: Statement, who: Caller) -> bool:
    return statement.allows and bool(
        statement.not_principal
        or statement.unknown
        or statement.unknown_principals
        or level(who, statement.principals) is not Level.NONE
    )
