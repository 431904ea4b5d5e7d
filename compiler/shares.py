"""A large blueprint in shares that can be built and checked one after the other, each by itself.

Two components belong together where something in the one may depend on the other: they have a stack in the
same account, one speaks of an account of the other (by its id, anywhere in what it declares) or of a bucket
(whose name says no account), or both are on Google. Grants, the proof, rules about policies, collisions and
the order of stacks never look further. What belongs together is an island; a share is some islands.

A share has a fingerprint: a hash of what its components declare and of all else that their stacks, their
check and their text depend on. Where a line of the blueprint stands is no part of it: a share
that has anything to say is never remembered.
"""

from __future__ import annotations

import copyreg
import hashlib
import io
import pickle
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any, Final

from compiler.blueprint.files import Beside
from compiler.compilation import Among, drafted
from compiler.diagnostics import Span
from compiler.kinds.draft import Draft
from compiler.kinds.drafted import Drafted
from compiler.organization.kind import Kind
from compiler.organization.records import Account, Component, Organization, Project
from compiler.organization.resolve import World

# Components of a blueprint that is not worth taking apart.
FEW: Final = 40
# Stacks of a share: an island ends it from here on, wherever its own name says so, and always up to there.
# So most shares stay as they are when a component comes or goes.
LEAST, MOST = 60, 200
# Drafts that memory has room for.
HELD: Final = 200
_ENDS: Final = 8

# Much faster than looking for runs of digits with a pattern.
_BUT_DIGITS: Final = bytes(each if each in b"0123456789" else ord(" ") for each in range(256))
_BUCKET = re.compile(rb":s3:::([A-Za-z0-9._-]+)")
_ID: Final = 12


@dataclass(frozen=True, slots=True)
class Share:
    """Some components of a blueprint, in its order, and how many stacks they have, at the least.

    `fingerprint` is None where none can be taken. `drafts` are the components' where there are few.
    """

    components: tuple[Component, ...]
    stacks: int
    fingerprint: str | None = None
    drafts: tuple[Draft, ...] = ()


def shares(
    world: World, kinds: Mapping[str, Kind], beside: Beside, among: Among, program: str
) -> tuple[Share, ...]:
    """The blueprint in shares; in one where it is small or cannot be taken apart.

    `program` stands for Landform's own code. Each component is drafted for it; of a large blueprint the
    drafts are let go.
    """
    whole = (Share(world.components, len(world.components)),)
    if len(world.components) < FEW or world.removed:
        return whole
    accounts = {account.id.encode(): account for account in world.organization.accounts.values()}
    parts: list[_Part] = []
    drafts: dict[str, Draft] | None = {}
    for component in world.components:
        draft = drafted(component, world, among, kinds, beside)
        content = None if draft.diagnostics else _packed(_content(draft, component))
        if content is None:
            return whole  # what has something to say is told of all at once
        parts.append(_part(component, draft, content, accounts))
        if drafts is not None:
            drafts[_name(component)] = draft
            if len(drafts) > HELD:
                drafts = None
    common = _common(world, among, program)
    if common is None:
        return whole
    return tuple(
        Share(
            tuple(part.component for part in several),
            sum(part.stacks for part in several),
            _fingerprint(common, several, accounts),
            tuple(drafts[_name(part.component)] for part in several) if drafts else (),
        )
        for several in _cut(_islands(parts))
    )


# ---- What a component declares


@dataclass(frozen=True, slots=True)
class _Part:
    """A component, the digest of what it declares, what ties it to others, how many stacks it has."""

    component: Component
    digest: bytes
    ties: frozenset[str]
    stacks: int


# What of a draft is not declared: who the others are, and what is wrong.
_AROUND = frozenset({"beside", "component", "diagnostics", "neighbours", "organization", "written"})
# What of a component stands in the draft already, or nowhere in its stacks.
_WRITTEN = frozenset({"inputs", "span", "tree", "variants", "vars"})


def _content(draft: Draft, component: Component) -> tuple[object, ...]:
    """All that the component's stacks are made of.

    `written` counts by which parts a kind's file has; what it says of them is declared.
    """
    accounts = draft.organization.deploy.google_service_accounts
    homes = [stack.home.name for stack in _stacks(draft)]
    return (
        [(name, value) for name, value in _values(draft) if name not in _AROUND],
        [(name, value) for name, value in _values(component) if name not in _WRITTEN],
        sorted(draft.written),
        [(name, accounts.get(name)) for name in homes],
    )


def _stacks(draft: Draft) -> Iterable[Drafted]:
    found: Mapping[str, Drafted] = dict(_values(draft))["_stacks"]
    return found.values()


def _values(record: Any) -> Iterator[tuple[str, Any]]:
    return ((each.name, getattr(record, each.name)) for each in fields(record))


def _part(
    component: Component, draft: Draft, content: bytes, accounts: Mapping[bytes, Account]
) -> _Part:
    ties = {f"account {id.decode()}" for id in _ids(content) if id in accounts}
    ties |= {f"bucket {name.decode()}" for name in _BUCKET.findall(content)}
    for stack in _stacks(draft):
        ties.add("google" if isinstance(stack.home, Project) else f"account {stack.home.id}")
        for resource in stack.resources:
            if resource.type == "aws_s3_bucket":
                ties.add(f"bucket {resource.arguments.get('bucket')}")
    if component.adopted or "adopt" in component.tree.entries:
        ties.add(f"component {component.name}")  # its instances are looked at together
    digest = hashlib.sha256(content).digest()
    return _Part(component, digest, frozenset(ties), len(list(_stacks(draft))))


def _ids(content: bytes) -> Iterator[bytes]:
    """Every run of twelve digits: what stands before one, such as a length, may look like a digit."""
    for run in set(content.translate(_BUT_DIGITS).split()):
        yield from (run[at : at + _ID] for at in range(len(run) - _ID + 1))


def _common(world: World, among: Among, program: str) -> bytes | None:
    """What all stacks depend on: the organisation without its accounts, which declare themselves."""
    organization = world.organization
    own = {"accounts", "projects", "deploy"}
    deploy = organization.deploy
    return _packed(
        (
            program,
            [(name, value) for name, value in _values(organization) if name not in own],
            (deploy.aws_role, deploy.aws_bootstrap_role),
            sorted(map(repr, world.exceptions)),
            sorted(among.renaming.names.items()),
        )
    )


def _fingerprint(common: bytes, parts: Iterable[_Part], accounts: Mapping[bytes, Account]) -> str:
    total = hashlib.sha256(hashlib.sha256(common).digest())
    ties: set[str] = set()
    for part in parts:
        total.update(part.digest)
        ties |= part.ties
    # What an account is called is said where its id is met.
    for tie in sorted(ties):
        account = accounts.get(tie.removeprefix("account ").encode())
        total.update(f"{tie} {account.name if account else ''}\n".encode())
    return total.hexdigest()


# ---- As bytes


def _packed(value: object) -> bytes | None:
    """The same for the same values, in any run; None for what a kind in Python has made of its own."""
    stream = io.BytesIO()
    pickler = pickle.Pickler(stream, 5)
    pickler.dispatch_table = _TABLE
    try:
        pickler.dump(value)
    except (AttributeError, TypeError, pickle.PicklingError, RecursionError):
        return None
    return stream.getvalue()


def _plain(*left_out: str) -> Callable[[Any], tuple[Any, ...]]:
    """A record without these fields, with sets in order."""

    def reduced(record: Any) -> tuple[Any, ...]:
        kept = [(name, value) for name, value in _values(record) if name not in left_out]
        ordered = [(name, sorted(v) if isinstance(v, set) else v) for name, v in kept]
        return list, (ordered,)

    return reduced


def _nowhere(span: Span) -> tuple[Any, ...]:
    return str, ()


_TABLE: Final = copyreg.dispatch_table | {
    Account: _plain("span", "vars"),
    Project: _plain("span", "vars"),
    Organization: _plain("accounts", "projects"),
    Drafted: _plain(),
    Span: _nowhere,
}


# ---- Islands


def _islands(parts: Iterable[_Part]) -> list[list[_Part]]:
    """Those that belong together, in the order of the first of each."""
    root: dict[str, str] = {}

    def found(tie: str) -> str:
        while (above := root.setdefault(tie, tie)) != tie:
            root[tie] = root[above]
            tie = above
        return tie

    alone: dict[int, str] = {}
    parts = list(parts)
    for number, part in enumerate(parts):
        first, *others = sorted(part.ties) or [f"component {number}"]
        alone[number] = first
        for tie in others:
            root[found(tie)] = found(first)
    islands: dict[str, list[_Part]] = {}
    for number, part in enumerate(parts):
        islands.setdefault(found(alone[number]), []).append(part)
    return list(islands.values())


def _cut(islands: Iterable[list[_Part]]) -> Iterator[list[_Part]]:
    """The islands in shares."""
    share: list[_Part] = []
    for island in islands:
        share += island
        size = sum(part.stacks for part in share)
        if size >= MOST or (size >= LEAST and _last(island)):
            yield share
            share = []
    if share:
        yield share


def _last(island: list[_Part]) -> bool:
    """By nothing but the name, so that it stays so."""
    name = _name(island[0].component)
    return hashlib.sha256(name.encode()).digest()[0] % _ENDS == 0


def _name(component: Component) -> str:
    return f"{component.name} {component.home.cloud} {component.home.name}"
