"""The ledger's entries for access beside policies that a team's own kind writes as plain resources.

Such a resource is its own declaration: the kind's file says whom, what and where in one place. What
Landform's kinds write, and a team's in Python, they declare apart (`Draft.right`), and the proof compares
both.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from compiler.access.evaluation.rights import Documents, Given, rights
from compiler.access.ledger import Right


class _Account(Protocol):
    @property
    def id(self) -> str: ...


class _Component(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def origin(self) -> str: ...


class _Draft(Protocol):
    """What is asked of a draft: its component, and where a kind's file has its resources."""

    @property
    def component(self) -> _Component: ...

    @property
    def rights(self) -> Sequence[Right]: ...

    @property
    def written(self) -> Mapping[tuple[str, str], object]: ...


def own_rights(
    documents: Documents, drafts: Iterable[_Draft], accounts: Mapping[str, _Account]
) -> Iterator[Right]:
    """All that the drafts declare, and what kinds' files write; `accounts` are the blueprint's by name."""
    names = {account.id: name for name, account in accounts.items()}
    for draft in drafts:
        stacks = {stack for stack, _ in draft.written}
        own = {stack: documents[stack] for stack in stacks if stack in documents}
        taken: set[str] = set()
        declared = {_place(each.stack, each.addresses[-1]) for each in draft.rights}
        for given in rights(own):
            if (given.stack, given.address) not in draft.written:
                continue
            # The file's roles are declared by what they are.
            if given.side != "trust" or _place(given.stack, given.address) not in declared:
                yield _entry(given, draft.component, names, taken)


def _place(stack: str, address: str) -> tuple[str, str]:
    """The account and the address: the stack may have had another component's name before."""
    return stack.rpartition("/")[0], address


def _entry(given: Given, component: _Component, names: Mapping[str, str], taken: set[str]) -> Right:
    home = given.stack.split("/")[1]
    plain = given.address.partition(".")[2].replace("_", "-")
    id = f"{component.name}/{plain}-{given.side}-{home}"
    number = 1
    while id in taken:
        number += 1
        id = f"{component.name}/{plain}-{given.side}-{home}-{number}"
    taken.add(id)
    parts = given.principal.split(":")
    return Right(
        id=id,
        component=component.name,
        origin=component.origin,
        side=given.side,
        principal=given.principal,
        principal_home=names.get(parts[4], "") if len(parts) > 5 else "",
        name=given.name,
        home=home,
        resource=given.resource,
        stack=given.stack,
        addresses=given.addresses,
        namespaces=given.namespaces,
        sid=given.sid,
        conditions=given.conditions,
    )
