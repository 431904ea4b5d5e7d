"""Which questions two revisions must be asked, so that no difference goes unseen.

Each statement that allows gives some: its principal, each of its actions on each of its resources.
Where statements of several policies meet (an identity policy, a boundary, a bucket policy, a
statement that denies), so do their narrower actions and resources.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from compiler.access.delta.overlap import ANY
from compiler.access.delta.privileged import NAMED
from compiler.access.delta.reach import Asked, View
from compiler.access.delta.witnesses import Witnesses
from compiler.access.evaluation.owners import standing
from compiler.access.evaluation.records import Holder, Statement
from compiler.access.evaluation.text import like
from compiler.access.proof_index import Found, admitted, within


def questions(before: View, after: View) -> tuple[Asked, ...]:
    """Every question that the two may answer differently, sorted."""
    base = {*_base(before), *_base(after)}
    touched, witnesses = _Touched(before, after), Witnesses(before, after)
    chosen = {asked for asked in base if touched.may_differ(asked)}
    parts = {part for asked in base for part in witnesses.of(asked)}
    for view in (before, after):
        chosen |= {narrow for asked in chosen for narrow in _refined(view, asked)}
    return tuple(sorted(chosen | parts))


def _base(view: View) -> Iterator[Asked]:
    for principal in view.policies.principals.values():
        for arn in view.names(principal):
            for statement in principal.identity.statements:
                if statement.allows:
                    yield from _of_identity(arn, statement)
    for holder in view.policies.holders.values():
        for statement in holder.policy.statements:
            if statement.allows:
                yield from _of_holder(holder, statement)


def _of_identity(arn: str, statement: Statement) -> Iterator[Asked]:
    for action in _actions(statement):
        for resource in _resources(statement):
            yield Asked(arn, action, resource)
        if "*" in action:
            matches = like(action)
            for name in NAMED:
                if matches(name):
                    for resource in _resources(statement):
                        yield Asked(arn, name, resource)


def _of_holder(holder: Holder, statement: Statement) -> Iterator[Asked]:
    for principal in _principals(holder, statement):
        for action in _actions(statement):
            for resource in _resources(statement, holder):
                yield Asked(principal, action, resource)


def _principals(holder: Holder, statement: Statement) -> Iterator[str]:
    """ARNs, services and `*`, as requests name who asks."""
    partition = holder.arn.split(":")[1]
    for form in admitted(Found(statement, holder.arn, holder.account), declared=True):
        kind, _, rest = form.partition("/")
        if kind == "account":
            yield f"arn:{partition}:iam::{rest}:root"
        else:
            yield rest if kind == "federated" and rest.startswith("arn:") else form
    for form in statement.principals:
        kind, _, rest = form.partition("/")
        # `admitted` leaves out what is no principal of the ledger.
        own = kind == "service" or (kind == "federated" and rest.startswith("arn:"))
        if own and not statement.not_principal:
            yield rest


def _actions(statement: Statement) -> tuple[str, ...]:
    return ("*",) if statement.not_action or statement.unknown else statement.actions


def _resources(statement: Statement, holder: Holder | None = None) -> Iterator[str]:
    if statement.not_resource or statement.unknown:
        yield "*" if holder is None else holder.arn
        return
    for pattern in statement.resources:
        whole = holder is not None and pattern.text == "*"
        yield holder.arn if holder is not None and whole else pattern.text


def _refined(view: View, asked: Asked) -> Iterator[Asked]:
    """The question, narrowed to what other statements about it name."""
    ask = view.prepared(asked)
    holder = standing(ask).holder
    principal = view.principal(ask)
    met: list[tuple[Statement, Holder | None]] = []
    if principal is not None:
        bundles = (principal.identity, principal.boundary)
        met += [(each, None) for b in bundles if b is not None for each in b.statements]
    if holder is not None:
        met += [(each, holder) for each in holder.policy.statements]
    for statement, of in met:
        for action in _kin(_actions(statement), ask.service):
            narrow = _narrower(asked.action, action)
            for resource in _resources(statement, of) if narrow else ():
                on = _narrower(asked.resource, resource)
                if on and (narrow, on) != asked[1:]:
                    yield Asked(asked.principal, narrow, on)


def _kin(actions: tuple[str, ...], service: str) -> tuple[str, ...]:
    """Those that may be of the service; of all, where the question is about all."""
    if service == ANY:
        return actions
    sorted_out = _by_service(actions)
    return sorted_out.get(service, ()) + sorted_out.get("*", ())


@lru_cache(maxsize=4096)
def _by_service(actions: tuple[str, ...]) -> Mapping[str, tuple[str, ...]]:
    """Actions by their service; under `*` those whose service has a wildcard."""
    found: dict[str, list[str]] = {}
    for action in actions:
        service = action.partition(":")[0]
        found.setdefault("*" if "*" in service or "?" in service else service, []).append(action)
    return {service: tuple(several) for service, several in found.items()}


def _narrower(one: str, other: str) -> str:
    """The pattern that lies within the other, "" where neither does."""
    if within(one, other):
        return other
    return one if within(other, one) else ""


class _Touched:
    """Tells questions apart about which nothing that decides has changed."""

    def __init__(self, before: View, after: View) -> None:
        self._views = (before, after)
        first, second = before.policies, after.policies
        self._all = (
            first.provided != second.provided or first.unknown_aliases != second.unknown_aliases
        )
        self._principals = _differing(first.principals, second.principals)
        self._holders = _differing(first.holders, second.holders)
        self._organizations = _differing(first.organizations, second.organizations)
        self._encryption = _differing(first.encryption, second.encryption)
        self._aliases = _differing(first.aliases, second.aliases)

    def may_differ(self, asked: Asked) -> bool:
        """Whether anything that decides about it has changed."""
        return self._all or any(self._changed(view, asked) for view in self._views)

    def _changed(self, view: View, asked: Asked) -> bool:
        ask = view.prepared(asked)
        who = ask.caller
        kind = "user" if who.kind == "user" else "role"
        if (who.account, f"{kind}/{who.name}") in self._principals:
            return True
        if who.account in self._organizations or (ask.owner or "") in self._organizations:
            return True
        holder = standing(ask).holder
        base = ask.resource.partition("/")[0]
        held = holder.arn if holder is not None else ask.resource
        if held in self._holders or base in self._holders or base in self._encryption:
            return True
        key = view.policies.encryption.get(base)
        named = {held} | ({view.policies.keys.get(key, key)} if isinstance(key, str) else set())
        return bool(named & (self._holders | self._aliases)) or ":alias/" in ask.resource


def _differing(first: Mapping[Any, object], second: Mapping[Any, object]) -> frozenset[Any]:
    return frozenset(key for key in {*first, *second} if first.get(key) != second.get(key))


def covers(wider: Asked, narrower: Asked) -> bool:
    """Whether one question includes the other."""
    return (
        wider != narrower
        and wider.principal == narrower.principal
        and (wider.action == narrower.action or like(wider.action)(narrower.action))
        and within(wider.resource, narrower.resource)
    )


def widest(asked: Iterable[Asked], alike: Callable[[Asked, Asked], bool]) -> tuple[Asked, ...]:
    """Without the questions that others of them include, where both are `alike`."""
    listed = sorted(set(asked))
    groups: dict[tuple[str, str], list[Asked]] = {}
    for one in listed:
        if "*" in one.action or "*" in one.resource:
            service = one.action.partition(":")[0]
            groups.setdefault((one.principal, "*" if "*" in service else service), []).append(one)

    def included(one: Asked) -> bool:
        near = groups.get((one.principal, one.action.partition(":")[0]), [])
        wide = (*near, *groups.get((one.principal, "*"), []))
        return any(covers(other, one) and alike(other, one) for other in wide)

    return tuple(one for one in listed if not included(one))
